package store

import "time"

// Stats is a picture of the store's size and work.
type Stats struct {
	Dir        string        `json:"dir"`
	Shards     int           `json:"shards"`
	Batches    int           `json:"batches"`
	Codes      Counts        `json:"codes"`
	Shared     int           `json:"shared"`     // shared batches whose tokens are taken
	Sequences  int           `json:"sequences"`  // sequences and days of order numbers that something was leased of
	Ledger     uint64        `json:"ledger"`     // last number given
	Durable    uint64        `json:"durable"`    // last number known to be durable
	Checkpoint uint64        `json:"checkpoint"` // a reopening would replay from here
	Indexed    uint64        `json:"indexed"`    // up to here the index is on disk; queries read on from there
	Groups     uint64        `json:"groups"`     // commits since Open
	Records    uint64        `json:"records"`    // records in them
	PoolBytes  int64         `json:"pool_bytes"`
	GateBytes  int64         `json:"gate_bytes"`
	WriteBytes int64         `json:"write_bytes"` // the engine's write buffers, at most
	DiskBytes  int64         `json:"disk_bytes"`
	DiskFree   int64         `json:"disk_free"`
	DiskNeeded int64         `json:"disk_needed"` // writes are refused while less is free
	Uptime     time.Duration `json:"uptime"`
	Recovery   Recovery      `json:"recovery"`
	// CheckpointError is why the last checkpoint failed, empty if it did not: nothing is
	// lost by that, but the next opening replays more.
	CheckpointError string `json:"checkpoint_error,omitempty"`
	// HighWaterError is why the high-water mark could not be written, empty if it could.
	HighWaterError string `json:"high_water_error,omitempty"`
	// Failure is why the store refuses writes, empty if it does not.
	Failure string `json:"failure,omitempty"`
}

// Stats adds up the store. It visits every shard and lists the directory.
func (s *Store) Stats() Stats {
	s.endOvers()
	st := Stats{
		Dir: s.path, Shards: s.pool.Shards(),
		Ledger: s.com.lastRecord(), Durable: s.com.durableRecord.Load(), Checkpoint: s.checkpointed(), Indexed: s.index.flushed(),
		Groups: s.com.durable.Load(), Records: s.com.records.Load(),
		PoolBytes: s.pool.Memory().Total(), GateBytes: s.gate.memory(),
		Uptime: time.Since(s.opened), Recovery: s.recovered,
	}
	for _, b := range *s.batches.Load() {
		if b == nil {
			continue
		}
		st.Batches++
		c := s.countsOf(b)
		st.Codes.Minted += c.Minted
		st.Codes.Available += c.Available
		st.Codes.Leased += c.Leased
		st.Codes.Reserved += c.Reserved
		st.Codes.Issued += c.Issued
		st.Codes.Redeemed += c.Redeemed
		st.Codes.Revoked += c.Revoked
	}
	st.Shared, st.Sequences = s.shares.size(), s.sequences.size()
	st.DiskBytes, st.WriteBytes = s.eng.Sizes()
	st.DiskFree, st.DiskNeeded = s.dir.head.Figures()
	if err := s.maint.lastErr.Load(); err != nil && *err != nil {
		st.CheckpointError = (*err).Error()
	}
	if err := s.dir.markError.Load(); err != nil {
		st.HighWaterError = (*err).Error()
	}
	if err := s.com.failure(); err != nil {
		st.Failure = err.Error()
	} else if err := s.dir.room(true); err != nil {
		st.Failure = err.Error()
	}
	return st
}
