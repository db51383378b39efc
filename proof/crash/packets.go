package crash

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"codepool/gen"
	"codepool/store"
)

// Red packets and universal codes are created, and more users than there are shares want
// one. Some claims are taken back, some packets end before their time, and some after a
// moment. Whoever was told what a share is worth has it afterwards, nobody else has it, too,
// and what goes back to a sender is the rest.

const (
	packetShares = 4
	packetUsers  = 7 // who want one
	packetTotal  = 1000
	greedy       = 1                     // user who wants two
	packetTime   = 15 * time.Millisecond // of a brief one: some are claimed by then, and some not
)

// packetLife is what becomes of a packet. It follows from its name, as a plan does from a code.
type packetLife struct {
	universal bool // all shares are alike
	undone    bool // the claim of user 0 is taken back, and then it claims again
	ended     bool // by the sender
	brief     bool // over after a short time
}

func packetLifeOf(name string) packetLife {
	n := 0
	for _, c := range name {
		n = (n*31 + int(c)) % 240
	}
	return packetLife{universal: n%3 == 0, undone: n%4 == 1, ended: n%5 < 2, brief: n%8 == 7}
}

// packetOf is how a packet is asked for.
func packetOf(name string) store.Shared {
	life := packetLifeOf(name)
	d := store.Shared{Token: strings.ToUpper(name), Count: packetShares}
	if !life.universal {
		d = store.RedPacket("sender", "CNY", gen.Split{Total: packetTotal, Count: packetShares})
	}
	d.Key, d.For, d.Keep = name, long, 0
	if life.brief {
		d.For = packetTime
	}
	return d
}

// packetUser is one of those who want a share, packetClaim what it asks for at a time.
func packetUser(name string, i int) string { return fmt.Sprintf("%s-user-%d", name, i) }

func packetClaim(name, token string, i, time int) store.Claim {
	return store.Claim{Token: token, User: packetUser(name, i), Key: fmt.Sprintf("%s-claim-%d-%d", name, i, time)}
}

// wanted is the i-th claim at first: one of each user, and another of the greedy one.
func wanted(name, token string, i int) store.Claim {
	if i == packetUsers {
		return packetClaim(name, token, greedy, 1)
	}
	return packetClaim(name, token, i, 0)
}

func (c *child) packets(ctx context.Context) {
	for i := 0; ; i++ {
		before := c.failed.Load()
		if err := c.packet(ctx, fmt.Sprintf("%sp%d", c.run0, i)); err != nil && !c.fails("packet", err, before) {
			return
		}
	}
}

// packet leads a packet through its life.
func (c *child) packet(ctx context.Context, name string) error {
	life, d := packetLifeOf(name), packetOf(name)
	made := store.SharedResult{}
	if life.undone {
		made = c.s.ShareAll(ctx, []store.Shared{d})[0]
	} else {
		made.Info, made.Err = c.s.Share(ctx, d)
	}
	if made.Err != nil {
		return made.Err
	}
	token := made.Info.Token
	say(linePacket, name, token, fmt.Sprint(made.Info.ID))
	var all sync.WaitGroup
	errs, recs := make([]error, packetUsers+2), make([]store.Receipt, packetUsers+1)
	for i := range recs {
		all.Go(func() {
			rec, err := c.grab(ctx, wanted(name, token, i), i)
			if (i == greedy || i == packetUsers) && errors.Is(err, store.ErrUserLimit) {
				return
			}
			recs[i], errs[i] = rec, c.grabbed(name, rec, err)
		})
	}
	if life.ended {
		all.Go(func() { errs[packetUsers+1] = c.endPacket(ctx, name, token) })
	}
	all.Wait()
	for i, rec := range recs {
		if rec.Number > 0 {
			again, err := c.grab(ctx, wanted(name, token, i), i+1)
			if err == nil && again.Number != rec.Number {
				say(lineWrong, fmt.Sprintf("claim %d was repeated with its key and got %+v", rec.Number, again))
			}
			errs = append(errs, err)
			break
		}
	}
	if err := errors.Join(errs...); err != nil || !life.undone || recs[0].Number == 0 {
		return err
	}
	return c.undoClaim(ctx, name, token, recs[0].Number)
}

// endPacket ends a packet, twice at once; it ends once.
func (c *child) endPacket(ctx context.Context, name, token string) error {
	return twice(name, func(key string) error {
		end, err := c.s.EndShared(ctx, packetEnd(key, token))
		if err == nil {
			say(linePacketEnd, name, key, fmt.Sprint(end.Number), fmt.Sprint(end.Shares), fmt.Sprint(end.Amount))
		}
		return packetError(err)
	})
}

// undoClaim takes the claim of user 0 back, twice at once, and then it claims again.
func (c *child) undoClaim(ctx context.Context, name, token string, claim uint64) error {
	err := twice(name, func(key string) error {
		_, err := c.s.UndoClaim(ctx, store.ClaimChange{Number: claim, By: "desk", Key: key})
		if err == nil {
			say(lineUnclaimed, name, fmt.Sprint(claim))
		} else if errors.Is(err, store.ErrNotClaimed) {
			err = nil // the other was faster
		}
		return packetError(err)
	})
	if err != nil {
		return err
	}
	rec, err := c.grab(ctx, packetClaim(name, token, 0, 2), 1)
	if errors.Is(err, store.ErrUserLimit) { // it could not be taken back
		return nil
	}
	return c.grabbed(name, rec, err)
}

// twice makes a call with two keys at once.
func twice(name string, call func(key string) error) error {
	var errs [2]error
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = call(fmt.Sprint(name, "-", i)) })
	}
	all.Wait()
	return errors.Join(errs[:]...)
}

func packetEnd(key, token string) store.SharedChange {
	return store.SharedChange{SharedRef: store.SharedRef{Token: token}, By: "sender", Key: key}
}

// grab claims a share in one of three ways.
func (c *child) grab(ctx context.Context, claim store.Claim, way int) (store.Receipt, error) {
	switch way % 3 {
	case 0:
		return c.s.Claim(ctx, claim)
	case 1:
		r := c.s.ClaimAll(ctx, []store.Claim{claim})[0]
		return r.Receipt, r.Err
	}
	return c.s.Redeem(ctx, store.Redemption{Code: claim.Token, User: claim.User, Key: claim.Key})
}

// grabbed says what a claim got.
func (c *child) grabbed(name string, rec store.Receipt, err error) error {
	switch {
	case err == nil:
		say(lineClaimed, name, fmt.Sprint(rec.Number), rec.User, fmt.Sprint(rec.Share.Part), fmt.Sprint(rec.Share.Amount))
	case errors.Is(err, store.ErrSoldOut):
		say(lineSoldOut, name)
	}
	return packetError(err)
}

// packetError leaves out what is no failure.
func packetError(err error) error {
	for _, is := range []error{store.ErrSoldOut, store.ErrShareEnded, store.ErrExpired} {
		if errors.Is(err, is) {
			return nil
		}
	}
	return err
}

// claimed is the receipt of a share.
type claimed struct {
	user         string
	part, amount int64
}

// packet is what is known of one.
type packet struct {
	token   string
	id      uint64
	claims  map[uint64]claimed // that were answered since the last audit, or stood then
	undone  uint64             // claim that was taken back
	endKey  string             // key of the end
	end     uint64             // and its number
	left    int64              // shares at the end
	back    int64              // and their worth
	soldOut bool               // somebody was told so since the last audit
	fresh   bool               // there are answers since the last audit
}

func (a *auditor) notePacket(kind string, f []string) {
	if kind == linePacket {
		a.packets[f[0]] = &packet{token: f[1], id: number(f[2]), claims: map[uint64]claimed{}, fresh: true}
		return
	}
	p := a.packets[f[0]]
	p.fresh = true
	switch kind {
	case lineClaimed:
		n := number(f[1])
		if old, twice := p.claims[n]; twice {
			a.wrong("share %d of %s was given to %s and to %s", n, f[0], old.user, f[2])
		}
		p.claims[n] = claimed{f[2], int64(number(f[3])), int64(number(f[4]))}
	case lineSoldOut:
		p.soldOut = true
	case lineUnclaimed:
		if p.undone > 0 {
			a.wrong("claim %d of packet %s was taken back twice", p.undone, f[0])
		}
		p.undone = number(f[1])
	case linePacketEnd:
		if p.end > 0 {
			a.wrong("packet %s was ended by %d and by %s", f[0], p.end, f[2])
		}
		p.endKey, p.end, p.left, p.back = f[1], number(f[2]), int64(number(f[3])), int64(number(f[4]))
	}
}

// auditPackets judges those packets of which there were answers, with all every one.
func (a *auditor) auditPackets(ctx context.Context, s *store.Store, all bool) {
	again := keysChecked / 2
	for name, p := range a.packets {
		if !p.fresh && !all {
			continue
		}
		a.auditPacket(ctx, s, name, p)
		if again--; again >= 0 {
			a.repeatPacket(ctx, s, name, p)
		}
	}
}

func (a *auditor) auditPacket(ctx context.Context, s *store.Store, name string, p *packet) {
	life, ref := packetLifeOf(name), store.SharedRef{Token: p.token}
	now := time.Now()
	info, err := s.LookupShared(ctx, ref, "")
	if err != nil || info.ID != p.id {
		a.wrong("packet %s was created as %d; afterwards: %+v, %v", name, p.id, info, err)
		return
	}
	stand, users, parts, sum := map[uint64]claimed{}, map[string]bool{}, map[int64]bool{}, int64(0)
	for r, err := range s.ClaimsOf(ctx, ref, "", 0) {
		if err != nil {
			a.wrong("claims of %s: %v", name, err)
			return
		}
		got := claimed{r.User, int64(r.Share.Part), r.Share.Amount}
		if users[got.user] || !life.universal && parts[got.part] || !strings.HasPrefix(got.user, name+"-user-") {
			a.wrong("claim %d gives %+v of packet %s, and somebody has that", r.Number, got, name)
		}
		stand[r.Number], users[got.user], parts[got.part] = got, true, true
		sum += got.amount
	}
	for n, want := range p.claims {
		got, stands := stand[n]
		mayBeBack := life.undone && want.user == packetUser(name, 0)
		switch {
		case n == p.undone && stands:
			a.wrong("claim %d of %s was taken back, and stands: %+v", n, name, got)
		case n != p.undone && !stands && !(mayBeBack && p.fresh && p.undone == 0):
			a.wrong("claim %d gave %+v of packet %s, and is gone", n, want, name)
		case stands && got != want:
			a.wrong("claim %d gave %+v of packet %s, and says %+v", n, want, name, got)
		}
	}
	claims := int64(len(stand))
	whole := info.Left > 0 || life.universal || info.ClaimedAmount+info.RefundedAmount == packetTotal
	if claims != info.Claimed || sum != info.ClaimedAmount || info.Claimed+info.Left+info.Refunded != packetShares || !whole {
		a.wrong("packet %s has %d claims worth %d: %+v", name, claims, sum, info)
	}
	if p.end > 0 && (info.State != "ended" || info.Refunded != p.left || info.RefundedAmount != p.back) {
		a.wrong("packet %s was ended with %d left, worth %d: %+v", name, p.left, p.back, info)
	}
	if p.soldOut && !life.undone && claims != packetShares {
		a.wrong("packet %s was sold out: %+v", name, info)
	}
	over := !now.Before(info.NotAfter)
	if over && (info.Left > 0 || info.State != "over" && info.State != "ended") || !life.ended && info.State == "ended" {
		a.wrong("packet %s is %s: %+v", name, info.State, life)
	}
	if info.State == "sold out" {
		_, err := s.Claim(ctx, store.Claim{Token: p.token, User: name + "-late"})
		if !errors.Is(err, store.ErrSoldOut) {
			a.wrong("packet %s is sold out, and one more user is told %v", name, err)
		}
	}
	if !p.fresh && !sameClaims(p.claims, stand) {
		a.wrong("packet %s was settled with claims %v and has %v", name, p.claims, stand)
	}
	p.claims, p.fresh, p.soldOut, p.undone = stand, false, false, 0
}

func sameClaims(a, b map[uint64]claimed) bool {
	for n, c := range a {
		if b[n] != c {
			return false
		}
	}
	return len(a) == len(b)
}

// repeatPacket repeats requests with their keys (I9).
func (a *auditor) repeatPacket(ctx context.Context, s *store.Store, name string, p *packet) {
	info, err := s.Share(ctx, packetOf(name))
	if err != nil || info.ID != p.id || info.Token != p.token {
		a.wrong("packet %s was created as %d, %s; repeated with its key: %+v, %v", name, p.id, p.token, info, err)
	}
	for n, c := range p.claims {
		var i int
		if _, err := fmt.Sscanf(c.user, name+"-user-%d", &i); err != nil || i <= greedy {
			continue // they may have two keys
		}
		rec, err := s.Claim(ctx, packetClaim(name, p.token, i, 0))
		if err != nil || rec.Number != n || rec.Share.Amount != c.amount {
			a.wrong("claim %d gave %+v of packet %s; repeated with its key: %+v, %v", n, c, name, rec, err)
		}
	}
	if p.end > 0 {
		end, err := s.EndShared(ctx, packetEnd(p.endKey, p.token))
		if err != nil || end.Number != p.end || end.Amount != p.back {
			a.wrong("packet %s was ended by %d; repeated with its key: %+v, %v", name, p.end, end, err)
		}
	}
}
