package store

import (
	"context"
	"runtime"
	"sync/atomic"

	"codepool/gen"
)

// ClaimAll takes many shares, each on its own: the result at i answers cs[i] as Claim would.
// It waits for the disk once.
func (s *Store) ClaimAll(ctx context.Context, cs []Claim) []Result {
	out := make([]Result, len(cs))
	var last uint64
	s.com.begin()
	at := s.now()
	var ahead claimsAhead
	for i := range cs {
		if i%claimWindow == 0 {
			ahead.find(s, cs[i:min(i+claimWindow, len(cs))], at)
		}
		r := &out[i]
		last = max(last, s.claimOne(ctx, &cs[i], ahead.found[i%claimWindow], at, r))
		if i%yieldEvery == yieldEvery-1 {
			runtime.Gosched()
		}
	}
	s.com.finished()
	kick(s.com.work)
	if err := s.com.waitFor(ctx, last); err != nil {
		s.doubt(out, err)
	}
	return out
}

// claimOne decides one claim of many, and returns the group that its answer waits for.
func (s *Store) claimOne(ctx context.Context, c *Claim, sh *shared, at int64, r *Result) uint64 {
	g, mark, err := s.claim(ctx, c, sh, at, true, &r.Receipt)
	if r.Err = err; g != nil {
		return g.n
	}
	return mark
}

// claimsAhead finds the shared batches of some claims, and brings closer what is known of
// their users: the cache misses overlap instead of queueing.
type claimsAhead struct {
	found [claimWindow]*shared
	touch uint64 // keeps the loads alive
}

func (a *claimsAhead) find(s *Store, cs []Claim, at int64) {
	folds := s.shares.folds.Load()
	var buf [gen.MaxCode]byte
	for i := range cs {
		c := &cs[i]
		a.found[i] = nil
		for _, fold := range tokenFolds {
			if folds&(1<<fold) == 0 {
				continue
			}
			if canon, err := gen.AppendCanonical(buf[:0], c.Token, fold); err == nil {
				hash := tokenHash(c.Namespace, c.Room, canon)
				a.found[i] = s.shares.stripe(hash).touch(hash)
			}
		}
	}
	for _, sh := range a.found[:len(cs)] {
		if sh != nil {
			a.touch += sh.hash
		}
	}
	var slots [claimWindow]*uint64
	for i := range cs {
		c := &cs[i]
		sh := s.sharedOf(c.Namespace, c.Room, c.Token, at)
		if a.found[i] = sh; sh != nil {
			slots[i] = s.users.place(shareUserHash(sh.number.Load(), c.User))
		}
	}
	for _, slot := range slots {
		if slot != nil {
			a.touch += atomic.LoadUint64(slot)
		}
	}
}
