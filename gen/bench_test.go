package gen_test

import (
	"fmt"
	"testing"

	"codepool/gen"
)

const (
	printed = "7KQF-2M9X-T4WC"
	canon12 = "7KQF2M9XT4WC"
)

func BenchmarkAppendCanonical(b *testing.B) {
	for _, bm := range []struct {
		fold gen.Fold
		text string
	}{
		{gen.Crockford, printed},
		{gen.Crockford, " 7kqf-2m9x-t4wc\n"},
		{gen.Upper, "AB12-CD34"},
		{gen.Exact, "aB3xY9"},
	} {
		b.Run("fold="+bm.fold.String()+"/text="+bm.text, func(b *testing.B) {
			buf := make([]byte, 0, gen.MaxCode)
			b.ReportAllocs()
			for b.Loop() {
				gen.AppendCanonical(buf, bm.text, bm.fold)
			}
		})
	}
}

func BenchmarkPackCrockford(b *testing.B) {
	for _, text := range []string{printed, canon12, "7kqf 2m9x t4wc", " " + printed} {
		b.Run("text="+text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				gen.PackCrockford(text)
			}
		})
	}
}

// packTexts has one text of each kind.
var packTexts = []string{canon12, "AB12CD34", "ab12cd34", "1234567890123456", "aB3xY9"}

func BenchmarkPack(b *testing.B) {
	for _, text := range packTexts {
		b.Run("text="+text, func(b *testing.B) {
			canon := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				gen.Pack(canon)
			}
		})
	}
}

func BenchmarkAppendUnpacked(b *testing.B) {
	for _, text := range packTexts {
		b.Run("text="+text, func(b *testing.B) {
			v, _ := gen.Pack([]byte(text))
			buf := make([]byte, 0, gen.MaxCode)
			b.ReportAllocs()
			for b.Loop() {
				gen.AppendUnpacked(buf, v)
			}
		})
	}
}

func BenchmarkFillPacked(b *testing.B) {
	for _, text := range []string{"crockford:12:4", "alnum:8", "digits:16", "alnum-case:10", "crockford:10:0:VX"} {
		b.Run("format="+text, func(b *testing.B) {
			g := newGenerator(b, text)
			dst := make([]uint64, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if err := g.FillPacked(dst); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(dst)), "ns/code")
		})
	}
}

func BenchmarkAppendCode(b *testing.B) {
	g := newGenerator(b, "crockford:16:4")
	buf := make([]byte, 0, gen.MaxCode)
	b.ReportAllocs()
	for b.Loop() {
		g.AppendCode(buf)
	}
}

// newGenerator makes a generator of a format's short form on crypto/rand.
func newGenerator(tb testing.TB, format string) *gen.Generator {
	tb.Helper()
	g, err := gen.NewGenerator(parseFormat(tb, format))
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func parseFormat(tb testing.TB, s string) gen.Format {
	tb.Helper()
	f, err := gen.ParseFormat(s)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func BenchmarkSplit(b *testing.B) {
	for _, policy := range policies {
		for _, n := range []int{10, 100, gen.MaxParts} {
			split := gen.Split{Policy: policy, Total: 100 * int64(n), Count: n}
			if policy == gen.Ratio {
				for i := range n {
					split.Ratios = append(split.Ratios, 50+int64(i%100))
				}
			}
			benchmarkSplit(b, split)
			if policy <= gen.LineCut {
				split.Most = 150
				benchmarkSplit(b, split)
			}
		}
	}
	benchmarkSplit(b, gen.Split{Policy: gen.LineCut, Total: gen.MaxParts * 5 / 4, Count: gen.MaxParts}) // a full line
}

func benchmarkSplit(b *testing.B, split gen.Split) {
	name := fmt.Sprintf("policy=%v/n=%d/total=%d", split.Policy, split.Count, split.Total)
	if split.Most != 0 {
		name += fmt.Sprintf("/most=%d", split.Most)
	}
	b.Run(name, func(b *testing.B) {
		dst := make([]int64, 0, split.Count)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := split.AppendParts(dst); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*split.Count)/b.Elapsed().Seconds()/1e6, "Mparts/s")
	})
}

func BenchmarkCommit(b *testing.B) {
	parts := make([]int64, 10)
	b.ReportAllocs()
	for b.Loop() {
		gen.Commit(gen.Salt{}, parts)
	}
}

var signedLayouts = []struct {
	name   string
	layout gen.Layout
}{
	{"default", gen.DefaultLayout()},
	{"article", gen.ArticleLayout()},
	{"digits", gen.Layout{Class: gen.Digits, Length: 24, PlanBits: 12, SerialBits: 30, TagBits: 36}},
}

func BenchmarkSignedAppend(b *testing.B) {
	for _, bm := range signedLayouts {
		b.Run("layout="+bm.name, func(b *testing.B) {
			s := newSigner(b, bm.layout, signKey(1))
			buf := make([]byte, 0, gen.MaxCode)
			b.ReportAllocs()
			for b.Loop() {
				s.Append(buf, 7, 123_456_789)
			}
		})
	}
}

func BenchmarkSignedOpen(b *testing.B) {
	for _, bm := range signedLayouts {
		for _, keys := range []int{1, 8} {
			s := newSigner(b, bm.layout, signKeys(0, 1, 2, 3, 4, 5, 6, 7)[:keys]...)
			code := sign(b, s, 7, 123_456_789)
			for what, text := range map[string]string{"true": code, "forged": code[1:] + code[:1]} {
				b.Run(fmt.Sprintf("layout=%s/keys=%d/code=%s", bm.name, keys, what), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						s.Open(text)
					}
				})
			}
		}
	}
}

func BenchmarkSignedOpenAll(b *testing.B) {
	for _, bm := range signedLayouts {
		b.Run("layout="+bm.name, func(b *testing.B) {
			s := newSigner(b, bm.layout, signKey(1))
			texts, out := make([]string, 1000), make([]gen.Opening, 1000)
			for i := range texts {
				texts[i] = sign(b, s, 7, uint64(i))
			}
			buf := make([]byte, 0, len(texts)*gen.MaxCode)
			b.ReportAllocs()
			for b.Loop() {
				s.OpenAll(buf, texts, out)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(texts)), "ns/code")
		})
	}
}

func BenchmarkOrderNumber(b *testing.B) {
	c, day := codec(b, 2, 9), date(2026, 11, 26)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		seq := uint64(0)
		for b.Loop() {
			if _, err := c.Number(day, 42, seq%1e9); err != nil {
				b.Fatal(err)
			}
			seq++
		}
	})
	b.Run("many", func(b *testing.B) {
		orders := make([]gen.Order, 1000)
		for i := range orders {
			orders[i] = gen.Order{Day: day, Type: 42, Sequence: uint64(i)}
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Fill(orders); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(orders))*float64(b.N)/b.Elapsed().Seconds(), "numbers/s")
	})
	b.Run("parse", func(b *testing.B) {
		text := c.Text(number(b, c, day, 42, 7))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Parse(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
