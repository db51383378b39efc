package store

import (
	"errors"
	"math/bits"
	"slices"
	"sync/atomic"

	"codepool/shard"
)

// RedeemAll claims the users of batches with a limit together: those of some redemptions of
// a shard, so that these are journaled as one piece. A claim is the lock of a stripe of
// users, held from the count until all are noted. Who wants several takes only what is free
// at once, in any order, so that nobody waits for a second stripe; what another caller has
// is decided behind the piece, one by one.
//
// Only where no request has a key: keys are locked before users.
type claims struct {
	all    bool     // the present requests are claimed together
	hashes []uint64 // by request: of its user and batch, 0 where there is no limit
	held   [keyStripes / 64]uint64
	open   []uint64 // hashes in the present piece, which are not noted yet
	touch  uint64   // keeps the loads of touchUsers alive
}

// claimWindow is how many requests are claimed together.
const claimWindow = 64

var (
	errUnclaimed  = errors.New("another caller decides about the user")
	errPieceFirst = errors.New("a redemption of the user is to be noted first")
)

// burnClaimed is burnPart where batches have limits.
func (s *Store) burnClaimed(sc *scratch, sh *shard.Shard, idx []int32, rs []Redemption, at int64) (last uint64) {
	c := &sc.claims
	if cap(c.hashes) < len(rs) {
		c.hashes = make([]uint64, len(rs))
	}
	c.hashes = c.hashes[:len(rs)]
	for part := range slices.Chunk(idx, claimWindow) {
		s.touchUsers(sc, sh, part, rs)
		if c.all = !sc.keyed; c.all {
			s.claimUsers(c, part)
		}
		sc.late = sc.late[:0]
		last = max(last, s.burnPart(sc, sh, part, rs, at))
		if c.all {
			s.releaseUsers(c)
			c.all = false
		}
		for _, i := range sc.late {
			last = max(last, s.burnOne(sc, sh, i, &rs[i], at))
		}
	}
	return last
}

// touchUsers hashes the users of batches with a limit, and brings closer what is known of
// them: the cache misses overlap instead of queueing.
func (s *Store) touchUsers(sc *scratch, sh *shard.Shard, part []int32, rs []Redemption) {
	c := &sc.claims
	var slots [claimWindow]*uint64
	n := 0
	for _, i := range part {
		c.hashes[i] = 0
		if sc.pos[i] < 0 {
			continue
		}
		if b := s.batch(sh.SegmentByIndex(sc.segs[i]).Batch); b.PerUser > 0 {
			c.hashes[i] = limitHash(uint32(b.ID), rs[i].User)
			if slots[n] = s.users.place(c.hashes[i]); slots[n] != nil {
				n++
			}
		}
	}
	sum := uint64(0)
	for _, slot := range slots[:n] {
		sum += atomic.LoadUint64(slot)
	}
	c.touch += sum
}

// claimUsers locks those stripes of the users of part that are free.
func (s *Store) claimUsers(c *claims, part []int32) {
	c.held, c.open = [len(c.held)]uint64{}, c.open[:0]
	for _, i := range part {
		if hash := c.hashes[i]; hash != 0 && !c.holds(hash) && s.users.stripe(hash).mu.TryLock() {
			n := stripeOf(hash)
			c.held[n/64] |= 1 << (n % 64)
		}
	}
}

func (c *claims) holds(hash uint64) bool {
	n := stripeOf(hash)
	return c.held[n/64]>>(n%64)&1 != 0
}

func (s *Store) releaseUsers(c *claims) {
	for i, word := range c.held {
		for ; word != 0; word &= word - 1 {
			s.users.stripes[i*64+bits.TrailingZeros64(word)].mu.Unlock()
		}
	}
}

// mayTake is the rule of claimUser for a request that is claimed with others.
func (s *Store) mayTake(sc *scratch, b *batch, i int32, user string) error {
	c := &sc.claims
	hash := c.hashes[i]
	switch {
	case user == "":
		return ErrNoUser
	case !c.holds(hash):
		return errUnclaimed
	case slices.Contains(c.open, hash):
		return errPieceFirst
	case s.mayBeAtLimitLocked(b.PerUser, hash):
		return errLook
	}
	c.open = append(c.open, hash)
	return nil
}

// noteUser notes the redemption of a request that was claimed with others.
func (s *Store) noteUser(sc *scratch, i int32, number uint64) {
	if hash := sc.claims.hashes[i]; hash != 0 {
		s.users.stripe(hash).noteLocked(hash, number)
	}
}
