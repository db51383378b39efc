package gen_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"codepool/gen"
)

func TestNamedLayouts(t *testing.T) {
	for _, tt := range []struct {
		layout   gen.Layout
		alphabet string
		format   string
		json     string
		odds     float64
	}{
		{
			gen.DefaultLayout(), crockford, "crockford:16:4",
			`{"class":"crockford","length":16,"group":4,"plan_bits":16,"serial_bits":30,"tag_bits":34}`,
			1 / 17_179_869_184.0,
		},
		{
			gen.ArticleLayout(), "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "alnum-60:10",
			`{"class":"alnum-60","length":10,"plan_bits":15,"serial_bits":30,"tag_bits":13}`,
			1 / 8192.0,
		},
	} {
		l := tt.layout
		if err := l.Validate(); err != nil || l.Class.Alphabet() != tt.alphabet || l.Format().String() != tt.format {
			t.Errorf("%+v: %v, format %v, alphabet %s", l, err, l.Format(), l.Class.Alphabet())
		}
		text, err := json.Marshal(l)
		var back gen.Layout
		if err != nil || string(text) != tt.json || json.Unmarshal(text, &back) != nil || back != l {
			t.Errorf("%+v is %s, %v, and back %+v", l, text, err, back)
		}
		for keys, times := range map[int]float64{-1: 0, 0: 0, 1: 1, 3: 3, 8: 8} {
			if got := l.ForgeryOdds(keys); got != times*tt.odds {
				t.Errorf("%+v: odds with %d keys are %v, want %v", l, keys, got, times*tt.odds)
			}
		}
		if got := l.ForgeryOdds(math.MaxInt); got > 1 {
			t.Errorf("%+v: odds of %v", l, got)
		}
		l.KeyBits = 3 // a guess has one id
		if l.ForgeryOdds(0) != 0 || l.ForgeryOdds(1) != tt.odds || l.ForgeryOdds(8) != tt.odds {
			t.Errorf("%+v: odds of %v with 8 keys", l, l.ForgeryOdds(8))
		}
	}
}

func TestLayoutValidate(t *testing.T) {
	base := func(change func(l *gen.Layout)) gen.Layout {
		l := gen.DefaultLayout()
		change(&l)
		return l
	}
	for _, tt := range []struct {
		layout gen.Layout
		says   []string // one per violation
	}{
		{base(func(l *gen.Layout) { l.PlanBits, l.SerialBits = 0, 46 }), nil},
		{base(func(l *gen.Layout) { l.PlanBits, l.SerialBits, l.TagBits = 8, 64-8, 16 }), nil},
		{base(func(l *gen.Layout) { l.KeyBits, l.TagBits = 26, 8 }), nil},
		{base(func(l *gen.Layout) { l.TagBits = 30 }), nil}, // 76 bits need 16 characters, too
		{base(func(l *gen.Layout) { l.Length, l.KeyBits, l.SerialBits, l.TagBits = 26, 32, 16, 64 }), nil},

		{base(func(l *gen.Layout) { l.Class = gen.Any }), []string{"class any has no alphabet"}},
		{base(func(l *gen.Layout) { l.Class, l.Length = gen.Any, 0 }), []string{"class any has no alphabet"}},
		{base(func(l *gen.Layout) { l.Class, l.Group = 99, 0 }), []string{"unknown class 99"}},
		{base(func(l *gen.Layout) { l.Length = 0 }), []string{"length 0"}},
		{base(func(l *gen.Layout) { l.Length = -1 }), []string{"length -1"}},
		{base(func(l *gen.Layout) { l.Length = 65 }), []string{"64 in all"}},
		{base(func(l *gen.Layout) { l.Group = -1 }), []string{"group -1"}},
		{base(func(l *gen.Layout) { l.Prefix = "VIP" }), []string{`read as "V1P"`}},
		{base(func(l *gen.Layout) { l.Class = gen.Alnum60 }), []string{"keeps hyphens"}},
		{base(func(l *gen.Layout) { l.PlanBits = -1 }), []string{"-1 bits of plan: write 0 to 32"}},
		{base(func(l *gen.Layout) { l.PlanBits = 33 }), []string{"33 bits of plan: write 0 to 32"}},
		{base(func(l *gen.Layout) { l.PlanBits = math.MinInt }), []string{"bits of plan: write"}},
		{base(func(l *gen.Layout) { l.SerialBits = 0 }), []string{"0 bits of serial: write 1 to 64"}},
		{base(func(l *gen.Layout) { l.SerialBits = 65 }), []string{"65 bits of serial: write 1 to 64"}},
		{base(func(l *gen.Layout) { l.SerialBits = math.MaxInt }), []string{"bits of serial: write"}},
		{base(func(l *gen.Layout) { l.SerialBits = 49 }), []string{"16 bits of plan and 49 of serial: write at most 64"}},
		{base(func(l *gen.Layout) { l.KeyBits = -1 }), []string{"-1 bits of key id: write 0 to 32"}},
		{base(func(l *gen.Layout) { l.KeyBits = 33 }), []string{"33 bits of key id: write 0 to 32"}},
		{base(func(l *gen.Layout) { l.TagBits = 7 }), []string{"7 bits of tag: write 8 to 64"}},
		{base(func(l *gen.Layout) { l.TagBits = 65 }), []string{"65 bits of tag: write 8 to 64"}},
		{base(func(l *gen.Layout) { l.TagBits = math.MaxInt }), []string{"bits of tag: write"}},
		{base(func(l *gen.Layout) { l.KeyBits, l.SerialBits, l.TagBits = 32, 17, 64 }), []string{"129 bits in all: write at most 128"}},
		{base(func(l *gen.Layout) { l.TagBits = 35 }), []string{"81 bits in 16 characters of class crockford: write length 17, or fewer bits"}},
		{base(func(l *gen.Layout) { l.TagBits = 29 }), []string{"75 bits leave characters of length 16 unused: write length 15, or more tag bits"}},
		{gen.Layout{Class: gen.Alnum60, Length: 9, PlanBits: 15, SerialBits: 30, TagBits: 13}, []string{"write length 10"}},
		{gen.Layout{Class: gen.Alnum60, Length: 12, PlanBits: 15, SerialBits: 30, TagBits: 13}, []string{"write length 10"}},
		{gen.Layout{Class: gen.Alnum60, Length: 12, PlanBits: 15, SerialBits: 30, TagBits: 25}, nil},
		{gen.Layout{Class: gen.Digits, Length: 2, PlanBits: 99, KeyBits: 99, Prefix: "v"},
			[]string{`"V"`, "99 bits of plan", "0 bits of serial", "99 bits of key", "0 bits of tag"}},
	} {
		err := tt.layout.Validate()
		if err != nil && !errors.Is(err, gen.ErrFormat) {
			t.Errorf("%+v: %v", tt.layout, err)
		}
		checkLines(t, err, tt.says)
		if _, made := gen.NewSigner(tt.layout, signKey(1)); (made == nil) != (err == nil) || made != nil && !strings.Contains(made.Error(), err.Error()) {
			t.Errorf("%+v: Validate says %v, NewSigner %v", tt.layout, err, made)
		}
	}
}
