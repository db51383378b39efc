package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// The limit of redemptions a user (Batch.PerUser) is checked and burned in one step: the
// user is claimed, as an idempotency key is, from the count until the redemption is noted.
//
// What a user has redeemed of a batch is found by a hash of both, in memory for records
// that are not in the index yet, else through the index, whose filters say without I/O
// that there is nothing. So a user's first redemptions are decided without the disk. When
// memory or a filter says that the limit may be reached, the records are read, outside of
// all locks, and the request is decided with what they say, unless something was noted
// meanwhile.

// MaxPerUser is the greatest limit: a request at the limit reads that many records.
const MaxPerUser = 1000

// errLook asks to read what a user has, outside of all locks, and to come again.
var errLook = errors.New("count the user first")

// limitHash names a user of a batch in the index.
func limitHash[T string | []byte](batch uint32, user T) uint64 {
	var buf [64]byte
	b := binary.LittleEndian.AppendUint32(append(buf[:0], 'N'), batch)
	return xxhash.Sum64(append(b, user...))
}

// userView is what a request saw of its user in a batch.
type userView struct {
	keyView
	used  int  // redemptions and reservations that stand
	known bool // the records were read
}

// claimUser locks the user of a batch for the request, if the limit allows one redemption
// more; the caller ends with unlock. look asks to read the records first, into seen.
func (s *Store) claimUser(b *batch, user string, seen *userView) (look bool, err error) {
	if user == "" {
		return false, ErrNoUser
	}
	hash := seen.hash // who asks for many has it already
	if hash == 0 {
		hash = limitHash(uint32(b.ID), user)
	}
	return s.claimUpTo(b.PerUser, hash, seen)
}

// claimUpTo is claimUser for a hash and its limit.
func (s *Store) claimUpTo(limit int, hash uint64, seen *userView) (look bool, err error) {
	if seen.known {
		switch {
		case !s.users.claim(&seen.keyView):
			seen.known = false
			return true, nil
		case seen.used >= limit:
			s.users.unlock(&seen.keyView)
			return false, ErrUserLimit
		}
		return false, nil
	}
	st := s.users.stripe(hash)
	st.mu.Lock()
	if s.mayBeAtLimitLocked(limit, hash) {
		st.mu.Unlock()
		return true, nil
	}
	seen.keyView = keyView{hash: hash, stripe: st}
	return false, nil
}

// mayBeAtLimitLocked reports whether the records must be read to know if a user may have one
// more. REQUIRES: the user's stripe is held.
func (s *Store) mayBeAtLimitLocked(limit int, hash uint64) bool {
	var buf [8]uint64
	return len(s.users.stripe(hash).numbersLocked(hash, buf[:0])) >= limit || s.index.mayHave(hash)
}

// countUser reads what a user has redeemed or reserved of a batch.
func (s *Store) countUser(ctx context.Context, b *batch, user string, seen *userView) error {
	return s.countBy(ctx, limitHash(uint32(b.ID), user), seen, func(r *record) (bool, error) {
		if string(r.user) != user || s.batchOf(r.run) != b {
			return false, nil
		}
		return s.stands(ctx, r)
	})
}

// countBy counts the records that a hash leads to and that still count.
func (s *Store) countBy(ctx context.Context, hash uint64, seen *userView, counts func(*record) (bool, error)) error {
	var buf [8]uint64
	numbers, err := s.index.findKey(hash, s.users.view(hash, &seen.keyView, buf[:0]))
	if err != nil {
		return err
	}
	slices.Sort(numbers)
	if n := len(numbers); n > 0 {
		// All at first: what stands is what stood when the last one was durable. An undo that
		// came between two of them is not missed then.
		last := numbers[n-1]
		if last > s.com.lastRecord() {
			return corrupt(entryKey(last), "the index names it and the ledger ends before")
		}
		if err := s.com.waitRecord(ctx, last); err != nil {
			return err
		}
	}
	seen.used = 0
	for _, number := range slices.Compact(numbers) {
		var r record
		if err := s.readRecord(number, func(found *record) error { r = found.clone(); return nil }); err != nil {
			return err
		}
		yes, err := counts(&r)
		if err != nil {
			return err
		}
		if yes {
			seen.used++
		}
	}
	seen.known = true
	return nil
}

// stands reports whether a redemption was not undone, or a reservation has not ended.
func (s *Store) stands(ctx context.Context, r *record) (bool, error) {
	if r.kind == recHold {
		return s.leases.has(r.number, holding), nil
	}
	if !r.redeems() {
		return false, nil
	}
	numbers, err := s.index.findCode(ctx, codeHash(r.run, r.ordinal))
	if err != nil {
		return false, err
	}
	yes := true
	for _, n := range numbers { // newest first: what counts is the first step after r
		if n <= r.number {
			break
		}
		err := s.readRecord(n, func(later *record) error {
			if later.run == r.run && later.ordinal == r.ordinal && (later.kind == recUndo || later.redeems()) {
				yes = later.kind != recUndo
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	return yes, nil
}

// limitOf returns the batch of a redemption's or reservation's record, if it has a limit.
func (s *Store) limitOf(r *record) (batch uint32, limited bool) {
	if !r.redeems() && r.kind != recHold || len(r.user) == 0 {
		return 0, false
	}
	b := s.batchOf(r.run)
	if b == nil {
		return 0, false
	}
	return uint32(b.ID), b.PerUser > 0
}

// batchOf returns the batch of a run, nil if there is no such run.
func (s *Store) batchOf(run uint32) *batch {
	if r := s.pool.Run(run); r != nil {
		return s.batchByID(BatchID(r.Batch))
	}
	if r := s.retiredRun(run); r != nil {
		return s.batchByID(BatchID(r.Batch))
	}
	return nil
}

// checkPerUser refuses a limit that cannot be.
func checkPerUser(n int) error {
	if n < 0 || n > MaxPerUser {
		return fmt.Errorf("PerUser is %d: want 0 (no limit) to %d", n, MaxPerUser)
	}
	return nil
}
