package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"codepool/shard"
)

// Draw says for whom codes are drawn.
type Draw struct {
	Ref string // order, player, export: what the codes are bound to
	Key string // idempotency key, see Once

	ttl  int64 // µs, of a lease; 0 for a draw for good
	burn bool  // redeem what is drawn, for user

	export   bool // a part of an export, by user
	last     bool // of its parts
	reserved bool // from the stock already

	user string
}

// keys is the set of keys that d's is of.
func (d *Draw) keys() byte {
	switch {
	case d.ttl > 0:
		return keyLease
	case d.burn:
		return keyTake
	case d.export:
		return keyExport
	}
	return keyIssue
}

// state is that of the codes drawn.
func (d *Draw) state() shard.State {
	switch {
	case d.ttl > 0:
		return shard.Leased
	case d.burn:
		return shard.Redeemed
	}
	return shard.Issued
}

// To binds a draw to a reference such as an order number.
func To(ref string) Draw { return Draw{Ref: ref} }

// Once gives the draw an idempotency key: however often it is repeated, also after a
// crash, the same codes come back. A reference alone may draw again and again.
func (d Draw) Once(key string) Draw {
	d.Key = key
	return d
}

// Issue draws n codes of a batch at random, binds them to d.Ref and returns them as
// printed, when that is durable. It is all or nothing: with fewer than n codes in
// stock it returns ErrEmpty and takes none. n is at most MaxIssue. ErrExpired refuses a
// batch whose window is over, ErrPaused and ErrRevoked one that is. When ctx ends while the answer waits for the disk the
// error is ErrOutcomeUnknown: repeat the draw with its key, or find the codes by Lookup.
//
// There is no look at codes without drawing them: it would hand one code to two callers.
// Lease is what it would be for, and GiveBack ends it.
func (s *Store) Issue(ctx context.Context, id BatchID, n int, d Draw) ([]string, error) {
	got, err := s.issue(ctx, id, n, d)
	return got.codes, err
}

// draft is what a draw gives: its number, its codes as printed, and for a lease when it
// was made and until when it holds.
type draft struct {
	number    uint64
	codes     []string
	canon     []string // of a Take: canonical texts
	at, until int64
}

func (s *Store) issue(ctx context.Context, id BatchID, n int, d Draw) (draft, error) {
	b, err := s.checkIssue(ctx, id, n, d)
	if err != nil {
		return draft{}, err
	}
	if err := s.com.admit(ctx); err != nil {
		return draft{}, err
	}
	if d.Key == "" {
		got, g, err := s.draw(ctx, b, n, d, nil)
		return s.answerDraw(ctx, got, g, err)
	}
	// The key first: a draw that succeeded is answered again even when its batch is over.
	free, err := s.holdKey(ctx, d.keys(), d.Key)
	if err != nil {
		return draft{}, err
	}
	got, g, err := s.drawOnce(ctx, b, n, d)
	free()
	return s.answerDraw(ctx, got, g, err)
}

// holdKey waits for the turn to decide about a key: one request at a time. Whoever has it
// may be waiting for the disk.
func (s *Store) holdKey(ctx context.Context, kind byte, key string) (free func(), err error) {
	token := s.drawKeys[keyHash(kind, key)%uint64(len(s.drawKeys))]
	select {
	case token <- struct{}{}:
		return func() { <-token }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// drawOnce draws unless the key has drawn before; then there is no group to wait for.
// REQUIRES: the key's token.
func (s *Store) drawOnce(ctx context.Context, b *batch, n int, d Draw) (draft, *group, error) {
	var seen keyView
	got, known, err := s.retriedDraw(ctx, b, n, d, &seen)
	if known || err != nil {
		return got, nil, err
	}
	return s.draw(ctx, b, n, d, &seen)
}

func (s *Store) answerDraw(ctx context.Context, got draft, g *group, err error) (draft, error) {
	if err == nil && g != nil {
		err = g.wait(ctx)
	}
	if err != nil {
		return draft{}, err
	}
	return got, nil
}

func (s *Store) checkIssue(ctx context.Context, id BatchID, n int, d Draw) (*batch, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if n < 1 || n > MaxIssue {
		return nil, invalid("draw of %d codes: want 1 to %d", n, MaxIssue)
	}
	if err := checkLabels(label{"Ref", d.Ref}, label{"Key", d.Key}); err != nil {
		return nil, err
	}
	b := s.batchByID(id)
	if b == nil {
		return nil, fmt.Errorf("%w: number %d", ErrUnknownBatch, id)
	}
	return b, nil
}

// drawn is a code that a draw has chosen.
type drawn struct {
	drawnCode
	shard int32
	word  uint64 // packed code; shard.WideMark if wide
	wide  string
}

// draw is drawNow, with what the user of a Take has counted first.
func (s *Store) draw(ctx context.Context, b *batch, n int, d Draw, seen *keyView) (draft, *group, error) {
	at := s.now()
	var counted userView
	for {
		if d.burn && b.PerUser > 0 && d.user != "" {
			if err := s.countUser(ctx, b, d.user, &counted); err != nil {
				return draft{}, nil, err
			}
		}
		got, g, err := s.drawNow(ctx, b, n, d, at, seen, &counted)
		if err != errLook {
			return got, g, err
		}
	}
}

// drawNow chooses, journals and shows n codes. The order is what keeps a draw whole: the
// codes are hidden in state Drawing while shards are visited one by one; one record
// takes them all; only then do they become Issued. Nobody can redeem or release one
// of them before its draw is in the journal, and a checkpoint waits in between.
func (s *Store) drawNow(ctx context.Context, b *batch, n int, d Draw, at int64, seen *keyView, counted *userView) (draft, *group, error) {
	if err := b.mayDraw(at); err != nil {
		if d.reserved {
			b.giveBack(int64(n))
		}
		return draft{}, nil, s.afterAll(ctx, err)
	}
	if !d.reserved {
		if _, err := s.reserveFor(ctx, b, n, false); err != nil {
			return draft{}, nil, err
		}
	}
	if n >= longCall {
		s.com.begin()
		defer s.com.finished()
	}
	got, err := s.choose(b, n)
	if err != nil {
		s.settle(got, shard.Available, 0)
		b.giveBack(int64(n))
		return draft{}, nil, err
	}
	if !slices.IsSortedFunc(got, byPlace) { // codes of one run come in order; several runs are grouped
		slices.SortFunc(got, byPlace)
	}
	codes := make([]drawnCode, n)
	for i := range got {
		codes[i] = got[i].drawnCode
	}
	number, g, err := s.journalDraw(b, d, at, got, codes, seen, counted)
	if err == errLook {
		return draft{}, nil, err
	} else if err != nil {
		return draft{}, nil, s.afterAll(ctx, err)
	}
	return s.draft(b, d, number, got, at), g, nil
}

// draft is what a draw of these codes gives.
func (s *Store) draft(b *batch, d Draw, number uint64, got []drawn, at int64) draft {
	out := draft{number: number, codes: s.printAll(b, got), at: at, until: at + d.ttl}
	if d.burn {
		for i := range got {
			out.canon = append(out.canon, canonText(&shard.Key{Word: got[i].word, Wide: got[i].wide}))
		}
	}
	return out
}

// afterAll returns a refusal when what it came from is durable: nobody may be told before.
func (s *Store) afterAll(ctx context.Context, refusal error) error {
	if err := s.com.waitAll(ctx); err != nil {
		return err
	}
	return refusal
}

// longCall is the number of codes from which the committer waits for a draw that is under
// way: it is then as long as a part of a sync.
const longCall = 64

// choose takes n codes out of the stock, which the caller has reserved, so they are
// there: others may take what this round counted on, but never more than they reserved.
// With an error it returns what it has taken out, which the caller gives back.
func (s *Store) choose(b *batch, n int) ([]drawn, error) {
	got := make([]drawn, 0, n)
	for len(got) < n {
		share := s.shareOut(b, n-len(got))
		if share == nil {
			if s.closed.Load() {
				return got, ErrClosed
			}
			runtime.Gosched()
			continue
		}
		yielded := len(got)
		for i, k := range share {
			if k == 0 {
				continue
			}
			if len(got)-yielded >= yieldEvery {
				yielded = len(got)
				runtime.Gosched()
			}
			sh := s.pool.Lock(i)
			if sh == nil {
				return got, ErrClosed
			}
			sh.Draw(uint32(b.ID), int(k), shard.Drawing, func(seg *shard.Segment, pos uint32) {
				word, wide := sh.WordAt(pos, nil)
				got = append(got, drawn{drawnCode{seg.Run, seg.Ordinal(pos)}, int32(i), word, string(wide)})
			})
			sh.Unlock()
		}
	}
	return got, nil
}

// byPlace orders codes by run and ordinal.
func byPlace(x, y drawn) int { return x.drawnCode.compare(y.drawnCode) }

// journalDraw appends the draw's record and makes its codes Issued, or Leased, in memory.
func (s *Store) journalDraw(b *batch, d Draw, at int64, got []drawn, codes []drawnCode, seen *keyView, counted *userView) (uint64, *group, error) {
	body := make([]byte, 0, 64+len(d.Ref)+len(d.Key)+5*len(codes))
	records := 1
	switch {
	case d.ttl > 0:
		body = appendLease(body, at+d.ttl, uint32(b.ID), d.Ref, d.Key, codes)
	case d.burn:
		body = appendDraw(append(body, recTake), uint32(b.ID), d.Ref, d.Key, codes)
		for _, c := range codes {
			body = appendRedeem(body, c.run, c.ordinal, d.user, "")
		}
		records += len(codes)
	case d.export:
		body = appendExport(body, uint32(b.ID), d, codes)
	default:
		body = appendIssue(body, uint32(b.ID), d.Ref, d.Key, codes)
	}
	s.draws.RLock()
	defer s.draws.RUnlock()
	var number uint64
	var g *group
	err := b.mayDraw(at) // a change may have come in between
	if err == nil && d.burn {
		err = b.inWindow(at)
	}
	if err == nil && d.burn && b.PerUser > 0 {
		number, g, err = s.appendForUser(b, d.user, at, body, len(codes), counted)
	} else if err == nil {
		number, g, err = s.com.append(at, body, records, nil, false)
	}
	if err != nil {
		s.settle(got, shard.Available, 0)
		b.giveBack(int64(len(got)))
		return 0, nil, err
	}
	b.taken(int64(len(got)))
	if seen != nil { // nobody else can use the key: its token in drawKeys is taken
		s.keys.note(seen.hash, number)
	}
	s.settle(got, d.state(), g.n)
	for i := range codes {
		if d.burn && b.Reusable {
			s.leases.add(b.rest(number+1+uint64(i), at, codes[i]))
		}
	}
	if d.ttl > 0 {
		s.leases.add(&lease{number: number, until: at + d.ttl, b: b, codes: codes, from: shard.Available})
	}
	return number, g, nil
}

// settle moves chosen codes from Drawing to a state and marks their shards.
func (s *Store) settle(got []drawn, to shard.State, mark uint64) {
	for at := 0; at < len(got); {
		i := got[at].shard
		sh := s.pool.Lock(int(i))
		if sh == nil {
			return // closed: memory is gone, the journal stands
		}
		for at < len(got) && got[at].shard == i {
			seg := sh.SegmentOf(got[at].run)
			sh.Move(seg, seg.Position(got[at].ordinal), shard.Drawing, to)
			at++
		}
		sh.Mark = max(sh.Mark, mark)
		sh.Unlock()
	}
}

// shareOut chooses how many codes each shard gives: as if n codes were chosen one by
// one, each shard with the weight of what it has left. It returns nil when the stock
// is smaller than n.
func (s *Store) shareOut(b *batch, n int) []int32 {
	have := s.pool.AvailableByShard(uint32(b.ID), make([]int32, 0, s.pool.Shards()))
	total := int64(0)
	for i, h := range have {
		have[i] = max(h, 0)
		total += int64(have[i])
	}
	if total < int64(n) {
		return nil
	}
	share := make([]int32, len(have))
	for range n {
		r := rand.Int64N(total)
		for i := range have {
			if r -= int64(have[i]); r < 0 {
				have[i]--
				share[i]++
				break
			}
		}
		total--
	}
	return share
}

// printAll prints the codes into one string that they share.
func (s *Store) printAll(b *batch, got []drawn) []string {
	out := make([]string, len(got))
	text := make([]byte, 0, 16*len(got))
	ends := make([]int, len(got))
	var canon []byte
	for i := range got {
		canon = appendCanon(canon[:0], &shard.Key{Word: got[i].word, Wide: got[i].wide})
		text = b.Format.AppendPrinted(text, canon)
		ends[i] = len(text)
	}
	all, from := string(text), 0
	for i, end := range ends {
		out[i], from = all[from:end], end
	}
	return out
}

// retriedDraw looks for an earlier draw with the same key.
func (s *Store) retriedDraw(ctx context.Context, b *batch, n int, d Draw, seen *keyView) (got draft, known bool, err error) {
	err = s.lookupKey(ctx, d.keys(), d.Key, seen, func(r *record) error {
		known = true
		if r.batch != uint32(b.ID) || string(r.ref) != d.Ref {
			return fmt.Errorf("%w: key %q drew for %q from batch %d", ErrKeyConflict, d.Key, r.ref, r.batch)
		}
		if d.ttl > 0 && r.until != r.at+d.ttl {
			return fmt.Errorf("%w: key %q leased until %s", ErrKeyConflict, d.Key, stamp(instant(r.until)))
		}
		var codes []drawn
		ok := true
		r.eachDrawn(func(run, ordinal uint32) {
			_, k, found := s.codeOf(run, ordinal)
			ok = ok && found
			codes = append(codes, drawn{drawnCode: drawnCode{run, ordinal}, word: k.Word, wide: k.Wide})
		})
		if !ok {
			return s.noCode(r.number)
		}
		if len(codes) != n {
			return fmt.Errorf("%w: key %q drew %d codes, not %d", ErrKeyConflict, d.Key, len(codes), n)
		}
		got = s.draft(b, d, r.number, codes, r.at)
		return nil
	})
	if err == nil && known && d.burn {
		err = s.readRecord(got.number+1, func(r *record) error {
			if string(r.user) != d.user {
				return fmt.Errorf("%w: key %q took for another user", ErrKeyConflict, d.Key)
			}
			return nil
		})
	}
	return got, known, err
}
