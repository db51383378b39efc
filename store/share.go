package store

import (
	"context"
	"encoding/hex"
	"fmt"

	"codepool/gen"
)

// Share creates a shared batch and returns when that is durable. ErrTaken refuses a token
// that another shared batch or a code of the namespace has, ErrNoToken a room in which no
// random token of the format is free, ErrKeyConflict and ErrInvalid as elsewhere; nothing is
// changed then.
func (s *Store) Share(ctx context.Context, d Shared) (SharedInfo, error) {
	sh, g, err := s.share(ctx, &d, s.now(), false)
	if err != nil {
		return SharedInfo{}, err
	}
	if g != nil {
		if err := g.waitBriefly(ctx); err != nil {
			return SharedInfo{}, err
		}
	}
	return sh.fresh(), nil
}

// ShareAll creates many shared batches, each on its own, and waits for the disk once.
func (s *Store) ShareAll(ctx context.Context, ds []Shared) []SharedResult {
	s.com.begin()
	at := s.now()
	all, out, last := make([]*shared, len(ds)), make([]SharedResult, len(ds)), uint64(0)
	for i := range ds {
		var g *group
		all[i], g, out[i].Err = s.share(ctx, &ds[i], at, true)
		if g != nil {
			last = g.n
		}
	}
	s.com.finished()
	kick(s.com.work)
	err := s.com.waitFor(ctx, last)
	for i, sh := range all {
		if sh != nil && err != nil {
			out[i].Err = err
		} else if sh != nil {
			out[i].Info = sh.fresh()
		}
	}
	return out
}

// share creates a shared batch; the answer waits for the group, if there is one. With more
// it is one of many, as in committer.append.
func (s *Store) share(ctx context.Context, d *Shared, at int64, more bool) (*shared, *group, error) {
	if err := s.mayAsk(ctx); err != nil {
		return nil, nil, err
	}
	if err := d.check(); err != nil {
		return nil, nil, err
	}
	def, err := d.define(at)
	if err != nil {
		return nil, nil, err
	}
	if err := s.com.admitOne(ctx, more); err != nil {
		return nil, nil, err
	}
	for {
		var seen keyView
		if d.Key != "" {
			known, err := s.retriedShare(ctx, def.request, d.Key, &seen)
			if known != nil || err != nil {
				return known, nil, err
			}
		}
		sh, err := s.takeToken(ctx, &def, at)
		if err != nil {
			return nil, nil, err
		}
		g, again, err := s.journalShare(sh, d, at, &seen, more)
		if again {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		return sh, g, nil
	}
}

// define is what the record will say of it, but for a random token.
func (d *Shared) define(at int64) (def sharedDef, err error) {
	def = sharedDef{
		namespace: d.Namespace, room: d.Room, name: d.Name, batchKind: d.Kind, kindNo: d.KindNo, reward: d.Reward,
		currency: d.Currency, sender: d.Sender, format: d.Format, fold: d.fold(), random: d.Token == "",
		notSender: d.NotSender, senderOnly: d.SenderOnly, perUser: d.PerUser, count: d.Count, created: at, free: forever,
	}
	if def.perUser == 0 {
		def.perUser = 1
	}
	t := windowOf(d.NotBefore, d.NotAfter)
	def.from, def.until = t.From, t.Until
	if d.For > 0 {
		def.until = at + d.For.Microseconds()
	}
	if d.Keep > 0 {
		def.free = at + d.Keep.Microseconds()
	}
	switch {
	case def.from >= def.until:
		return def, invalid("window ends at %s, not after its start %s", stamp(instant(def.until)), stamp(instant(def.from)))
	case def.until == forever && def.free != forever:
		return def, invalid("Keep ends at %s, and the shares never do: give For or NotAfter, too, so that what is left goes back", stamp(instant(def.free)))
	case def.until > def.free:
		return def, invalid("Keep ends at %s, before the shares do, at %s", stamp(instant(def.free)), stamp(instant(def.until)))
	}
	if def.request, err = d.requestHash(); err != nil {
		return def, invalid("%v", err)
	}
	if d.Token != "" {
		canon, err := gen.AppendCanonical(nil, d.Token, def.fold)
		if err != nil {
			return def, invalid("Token: %v", err)
		}
		def.token = string(canon)
	} else {
		def.format = def.format.WithDefaults()
	}
	if d.parted() {
		if def.parts, err = d.Split.AppendParts(nil); err != nil {
			return def, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		def.count, def.total = int64(len(def.parts)), d.Split.Total
	}
	if d.Commit {
		salt := gen.NewSalt()
		def.salt = salt[:]
	}
	return def, nil
}

// journalShare makes a shared batch, whose token is taken, known and journals it, or gives
// the token back.
func (s *Store) journalShare(sh *shared, d *Shared, at int64, seen *keyView, more bool) (g *group, again bool, err error) {
	s.draws.RLock() // from the journal until the table knows
	defer s.draws.RUnlock()
	if d.Key != "" {
		if !s.keys.claim(seen) {
			s.shares.release(sh)
			return nil, true, nil
		}
		defer s.keys.unlock(seen)
	}
	number, g, err := s.com.append(at, appendShare(nil, &sh.sharedDef, d.Key, d.By), 1, nil, more)
	if err != nil {
		s.shares.release(sh)
		return nil, false, err
	}
	if d.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	sh.mark.Store(g.n)
	s.shares.publish(sh, number)
	return g, false, nil
}

// retriedShare looks for a shared batch that was created with the same key.
func (s *Store) retriedShare(ctx context.Context, request uint64, key string, seen *keyView) (known *shared, err error) {
	err = s.lookupKey(ctx, keyShare, key, seen, func(found *record) error {
		def, err := sharedDefOf(found)
		if err != nil {
			return err
		}
		if def.request != request {
			return fmt.Errorf("%w: key %q created another shared batch", ErrKeyConflict, key)
		}
		known = newShared(def)
		known.number.Store(found.number)
		return nil
	})
	return known, err
}

// describe is what the definition says.
func (sh *shared) describe() SharedInfo {
	d := &sh.sharedDef
	info := SharedInfo{
		ID: sh.number.Load(), Token: d.token, Printed: d.printed(), Namespace: d.namespace, Room: d.room, Name: d.name, Kind: d.batchKind,
		KindNo: d.kindNo, Reward: d.reward, Currency: d.currency, Sender: d.sender, PerUser: d.perUser, Count: d.count, Total: d.total,
		Created: instant(d.created),
	}
	t := terms{From: d.from, Until: d.until}
	info.NotBefore, info.NotAfter = t.window()
	if d.free != forever {
		info.FreeAt = instant(d.free)
	}
	if d.salt != nil {
		sum := gen.Commit(gen.Salt(d.salt), d.parts)
		info.Commitment = hex.EncodeToString(sum[:])
	}
	return info
}

// fresh is what there was to know when it was created.
func (sh *shared) fresh() SharedInfo {
	info := sh.describe()
	info.Left = info.Count
	info.State = shareOpen
	if sh.created < sh.from {
		info.State = shareEarly
	}
	return info
}

// printed is the token as its format prints it.
func (d *sharedDef) printed() string {
	if d.format == (gen.Format{}) {
		return d.token
	}
	return string(d.format.AppendPrinted(nil, []byte(d.token)))
}

// The states of a shared batch.
const (
	shareEarly   = "early"
	shareOpen    = "open"
	shareSoldOut = "sold out"
	shareOver    = "over"  // its time is over
	shareEnded   = "ended" // somebody ended it
)
