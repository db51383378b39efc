package crash

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"codepool/store"

	"github.com/cespare/xxhash/v2"
)

// live leads drawn codes through their plans and reports whether the worker should go on.
func (c *child) live(ctx context.Context, way int, ref string, codes []string) bool {
	var burn []store.Redemption
	for _, code := range codes {
		switch planOf(canon(code)) {
		case kept:
		case withdrawn:
			if !c.revoke(ctx, code) {
				return false
			}
		case bought, dropped, forgotten:
			if !c.reserve(ctx, ref, code) {
				return false
			}
		case released:
			// Not always: a stock of nothing else would never be used up.
			if xxhash.Sum64String(ref+code)%2 == 0 && !c.release(ctx, code) {
				return false
			}
		default:
			burn = append(burn, store.Redemption{Code: code, User: c.text(ref), Key: c.text(ref + canon(code))})
		}
	}
	if !c.burn(ctx, way, burn) {
		return false
	}
	for _, r := range burn {
		p := planOf(canon(r.Code))
		if !p.undoes() {
			continue
		}
		if !c.undo(ctx, r.Code) {
			return false
		}
		r.Key = c.text(ref + canon(r.Code) + "again")
		if p == redeemAgain && !c.burn(ctx, way+1, []store.Redemption{r}) {
			return false
		}
	}
	return true
}

// burn redeems by one of the three ways there are, beside a rival where the plan is a race.
func (c *child) burn(ctx context.Context, way int, rs []store.Redemption) bool {
	var rivals sync.WaitGroup
	before := c.failed.Load()
	for _, r := range rs {
		if planOf(canon(r.Code)) == race {
			rivals.Go(func() {
				r.User, r.Key = "rival", ""
				rec, err := c.s.Redeem(ctx, r)
				c.answer(rec, r, err, before)
			})
		}
	}
	ok := true
	for i, res := range redeemSomehow(ctx, c.s, way, rs) {
		ok = c.answer(res.Receipt, rs[i], res.Err, before) && ok
	}
	rivals.Wait()
	return ok
}

// answer writes down what a redemption got.
func (c *child) answer(rec store.Receipt, r store.Redemption, err error, before bool) bool {
	code := canon(r.Code)
	switch {
	case err == nil:
		say(lineRedeemed, fmt.Sprint(rec.Number), rec.Code, short(rec.User), orNone(short(rec.Key)))
	case errors.Is(err, store.ErrAlreadyRedeemed) && planOf(code) == race:
		say(lineRefused, code)
	default:
		return c.fails("redeem "+code, err, before)
	}
	return true
}

func (c *child) release(ctx context.Context, code string) bool {
	before := c.failed.Load()
	rec, err := c.s.Release(ctx, store.Change{Code: code})
	if err != nil {
		return c.fails("release", err, before)
	}
	say(lineReleased, fmt.Sprint(rec.Number), rec.Code)
	return true
}

func (c *child) revoke(ctx context.Context, code string) bool {
	before := c.failed.Load()
	rec, err := c.s.Revoke(ctx, store.Change{Code: code, Reason: c.text("leaked")})
	if err != nil {
		return c.fails("revoke", err, before)
	}
	say(lineRevoked, fmt.Sprint(rec.Number), rec.Code)
	return true
}

func (c *child) undo(ctx context.Context, code string) bool {
	before := c.failed.Load()
	rec, err := c.s.Undo(ctx, store.Change{Code: code, Key: "undo" + canon(code)})
	if err != nil {
		return c.fails("undo", err, before)
	}
	say(lineUndone, fmt.Sprint(rec.Number), rec.Code)
	return true
}

// redeemSomehow redeems by one of the three ways there are.
func redeemSomehow(ctx context.Context, s *store.Store, way int, rs []store.Redemption) []store.Result {
	out := make([]store.Result, len(rs))
	switch way % 3 {
	case 0:
		return s.RedeemAll(ctx, rs)
	case 1:
		for i, r := range rs {
			out[i].Receipt, out[i].Err = s.Redeem(ctx, r)
		}
	case 2:
		var wg sync.WaitGroup
		for i, r := range rs {
			wg.Add(1)
			s.RedeemFunc(ctx, r, func(rec store.Receipt, err error) {
				out[i] = store.Result{Receipt: rec, Err: err}
				wg.Done()
			})
		}
		wg.Wait()
	}
	return out
}

// short is the name that a long text stands for.
func short(text string) string {
	for i := range len(text) {
		if text[i] == '.' {
			return text[:i]
		}
	}
	return text
}

func orNone(key string) string {
	if key == "" {
		return noKey
	}
	return key
}
