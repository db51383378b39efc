package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"time"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// Recovery, in this order:
//
//  1. batches and run headers;
//  2. the runs' codes and their states at the checkpoint, several runs side by side;
//  3. the ledger from the checkpoint on: each record sets the states it names, in
//     order, and redeemed beats live (I4); keys that the index does not have yet;
//  4. the ledger must be gap-free, reach the checkpoint and the high-water mark.

func (s *Store) recover(high uint64) error {
	var at checkpointRecord
	err := s.eng.View(func(v journal.Reader) error {
		if err := s.loadBatches(v); err != nil {
			return err
		}
		if err := s.loadRunHeaders(v); err != nil {
			return err
		}
		if err := at.load(v); err != nil {
			return err
		}
		if err := s.cursors.load(v); err != nil {
			return err
		}
		if err := s.sequences.load(v); err != nil {
			return err
		}
		leases, err := at.loadLeases(v)
		if err != nil {
			return err
		}
		if err := s.restoreLeases(v, leases); err != nil {
			return err
		}
		if err := s.loadShares(v, &at); err != nil {
			return err
		}
		for _, t := range at.Terms {
			if err := s.setTerms([]byte{keyCheckpoint}, t); err != nil {
				return err
			}
		}
		s.noteCovered(&at)
		return s.index.load(v)
	})
	if err != nil {
		return err
	}
	if err := s.loadRuns(); err != nil {
		return err
	}
	s.forgetRevoked()
	// crash point: recovery: codes and states are loaded
	if err := s.checkInventory(&at); err != nil {
		return err
	}
	last, err := s.replay(at.Upto)
	if err != nil {
		return err
	}
	switch {
	case last < at.Upto:
		return &CorruptError{What: "ledger", Why: fmt.Sprintf("it ends at record %d, before the checkpoint at %d", last, at.Upto)}
	case last < high:
		return &CorruptError{What: "ledger", Why: fmt.Sprintf("it ends at record %d, but %d was durable: restore a backup", last, high)}
	case last < s.index.tail.upto:
		return &CorruptError{What: "ledger", Why: fmt.Sprintf("it ends at record %d, before the index at %d", last, s.index.tail.upto)}
	}
	// crash point: recovery: the ledger is replayed
	s.com = newCommitter(s.eng, s.dir, last, s.opt.MaxPending, s.opt.Logger)
	s.index.com = s.com
	s.lastCheckpoint = at.Number
	s.recovered.Checkpoint, s.recovered.Replayed = at.Upto, last-at.Upto
	s.settleCounts()
	return nil
}

// checkInventory compares what was found with what the checkpoint saw: the engine
// may leave out the rest of a damaged table without a word.
func (s *Store) checkInventory(at *checkpointRecord) error {
	batches, _ := s.lastAdded()
	runs, added := s.added(at)
	for _, c := range []struct {
		what        string
		found, want uint32
	}{
		{"batches", batches, at.Batches}, {"runs", runs, at.Runs}, {"state pages", uint32(len(s.statePages)), at.Pages},
	} {
		if c.found < c.want {
			return &CorruptError{What: c.what, Why: fmt.Sprintf("the last checkpoint saw %d, %d are left", c.want, c.found)}
		}
	}
	if err := at.checkAdded(added); err != nil {
		return err
	}
	states, err := at.sum(s.statePages)
	if err != nil {
		return err
	}
	return at.checkStates(states)
}

// storedBatch is a batch as it stands on disk.
type storedBatch struct {
	Batch
	SpaceID  uint32    `json:"space_id"`
	Created  time.Time `json:"created"`
	Imported bool      `json:"imported,omitempty"`
}

func (b *batch) pair() (journal.Pair, error) {
	body, err := json.Marshal(storedBatch{b.Batch, b.space.id, b.created, b.imported})
	key := key1(keyBatch, uint32(b.ID))
	value := seal(key, body)
	b.sum = sumOf(value)
	return journal.Pair{Key: key, Value: value}, err
}

func (s *Store) loadBatches(v journal.Reader) error {
	return v.Scan([]byte{keyBatch}, nil, func(key, value []byte) error {
		body, err := unseal(key, value)
		if err != nil {
			return err
		}
		var st storedBatch
		if err := json.Unmarshal(body, &st); err != nil {
			return corrupt(key, err.Error())
		}
		if len(key) != 5 || uint32(st.ID) != binary.BigEndian.Uint32(key[1:]) {
			return corrupt(key, "batch has another number")
		}
		if n := len(*s.batches.Load()); int(st.ID) != n {
			return corrupt(key, fmt.Sprintf("batch %d is missing before it", n))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		sp := s.space(st.Namespace)
		if sp == nil {
			sp = &space{id: st.SpaceID, name: st.Namespace}
			s.addSpaceLocked(sp)
		}
		if sp.id != st.SpaceID {
			return corrupt(key, "namespace has two numbers")
		}
		b := newBatch(st.Batch, sp, st.Created, st.Imported)
		b.sum = sumOf(value)
		s.addBatchLocked(b)
		if b.isSigned() {
			return s.findSigner(b)
		}
		return nil
	})
}

// maxRunGap is how many numbers of runs in a row may be of mints that were given up.
const maxRunGap = 1 << 20

func (s *Store) loadRunHeaders(v journal.Reader) error {
	return v.Scan([]byte{keyRun}, nil, func(key, value []byte) error {
		h, err := decodeRunHeader(key, value)
		if err != nil {
			return err
		}
		if all := *s.batches.Load(); int(h.Batch) >= len(all) || all[h.Batch] == nil {
			return corrupt(key, fmt.Sprintf("its batch %d is missing", h.Batch))
		}
		if int(h.ID)-len(s.mu.runs) > maxRunGap {
			return corrupt(key, fmt.Sprintf("runs from %d on are missing", len(s.mu.runs)))
		}
		if more := int(h.ID) + 1 - len(s.mu.runs); more > 0 {
			s.mu.runs = append(s.mu.runs, make([]runHeader, more)...)
		}
		s.mu.runs[h.ID] = h
		return nil
	})
}

// loadRuns loads all runs, as many side by side as there are processors.
func (s *Store) loadRuns() error {
	total, live := 0, 0
	for _, h := range s.mu.runs {
		if h.Computed {
			total++ // there is something to load
		} else if total += int(h.Count); h.ID != 0 && !s.batch(h.Batch).retired() {
			live += int(h.Count)
		}
	}
	if total == 0 {
		return nil
	}
	if live > 0 {
		if err := s.pool.Reserve(live); err != nil {
			return err
		}
	}
	room := total/s.pool.Shards() + total/s.pool.Shards()/50 + 64
	work := make(chan runHeader)
	errs := make([]error, max(2, runtime.GOMAXPROCS(0)))
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for h := range work {
				switch {
				case errs[w] != nil:
				case s.batch(h.Batch).retired():
					errs[w] = s.loadRetired(h, room)
				case h.Computed:
					errs[w] = s.loadComputed(h)
				default:
					errs[w] = s.loadRun(h, room)
				}
			}
		})
	}
	for _, h := range s.mu.runs {
		if h.ID != 0 {
			work <- h
		}
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

// loadRun reads a run's pages and states into the pool and the gate.
func (s *Store) loadRun(h runHeader, room int) error {
	b := s.batch(h.Batch)
	run := s.pool.NewRun(h.ID, h.Batch, b.space.id)
	var states []byte
	err := s.eng.View(func(v journal.Reader) error {
		codes, err := readCodes(v, h, b)
		if err != nil {
			return err
		}
		hashes, added, err := codes.addTo(run)
		if err != nil {
			return err
		}
		if added != int(h.Count) {
			return corrupt(key1(keyRun, h.ID), fmt.Sprintf("%d of its %d codes exist twice", int(h.Count)-added, h.Count))
		}
		s.admitHashes(hashes, room)
		var pages map[statePageID]pageStamp
		states, pages, err = readStates(v, h)
		s.mu.Lock()
		maps.Copy(s.statePages, pages)
		s.mu.Unlock()
		return err
	})
	if err != nil {
		return err
	}
	run.Activate(h.Initial, states)
	return nil
}

// replay applies the ledger behind number upto to memory and returns its last number.
func (s *Store) replay(upto uint64) (last uint64, err error) {
	keysFrom := s.index.tail.upto
	last = min(upto, keysFrom)
	var first uint64
	err = s.eng.View(func(v journal.Reader) error {
		// The last entry alone tells where the ledger ends, even if nothing is replayed.
		k, value, err := lastEntry(v, 1<<64-1)
		if err != nil || k == nil {
			last = 0
			return err
		}
		_, end, err := decodeEntry(k, value, nil)
		if err != nil {
			return err
		}
		first = last + 1
		if first > end {
			last = end
			return nil
		}
		err = eachRecord(v, first, func(r *record) error {
			last = r.number
			if r.number > keysFrom {
				s.noteReplayed(r)
			}
			if r.number <= upto {
				return nil
			}
			return s.apply(r)
		})
		if err == nil && last != end {
			return corrupt(k, "the ledger does not reach its last entry")
		}
		return err
	})
	return last, err
}

// apply sets the states that a record says. It is given records in order, and may
// be given one whose effect is in the state pages already: what it sets is the same
// then, or what a later record will set again.
func (s *Store) apply(r *record) error {
	var bad error
	set := func(run, ordinal uint32, to shard.State) {
		if !s.setState(r, run, ordinal, to) {
			bad = corrupt(entryKey(r.number), fmt.Sprintf("it names code %d of run %d, which does not exist", ordinal, run))
		}
	}
	switch r.kind {
	case recRedeem:
		set(r.run, r.ordinal, shard.Redeemed)
		if bad == nil {
			s.restoreRest(r)
		}
	case recConfirm:
		set(r.run, r.ordinal, shard.Redeemed)
		s.leases.drop(r.lease)
		if bad == nil {
			s.restoreRest(r)
		}
	case recIssue, recTake, recExport:
		r.eachDrawn(func(run, ordinal uint32) { set(run, ordinal, shard.Issued) })
	case recLease:
		r.eachDrawn(func(run, ordinal uint32) { set(run, ordinal, shard.Leased) })
		if bad == nil {
			bad = s.restoreLease(r)
		}
	case recHold:
		set(r.run, r.ordinal, shard.Held)
		if bad == nil {
			bad = s.restoreLease(r)
		}
	case recRest:
		set(r.run, r.ordinal, shard.Leased)
		if bad == nil {
			s.batch(s.pool.Run(r.run).Batch).noteReturned()
			bad = s.restoreLease(r)
		}
	case recAcknowledge, recGiveBack, recCancel, recOver, recReturn:
		s.leases.drop(r.lease)
		if r.to == shard.Available {
			r.eachDrawn(func(run, _ uint32) {
				if h := s.pool.Run(run); h != nil {
					s.batch(h.Batch).noteReturned()
				}
			})
		}
		r.eachDrawn(func(run, ordinal uint32) { set(run, ordinal, r.to) })
	case recRelease, recUndo, recRevoke:
		set(r.run, r.ordinal, steps[r.kind].to)
		if r.kind == recRevoke || r.kind == recUndo {
			s.leases.removeCode(drawnCode{r.run, r.ordinal})
		}
		if bad == nil && steps[r.kind].to == shard.Available {
			s.batch(s.pool.Run(r.run).Batch).noteReturned()
		}
	case recTerms:
		bad = s.setTerms(entryKey(r.number), r.terms)
	case recShare, recClaim, recUnclaim, recShareEnd:
		bad = s.applyShare(r)
	case recRun:
		if int(r.run) >= len(s.mu.runs) || s.mu.runs[r.run].ID == 0 || s.mu.runs[r.run].Count != r.count {
			bad = corrupt(entryKey(r.number), fmt.Sprintf("run %d of %d codes is missing", r.run, r.count))
		}
	}
	return bad
}

// setTerms sets the terms that the record at key says.
func (s *Store) setTerms(key []byte, t terms) error {
	b := s.batchByID(BatchID(t.Batch))
	if b == nil {
		return corrupt(key, fmt.Sprintf("it names batch %d, which does not exist", t.Batch))
	}
	t.Returned = t.Returned || b.returned()
	b.now.set(t)
	return nil
}

// overrides reports whether a record sets the state of a code that has state st when it is
// replayed. The state may be of a later time than the record: what later records say is set
// again. Redeemed beats live (I4): only an undo, or the return of a code that is reused,
// takes it back, each a record of its own. The end of a lease touches only what the lease has yet.
func (r *record) overrides(st shard.State) bool {
	switch r.kind {
	case recUndo, recReturn:
		return true
	case recAcknowledge, recGiveBack, recCancel, recOver:
		return st == shard.Leased || st == shard.Held
	}
	return st != shard.Redeemed
}

// setState sets a state during replay.
func (s *Store) setState(rec *record, run, ordinal uint32, to shard.State) bool {
	r := s.pool.Run(run)
	if r == nil {
		return false
	}
	i := r.ShardOf(ordinal)
	if i < 0 {
		return false
	}
	sh := s.pool.Lock(i)
	defer sh.Unlock()
	seg := sh.SegmentOf(run)
	pos := seg.Position(ordinal)
	if from := sh.State(pos); from != to && rec.overrides(from) {
		sh.Move(seg, pos, from, to)
	}
	return true
}

// settleCounts finds out which batches are complete and numbers what comes next.
func (s *Store) settleCounts() {
	for _, b := range *s.batches.Load() {
		if b != nil {
			n := s.countsOf(b).Minted
			b.stock.free = s.pool.Available(uint32(b.ID))
			if b.imported {
				b.target.Store(n)
			}
			b.complete.Store(n >= b.target.Load())
		}
	}
}

// countsOf adds up a batch's codes by state.
func (s *Store) countsOf(b *batch) Counts {
	c := countsFrom(s.statesOf(b))
	if b.revoked() { // at one stroke, without a visit to its codes
		c = Counts{Minted: c.Minted, Redeemed: c.Redeemed, Revoked: c.Minted - c.Redeemed}
	}
	return c
}

// statesOf counts a batch's codes in each state.
func (s *Store) statesOf(b *batch) (n [shard.NumStates]int64) {
	for i := range s.pool.Shards() {
		sh := s.pool.Lock(i)
		if sh == nil {
			return n
		}
		sh.CountBatch(uint32(b.ID), &n)
		sh.Unlock()
	}
	if kept := b.kept.Load(); kept != nil { // set before memory goes
		return *kept
	}
	return n
}
