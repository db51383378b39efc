package store

import (
	"context"
	"runtime"
	"sync"

	"codepool/shard"
)

// RedeemAll redeems many codes, each on its own: the result at i answers rs[i] as
// Redeem would, and one refusal does not touch the others. It works shard by shard
// and waits for the disk once, so it is several times faster than as many calls.
// When two entries name the same code the earlier one gets it.
func (s *Store) RedeemAll(ctx context.Context, rs []Redemption) []Result {
	out := make([]Result, len(rs))
	sc := scratchPool.Get().(*scratch)
	defer scratchPool.Put(sc)
	var last uint64 // number of the last group that an answer depends on
	for at := 0; at < len(rs); at += entryRecords {
		end := min(at+entryRecords, len(rs))
		last = max(last, s.redeemPart(ctx, sc, rs[at:end], out[at:end]))
	}
	if err := s.com.waitFor(ctx, last); err != nil {
		s.doubt(out, err)
	}
	return out
}

// doubt withdraws the answers whose durability is not known.
func (s *Store) doubt(out []Result, err error) {
	durable := s.com.durableRecord.Load()
	for i := range out {
		r := &out[i]
		if r.Err == nil && r.Receipt.Number <= durable || r.Err == ErrUnknownCode {
			continue
		}
		r.Receipt, r.Err = Receipt{}, err
	}
}

// scratch is the working memory of one RedeemAll call, for up to entryRecords codes.
type scratch struct {
	keys      []shard.Key
	order     []int32 // indexes of codes, grouped by shard
	start     []int32 // by shard: first place in order
	shards    []int32 // by code: shard, -1 if it is not looked up
	pos, segs []int32
	burned    []int32 // codes of the present shard that were moved, with their old states
	from      []shard.State
	slow      []int32 // codes with several forms or a key that another request claimed
	views     []keyView
	body      []byte
	text      []byte
	ends      []int32
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

func (sc *scratch) size(n, shards int) {
	if cap(sc.keys) < n {
		sc.keys, sc.order, sc.shards = make([]shard.Key, n), make([]int32, n), make([]int32, n)
		sc.pos, sc.segs = make([]int32, n), make([]int32, n)
	}
	sc.keys, sc.order, sc.shards = sc.keys[:n], sc.order[:n], sc.shards[:n]
	sc.pos, sc.segs = sc.pos[:n], sc.segs[:n]
	if cap(sc.start) < shards+1 {
		sc.start = make([]int32, shards+1)
	}
	sc.start = sc.start[:shards+1]
	clear(sc.start)
	sc.slow, sc.views = sc.slow[:0], sc.views[:0]
}

// redeemPart decides up to entryRecords redemptions and returns the number of the
// last group that one of the answers waits for.
func (s *Store) redeemPart(ctx context.Context, sc *scratch, rs []Redemption, out []Result) (last uint64) {
	if err := s.com.admit(ctx); err != nil {
		for i := range out {
			out[i].Err = err
		}
		return 0
	}
	at := s.now()
	sc.size(len(rs), s.pool.Shards())
	s.lookUpAll(ctx, sc, rs, out)
	for sh := range s.pool.Shards() {
		if idx := sc.order[sc.start[sh]:sc.start[sh+1]]; len(idx) > 0 {
			last = max(last, s.burnAll(sc, sh, idx, rs, out, at))
		}
	}
	if last > 0 {
		kick(s.com.work)
	}
	s.fillCodes(sc, out)
	for _, i := range sc.slow {
		last = max(last, s.redeemSlow(ctx, &rs[i], &out[i], at))
	}
	return last
}

// redeemSlow decides one redemption by itself, without waiting for the disk, and
// returns the group that its answer waits for.
func (s *Store) redeemSlow(ctx context.Context, r *Redemption, out *Result, at int64) uint64 {
	var f forms
	if out.Err = s.enter(ctx, r, &f); out.Err != nil {
		return 0
	}
	for {
		var seen keyView
		if r.Key != "" {
			rec, known, err := s.retriedRedeem(ctx, *r, f, &seen)
			if known || err != nil {
				*out = Result{rec, err}
				return 0
			}
		}
		v := s.burn(r, &f, at, &seen, nil)
		if v.again {
			runtime.Gosched()
			continue
		}
		if v.group == nil {
			out.Err = v.err
			return v.mark
		}
		out.Receipt = v.receipt(r, &f.keys[v.form], at)
		return v.group.n
	}
}

// lookUpAll finds each code's key and shard and groups the codes by shard.
func (s *Store) lookUpAll(ctx context.Context, sc *scratch, rs []Redemption, out []Result) {
	var f forms
	keyed := false
	for i := range rs {
		sc.shards[i] = -1
		if err := s.enter(ctx, &rs[i], &f); err != nil {
			out[i].Err = err
			continue
		}
		if f.n > 1 {
			sc.slow = append(sc.slow, int32(i))
			continue
		}
		if rs[i].Key != "" {
			keyed = true
		}
		sc.keys[i] = f.keys[0]
		sc.shards[i] = int32(s.pool.Route(f.keys[0].Hash))
	}
	if keyed {
		s.lookUpKeys(ctx, sc, rs, out)
	}
	for _, sh := range sc.shards {
		if sh >= 0 {
			sc.start[sh+1]++
		}
	}
	for i := 1; i < len(sc.start); i++ {
		sc.start[i] += sc.start[i-1]
	}
	for i, sh := range sc.shards {
		if sh >= 0 {
			sc.order[sc.start[sh]] = int32(i)
			sc.start[sh]++
		}
	}
	copy(sc.start[1:], sc.start) // each start moved on to the next one's
	sc.start[0] = 0
}

// lookUpKeys answers the requests whose keys were used before and keeps a view of
// the other keys.
func (s *Store) lookUpKeys(ctx context.Context, sc *scratch, rs []Redemption, out []Result) {
	if cap(sc.views) < len(rs) {
		sc.views = make([]keyView, len(rs))
	}
	sc.views = sc.views[:len(rs)]
	for i := range rs {
		if sc.shards[i] < 0 || rs[i].Key == "" {
			continue
		}
		f := forms{n: 1, keys: [3]shard.Key{sc.keys[i]}}
		rec, known, err := s.retriedRedeem(ctx, rs[i], f, &sc.views[i])
		if known || err != nil {
			out[i] = Result{rec, err}
			sc.shards[i] = -1
		}
	}
}

// burnAll decides the redemptions idx, all of shard sh, and journals those that
// happen as one piece.
func (s *Store) burnAll(sc *scratch, index int, idx []int32, rs []Redemption, out []Result, at int64) (last uint64) {
	sh := s.pool.Lock(index)
	if sh == nil {
		for _, i := range idx {
			out[i].Err = ErrClosed
		}
		return 0
	}
	defer sh.Unlock()
	sh.FindAll(sc.keys, idx, sc.pos, sc.segs)
	sc.burned, sc.from, sc.body = sc.burned[:0], sc.from[:0], sc.body[:0]
	last = sh.Mark
	for _, i := range idx {
		if sc.pos[i] < 0 {
			out[i].Err = ErrUnknownCode
			continue
		}
		pos, seg, r := uint32(sc.pos[i]), sh.SegmentByIndex(sc.segs[i]), &rs[i]
		if r.Key != "" {
			// One record at a time, so that the key is claimed until it is noted.
			v := s.burnLocked(sh, seg, pos, &sc.keys[i], r, at, &sc.views[i], nil)
			switch {
			case v.again:
				sc.slow = append(sc.slow, i)
			case v.group == nil:
				out[i].Err = v.err
			default:
				out[i].Receipt = v.receipt(r, &sc.keys[i], at)
			}
			last = max(last, sh.Mark)
			continue
		}
		b, st := s.batch(seg.Batch), sh.State(pos)
		if err := b.judge(st, at); err == errDrawing {
			sc.slow = append(sc.slow, i)
			continue
		} else if err != nil {
			out[i].Err = err
			continue
		}
		if st == shard.Available && !b.reserve(1) {
			sc.slow = append(sc.slow, i)
			continue
		}
		sh.Move(seg, pos, st, shard.Redeemed)
		sc.body = appendRedeem(sc.body, seg.Run, seg.Ordinal(pos), r.User, "")
		sc.burned, sc.from = append(sc.burned, i), append(sc.from, st)
		out[i].Receipt = b.receipt(0, r.User, "", at)
		if len(sc.body) > entryBytes {
			last = s.journalBurned(sc, sh, out, at)
		}
	}
	if len(sc.burned) > 0 {
		last = s.journalBurned(sc, sh, out, at)
	}
	return last
}

// journalBurned appends the records collected in sc and numbers their receipts, or
// takes the moves back if nothing can be appended.
func (s *Store) journalBurned(sc *scratch, sh *shard.Shard, out []Result, at int64) uint64 {
	first, g, err := s.com.append(at, sc.body, len(sc.burned), nil, true)
	for j, i := range sc.burned {
		if err != nil {
			seg := sh.SegmentByIndex(sc.segs[i])
			s.takeBack(sh, seg, uint32(sc.pos[i]), sc.from[j], s.batch(seg.Batch))
			out[i] = Result{Err: err}
			continue
		}
		out[i].Receipt.Number = first + uint64(j)
	}
	sc.burned, sc.from, sc.body = sc.burned[:0], sc.from[:0], sc.body[:0]
	if err == nil {
		sh.Mark = g.n
	}
	return sh.Mark
}

// fillCodes writes the codes of all receipts into one string that they share.
func (s *Store) fillCodes(sc *scratch, out []Result) {
	sc.text, sc.ends = sc.text[:0], sc.ends[:0]
	for i := range out {
		if out[i].Receipt.Number != 0 && out[i].Receipt.Code == "" && sc.shards[i] >= 0 {
			sc.text = appendCanon(sc.text, &sc.keys[i])
		}
		sc.ends = append(sc.ends, int32(len(sc.text)))
	}
	all, from := string(sc.text), int32(0)
	for i, end := range sc.ends {
		if end > from {
			out[i].Receipt.Code = all[from:end]
		}
		from = end
	}
}
