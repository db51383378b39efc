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

// next returns the round that was begun by the call before it, or one of n codes, and begins
// one of then codes, if that is any.
func (m *maker) next(n, then int64) (*runCodes, error) {
	var r made
	if m.ahead != nil {
		r = <-m.ahead
		m.ahead = nil
	} else {
		r.codes, r.err = m.codes(int(n))
	}
	if r.err == nil && then > 0 {
		ahead := make(chan made, 1)
		m.ahead = ahead
		go func() {
			c, err := m.codes(int(then))
			ahead <- made{c, err}
		}()
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

// codes makes n random codes in hash order.
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
	if cap(c.words) < n {
		c.hashes, c.words = make([]uint64, n), make([]uint64, n)
	}
	words, space := c.words[:n], m.b.space.id
	n, err := m.s.unseen(m.b.space.id, n, func(i int) error { return m.g.FillPacked(words[i:]) },
		func(i int) uint64 { return shard.HashPacked(space, words[i]) }, func(to, from int) { words[to] = words[from] })
	c.hashes, c.words = c.hashes[:n], words[:n]
	c.sort(space)
	return c, err
}

func (m *maker) wide(n int) (*runCodes, error) {
	keys := make([]shard.Key, n)
	var buf [gen.MaxCode]byte
	n, err := m.s.unseen(m.b.space.id, n, func(i int) error {
		for ; i < len(keys); i++ {
			code, err := m.g.AppendCode(buf[:0])
			if err != nil {
				return err
			}
			keys[i] = keyOf(m.b.space.id, code)
		}
		return nil
	}, func(i int) uint64 { return keys[i].Hash }, func(to, from int) { keys[to] = keys[from] })
	return sortKeys(keys[:n]), err
}
