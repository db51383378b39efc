package store

import (
	"context"
	"sync"

	"github.com/cespare/xxhash/v2"

	"codepool/store/internal/journal"
)

// keyTable finds the record that an idempotency key belongs to. Keys whose records
// are not yet in the index on disk are held here by hash; older ones are found
// through the index, whose filters say without I/O that a key is new. A hash only
// leads to a record: the key in the record is compared whole.
//
// A request looks its key up before it locks a shard (that may read the disk) and
// claims it while it decides (that may not). Between the two another request with
// the same key may have come, or the index may have taken keys over: the view
// notices both and the request starts again.
type keyTable struct {
	stripes [keyStripes]keyStripe
}

// With 256 stripes two callers that each claim a shard's share of 1000 users rarely want the
// same one.
const (
	stripeBits = 8
	keyStripes = 1 << stripeBits
)

type keyStripe struct {
	mu sync.Mutex
	// recent holds keys noted since the last flush of the index, older those since the
	// one before: an entry leaves memory one whole flush after the index has it.
	recent, older numbers
	epoch         uint64 // flushes of the index so far
}

// Kinds of keys; each is a set of its own.
const (
	keyRedeem  = 'R'
	keyIssue   = 'I'
	keyRelease = 'L'
	keyUndo    = 'U'
	keyRevoke  = 'V'

	keyTake        = 'T'
	keyExport      = 'X'
	keyLease       = 'E'
	keyAcknowledge = 'A'
	keyGiveBack    = 'G'
	keyHold        = 'H'
	keyCancel      = 'C'

	keyShare    = 'S'
	keyUnclaim  = 'D'
	keyShareEnd = 'Q'
)

// keyView is what a request saw of its key.
type keyView struct {
	hash   uint64
	epoch  uint64
	newest uint64 // last record with this hash that was seen, and found to hold another key
	stripe *keyStripe
}

// keyHash hashes kind and key.
func keyHash[T string | []byte](kind byte, key T) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write([]byte{kind})
	_, _ = d.WriteString(string(key))
	return d.Sum64()
}

// place is where the table looks first for a hash, to be touched without a lock, or nil.
func (t *keyTable) place(hash uint64) *uint64 { return t.stripe(hash).recent.place(hash) }

func (t *keyTable) stripe(hash uint64) *keyStripe { return &t.stripes[stripeOf(hash)] }

func stripeOf(hash uint64) int { return int(hash >> (64 - stripeBits)) }

// view notes the present epoch and appends the records in memory with this hash.
func (t *keyTable) view(hash uint64, seen *keyView, numbers []uint64) []uint64 {
	s := t.stripe(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers = s.numbersLocked(hash, numbers)
	*seen = keyView{hash: hash, epoch: s.epoch, newest: newest(numbers), stripe: s}
	return numbers
}

func newest(numbers []uint64) (n uint64) {
	for _, m := range numbers {
		n = max(n, m)
	}
	return n
}

func (s *keyStripe) numbersLocked(hash uint64, numbers []uint64) []uint64 {
	return s.older.appendTo(s.recent.appendTo(numbers, hash), hash)
}

// claim locks the key for the request that saw it, if nothing happened to it since.
// The caller ends with unlock.
func (t *keyTable) claim(seen *keyView) bool {
	s := seen.stripe
	s.mu.Lock()
	var buf [4]uint64
	// By number, not by count: a flush may have taken away what was seen and something
	// else have come. What is noted later has a greater number.
	if newest(s.numbersLocked(seen.hash, buf[:0])) > seen.newest || s.epoch > seen.epoch+1 {
		s.mu.Unlock()
		return false
	}
	return true
}

func (t *keyTable) unlock(seen *keyView) { seen.stripe.mu.Unlock() }

// noteLocked remembers that the key's record has this number. REQUIRES: claimed.
func (t *keyTable) noteLocked(seen *keyView, number uint64) {
	seen.stripe.noteLocked(seen.hash, number)
}

func (s *keyStripe) noteLocked(hash, number uint64) { s.recent.add(hash, number) }

// note is noteLocked for recovery.
func (t *keyTable) note(hash, number uint64) {
	s := t.stripe(hash)
	s.mu.Lock()
	s.noteLocked(hash, number)
	s.mu.Unlock()
}

// noteReplayed notes key and user of a record that the index does not have.
func (s *Store) noteReplayed(r *record) {
	if kind := keyKind(r.kind); kind != 0 && len(r.key) > 0 {
		s.keys.note(keyHash(kind, r.key), r.number)
	}
	if batch, limited := s.limitOf(r); limited {
		s.users.note(limitHash(batch, r.user), r.number)
	}
	if r.kind == recClaim && len(r.user) > 0 {
		s.users.note(shareUserHash(r.shared, r.user), r.number)
	}
}

// turn begins a new epoch, after the index has published every key noted before
// the epoch that ends.
func (t *keyTable) turn() {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		s.recent.moveTo(&s.older)
		s.epoch++
		s.mu.Unlock()
	}
}

// lookupKey calls found for the record that holds the key, if there is one, after
// it is durable, and fills seen.
func (s *Store) lookupKey(ctx context.Context, kind byte, key string, seen *keyView, found func(*record) error) error {
	hash := keyHash(kind, key)
	var buf [8]uint64
	// Memory before index: a key leaves memory only after the index has it.
	numbers := s.keys.view(hash, seen, buf[:0])
	numbers, err := s.index.findKey(hash, numbers)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if number > s.com.lastRecord() {
			return corrupt(entryKey(number), "the index names it and the ledger ends before")
		}
		if err := s.com.waitRecord(ctx, number); err != nil {
			return err
		}
		match := false
		err := s.readRecord(number, func(r *record) error {
			if match = kind == keyKind(r.kind) && string(r.key) == key; match {
				return found(r)
			}
			return nil
		})
		if err != nil || match {
			return err
		}
	}
	return nil
}

// keyKind returns the set of keys that a kind of record uses, 0 if none.
func keyKind(kind byte) byte {
	switch kind {
	case recRedeem, recConfirm, recClaim:
		return keyRedeem
	case recShare:
		return keyShare
	case recUnclaim:
		return keyUnclaim
	case recShareEnd:
		return keyShareEnd
	case recIssue:
		return keyIssue
	case recTake:
		return keyTake
	case recExport:
		return keyExport
	case recLease:
		return keyLease
	case recHold:
		return keyHold
	}
	if end := endings[kind]; end != nil {
		return end.keys
	}
	if kind == recRest {
		kind = recRelease
	}
	if st := steps[kind]; st != nil {
		return st.keys
	}
	return 0
}

// readRecord calls f with the record of that number, which must be durable.
func (s *Store) readRecord(number uint64, f func(*record) error) error {
	return s.eng.View(func(v journal.Reader) error { return readRecord(v, number, f) })
}

func readRecord(v journal.Reader, number uint64, f func(*record) error) error {
	k, value, err := lastEntry(v, number)
	if err != nil {
		return err
	}
	if k == nil {
		return corrupt(entryKey(number), "entry is missing")
	}
	return recordIn(k, value, number, f)
}
