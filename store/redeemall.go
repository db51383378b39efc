package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
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

// yieldEvery is how many codes are decided between two offers of the processor during a
// sync: the committer that comes back from it would otherwise wait for the end of the
// call, and the disk with it.
const yieldEvery = 256

// doubt withdraws the answers whose durability is not known.
func (s *Store) doubt(out []Result, err error) {
	durable := s.com.durableRecord.Load()
	for i := range out {
		r := &out[i]
		if r.Err == nil && r.Receipt.Number <= durable || certain(r.Err) {
			continue
		}
		r.Receipt, r.Err = Receipt{}, err
	}
}

// certain reports whether a refusal stands whatever becomes of the disk: nothing that may
// yet be lost was looked at, or nothing was done.
func certain(err error) bool {
	return errors.Is(err, ErrUnknownCode) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrFailed) || errors.Is(err, ErrClosed)
}

// scratch is the working memory for up to entryRecords requests that are decided together.
type scratch struct {
	keys      []shard.Key
	shards    []int32 // by request: shard, or notHere
	res       []outcome
	order     []int32 // indexes of requests, grouped by shard
	start     []int32 // by shard: first place in order
	pos, segs []int32
	burned    []int32 // requests of the present shard whose codes were moved, with their old states
	from      []shard.State
	slow      []int32 // requests with several forms
	put       []int32 // positions in the present shard of codes whose entries are put off, and so are later ones
	late      []int32 // requests that are decided by themselves, behind the others of their shard
	views     []keyView
	keyed     bool // a request has a key
	signed    openings
	claims    claims
	body      []byte
	buf       []byte
	ends      []int32
}

// notHere stands for the shard of a request that is not decided with the others.
const notHere = -1

// outcome is the answer to one request: a redemption if err is nil.
type outcome struct {
	b      *batch
	number uint64
	err    error
	again  bool // ask again: another request with the same key came first, or a draw is at work
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// size makes room for n requests. Keys and views stay as they are.
func (sc *scratch) size(n, shards int) {
	if cap(sc.keys) < n {
		sc.keys, sc.order, sc.shards = make([]shard.Key, n), make([]int32, n), make([]int32, n)
		sc.pos, sc.segs = make([]int32, n), make([]int32, n)
		sc.res = make([]outcome, n)
	}
	sc.keys, sc.order, sc.shards = sc.keys[:n], sc.order[:n], sc.shards[:n]
	sc.pos, sc.segs, sc.res = sc.pos[:n], sc.segs[:n], sc.res[:n]
	if cap(sc.start) < shards+1 {
		sc.start = make([]int32, shards+1)
	}
	sc.start = sc.start[:shards+1]
	sc.slow = sc.slow[:0]
}

// group orders the requests by shard.
func (sc *scratch) group() {
	clear(sc.start)
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

// texts writes the codes of all redemptions, but of wide ones, into one string that they
// share.
func (sc *scratch) texts() string {
	sc.buf, sc.ends = sc.buf[:0], sc.ends[:0]
	for i := range sc.res {
		if sc.shards[i] >= 0 && sc.res[i].err == nil && !sc.res[i].again && sc.keys[i].Word < shard.WideMark {
			sc.buf = appendCanon(sc.buf, &sc.keys[i])
		}
		sc.ends = append(sc.ends, int32(len(sc.buf)))
	}
	return string(sc.buf)
}

// text is the code of request i in what texts returned.
func (sc *scratch) text(all string, i int) string {
	if sc.keys[i].Word >= shard.WideMark {
		return sc.keys[i].Wide
	}
	if i == 0 {
		return all[:sc.ends[0]]
	}
	return all[sc.ends[i-1]:sc.ends[i]]
}

// redeemPart decides up to entryRecords redemptions and returns the number of the
// last group that one of the answers waits for.
func (s *Store) redeemPart(ctx context.Context, sc *scratch, rs []Redemption, out []Result) (last uint64) {
	err := s.com.admit(ctx)
	if s.closed.Load() {
		err = ErrClosed
	}
	if err != nil {
		for i := range out {
			out[i].Err = err
		}
		return 0
	}
	at := s.now()
	sc.size(len(rs), s.pool.Shards())
	s.lookUpAll(ctx, sc, rs, out)
	last = s.burnLong(sc, rs, at)
	if last > 0 {
		kick(s.com.work)
	}
	codes, when := sc.texts(), instant(at)
	for i := range out {
		v, r := &sc.res[i], &rs[i]
		switch {
		case sc.shards[i] < 0: // answered in lookUpAll, or slow
		case v.again:
			sc.slow = append(sc.slow, int32(i))
		case v.err != nil:
			out[i].Err = v.err
		default:
			v.b.fill(&out[i].Receipt, v.number, r, when)
			out[i].Receipt.Code = sc.text(codes, i)
		}
	}
	for _, i := range sc.slow {
		last = max(last, s.redeemSlow(ctx, &rs[i], &out[i], at))
	}
	if s.shares.some.Load() {
		last = max(last, s.claimUnknown(ctx, rs, out, at))
	}
	s.explainAll(rs, out)
	return last
}

// burnLong is burnEach for a call with many records, which the committer lets finish.
func (s *Store) burnLong(sc *scratch, rs []Redemption, at int64) uint64 {
	s.com.begin()
	defer s.com.finished()
	return s.burnEach(sc, rs, at)
}

// burnEach decides the requests in sc, shard by shard, and returns the number of the
// last group that one of the answers waits for. It does not wake the committer.
func (s *Store) burnEach(sc *scratch, rs []Redemption, at int64) (last uint64) {
	sc.group()
	decided, shards := 0, s.pool.Shards()
	from := 0 // where the first code is: calls beside each other begin in different places
	if len(sc.shards) > 0 {
		from = int(max(sc.shards[0], 0))
	}
	for i := range shards {
		sh := (from + i) & (shards - 1)
		idx := sc.order[sc.start[sh]:sc.start[sh+1]]
		if len(idx) == 0 {
			continue
		}
		last = max(last, s.burnAll(sc, sh, idx, rs, at))
		if decided += len(idx); decided >= yieldEvery {
			decided = 0
			runtime.Gosched()
		}
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
	var user userView
	for {
		var seen keyView
		if r.Key != "" {
			known, err := s.retriedRedeem(ctx, *r, f, &seen)
			if known != nil || err != nil {
				out.Err = known.put(&out.Receipt, err)
				return 0
			}
		}
		v := s.burn(r, &f, at, &seen, &user)
		if v.again {
			if out.Err = s.prepare(ctx, &v, r.User, &user); out.Err != nil {
				return 0
			}
			continue
		}
		if v.group == nil {
			out.Err = v.err
			return v.mark
		}
		v.receipt(r, &f.keys[v.form], at, &out.Receipt)
		return v.group.n
	}
}

// lookUpAll finds each code's key and shard.
func (s *Store) lookUpAll(ctx context.Context, sc *scratch, rs []Redemption, out []Result) {
	var f forms
	sc.keyed = false
	signed := s.signs.Load() && s.openAll(&sc.signed, sc.keys, rs)
	for i := range rs {
		sc.shards[i] = notHere
		if err := checkRedemption(&rs[i]); err != nil {
			out[i].Err = err
			continue
		}
		if signed && sc.signed.found[i] {
			sc.keyed = sc.keyed || rs[i].Key != ""
			sc.shards[i] = int32(s.pool.Route(sc.keys[i].Hash))
			continue
		}
		// Through the gate only before a key is looked up: otherwise it would cost a cache
		// miss to save one that FindAll overlaps with others, and many codes share the lock.
		if !s.resolve(rs[i].Namespace, rs[i].Code, &f) || rs[i].Key != "" && !s.passGate(&f) {
			out[i].Err = ErrUnknownCode
			continue
		}
		if rs[i].Key != "" {
			if f.n > 1 { // any of the forms may be what the key's first request meant
				var seen keyView
				known, err := s.retriedRedeem(ctx, rs[i], f, &seen)
				if known != nil || err != nil {
					out[i].Err = known.put(&out[i].Receipt, err)
					continue
				}
			}
			sc.keyed = true
		}
		if f.n > 1 && s.retired.Load() != nil {
			if out[i].Err = s.chooseForm(&f); out[i].Err != nil {
				continue
			}
		}
		sc.keys[i] = *s.pick(&f)
		sc.shards[i] = int32(s.pool.Route(sc.keys[i].Hash))
	}
	if sc.keyed {
		s.lookUpKeys(ctx, sc, rs, out)
	}
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
		known, err := s.retriedRedeem(ctx, rs[i], f, &sc.views[i])
		if known != nil || err != nil {
			out[i].Err = known.put(&out[i].Receipt, err)
			sc.shards[i] = notHere
		}
	}
}

// burnAll decides the redemptions idx, all of shard sh, and journals those that happen in
// few pieces.
func (s *Store) burnAll(sc *scratch, index int, idx []int32, rs []Redemption, at int64) (last uint64) {
	sh := s.pool.Lock(index)
	if sh == nil {
		for _, i := range idx {
			sc.res[i] = outcome{err: ErrClosed}
		}
		return 0
	}
	defer sh.Unlock()
	sh.FindAll(sc.keys, idx, sc.pos, sc.segs)
	sc.put = sc.put[:0]
	if s.limits.Load() {
		return s.burnClaimed(sc, sh, idx, rs, at)
	}
	return s.burnPart(sc, sh, idx, rs, at)
}

// burnPart decides the redemptions idx of burnAll, and journals as one piece those that need
// no claim of key or user, or whose users are claimed (limitall.go).
func (s *Store) burnPart(sc *scratch, sh *shard.Shard, idx []int32, rs []Redemption, at int64) (last uint64) {
	sc.burned, sc.from, sc.body = sc.burned[:0], sc.from[:0], sc.body[:0]
	last = sh.Mark
	for _, i := range idx {
		if sc.pos[i] < 0 {
			if sc.res[i] = (outcome{err: ErrUnknownCode}); s.mayBeRetired(&sc.keys[i]) {
				sc.res[i] = outcome{again: true} // by itself: the disk must be asked
			}
			continue
		}
		pos, seg, r := uint32(sc.pos[i]), sh.SegmentByIndex(sc.segs[i]), &rs[i]
		if slices.Contains(sc.put, sc.pos[i]) {
			sc.res[i] = outcome{again: true}
			continue
		}
		b := s.batch(seg.Batch)
		if r.Key != "" || b.Reusable || b.PerUser > 0 && !sc.claims.all {
			last = max(last, s.burnOne(sc, sh, i, r, at))
			continue
		}
		st := sh.State(pos)
		err := b.judge(st, at)
		if err == nil && b.PerUser > 0 {
			switch err = s.mayTake(sc, b, i, r.User); err {
			case errPieceFirst:
				last = s.journalBurned(sc, sh, idx, at)
				err = s.mayTake(sc, b, i, r.User)
			case errUnclaimed: // some other caller is about to decide about that user
				sc.late, sc.put = append(sc.late, i), append(sc.put, sc.pos[i])
				continue
			}
		}
		if err == errAgain || err == errLook || err == nil && st == shard.Available && !b.reserve(1) {
			sc.res[i] = outcome{again: true}
			sc.put = append(sc.put, sc.pos[i])
			continue
		} else if err != nil {
			sc.res[i] = outcome{err: err}
			continue
		}
		sh.Move(seg, pos, st, shard.Redeemed)
		sc.body = appendRedeem(sc.body, seg.Run, seg.Ordinal(pos), r.User, "")
		sc.burned, sc.from = append(sc.burned, i), append(sc.from, st)
		sc.res[i] = outcome{b: b}
		if len(sc.body) > entryBytes {
			last = s.journalBurned(sc, sh, idx, at)
		}
	}
	if len(sc.burned) > 0 {
		last = s.journalBurned(sc, sh, idx, at)
	}
	return last
}

// burnOne decides a redemption of burnAll that is a piece by itself, so that key and user
// are claimed until they are noted.
func (s *Store) burnOne(sc *scratch, sh *shard.Shard, i int32, r *Redemption, at int64) uint64 {
	seg := sh.SegmentByIndex(sc.segs[i])
	var seen *keyView
	if r.Key != "" {
		seen = &sc.views[i]
	}
	var user userView
	if s.batch(seg.Batch).PerUser > 0 {
		user.hash = sc.claims.hashes[i]
	}
	v := s.burnLocked(sh, seg, uint32(sc.pos[i]), r, at, seen, &user, true)
	sc.res[i] = outcome{b: v.b, number: v.number, err: v.err, again: v.again}
	if v.again {
		sc.put = append(sc.put, sc.pos[i])
	}
	return sh.Mark
}

// journalBurned appends the records collected in sc and numbers them, or takes the
// moves back if nothing can be appended.
func (s *Store) journalBurned(sc *scratch, sh *shard.Shard, idx []int32, at int64) uint64 {
	first, g, err := s.com.append(at, sc.body, len(sc.burned), nil, true)
	for j, i := range sc.burned {
		if err != nil {
			seg := sh.SegmentByIndex(sc.segs[i])
			s.takeBack(sh, seg, uint32(sc.pos[i]), sc.from[j], s.batch(seg.Batch))
			continue
		}
		sc.res[i].number = first + uint64(j)
		if sc.claims.all {
			s.noteUser(sc, i, first+uint64(j))
		}
		if sc.from[j] == shard.Available {
			s.batch(sh.SegmentByIndex(sc.segs[i]).Batch).taken(1)
		}
	}
	sc.burned, sc.from, sc.body = sc.burned[:0], sc.from[:0], sc.body[:0]
	sc.claims.open = sc.claims.open[:0]
	if err == nil {
		sh.Mark = g.n
		return sh.Mark
	}
	// Those that were taken back, and those that were refused because of them.
	for _, i := range idx {
		if sc.res[i].number == 0 {
			sc.res[i] = outcome{err: err}
		}
	}
	return sh.Mark
}
