package store

import (
	"context"

	"codepool/shard"
)

// Check tells whether Redeem would succeed now: nil, or the error it would return, also
// for the user's limit and for a key that is missing. Whether the key was used before is
// not looked at. The answer is durable like any other.
func (s *Store) Check(ctx context.Context, r Redemption) error {
	var at reading
	err := s.check(ctx, &r, &at)
	if err == ErrUnknownCode && s.shares.some.Load() {
		c := r.asClaim()
		err = s.wouldClaim(ctx, &c, &at)
	}
	return s.explained(err, r.Namespace, r.Code)
}

// check is Check of a code of a batch.
func (s *Store) check(ctx context.Context, r *Redemption, at *reading) error {
	var f forms
	if err := s.enter(ctx, r, &f); err != nil {
		return err
	}
	return s.wouldBurn(ctx, r, &f, at.by(s))
}

// wouldBurn returns what redeemAlone would, but for the receipt.
func (s *Store) wouldBurn(ctx context.Context, r *Redemption, f *forms, at int64) error {
	var user userView
	for {
		v := s.mayBurn(r, f, at, &user)
		if v.again {
			if err := s.prepare(ctx, &v, r.User, &user); err != nil {
				return err
			}
			continue
		}
		if err := s.com.waitFor(ctx, v.mark); err != nil {
			return err
		}
		return v.err
	}
}

// mayBurn is burn up to where something would happen; what that has claimed it gives back.
func (s *Store) mayBurn(r *Redemption, f *forms, at int64, user *userView) verdict {
	sh, seg, pos, _, err := s.lockCode(f)
	if err != nil {
		return s.absent(f, at, err)
	}
	defer sh.Unlock()
	b, st := s.batch(seg.Batch), sh.State(pos)
	v, may := s.mayBurnLocked(sh, b, st, r, at, user)
	if !may {
		return v
	}
	if b.PerUser > 0 {
		s.users.unlock(&user.keyView)
	}
	if st == shard.Available {
		b.giveBack(1)
	}
	return verdict{mark: sh.Mark}
}
