package store

import (
	"context"
	"fmt"
)

// MaxTake is the most codes one Take can draw and redeem: all of it is one entry of the
// ledger.
const MaxTake = 256

// Take draws n codes and redeems them for a user in one step: a code that nobody ever
// sees. It returns their receipts when that is durable; it is all or nothing. n is at most
// MaxTake. Its refusals are those of Issue, and of Redeem for the window and the user's
// limit. The same key, with the same batch, number, reference and user, gets the same
// receipts again; keys of Take are a set of their own.
func (s *Store) Take(ctx context.Context, id BatchID, n int, user string, d Draw) ([]Receipt, error) {
	if n > MaxTake {
		return nil, invalid("take of %d codes: want 1 to %d", n, MaxTake)
	}
	if err := checkLabels(label{"User", user}); err != nil {
		return nil, err
	}
	d.burn, d.user = true, user
	got, err := s.issue(ctx, id, n, d)
	if err != nil {
		return nil, err
	}
	b := s.batch(uint32(id))
	out := make([]Receipt, n)
	for i := range out {
		out[i] = b.receipt(got.number+1+uint64(i), user, "", got.at)
		out[i].Code = got.canon[i]
	}
	return out, nil
}

// appendForUser journals a Take if the limit allows so many redemptions more, and notes
// them. errLook asks to read what the user has first, into seen.
func (s *Store) appendForUser(b *batch, user string, at int64, body []byte, n int, seen *userView) (uint64, *group, error) {
	if user == "" {
		return 0, nil, ErrNoUser
	}
	hash := limitHash(uint32(b.ID), user)
	switch {
	case !seen.known:
		return 0, nil, errLook
	case seen.used+n > b.PerUser:
		return 0, nil, fmt.Errorf("%w: %d of %d, and %d are asked for", ErrUserLimit, seen.used, b.PerUser, n)
	case !s.users.claim(&seen.keyView):
		seen.known = false
		return 0, nil, errLook
	}
	defer s.users.unlock(&seen.keyView)
	number, g, err := s.com.append(at, body, 1+n, nil, false)
	for i := range n {
		if err == nil {
			seen.stripe.noteLocked(hash, number+1+uint64(i))
		}
	}
	return number, g, err
}
