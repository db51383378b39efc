package store

import (
	"fmt"

	"codepool/gen"
	"codepool/shard"
)

// maker makes the codes of a batch, a round ahead of who puts them into the pool.
type maker struct {
	s     *Store
	b     *batch
	g     *gen.Generator
	ahead chan made      // nil, or will have the next round
	spare chan *runCodes // whose memory can be used again
}

// made is a round of codes in hash order.
type made struct {
	codes *runCodes
	err   error
}

func (s *Store) newMaker(b *batch) (*maker, error) {
	g, err := gen.NewGenerator(b.Format)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &maker{s: s, b: b, g: g, spare: make(chan *runCodes, 3)}, nil
}

// begin begins to make a round of n codes, if that is any.
func (m *maker) begin(n int64) {
	if n <= 0 {
		return
	}
	ahead := make(chan made, 1)
	m.ahead = ahead
	go func() {
		c, err := m.codes(int(n))
		ahead <- made{c, err}
	}()
}

// next returns the round that was begun, or one of n codes, and begins one of then codes, if
// that is any.
func (m *maker) next(n, then int64) (*runCodes, error) {
	if m.ahead == nil {
		m.begin(n)
	}
	r := <-m.ahead
	m.ahead = nil
	if r.err == nil {
		m.begin(then)
	}
	return r.codes, r.err
}

// stop waits until nothing is made any more.
func (m *maker) stop() {
	if m.ahead != nil {
		<-m.ahead
	}
}

// reuse takes the memory of codes that are written.
func (m *maker) reuse(c *runCodes) {
	if c.keys != nil {
		return
	}
	select {
	case m.spare <- c:
	default:
	}
}

// codes makes n random codes in hash order, besides those that may be of a retired batch; fewer
// only where the namespace is nearly full.
func (m *maker) codes(n int) (*runCodes, error) {
	if !m.b.Format.Packs() {
		return m.wide(n)
	}
	var c *runCodes
	select {
	case c = <-m.spare:
	default:
		c = &runCodes{}
	}
	space := m.b.space.id
	c.from = derivation{Seed: gen.NewSeed(), Made: uint32(n)}
	seen := m.s.retiredIn(space)
	if seen {
		if err := m.makeMore(c, n); err != nil {
			return nil, err
		}
	}
	if err := c.derive(m.b.Format, &c.from, space); err != nil || !seen {
		return c, err
	}
	kept := 0
	for i, h := range c.hashes {
		if !m.s.gate.mayHold(h) {
			c.hashes[kept], c.words[kept] = h, c.words[i]
			kept++
		}
	}
	c.hashes, c.words = c.hashes[:kept], c.words[:kept]
	return c, nil
}

// makeMore has so many codes made of the seed that n of them cannot be of a retired batch.
func (m *maker) makeMore(c *runCodes, n int) error {
	for {
		if err := c.fill(m.b.Format, &c.from); err != nil {
			return err
		}
		unseen := 0
		for i, w := range c.words {
			if m.s.gate.mayHold(shard.HashPacked(m.b.space.id, w)) {
				continue
			}
			if unseen++; unseen == n {
				c.from.Made = uint32(i + 1)
				return nil
			}
		}
		if c.from.Made == maxMade {
			return nil
		}
		made := int64(len(c.words)) // their product is beyond 32 bits
		more := int64(n-unseen) * made / int64(max(unseen, 1))
		c.from.Made = uint32(min(made+more+more/8+8, maxMade))
	}
}

// wide is codes for those that do not pack.
func (m *maker) wide(n int) (*runCodes, error) {
	keys := make([]shard.Key, 0, n)
	seen := m.s.retiredIn(m.b.space.id)
	var buf [gen.MaxCode]byte
	for tries := 0; len(keys) < n && tries < 100*n; tries++ {
		code, err := m.g.AppendCode(buf[:0])
		if err != nil {
			return nil, err
		}
		if k := keyOf(m.b.space.id, code); !seen || !m.s.gate.mayHold(k.Hash) {
			keys = append(keys, k)
		}
	}
	return sortKeys(keys), nil
}
