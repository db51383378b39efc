package store

import (
	"context"
	"fmt"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// VerifyReport is the outcome of Verify.
type VerifyReport struct {
	Batches     int64    `json:"batches"`
	Codes       int64    `json:"codes"`
	Records     int64    `json:"records"`
	Redemptions int64    `json:"redemptions"`
	Upto        uint64   `json:"upto"`     // last ledger number looked at
	Problems    []string `json:"problems"` // at most maxProblems of them
	More        int64    `json:"more,omitempty"`
}

const maxProblems = 100

// OK reports whether nothing was found.
func (r VerifyReport) OK() bool { return len(r.Problems) == 0 }

func (r *VerifyReport) problem(format string, args ...any) {
	if len(r.Problems) >= maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Verify proves the store from disk and against memory, while it is in use:
//
//   - every page, entry, state page and index page has its checksum, every run its
//     count and hash order, the ledger has no gap;
//   - the whole ledger, replayed from its first record, is lawful: no code is drawn
//     twice, redeemed twice or redeemed before its time (I1, I3), unless the first draw
//     was released and the first redemption undone;
//   - its outcome equals the states in memory, the state pages with the ledger behind
//     them, and the counters (I7);
//   - every code is found in memory under its whole text at its own place, and passes
//     the gate (I5, I6);
//   - the shared batches, replayed likewise, give no share twice and none too many, and
//     equal memory;
//   - the index finds the receipts of a sample of redemptions.
//
// It returns an error only when it could not finish; damage is in the report. It
// takes one byte a code while it runs.
func (s *Store) Verify(ctx context.Context) (VerifyReport, error) {
	if s.closed.Load() {
		return VerifyReport{}, ErrClosed
	}
	v := &verifier{s: s, ctx: ctx, terms: map[uint32]terms{}, begun: map[uint64]struct{}{}, held: map[drawnCode]uint64{}, rep: VerifyReport{Problems: []string{}}} // none, not null, in JSON
	if err := v.snapshot(); err != nil {
		return v.rep, err
	}
	v.leases, v.leasesUpto = s.pictureOfLeases(1<<64 - 1)
	v.sharesUpto = s.com.lastRecord()
	v.shares = s.pictureOfShares()
	if err := s.com.waitAll(ctx); err != nil {
		return v.rep, err
	}
	v.durable = s.com.durableRecord.Load()
	err := s.eng.View(func(r journal.Reader) error {
		for _, step := range []func(journal.Reader) error{v.runs, v.pages, v.ledger} {
			if err := step(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return v.rep, err
	}
	v.compare()
	v.compareLeases()
	v.compareShares()
	if err := v.indexPages(); err != nil {
		return v.rep, err
	}
	return v.rep, v.sample()
}

// indexPages checks every page of the live index runs.
func (v *verifier) indexPages() error {
	return v.s.eng.View(func(r journal.Reader) error {
		var inv inventory
		inv.liveIndex = map[uint32]bool{}
		if err := inv.openIndex(r); err != nil {
			return v.damage(err)
		}
		return r.Scan([]byte{keyEntry}, nil, func(key, value []byte) error {
			if len(key) == entryKeyLen || len(key) < 14 || !inv.liveIndex[be32(key[10:])] {
				return nil
			}
			_, err := unseal(key, value)
			return v.damage(err)
		})
	})
}

// verifier holds a picture of memory and what the disk says it should be.
type verifier struct {
	s        *Store
	ctx      context.Context
	rep      VerifyReport
	seen     []uint64          // by shard: last record that its picture holds
	durable  uint64            // last record that the disk must hold
	run      map[uint32]*vrun  // active runs
	terms    map[uint32]terms  // of batches whose terms have changed, so far in the ledger
	some     []record          // redemptions to look up through the index
	complete []*batch          // minted to the end when the picture was taken
	lost     map[uint32]uint64 // runs that memory did not have, by a record that names them

	// The picture of leases in memory has all that began up to leasesFrom and did not end
	// up to leasesUpto.
	leasesFrom, leasesUpto uint64
	leases                 []uint64
	begun                  map[uint64]struct{} // by the ledger, and not ended, up to leasesUpto
	held                   map[drawnCode]uint64

	shares     map[uint64]*sharePicture // in memory, all that were created up to sharesUpto
	sharesUpto uint64
	sharesSeen map[uint64]*sharePicture // by the ledger up to each picture
	sharesNow  map[uint64]*shareReplay  // by the whole ledger
}

// vrun is one run: its states, two in a byte by ordinal.
type vrun struct {
	h      runHeader
	run    *shard.Run // nil if it is only on disk
	memory []byte     // in the picture
	upto   []byte     // by the ledger up to each shard's picture
	whole  []byte     // by the whole ledger
	pages  []byte     // by state pages and the ledger behind the checkpoint
}

func get4(b []byte, o uint32) shard.State     { return shard.State(b[o/2]>>(o&1*4)) & 15 }
func put4(b []byte, o uint32, st shard.State) { b[o/2] = b[o/2]&^(15<<(o&1*4)) | byte(st)<<(o&1*4) }

// snapshot copies the states shard by shard, each with the number of the last
// record that it can hold: records are appended under the shard's lock.
func (v *verifier) snapshot() error {
	s := v.s
	for _, b := range *s.batches.Load() {
		if b != nil && b.complete.Load() && !b.imported { // before the runs: it may be finished in between
			v.complete = append(v.complete, b)
		}
	}
	v.run = map[uint32]*vrun{}
	s.mu.Lock()
	for _, h := range s.mu.runs {
		if h.ID == 0 {
			continue
		}
		if r := s.pool.Run(h.ID); r != nil {
			v.run[h.ID] = &vrun{h: h, run: r, memory: make([]byte, (h.Count+1)/2)}
		} else if s.retiredRun(h.ID) != nil {
			v.run[h.ID] = &vrun{h: h}
		}
	}
	s.mu.Unlock()
	v.leasesFrom = s.com.lastRecord()
	v.seen = make([]uint64, s.pool.Shards())
	for i := range v.seen {
		s.draws.Lock() // no draw is between journal and memory
		sh := s.pool.Lock(i)
		if sh == nil {
			s.draws.Unlock()
			return ErrClosed
		}
		v.seen[i] = s.com.lastRecord()
		sh.Segments(func(g *shard.Segment) bool {
			if r := v.run[g.Run]; r != nil && r.run != nil {
				sh.CopyStates(g, g.First, g.First+g.Len, 0, r.memory)
				v.checkCounts(sh, g)
			}
			return true
		})
		sh.Unlock()
		s.draws.Unlock()
		if v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
	}
	for id, m := range v.run {
		if s.retiredRun(id) != nil { // perhaps while the picture was taken
			m.run, m.memory = nil, nil
		}
	}
	return nil
}

func (v *verifier) checkCounts(sh *shard.Shard, g *shard.Segment) {
	var n [shard.NumStates]uint32
	for p := g.Base; p < g.Base+g.Len; p++ {
		n[sh.State(p)]++
	}
	if n != g.Counts {
		v.rep.problem("memory: counters of run %d in shard %d say %v, its codes %v", g.Run, sh.Index(), g.Counts, n)
	}
}

// damage notes a CorruptError and lets anything else end the verification.
func (v *verifier) damage(err error) error {
	if c, ok := err.(*CorruptError); ok {
		v.rep.problem("%s: %s", c.What, c.Why)
		return nil
	}
	return err
}

// sampleSize is how many redemptions are looked up through the index.
const sampleSize = 256

// ledger replays everything from the first record and checks that it is lawful.
func (v *verifier) ledger(r journal.Reader) error {
	var cp checkpointRecord
	if err := v.damage(cp.load(r)); err != nil {
		return err
	}
	err := eachRecord(r, 1, func(rec *record) error {
		if v.rep.Records++; uint64(v.rep.Records) != rec.number {
			return corrupt(entryKey(rec.number), "records before it are missing")
		}
		if rec.number&0xFFFF == 0 && v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
		switch rec.kind {
		case recRedeem, recConfirm:
			v.rep.Redemptions++
			if rec.kind == recConfirm {
				v.endLease(rec)
			}
			if m := v.run[rec.run]; m != nil && v.s.batch(m.h.Batch).Reusable {
				v.beginLease(rec)
			}
			v.step(rec, rec.run, rec.ordinal, shard.Redeemed, cp.Upto)
			if step := max(v.s.com.durableRecord.Load()/sampleSize, 1); rec.number%step == 0 {
				v.some = append(v.some, record{number: rec.number, run: rec.run, ordinal: rec.ordinal})
			}
		case recRelease, recUndo, recRevoke:
			v.step(rec, rec.run, rec.ordinal, steps[rec.kind].to, cp.Upto)
		case recTerms:
			v.terms[rec.batch] = rec.terms
		case recIssue, recTake, recExport:
			rec.eachDrawn(func(run, ordinal uint32) { v.step(rec, run, ordinal, shard.Issued, cp.Upto) })
		case recLease:
			rec.eachDrawn(func(run, ordinal uint32) { v.step(rec, run, ordinal, shard.Leased, cp.Upto) })
			v.beginLease(rec)
		case recHold:
			v.step(rec, rec.run, rec.ordinal, shard.Held, cp.Upto)
			v.beginLease(rec)
		case recRest:
			v.step(rec, rec.run, rec.ordinal, shard.Leased, cp.Upto)
			v.beginLease(rec)
		case recAcknowledge, recGiveBack, recCancel, recOver, recReturn:
			rec.eachDrawn(func(run, ordinal uint32) { v.step(rec, run, ordinal, rec.to, cp.Upto) })
			v.endLease(rec)
		case recShare, recClaim, recUnclaim, recShareEnd:
			v.share(rec)
		case recRun:
			v.known(rec, rec.run)
			if m := v.run[rec.run]; m != nil && (m.h.Count != rec.count || m.h.Batch != rec.batch) {
				v.rep.problem("ledger: record %d adds run %d with other terms than its header", rec.number, rec.run)
			}
		}
		v.rep.Upto = rec.number
		return nil
	})
	if err := v.damage(err); err != nil {
		return err
	}
	if v.rep.Upto < v.durable {
		v.rep.problem("ledger: it ends at %d, but %d was durable", v.rep.Upto, v.durable)
	}
	if v.rep.Upto < cp.Upto {
		v.rep.problem("ledger: it ends at %d, before the checkpoint at %d", v.rep.Upto, cp.Upto)
	}
	v.checkTokens(&cp)
	return nil
}

// known notes a run that the ledger names and memory does not have: one whose
// mint is not finished yet, or one whose header is lost.
func (v *verifier) known(rec *record, run uint32) {
	if v.s.batchOf(run) == nil && v.lost[run] == 0 {
		if v.lost == nil {
			v.lost = map[uint32]uint64{}
		}
		v.lost[run] = rec.number
	}
}

// step applies one record to one code in all three replays.
func (v *verifier) step(rec *record, run, ordinal uint32, to shard.State, checkpoint uint64) {
	m := v.run[run]
	if m == nil || m.whole == nil {
		v.known(rec, run)
		return // added after the picture, or unreadable and reported
	}
	if ordinal >= m.h.Count {
		v.rep.problem("ledger: record %d names code %d of run %d, which has %d", rec.number, ordinal, run, m.h.Count)
		return
	}
	from := get4(m.whole, ordinal)
	t := v.terms[m.h.Batch]
	lawful := from == shard.Available && !t.Paused && !t.Revoked
	switch rec.kind {
	case recConfirm:
		lawful = from == shard.Held && !t.Paused && !t.Revoked
	case recAcknowledge, recGiveBack:
		lawful = from == shard.Leased && (rec.kind != recAcknowledge || !t.Revoked)
	case recCancel:
		lawful = from == shard.Held
	case recRest:
		lawful = from == shard.Issued && !t.Revoked
	case recReturn:
		lawful = from == shard.Redeemed && v.s.batch(m.h.Batch).Reusable
	case recOver:
		lawful = from == shard.Leased || from == shard.Held
	case recRedeem, recHold:
		lawful = (from == shard.Issued || from == shard.Available && v.s.batch(m.h.Batch).FromStock) && !t.Paused && !t.Revoked
	case recRelease, recUndo, recRevoke:
		lawful = steps[rec.kind].judge(from) == nil && (rec.kind != recRelease || !t.Revoked)
	}
	if !lawful || t.Retired {
		v.rep.problem("ledger: record %d makes code %d of run %d %v, which was %v", rec.number, ordinal, run, to, from)
	}
	if rec.kind == recRevoke || rec.kind == recUndo {
		v.endHold(rec.number, drawnCode{run, ordinal})
	}
	put4(m.whole, ordinal, to)
	if rec.number > checkpoint && rec.overrides(get4(m.pages, ordinal)) {
		put4(m.pages, ordinal, to)
	}
	if m.run != nil && rec.number <= v.seen[m.run.ShardOf(ordinal)] {
		put4(m.upto, ordinal, to)
	}
}

// compare holds the replays against memory and state pages.
func (v *verifier) compare() {
	for id, m := range v.run {
		if m.whole == nil {
			continue
		}
		for o := range m.h.Count {
			if m.memory != nil {
				if mem, led := get4(m.memory, o), get4(m.upto, o); mem != led {
					v.rep.problem("memory: code %d of run %d is %v, by the ledger %v", o, id, mem, led)
				}
			}
			if disk, led := get4(m.pages, o), get4(m.whole, o); disk != led {
				v.rep.problem("state page: code %d of run %d is %v, by the ledger %v", o, id, disk, led)
			}
		}
	}
	for run, number := range v.lost {
		// Staged before live: whoever adds the run makes it live first.
		if !v.s.isStaged(run) && v.s.batchOf(run) == nil {
			v.rep.problem("run %d: record %d names it, but its header is missing", run, number)
		}
	}
	v.compareKept()
	for _, b := range v.complete {
		var minted int64
		for _, m := range v.run {
			if m.h.Batch == uint32(b.ID) {
				minted += int64(m.h.Count)
			}
		}
		if minted != b.Count {
			v.rep.problem("batch %q: it has %d codes, minted were %d", b.Name, minted, b.Count)
		}
	}
}

// compareKept holds the counts that are kept of retired batches against the ledger (I7).
func (v *verifier) compareKept() {
	for _, b := range *v.s.batches.Load() {
		if b == nil || b.kept.Load() == nil {
			continue
		}
		var n [shard.NumStates]int64
		for _, m := range v.run {
			if m.h.Batch != uint32(b.ID) || m.whole == nil {
				continue
			}
			for o := range m.h.Count {
				n[get4(m.whole, o)]++
			}
		}
		if kept := *b.kept.Load(); n != kept {
			v.rep.problem("batch %q: its counters say %v, its codes by the ledger %v", b.Name, kept, n)
		}
	}
}

// sample looks some redemptions up through the index.
func (v *verifier) sample() error {
	for _, want := range v.some {
		numbers, err := v.s.index.findCode(v.ctx, codeHash(want.run, want.ordinal))
		if err != nil {
			if err := v.damage(err); err != nil {
				return err
			}
			continue
		}
		found := false
		for _, n := range numbers {
			found = found || n == want.number
		}
		if !found {
			v.rep.problem("index: it does not find record %d", want.number)
		}
	}
	return nil
}
