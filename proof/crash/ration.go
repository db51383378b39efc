package crash

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"codepool/store"
)

// Users of a batch with a limit ask in four ways at once for twice as much as they may have.
// Whoever was told that the limit is reached has that many, and nobody has more.

const perUser = 2

var rationBatch = store.Batch{Name: "ration", Count: 2000, PerUser: perUser}

func (c *child) rations(ctx context.Context) {
	c.aside(ctx, rationBatch, func(id store.BatchID, i int) error {
		return c.eat(ctx, id, fmt.Sprintf("%s-eater-%d", c.run0, i), i%4 == 3)
	})
}

// eat lets one user ask. Some give something back then, and get something else for it.
func (c *child) eat(ctx context.Context, id store.BatchID, user string, undoes bool) error {
	codes, err := c.s.Issue(ctx, id, 3, store.To(user).Once(user))
	if err != nil {
		return err
	}
	ask := func(i int) store.Redemption {
		return store.Redemption{Code: codes[i], User: user, Key: user + codes[i]}
	}
	ways := []func() (store.Receipt, error){
		func() (store.Receipt, error) { return c.s.Redeem(ctx, ask(0)) },
		func() (store.Receipt, error) {
			h, err := c.s.Reserve(ctx, ask(1), long)
			if err != nil {
				return store.Receipt{}, err
			}
			return c.s.Confirm(ctx, store.LeaseEnd{Number: h.Number, Key: ask(1).Key})
		},
		func() (store.Receipt, error) {
			r := c.s.RedeemAll(ctx, []store.Redemption{ask(2)})[0]
			return r.Receipt, r.Err
		},
		func() (store.Receipt, error) { return takeOne(ctx, c.s, id, user) },
	}
	recs, errs := make([]store.Receipt, len(ways)), make([]error, len(ways))
	var all sync.WaitGroup
	for i, way := range ways {
		all.Go(func() {
			switch recs[i], errs[i] = way(); {
			case errs[i] == nil:
				say(lineEaten, user, fmt.Sprint(recs[i].Number))
			case errors.Is(errs[i], store.ErrUserLimit):
				say(lineLimited, user)
				errs[i] = nil
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil || !undoes {
		return err
	}
	had := slices.IndexFunc(recs, func(r store.Receipt) bool { return r.Number > 0 })
	other := slices.IndexFunc(recs[:3], func(r store.Receipt) bool { return r.Number == 0 })
	if _, err := c.s.Undo(ctx, store.Change{Code: recs[had].Code}); err != nil {
		return err
	}
	_, err = c.s.Redeem(ctx, ask(other))
	return err
}

// takeOne is how a user takes one code, whoever asks.
func takeOne(ctx context.Context, s *store.Store, id store.BatchID, user string) (store.Receipt, error) {
	recs, err := s.Take(ctx, id, 1, user, store.To(user).Once(user))
	if err != nil {
		return store.Receipt{}, err
	}
	return recs[0], nil
}

// eater is what is known of a user since the last audit.
type eater struct {
	receipts []uint64
	limited  bool // was told that the limit is reached
}

type rationed map[string]*eater

func (r rationed) of(user string) *eater {
	if r[user] == nil {
		r[user] = &eater{}
	}
	return r[user]
}

func (e *eater) note(receipt uint64) { e.receipts = append(e.receipts, receipt) }

func (a *auditor) auditRations(ctx context.Context, s *store.Store) {
	for user, e := range a.rationed {
		a.auditEater(ctx, s, user, e)
	}
	clear(a.rationed)
}

func (a *auditor) auditEater(ctx context.Context, s *store.Store, user string, e *eater) {
	stand, held, another := 0, 0, ""
	for d, err := range s.DrawnFor(ctx, user, 0) {
		if err != nil {
			a.wrong("%s: %v", user, err)
			return
		}
		switch d.State {
		case "issued":
			another = d.Code
		case "redeemed":
			stand++
		case "reserved":
			held++
		}
	}
	var receipts []uint64
	for r, err := range s.ReceiptsOf(ctx, user, 0) {
		if err != nil {
			a.wrong("%s: %v", user, err)
			return
		}
		receipts = append(receipts, r.Number)
	}
	for _, n := range e.receipts {
		if !slices.Contains(receipts, n) {
			a.wrong("%s was given receipt %d and has %v", user, n, receipts)
		}
	}
	undone := len(receipts) > stand
	if stand+held > perUser || e.limited && !undone && stand+held < perUser {
		a.wrong("%s of at most %d has redeemed %d and reserved %d, was given %d, was told of the limit: %v", user, perUser, stand, held, len(e.receipts), e.limited)
	}
	if stand+held < perUser {
		return
	}
	_, err := s.Redeem(ctx, store.Redemption{Code: another, User: user})
	if !errors.Is(err, store.ErrUserLimit) {
		a.wrong("%s has redeemed %d and reserved %d; one more: %v", user, stand, held, err)
	}
}
