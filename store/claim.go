package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"

	"github.com/cespare/xxhash/v2"

	"codepool/gen"
)

// Claim asks for a share of a shared batch.
type Claim struct {
	// Token as the user typed it, of a room of a namespace.
	Token     string `json:"token"`
	Namespace string `json:"namespace,omitempty"`
	// Room that the caller vouches for the user to be in; "" is none.
	Room string `json:"room,omitempty"`
	// Member, if it is set, says whether a user is a member of a room: the caller does not vouch
	// but asks. It must not block for long and must not call the store.
	Member func(room, user string) bool `json:"-"`
	// User who claims; may be empty only where PerUser is Unlimited.
	User string `json:"user,omitempty"`
	// Key makes the request safe to repeat, as that of a Redemption, with which it shares the
	// set of keys.
	Key string `json:"key,omitempty"`
}

// Claim takes a share, one that nobody has, and returns when that is durable: its receipt
// says what it is worth. Refusals (ErrUnknownCode for a token that is none of the room,
// ErrNotYetValid, ErrExpired, ErrShareEnded, ErrSoldOut, ErrUserLimit, ErrNoUser,
// ErrOwnShare, ErrNotMember, ErrKeyConflict, ErrInvalid) change nothing. ErrOutcomeUnknown is
// as for Redeem.
func (s *Store) Claim(ctx context.Context, c Claim) (Receipt, error) {
	return s.claimAlone(ctx, c, new(reading))
}

// claimAlone decides a claim by itself.
func (s *Store) claimAlone(ctx context.Context, c Claim, at *reading) (Receipt, error) {
	var rec Receipt
	g, mark, err := s.claim(ctx, &c, nil, at.by(s), false, &rec)
	if g != nil {
		if err := g.waitBriefly(ctx); err != nil {
			return Receipt{}, err
		}
		return rec, nil
	}
	if waited := s.com.waitFor(ctx, mark); waited != nil {
		return Receipt{}, waited
	}
	return rec, err
}

// claim decides a claim and fills in its receipt. The answer waits for the group, or for the
// group of number mark. sh is the shared batch if the caller has found it. With more it is one
// of many, as in committer.append, between committer.begin and finished.
func (s *Store) claim(ctx context.Context, c *Claim, sh *shared, at int64, more bool, rec *Receipt) (g *group, mark uint64, err error) {
	if err := s.mayAsk(ctx); err != nil {
		return nil, 0, err
	}
	if err := c.check(); err != nil {
		return nil, 0, err
	}
	if err := s.com.admitOne(ctx, more); err != nil {
		return nil, 0, err
	}
	var user userView
	for {
		var seen keyView
		if c.Key != "" {
			if known, err := s.retriedClaim(ctx, c, &seen, rec); known || err != nil {
				return nil, 0, err
			}
		}
		if sh == nil {
			if sh = s.sharedOf(c.Namespace, c.Room, c.Token, at); sh == nil {
				return nil, 0, ErrUnknownCode
			}
		}
		if err := sh.mayClaim(c, at); err != nil {
			return nil, sh.mark.Load(), err
		}
		v := s.takeShare(sh, c, at, &seen, &user, more)
		if v.look {
			if err := s.countClaims(ctx, sh, c.User, &user); err != nil {
				return nil, 0, err
			}
		}
		if v.again {
			runtime.Gosched()
			continue
		}
		if v.group == nil {
			return nil, s.com.openGroup(), v.err // it was computed from all claims before it
		}
		sh.receipt(v.number, v.part, v.amount, c.User, c.Key, at, rec)
		return v.group, 0, nil
	}
}

// check refuses what no claim can say.
func (c *Claim) check() error {
	return checkLabels(label{"Namespace", c.Namespace}, label{"Room", c.Room}, label{"User", c.User}, label{"Key", c.Key})
}

// tokenFolds are how tokens may be read, in the order in which they are tried.
var tokenFolds = [...]gen.Fold{gen.Exact, gen.Upper, gen.Crockford}

// sharedOf finds a shared batch by its token as it is typed; nil if there is none at a time.
func (s *Store) sharedOf(namespace, room, token string, at int64) *shared {
	folds := s.shares.folds.Load()
	var buf [gen.MaxCode]byte
	for _, fold := range tokenFolds {
		if folds&(1<<fold) == 0 {
			continue
		}
		canon, err := gen.AppendCanonical(buf[:0], token, fold)
		if err != nil {
			continue
		}
		hash := tokenHash(namespace, room, canon)
		sh := s.shares.stripe(hash).get(hash, namespace, room, canon)
		if sh != nil && sh.fold == fold && sh.number.Load() != 0 && at < sh.free {
			return sh
		}
	}
	return nil
}

// mayClaim is the rule of who may claim when; that there is a share, and none too many for
// the user, is found out by taking it.
func (sh *shared) mayClaim(c *Claim, at int64) error {
	switch {
	case at < sh.from:
		return inWords(ErrNotYetValid, "it can be claimed from %s", stamp(instant(sh.from)))
	case at >= sh.until:
		return inWords(ErrExpired, "it could be claimed until %s", stamp(instant(sh.until)))
	case c.User == "" && sh.perUser != Unlimited:
		return ErrNoUser
	case sh.notSender && c.User == sh.sender:
		return ErrOwnShare
	case c.Member != nil && !c.Member(sh.room, c.User):
		return ErrNotMember
	}
	return nil
}

// taking is what memory decided about a claim.
type taking struct {
	group       *group
	number      uint64
	part        int
	amount      int64
	err         error
	again, look bool
}

// takeShare takes a share, journals it and notes key and user.
func (s *Store) takeShare(sh *shared, c *Claim, at int64, seen *keyView, user *userView, more bool) taking {
	if c.Key != "" {
		if !s.keys.claim(seen) {
			return taking{again: true}
		}
		defer s.keys.unlock(seen)
	}
	hash := shareUserHash(sh.number.Load(), c.User)
	if sh.perUser != Unlimited {
		look, err := s.claimUpTo(sh.perUser, hash, user)
		if look || err != nil {
			return taking{again: look, look: look, err: err}
		}
		defer s.users.unlock(&user.keyView)
	}
	st, all := sh.lockStripe(hash)
	if st == nil {
		return taking{err: ErrSoldOut}
	}
	if all {
		defer sh.unlockAll()
	} else {
		defer st.mu.Unlock()
	}
	if sh.ended {
		return taking{err: sh.isEnded()}
	}
	part, amount := sh.takeLocked(st)
	var buf [96]byte
	number, g, err := s.com.append(at, appendClaim(buf[:0], sh.number.Load(), part, amount, c.User, c.Key), 1, nil, more)
	if err != nil {
		sh.giveBackLocked(st, part)
		return taking{err: err}
	}
	if c.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	if sh.perUser != Unlimited {
		s.users.noteLocked(&user.keyView, number)
	}
	return taking{group: g, number: number, part: part, amount: amount}
}

// isEnded says why nothing is claimed any more. REQUIRES: a stripe, and that it has ended.
func (sh *shared) isEnded() error {
	if sh.endBy {
		return ErrShareEnded
	}
	return inWords(ErrExpired, "it could be claimed until %s", stamp(instant(sh.until)))
}

// shareUserHash names a user of a shared batch.
func shareUserHash[T string | []byte](of uint64, user T) uint64 {
	var buf [64]byte
	b := binary.LittleEndian.AppendUint64(append(buf[:0], 'C'), of)
	return xxhash.Sum64(append(b, user...))
}

// countClaims reads what a user has claimed of a shared batch.
func (s *Store) countClaims(ctx context.Context, sh *shared, user string, seen *userView) error {
	of := sh.number.Load()
	return s.countBy(ctx, shareUserHash(of, user), seen, func(r *record) (bool, error) {
		if r.kind != recClaim || r.shared != of || string(r.user) != user {
			return false, nil
		}
		undone, err := s.claimUndone(ctx, r.number)
		return !undone, err
	})
}

// claimUndone reports whether a claim was taken back, as far as that is durable.
func (s *Store) claimUndone(ctx context.Context, number uint64) (undone bool, err error) {
	numbers, err := s.index.findCode(ctx, numberHash(labelUnclaim, number))
	for _, n := range numbers {
		if err != nil || undone {
			break
		}
		err = s.readRecord(n, func(r *record) error {
			undone = r.kind == recUnclaim && r.lease == number
			return nil
		})
	}
	return undone, err
}

// retriedClaim looks for an earlier claim with the request's key and fills in its receipt.
func (s *Store) retriedClaim(ctx context.Context, c *Claim, seen *keyView, rec *Receipt) (known bool, err error) {
	err = s.lookupKey(ctx, keyRedeem, c.Key, seen, func(found *record) error {
		if found.kind == recClaim && string(found.user) == c.User {
			d, err := s.sharedDefAt(found.shared, s.readRecord)
			if err != nil {
				return err
			}
			if d.namespace == c.Namespace && d.room == c.Room && d.reads(c.Token) {
				known = true
				claimReceipt(&d, found, rec)
				return nil
			}
		}
		return fmt.Errorf("%w: key %q redeemed something else or for another user", ErrKeyConflict, c.Key)
	})
	return known, err
}

// reads reports whether a typed text is the token.
func (d *sharedDef) reads(text string) bool {
	canon, err := gen.AppendCanonical(nil, text, d.fold)
	return err == nil && string(canon) == d.token
}

// Share says what a claim took.
type Share struct {
	ID       uint64 `json:"id"`               // of the shared batch
	Room     string `json:"room,omitempty"`   // of the token
	Part     int    `json:"part"`             // place of the share in the split, from 0
	Amount   int64  `json:"amount,omitempty"` // in minor units
	Currency string `json:"currency,omitempty"`
}

// receipt fills in the receipt of a claim.
func (d *sharedDef) receipt(of, number uint64, part int, amount int64, user, key string, at int64, rec *Receipt) {
	*rec = Receipt{
		Number: number, Code: d.token, Namespace: d.namespace, User: user, Key: key, Reward: d.reward, At: instant(at),
		Share: &Share{ID: of, Room: d.room, Part: part, Amount: amount, Currency: d.currency},
	}
}

func (sh *shared) receipt(number uint64, part int, amount int64, user, key string, at int64, rec *Receipt) {
	sh.sharedDef.receipt(sh.number.Load(), number, part, amount, user, key, at, rec)
}

// claimReceipt is the receipt that a claim's record says.
func claimReceipt(d *sharedDef, r *record, rec *Receipt) {
	d.receipt(r.shared, r.number, int(r.ordinal), r.amount, string(r.user), string(r.key), r.at, rec)
}

// sharedDefAt returns what a shared batch is, from memory or by its record.
func (s *Store) sharedDefAt(number uint64, read func(uint64, func(*record) error) error) (d sharedDef, err error) {
	if sh := s.shares.byNumber(number); sh != nil {
		return sh.sharedDef, nil
	}
	err = read(number, func(r *record) (err error) {
		if r.kind != recShare {
			return corrupt(entryKey(number), "it is no shared batch, and a claim names it as one")
		}
		d, err = sharedDefOf(r)
		return err
	})
	return d, err
}
