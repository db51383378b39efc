package badinput

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"codepool/gen"
	"codepool/store"
)

// shares is a good neighbour: a shared batch that is created, looked at, and whose first
// share is claimed.
func shares(name string, d store.Shared) goodCase {
	return goodCase{name, func(w *world) error {
		info, err := w.s.Share(w.present, d)
		if err != nil {
			return err
		}
		_, err = w.s.Claim(w.present, store.Claim{Token: info.Printed, Namespace: d.Namespace, Room: d.Room, User: longest})
		if !d.NotBefore.IsZero() && errors.Is(err, store.ErrNotYetValid) {
			err = nil
		}
		got, looked := w.s.LookupShared(w.present, store.SharedRef{Token: info.Token, Namespace: d.Namespace, Room: d.Room}, d.Sender)
		return errors.Join(err, looked, no(got.Count == got.Claimed+got.Left))
	}}
}

// goodShares are the good neighbours of what shared batches cannot be.
var goodShares = func() []goodCase {
	split := func(s gen.Split) store.Shared { return store.RedPacket("ann", "CNY", s) }
	full := func(format gen.Format) store.Shared { return store.Shared{Count: 1, Format: format} }
	cases := []goodCase{
		shares("one share", store.Universal("ONE", 1)),
		shares("the most shares", store.Universal("MOST", store.MaxShares)),
		shares("a token of 64 bytes", store.Universal(strings.Repeat("W", 64), 1)),
		shares("a random token of one character", full(gen.Format{Length: 1})),
		shares("a random token of 64", full(gen.Format{Class: gen.AlnumCase, Length: 64})),
		shares("as many shares a user as can be", store.Shared{Count: 1, PerUser: store.MaxPerUser}),
		shares("any number of shares a user", store.Shared{Count: 1, PerUser: store.Unlimited}),
		shares("for the greatest time, and kept as long", store.Shared{Count: 1, For: store.MaxShareTime, Keep: store.MaxShareTime}),
		shares("until just behind the start", store.Shared{Count: 1, NotBefore: day(2999, 1, 1), NotAfter: day(2999, 1, 1).Add(time.Microsecond)}),
		shares("until the last day", store.Shared{Count: 1, NotAfter: day(9999, 12, 31)}),
		shares("a total as large as the count", split(gen.Split{Total: gen.MaxParts, Count: gen.MaxParts})),
		shares("the greatest total", split(gen.Split{Total: math.MaxInt64, Count: 2})),
		shares("a cap that just holds", split(gen.Split{Total: 100, Count: 10, Most: 10})),
		shares("a cap that just holds the rest", split(gen.Split{Total: 109, Count: 10, Most: 19, Policy: gen.Rest})),
		shares("ratios that add up", split(gen.Split{Total: 100, Policy: gen.Ratio, Ratios: []int64{99, 1}, Sum: 100})),
		shares("one part", split(gen.Split{Total: 1, Count: 1})),
		shares("a currency without a minor unit of its own", store.RedPacket("ann", "KRW", gen.Split{Total: 1, Count: 1})),
	}
	texts := split(gen.Split{Total: 100, Count: 3})
	texts.Namespace, texts.Room, texts.Name, texts.Kind, texts.KindNo = longest, longest, longest, longest, longest
	texts.Reward, texts.Sender, texts.By, texts.Key = longest, strings.Repeat("y", store.MaxText), longest, longest
	cases = append(cases, shares("texts of 1024 bytes, all of them", texts))
	return append(cases, goodCase{"the last share, taken back and claimed again", func(w *world) error {
		if _, err := w.s.Share(w.present, store.Universal("LAST", 1)); err != nil {
			return err
		}
		for i := range 3 {
			user := fmt.Sprint("user-", i)
			rec, err := w.s.Claim(w.present, store.Claim{Token: "LAST", User: user, Key: longest[:1020] + fmt.Sprint(i)})
			if err != nil {
				return err
			}
			if _, err := w.s.UndoClaim(w.present, store.ClaimChange{Number: rec.Number, By: longest, Reason: longest, Key: longest[:1020] + fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		_, err := w.s.EndShared(w.present, store.SharedChange{SharedRef: ref("LAST"), By: longest, Reason: longest, Key: longest})
		return err
	}})
}()

// shareVerbs are the calls about shared batches that take a context.
var shareVerbs = []struct {
	name string
	call func(ctx context.Context, w *world) error
}{
	{"Share", func(ctx context.Context, w *world) error {
		_, err := w.s.Share(ctx, store.Universal("LATE", 1))
		return err
	}},
	{"Share with a random token", func(ctx context.Context, w *world) error {
		_, err := w.s.Share(ctx, store.RedPacket("ann", "CNY", gen.Split{Total: 10, Count: 2}))
		return err
	}},
	{"ShareAll", func(ctx context.Context, w *world) error {
		return w.s.ShareAll(ctx, []store.Shared{store.Universal("LATE", 1)})[0].Err
	}},
	{"Claim", func(ctx context.Context, w *world) error {
		_, err := w.s.Claim(ctx, store.Claim{Token: "LATE", User: "ann"})
		return err
	}},
	{"ClaimAll", func(ctx context.Context, w *world) error {
		return w.s.ClaimAll(ctx, []store.Claim{{Token: "LATE", User: "ann", Key: "late"}})[0].Err
	}},
	{"EndShared", func(ctx context.Context, w *world) error {
		_, err := w.s.EndShared(ctx, store.SharedChange{SharedRef: ref("LATE")})
		return err
	}},
	{"UndoClaim", func(ctx context.Context, w *world) error {
		_, err := w.s.UndoClaim(ctx, store.ClaimChange{Number: 1, Key: "late"})
		return err
	}},
	{"LookupShared", func(ctx context.Context, w *world) error {
		_, err := w.s.LookupShared(ctx, ref("LATE"), "")
		return err
	}},
	{"ClaimsOf", func(ctx context.Context, w *world) (last error) {
		for rec, err := range w.s.ClaimsOf(ctx, ref("LATE"), "", 0) {
			if err == nil {
				w.fault("a receipt: %+v", rec)
			}
			last = err
		}
		return last
	}},
	{"SharedBatches", func(ctx context.Context, w *world) (last error) {
		for info, err := range w.s.SharedBatches(ctx, 0) {
			if err == nil {
				w.fault("a shared batch: %+v", info)
			}
			last = err
		}
		return last
	}},
	{"RevealShared", func(ctx context.Context, w *world) error {
		_, err := w.s.RevealShared(ctx, ref("LATE"), "")
		return err
	}},
	{"ReceivedBy", func(ctx context.Context, w *world) error {
		_, err := w.s.ReceivedBy(ctx, "ann")
		return err
	}},
}
