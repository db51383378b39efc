package store

import (
	"context"
	"encoding/binary"
	"slices"

	"codepool/gen"
)

// A run that was minted need not be written: its codes come of a seed, and an opening makes
// them again. Its header has the seed, how many codes were made of it, and which of
// them were left out because they existed. The sum of the pages that the codes would have
// filled stands in the header as that of any run does: it proves that they are the same.
//
// When the batch is retired its pages are written, for then its codes are looked for on disk.

// derivation is how a run's codes come of a seed; the zero derivation says that they do not.
type derivation struct {
	Seed gen.Seed
	Made uint32 // codes that are made of it
	// Without are the places, in hash order, of those that are left out: ascending
	// uvarint differences, from -1 on. A string, so that headers can be compared.
	Without string
}

const (
	// maxWithout is how many bytes of a header say which codes are left out; if there are
	// more the run is written.
	maxWithout = 32 << 10
	maxMade    = 2*mintRound - 1 // codes of one seed
)

// derive makes the codes of a seed, in hash order, in the memory that c has.
func (c *runCodes) derive(f gen.Format, d *derivation, space uint32) error {
	if err := c.fill(f, d); err != nil {
		return err
	}
	c.sort(space)
	return nil
}

// fill makes the codes of a seed. Those that come first do not depend on how many are made.
func (c *runCodes) fill(f gen.Format, d *derivation) error {
	g, err := gen.NewSeededGenerator(f, d.Seed)
	if err != nil {
		return err
	}
	n := int(d.Made)
	if cap(c.words) < n {
		c.hashes, c.words = make([]uint64, n), make([]uint64, n)
	}
	c.hashes, c.words = c.hashes[:n], c.words[:n]
	return g.FillPacked(c.words)
}

// leaveOut takes codes out, and reports whether there are such.
func (c *runCodes) leaveOut(without string) bool {
	d := decoder{b: []byte(without)}
	kept, from := 0, uint64(0)
	keep := func(end uint64) {
		copy(c.words[kept:], c.words[from:end])
		kept += copy(c.hashes[kept:], c.hashes[from:end])
		from = end + 1
	}
	for len(d.b) > 0 {
		step := d.uvarint()
		if d.bad || step == 0 || step > uint64(len(c.words))-from {
			return false
		}
		keep(from + step - 1)
	}
	keep(uint64(len(c.words)))
	c.hashes, c.words = c.hashes[:kept], c.words[:kept]
	return true
}

// noteLeftOut notes which of the codes that were made are not there any more. If that is too
// much for a header, the codes are no longer those of the seed.
func (c *runCodes) noteLeftOut(f gen.Format, space uint32) error {
	if len(c.words) == int(c.from.Made) {
		return nil
	}
	var all runCodes
	if err := all.derive(f, &c.from, space); err != nil {
		return err
	}
	var out []byte
	kept, last := 0, -1
	for i, w := range all.words {
		if kept < len(c.words) && c.words[kept] == w {
			kept++
			continue
		}
		out = binary.AppendUvarint(out, uint64(i-last))
		last = i
	}
	if c.from.Without = string(out); len(out) > maxWithout {
		c.from = derivation{}
	}
	return nil
}

// deriveCodes makes the codes of a run again, and checks that they are the same.
func deriveCodes(h runHeader, b *batch) (*runCodes, error) {
	key := key1(keyRun, h.ID)
	if !b.Format.Packs() {
		return nil, corrupt(key, "its codes cannot come of a seed")
	}
	c := &runCodes{}
	if err := c.derive(b.Format, &h.From, b.space.id); err != nil {
		return nil, corrupt(key, err.Error())
	}
	if !c.leaveOut(h.From.Without) || c.len() != int(h.Count) || c.sum(h.ID) != h.Codes {
		return nil, corrupt(key, "its codes are not those that it was written with")
	}
	return c, nil
}

// sum returns the sum of the shares of the pages that the codes fill.
func (c *runCodes) sum(run uint32) (sum uint64) {
	var page []byte
	for i := range c.numPages() {
		k := key2(keyCodes, run, uint32(i))
		page = c.appendPage(append(page[:0], 0, 0, 0, 0), i)
		sealInPlace(k, page)
		sum += shareOf(k, sumOf(page))
	}
	return sum
}

// writeDerived writes the pages of those runs of a batch that come of seeds, as their codes
// are only on disk from its retirement on. It refuses a batch that may not be retired then.
// REQUIRES: adding.
func (s *Store) writeDerived(ctx context.Context, b *batch, at int64) error {
	runs := slices.DeleteFunc(s.runsOf(b, 1), func(h runHeader) bool { return !h.derived() })
	if len(runs) == 0 {
		return nil
	}
	s.draws.Lock()
	err := s.mayRetire(b, at)
	s.draws.Unlock()
	if err != nil {
		return err
	}
	for _, h := range runs {
		codes, err := deriveCodes(h, b)
		if err != nil {
			return err
		}
		if _, err := s.writePages(ctx, codes, h.ID); err != nil {
			return err
		}
	}
	return nil
}
