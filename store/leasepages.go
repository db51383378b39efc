package store

import (
	"encoding/binary"
	"fmt"
	"slices"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// A checkpoint writes the numbers of the leases and holds that have not ended into pages
// under its own number, and their sum into its record, which is written after them. Pages
// of another number are of no use: what the next checkpoint leaves of them is deleted by
// the one after it.

// leasePage is how many numbers share a value.
const leasePage = 8192

func leaseKey(checkpoint uint64, page uint32) []byte {
	k := binary.BigEndian.AppendUint64(append(make([]byte, 0, 13), keyLeases), checkpoint)
	return binary.BigEndian.AppendUint32(k, page)
}

// leasePages encodes the numbers for checkpoint c and notes in it which pages they are.
func (c *checkpointRecord) leasePages(numbers []uint64) (pairs []journal.Pair) {
	slices.Sort(numbers)
	c.LeasePages, c.Leases = 0, 0
	for part := range slices.Chunk(numbers, leasePage) {
		var b []byte
		for _, n := range part {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		key := leaseKey(c.Number, c.LeasePages)
		p := journal.Pair{Key: key, Value: seal(key, b)}
		pairs = append(pairs, p)
		c.LeasePages++
		c.Leases += shareOf(key, sumOf(p.Value))
	}
	return pairs
}

// loadLeases returns the numbers that the checkpoint wrote.
func (c *checkpointRecord) loadLeases(v journal.Reader) (numbers []uint64, err error) {
	var sum uint64
	for page := range c.LeasePages {
		key := leaseKey(c.Number, page)
		value, err := v.Get(key)
		if err != nil {
			return nil, err
		}
		body, err := unseal(key, value)
		if err != nil {
			return nil, err
		}
		sum += shareOf(key, sumOf(value))
		for d := (decoder{b: body}); len(d.b) > 0; {
			n := d.uint64()
			if d.bad || n == 0 || n > c.Upto || len(numbers) > 0 && n <= numbers[len(numbers)-1] {
				return nil, corrupt(key, "it names leases that cannot be")
			}
			numbers = append(numbers, n)
		}
	}
	return numbers, c.checkLeases(sum)
}

// checkLeases compares the sum of the lease pages that were found with the record's.
func (c *checkpointRecord) checkLeases(sum uint64) error {
	if sum != c.Leases {
		return &CorruptError{What: "lease pages", Why: fmt.Sprintf("they are not those of checkpoint %d", c.Number)}
	}
	return nil
}

// dropPagesBut deletes the lease and share pages of other checkpoints.
func (s *Store) dropPagesBut(number uint64) error {
	var old []journal.Pair
	err := s.eng.View(func(v journal.Reader) error {
		for _, kind := range []byte{keyLeases, keyShares} {
			err := v.Scan([]byte{kind}, nil, func(key, _ []byte) error {
				if len(key) != 13 || binary.BigEndian.Uint64(key[1:]) != number {
					old = append(old, journal.Pair{Key: slices.Clone(key)})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.commitBehind(old)
}

// restoreLeases puts leases into the table by their records.
func (s *Store) restoreLeases(v journal.Reader, numbers []uint64) error {
	for _, n := range numbers {
		if err := readRecord(v, n, s.restoreLease); err != nil {
			return err
		}
	}
	return nil
}

// forgetRevoked takes the codes out of restored leases that were revoked since: the record
// of a lease has them all. A hold or quarantine ended with its code, perhaps behind the
// checkpoint: a state page may be of a later time (see apply), and then no replay finds the
// code in it any more.
func (s *Store) forgetRevoked() {
	for number, l := range s.leases.live {
		if l.b.retired() { // it was in use until its last code had left its lease (mayRetire)
			l.codes = nil
			continue
		}
		l.codes = slices.DeleteFunc(l.codes, func(c drawnCode) bool {
			sh, _, pos := s.placeOf(c)
			if sh == nil {
				return false
			}
			defer sh.Unlock()
			return sh.State(pos) == shard.Revoked
		})
		if len(l.codes) == 0 && l.kind != leasing {
			s.leases.drop(number)
		}
	}
}

// restoreRest puts a redeemed code of a reusable batch to rest, if it rests.
func (s *Store) restoreRest(r *record) bool {
	if int(r.run) >= len(s.mu.runs) {
		return false
	}
	b := s.batchByID(BatchID(s.mu.runs[r.run].Batch))
	if b == nil || !b.Reusable {
		return false
	}
	s.leases.add(b.rest(r.number, r.at, drawnCode{r.run, r.ordinal}))
	return true
}

// restoreLease puts the lease or hold that a record began into the table.
func (s *Store) restoreLease(r *record) error {
	l := &lease{number: r.number, until: r.until, from: shard.Available, codes: r.codes()}
	batch := r.batch
	switch r.kind {
	case recLease:
	case recRedeem, recConfirm:
		if !s.restoreRest(r) {
			return corrupt(entryKey(r.number), "its code does not rest, and a checkpoint says so")
		}
		return nil
	case recRest:
		l.kind, l.codes = resting, []drawnCode{{r.run, r.ordinal}}
		if int(r.run) >= len(s.mu.runs) {
			return corrupt(entryKey(r.number), "it names a run that does not exist")
		}
		batch = s.mu.runs[r.run].Batch
	case recHold:
		l.kind, l.from, l.user = holding, r.to, string(r.user)
		l.codes = []drawnCode{{r.run, r.ordinal}}
		if int(r.run) >= len(s.mu.runs) {
			return corrupt(entryKey(r.number), "it names a run that does not exist")
		}
		batch = s.mu.runs[r.run].Batch
	default:
		return corrupt(entryKey(r.number), "it is no lease, and a checkpoint names it as one")
	}
	if l.b = s.batchByID(BatchID(batch)); l.b == nil {
		return corrupt(entryKey(r.number), "it names a batch that does not exist")
	}
	s.leases.add(l)
	return nil
}
