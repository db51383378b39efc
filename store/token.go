package store

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"codepool/gen"
	"codepool/shard"
)

// takeToken makes a shared batch with the token that is given, or with a random one that is
// free.
func (s *Store) takeToken(ctx context.Context, d *sharedDef, at int64) (*shared, error) {
	if at >= s.shares.next.Load() {
		s.endShares(at) // tokens whose time is over are free, once what was left has gone back
	}
	if !d.random {
		sh := newShared(*d)
		if !s.reserveToken(sh, at) {
			return nil, inWords(ErrTaken, "token %q is taken, by another shared batch or as a code", d.token)
		}
		return sh, nil
	}
	codes, err := gen.NewGenerator(d.format)
	if err != nil {
		return nil, invalid("Format: %v", err)
	}
	space, _ := d.format.Space().Float64()
	for tries := 0; ; tries++ {
		// Full of random tokens, or of given ones and codes, too: the chance to have missed a
		// free one is e^-32.
		if s.shares.full(d) || float64(tries) >= 32*space {
			return nil, inWords(ErrNoToken, "all %v tokens are taken: wait until one is free, or take longer ones", d.format.Space())
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		canon, err := codes.AppendCode(nil)
		if err != nil {
			return nil, fmt.Errorf("random token: %w", err)
		}
		d.token = string(canon)
		// Another one each time: somebody may have seen the last one while its token was tried.
		if sh := newShared(*d); s.reserveToken(sh, at) {
			return sh, nil
		}
	}
}

// reserveToken takes a token if it is free at a time and no code is read as it is.
func (s *Store) reserveToken(sh *shared, at int64) bool {
	if sh.room == "" {
		s.texts.RLock()
		defer s.texts.RUnlock()
	}
	if !s.shares.reserve(sh, at) {
		return false
	}
	if sh.room == "" && s.hasCode(sh) {
		s.shares.release(sh)
		return false
	}
	return true
}

// hasCode reports whether the namespace has a code, of a batch, with the text of a token.
func (s *Store) hasCode(sh *shared) bool {
	sp := s.space(sh.namespace)
	if sp == nil {
		return false
	}
	var f forms
	if s.openSigned(sp, sh.token, &f) == nil {
		return true
	}
	k := keyOf(sp.id, []byte(sh.token))
	if in := s.pool.Lock(s.pool.Route(k.Hash)); in != nil {
		_, _, ok := in.Find(&k)
		in.Unlock()
		if ok {
			return true
		}
	}
	found, err := s.findRetired(&k)
	return found != nil || err != nil
}

// dropTokens takes those codes out that are tokens of a namespace, in no room. REQUIRES:
// texts, for writing.
func (s *Store) dropTokens(sp *space, c *runCodes) {
	if !s.shares.some.Load() {
		return
	}
	for _, token := range s.shares.tokensOf(sp.name) {
		k := keyOf(sp.id, []byte(token))
		i, _ := slices.BinarySearch(c.hashes, k.Hash)
		for c.keys == nil && i < len(c.hashes) && c.hashes[i] == k.Hash { // perhaps more than once
			if c.words[i] != k.Word {
				i++
				continue
			}
			c.hashes, c.words = slices.Delete(c.hashes, i, i+1), slices.Delete(c.words, i, i+1)
		}
		c.keys = slices.DeleteFunc(c.keys, func(o shard.Key) bool { return o == k })
	}
}

// tokensOf returns the tokens of a namespace that are of no room.
func (t *shareTable) tokensOf(namespace string) (tokens []string) {
	for i := range t.stripes {
		st := &t.stripes[i]
		st.mu.Lock()
		st.each(func(sh *shared) {
			if sh.namespace == namespace && sh.room == "" {
				tokens = append(tokens, sh.token)
			}
		})
		st.mu.Unlock()
	}
	return tokens
}

// mayBeToken reports whether a redemption whose code is unknown may claim a share, now or, by
// its key, before.
func (s *Store) mayBeToken(r *Redemption) bool {
	const ever = 0
	return s.shares.some.Load() && (r.Key != "" || s.sharedOf(r.Namespace, "", r.Code, ever) != nil)
}

// asClaim is the claim that a redemption is whose code is a token.
func (r *Redemption) asClaim() Claim {
	return Claim{Token: r.Code, Namespace: r.Namespace, User: r.User, Key: r.Key}
}

// claimUnknown claims shares for those of many redemptions whose codes are tokens, and returns
// the last group that one of the answers waits for.
func (s *Store) claimUnknown(ctx context.Context, rs []Redemption, out []Result, at int64) (last uint64) {
	s.com.begin()
	for i := range rs {
		if out[i].Err == ErrUnknownCode {
			c := rs[i].asClaim()
			last = max(last, s.claimOne(ctx, &c, nil, at, &out[i]))
		}
	}
	s.com.finished()
	kick(s.com.work)
	return last
}

// wouldClaim is Check of a claim.
func (s *Store) wouldClaim(ctx context.Context, c *Claim, when *reading) error {
	if err := s.mayAsk(ctx); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	at := when.by(s)
	sh := s.sharedOf(c.Namespace, c.Room, c.Token, at)
	if sh == nil {
		return ErrUnknownCode
	}
	err := sh.mayClaim(c, at)
	if err == nil && sh.perUser != Unlimited {
		err = s.mayClaimMore(ctx, sh, c.User)
	}
	if err == nil {
		sh.lockAll()
		if sh.ended {
			err = sh.isEnded()
		} else if sh.leftLocked() == 0 {
			err = ErrSoldOut
		}
		sh.unlockAll()
	}
	if waited := s.com.waitAll(ctx); waited != nil {
		return waited
	}
	return err
}

// mayClaimMore reports whether the limit lets a user claim one share more.
func (s *Store) mayClaimMore(ctx context.Context, sh *shared, user string) error {
	var seen userView
	hash := shareUserHash(sh.number.Load(), user)
	for {
		look, err := s.claimUpTo(sh.perUser, hash, &seen)
		if err != nil {
			return err
		}
		if !look {
			s.users.unlock(&seen.keyView)
			return nil
		}
		if err := s.countClaims(ctx, sh, user, &seen); err != nil {
			return err
		}
		runtime.Gosched()
	}
}
