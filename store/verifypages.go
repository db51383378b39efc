package store

import (
	"context"

	"codepool/store/internal/journal"
)

// runs checks batches and headers on disk against memory.
func (v *verifier) runs(r journal.Reader) error {
	for _, b := range *v.s.batches.Load() {
		if b != nil {
			v.rep.Batches++
		}
	}
	found := 0
	err := r.Scan([]byte{keyRun}, nil, func(key, value []byte) error {
		h, err := decodeRunHeader(key, value)
		if err != nil {
			return v.damage(err)
		}
		if m := v.run[h.ID]; m != nil {
			found++
			if m.h != h {
				v.rep.problem("run %d: header on disk differs from memory", h.ID)
			}
		}
		return nil
	})
	if err == nil && found != len(v.run) {
		v.rep.problem("%d of %d runs have no readable header", len(v.run)-found, len(v.run))
	}
	return err
}

// pages checks every code page against memory and gate and reads the state pages.
func (v *verifier) pages(r journal.Reader) error {
	for id, m := range v.run {
		if v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
		b := v.s.batch(m.h.Batch)
		initial := make([]byte, (m.h.Count+1)/2)
		for i := range initial {
			initial[i] = byte(m.h.Initial) * 0x11
		}
		m.upto, m.whole, m.pages = initial, append([]byte(nil), initial...), append([]byte(nil), initial...)
		states, _, err := readStates(r, m.h)
		if err := v.damage(err); err != nil {
			return err
		}
		if states != nil {
			m.pages = states
		}
		if m.h.Computed {
			if err := v.findComputed(m, b); err != nil {
				return err
			}
			continue
		}
		var codes *runCodes
		if m.run != nil {
			codes, err = readCodes(r, m.h, b)
		} else { // retired: its pages are all there is
			codes, err = readPages(r, m.h, b.space.id)
		}
		if err != nil {
			if err := v.damage(err); err != nil {
				return err
			}
			continue
		}
		if err := v.find(id, m, codes, b.space.id); err != nil {
			return err
		}
	}
	return nil
}

// find looks every code of a run up as a request would.
func (v *verifier) find(id uint32, m *vrun, codes *runCodes, space uint32) error {
	n := codes.len()
	v.rep.Codes += int64(n)
	if m.run == nil {
		v.findRetired(id, codes)
		return nil
	}
	for o := 0; o < n; {
		i := m.run.ShardOf(uint32(o))
		_, end := m.run.Range(i)
		sh := v.s.pool.Lock(i)
		if sh == nil {
			return ErrClosed
		}
		for ; o < int(end); o++ {
			k := codes.key(o, space)
			if !v.s.gate.mayHold(k.Hash) {
				v.rep.problem("gate: code %d of run %d is refused", o, id)
			}
			pos, seg, ok := sh.Find(&k)
			if !ok && v.s.retiredRun(id) != nil { // just now
				sh.Unlock()
				v.findRetired(id, codes)
				return nil
			}
			if !ok || seg.Run != id || seg.Ordinal(pos) != uint32(o) {
				v.rep.problem("memory: code %d of run %d is not at its place", o, id)
			}
		}
		sh.Unlock()
	}
	return nil
}

// findRetired checks that the registry leads to the codes of a run, and the gate lets them
// through.
func (v *verifier) findRetired(id uint32, codes *runCodes) {
	firsts := v.s.retiredRun(id).firsts
	for o := range codes.len() {
		if !v.s.gate.mayHold(codes.hash(o)) {
			v.rep.problem("gate: code %d of run %d, which is retired, is refused", o, id)
		}
		if o%pageCodes == 0 && (o/pageCodes >= len(firsts) || firsts[o/pageCodes] != codes.hash(o)) {
			v.rep.problem("registry: page %d of run %d is not at its place", o/pageCodes, id)
		}
	}
}
