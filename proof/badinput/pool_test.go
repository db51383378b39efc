package badinput

import (
	"errors"
	"math"
	"strings"

	"codepool/shard"
)

func newPool(n int) func(*world) error {
	return func(w *world) error {
		p, err := shard.New(n)
		if p != nil {
			w.fault("a pool of %d shards was made", n)
			p.Close()
		}
		return err
	}
}

// inPool calls f with a pool of 4 shards that holds the packed code 7 in run 1, batch 1,
// in stock.
func inPool(f func(w *world, p *shard.Pool, k shard.Key) error) func(*world) error {
	return func(w *world) error {
		p, err := shard.New(4)
		if err != nil {
			return errors.New("no pool")
		}
		defer p.Close()
		k := shard.PackedKey(0, 7)
		r := p.NewRun(1, 1, 0)
		if n, err := r.AddPacked([]uint64{k.Hash}, []uint64{k.Word}); n != 1 || err != nil || !r.Activate(shard.Available, nil) {
			return errors.New("no run")
		}
		return f(w, p, k)
	}
}

// inShard is inPool with the shard of the code held.
func inShard(f func(w *world, s *shard.Shard, k shard.Key) error) func(*world) error {
	return inPool(func(w *world, p *shard.Pool, k shard.Key) error {
		s := p.Lock(p.Route(k.Hash))
		defer s.Unlock()
		return f(w, s, k)
	})
}

func find(k shard.Key) func(*world) error {
	return inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		s := p.Lock(p.Route(k.Hash))
		defer s.Unlock()
		_, _, ok := s.Find(&k)
		return no(ok)
	})
}

var poolCases = []apiCase{
	{"no shards", newPool(0), errAny, "shard: 0 shards … power of two from 1 to 65536"},
	{"shards below zero", newPool(-1), errAny, "-1 shards"},
	{"three shards", newPool(3), errAny, "3 shards"},
	{"one less than a power of two", newPool(65535), errAny, "65535"},
	{"one more than the most", newPool(shard.MaxShards + 1), errAny, "65537"},
	{"the next power of two", newPool(2 * shard.MaxShards), errAny, "131072"},
	{"the least number", newPool(math.MinInt), errAny, "want a power of two"},
	{"the greatest number", newPool(math.MaxInt), errAny, "want a power of two"},

	{"a word that is no packed code", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		_, err := p.NewRun(2, 1, 0).AddPacked([]uint64{1}, []uint64{shard.WideMark})
		return err
	}), errAny, "is not a packed code"},
	{"codes of a run out of order", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		_, err := p.NewRun(2, 1, 0).AddPacked([]uint64{1 << 63, 1}, []uint64{8, 9})
		return err
	}), errAny, "in the order of their hashes"},
	{"keys of a run out of order", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		_, err := p.NewRun(2, 1, 0).AddKeys([]shard.Key{{Hash: 1 << 63, Word: 8}, {Hash: 1, Word: 9}})
		return err
	}), errAny, "in the order of their hashes"},
	{"a wide code of 256 bytes", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		_, err := p.NewRun(2, 1, 0).AddKeys([]shard.Key{shard.WideKey(0, strings.Repeat("w", 256))})
		return err
	}), errAny, "256 bytes"},
	{"more codes than positions", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		return p.Reserve(math.MaxInt / 2)
	}), shard.ErrFull, "use more shards"},
	{"a code twice", inPool(func(_ *world, p *shard.Pool, k shard.Key) error {
		n, err := p.NewRun(2, 1, 0).AddPacked([]uint64{k.Hash}, []uint64{k.Word})
		return errors.Join(err, no(n > 0))
	}), errNo, ""},

	{"adding to a closed pool", inPool(func(_ *world, p *shard.Pool, k shard.Key) error {
		r := p.NewRun(2, 1, 0)
		p.Close()
		_, err := r.AddPacked([]uint64{1}, []uint64{9})
		return err
	}), errAny, "closed"},
	{"reserving in a closed pool", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		p.Close()
		return p.Reserve(1)
	}), errAny, "closed"},
	{"locking a closed pool", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		p.Close()
		return no(p.Lock(0) != nil)
	}), errNo, ""},
	{"activating in a closed pool", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		r := p.NewRun(2, 1, 0)
		_, _ = r.AddPacked([]uint64{1}, []uint64{9})
		p.Close()
		return no(r.Activate(shard.Available, nil))
	}), errNo, ""},
	{"a run that is unknown", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error { return no(p.Run(2) != nil) }), errNo, ""},
	{"run 0", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error { return no(p.Run(0) != nil) }), errNo, ""},
	{"an ordinal behind the last", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error { return no(p.Run(1).ShardOf(1) >= 0) }), errNo, ""},
	{"the stock of an unknown batch", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error { return no(p.Available(9) > 0) }), errNo, ""},

	{"the zero key", find(shard.Key{}), errNo, ""},
	{"another code", find(shard.PackedKey(0, 8)), errNo, ""},
	{"the code in another namespace", find(shard.PackedKey(1, 7)), errNo, ""},
	{"the code's hash with another word", find(shard.Key{Hash: shard.PackedKey(0, 7).Hash, Word: 8}), errNo, ""},
	{"a segment of an unknown run", inShard(func(_ *world, s *shard.Shard, _ shard.Key) error { return no(s.SegmentOf(2) != nil) }), errNo, ""},
	{"a draw from an unknown batch", inShard(func(_ *world, s *shard.Shard, _ shard.Key) error {
		return no(s.Draw(9, 1, shard.Issued, func(*shard.Segment, uint32) {}) > 0)
	}), errNo, ""},
	{"a draw of nothing", inShard(func(_ *world, s *shard.Shard, _ shard.Key) error {
		return no(s.Draw(1, 0, shard.Issued, func(*shard.Segment, uint32) {}) > 0)
	}), errNo, ""},
	{"a move from a state it is not in", inShard(func(w *world, s *shard.Shard, k shard.Key) error {
		pos, seg, _ := s.Find(&k)
		moved := s.Move(seg, pos, shard.Issued, shard.Redeemed)
		if s.State(pos) != shard.Available {
			w.fault("the code is %v", s.State(pos))
		}
		return no(moved)
	}), errNo, ""},
}
