package gen_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"codepool/gen"
)

var policies = []gen.Policy{gen.DoubleMean, gen.LineCut, gen.Even, gen.Rest, gen.Ratio}

// fixed returns a source that gives the same numbers every time.
func fixed() *rand.Rand { return rand.New(rand.NewChaCha8([32]byte{4, 5, 6})) }

// splitFrom splits s by numbers of r, and fails the test if s is refused or a part is
// out of bounds or the sum is not exact.
func splitFrom(tb testing.TB, s gen.Split, r *rand.Rand) []int64 {
	tb.Helper()
	parts, err := gen.AppendPartsFrom(s, nil, r)
	if err != nil {
		tb.Fatalf("%+v: %v", s, err)
	}
	checkParts(tb, s, parts)
	return parts
}

func checkParts(tb testing.TB, s gen.Split, parts []int64) {
	tb.Helper()
	want := s.Count
	if s.Policy == gen.Ratio {
		want = len(s.Ratios)
	}
	if len(parts) != want {
		tb.Fatalf("%+v: %d parts", s, len(parts))
	}
	left := s.Total
	for _, part := range parts {
		if part < 1 || s.Most != 0 && part > s.Most || part > left {
			tb.Fatalf("%+v: a part of %d, %d were left", s, part, left)
		}
		left -= part
	}
	if left != 0 {
		tb.Fatalf("%+v: the parts leave %d", s, left)
	}
}

func TestSplitRefuses(t *testing.T) {
	const most = math.MaxInt64
	percent := func(ratios ...int64) gen.Split {
		return gen.Split{Policy: gen.Ratio, Total: 1000, Ratios: ratios, Sum: 100}
	}
	for _, tt := range []struct {
		split gen.Split
		want  []string // one for each violation, in order
	}{
		{gen.Split{}, []string{"a total of 0: write 1 or more", "0 parts: write 1 or more"}},
		{gen.Split{Total: -5, Count: -3, Most: -1}, []string{"largest part of -1", "total of -5", "-3 parts"}},
		{gen.Split{Total: 10, Count: gen.MaxParts + 1}, []string{"10001 parts: write at most 10000"}},
		{gen.Split{Total: 9, Count: 10}, []string{"total of 9 in 10 parts leaves parts of nothing: write a total of 10 or more, or at most 9 parts"}},
		{gen.Split{Policy: 5, Total: 9, Count: 9}, []string{"unknown policy 5: take one of double-mean, line-cut, even, rest, ratio"}},
		{gen.Split{Total: 100, Count: 10, Most: 9}, []string{"no part above 9, but 100 in 10 parts by policy double-mean: write 10 or more"}},
		{gen.Split{Policy: gen.LineCut, Total: 101, Count: 10, Most: 10}, []string{"policy line-cut: write 11 or more"}},
		{gen.Split{Policy: gen.Even, Total: 101, Count: 10, Most: 10}, []string{"policy even: write 11 or more"}},
		{gen.Split{Policy: gen.Rest, Total: 109, Count: 10, Most: 18}, []string{"write 19 or more, which holds the part with the remainder"}},
		{gen.Split{Policy: gen.Ratio, Total: 100, Ratios: []int64{3, 1}, Most: 74}, []string{"write 75 or more, which holds the part of the largest ratio"}},
		{gen.Split{Total: most, Count: 2, Most: most / 2}, []string{"write 4611686018427387904 or more"}},
		{gen.Split{Policy: gen.Ratio, Total: 5}, []string{"no ratios"}},
		{gen.Split{Policy: gen.Ratio, Total: 5, Count: 2}, []string{"0 ratios for 2 parts", "no ratios"}},
		{gen.Split{Policy: gen.Ratio, Total: 5, Count: 3, Ratios: []int64{1, 1}}, []string{"2 ratios for 3 parts"}},
		{gen.Split{Policy: gen.Ratio, Total: 5, Count: -1, Ratios: []int64{1, 1}}, []string{"2 ratios for -1 parts"}},
		{gen.Split{Policy: gen.Ratio, Total: 5, Ratios: []int64{1, 0}}, []string{"ratio 2 of 2 is 0"}},
		{gen.Split{Policy: gen.Ratio, Total: 5, Ratios: []int64{-1, 6}}, []string{"ratio 1 of 2 is -1"}},
		{gen.Split{Policy: gen.Ratio, Total: 5, Ratios: []int64{most, 1}}, []string{"the ratios add up to more than 9223372036854775807"}},
		{gen.Split{Policy: gen.Ratio, Total: 1, Ratios: []int64{1, 1}}, []string{"total of 1 in 2 parts"}},
		{gen.Split{Policy: gen.Ratio, Total: 10, Ratios: []int64{1, 99}}, []string{"ratio 1 of 2, 1, gives a part of nothing of a total of 10"}},
		{gen.Split{Policy: gen.Ratio, Total: 10, Ratios: []int64{1, 99}, Most: 3}, []string{"gives a part of nothing", "write 10 or more"}},
		{gen.Split{Policy: gen.Ratio, Total: 10, Ratios: make([]int64, gen.MaxParts+1)}, []string{"ratio 1 of 10001 is 0", "10001 parts"}},
		{percent(50, 49), []string{"the ratios add up to 99, not 100"}},
		{percent(50, 51), []string{"the ratios add up to 101, not 100"}},
		{gen.Split{Total: 5, Count: 1, Ratios: []int64{1}}, []string{"ratios for policy double-mean"}},
		{gen.Split{Policy: gen.Even, Total: 5, Count: 1, Sum: 100}, []string{"ratios for policy even"}},
	} {
		err := tt.split.Validate()
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) != len(tt.want) {
			t.Errorf("%+v: %v, want %d violations", tt.split, err, len(tt.want))
			continue
		}
		for i, each := range joined.Unwrap() {
			if !errors.Is(each, gen.ErrSplit) || !strings.Contains(each.Error(), tt.want[i]) {
				t.Errorf("%+v: %v, want %q", tt.split, each, tt.want[i])
			}
		}
		parts, err := tt.split.AppendParts([]int64{7})
		if !errors.Is(err, gen.ErrSplit) || !slices.Equal(parts, []int64{7}) {
			t.Errorf("%+v: AppendParts = %v, %v", tt.split, parts, err)
		}
	}
	for _, good := range []gen.Split{percent(1, 99), percent(100), {Total: 1, Count: 1, Most: 1}, {Total: gen.MaxParts, Count: gen.MaxParts}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}

// hamilton is the method of largest remainders, in numbers of any size. ok is false for
// ratios that it is not made for.
func hamilton(total int64, ratios []int64) (shares []int64, ok bool) {
	sum := new(big.Int)
	for _, ratio := range ratios {
		if ratio < 1 {
			return nil, false
		}
		sum.Add(sum, big.NewInt(ratio))
	}
	if !sum.IsInt64() || len(ratios) == 0 {
		return nil, false
	}
	over := make([]*big.Int, len(ratios))
	left := total
	for i, ratio := range ratios {
		share := new(big.Int).Mul(big.NewInt(total), big.NewInt(ratio))
		share, over[i] = share.QuoRem(share, sum, new(big.Int))
		shares = append(shares, share.Int64())
		left -= share.Int64()
	}
	for ; left > 0; left-- {
		largest := 0
		for i := range over {
			if over[i].Cmp(over[largest]) > 0 {
				largest = i
			}
		}
		shares[largest]++
		over[largest] = big.NewInt(-1)
	}
	return shares, true
}

// partsOf returns what s splits into, in ascending order, or the largest part that it cannot
// do without if that is random. ok is false if s is impossible.
func partsOf(s gen.Split) (parts []int64, ok bool) {
	if s.Policy == gen.Ratio {
		if s.Count != 0 && s.Count != len(s.Ratios) {
			return nil, false
		}
		if parts, ok = hamilton(s.Total, s.Ratios); !ok {
			return nil, false
		}
	} else {
		if s.Count < 1 || s.Count > gen.MaxParts || s.Total < int64(s.Count) {
			return nil, false
		}
		n := int64(s.Count)
		parts = slices.Repeat([]int64{s.Total / n}, s.Count)
		for i := range s.Total % n {
			if s.Policy == gen.Rest {
				i = 0
			}
			parts[i]++
		}
	}
	slices.Sort(parts)
	return parts, parts[0] >= 1 && s.Most >= 0 && (s.Most == 0 || parts[len(parts)-1] <= s.Most)
}

// randomSplit makes a split of any size, about one of three impossible.
func randomSplit(r *rand.Rand) gen.Split {
	near := func(x int64) int64 { return x + r.Int64N(5) - 2 }
	s := gen.Split{Policy: policies[r.IntN(len(policies))], Count: 1 + r.IntN(30)}
	switch r.IntN(200) {
	case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9:
		s.Count = -r.IntN(3)
	case 10:
		s.Count = gen.MaxParts - 1 + r.IntN(3)
	}
	switch r.IntN(4) {
	case 0:
		s.Total = near(int64(s.Count))
	case 1:
		s.Total = math.MaxInt64 - r.Int64N(3)
	default:
		s.Total = r.Int64() >> r.IntN(63)
	}
	if s.Policy == gen.Ratio {
		size := 1 + r.IntN(62)
		for range min(max(s.Count, 0), 30) {
			s.Ratios = append(s.Ratios, r.Int64N(1<<r.IntN(size)+1)+int64(min(1, r.IntN(50))))
		}
		s.Count *= r.IntN(2)
	}
	if n := int64(max(s.Count, len(s.Ratios), 1)); r.IntN(3) > 0 {
		mean := s.Total / n
		switch r.IntN(4) {
		case 0:
			s.Most = near(mean)
		case 1:
			s.Most = near(mean + s.Total%n)
		case 2:
			s.Most = mean + r.Int64N(max(mean, 1))
		default:
			s.Most = r.Int64() >> r.IntN(63)
		}
	}
	return s
}

// Whatever is asked: it is refused exactly when it is impossible, and else the parts are
// within bounds, add up, and are those of the policy.
func TestSplitProperties(t *testing.T) {
	r := fixed()
	refused := 0
	const n = 10_000
	for range n {
		s := randomSplit(r)
		want, ok := partsOf(s)
		parts, err := gen.AppendPartsFrom(s, nil, r)
		if (err == nil) != ok {
			t.Fatalf("%+v: %v, but it is possible: %v", s, err, ok)
		}
		if !ok {
			refused++
			continue
		}
		checkParts(t, s, parts)
		if slices.Sort(parts); s.Policy >= gen.Even && !slices.Equal(parts, want) {
			t.Fatalf("%+v: %v, want %v", s, parts, want)
		}
	}
	if refused < n/5 || refused > n/2 {
		t.Errorf("%d of %d splits were impossible", refused, n)
	}
}

// The most parts, with no slack, a little, and all there can be, with caps as tight.
func TestSplitIntoMostParts(t *testing.T) {
	r := fixed()
	const n = gen.MaxParts
	for _, policy := range policies[:4] {
		for _, total := range []int64{n, 2*n - 1, 1_000_000, math.MaxInt64} {
			least := (total-1)/n + 1
			for _, most := range []int64{0, least, 2 * least} {
				s := gen.Split{Policy: policy, Total: total, Count: n, Most: most}
				if _, ok := partsOf(s); ok {
					splitFrom(t, s, r)
				}
			}
		}
	}
}

func TestPolicyText(t *testing.T) {
	for _, policy := range policies {
		text, err := policy.MarshalText()
		var back gen.Policy = 77
		if err != nil || string(text) != policy.String() || back.UnmarshalText(text) != nil || back != policy {
			t.Errorf("%v: %q, %v, read as %v", policy, text, err, back)
		}
	}
	if _, err := gen.Policy(5).MarshalText(); !errors.Is(err, gen.ErrSplit) || gen.Policy(5).String() != "Policy(5)" {
		t.Errorf("policy 5: %v, %v", gen.Policy(5), err)
	}
	for _, text := range []string{"", "EVEN", "Policy(1)"} {
		policy := gen.Rest
		if err := policy.UnmarshalText([]byte(text)); !errors.Is(err, gen.ErrSplit) || policy != gen.Rest {
			t.Errorf("%q is read as %v, %v", text, policy, err)
		}
	}
}

func TestSplitAsJSON(t *testing.T) {
	for want, s := range map[string]gen.Split{
		`{"policy":"double-mean","total":100,"count":3}`:                            {Total: 100, Count: 3},
		`{"policy":"ratio","total":100,"count":0,"most":70,"ratios":[1,2],"sum":3}`: {Policy: gen.Ratio, Total: 100, Most: 70, Ratios: []int64{1, 2}, Sum: 3},
	} {
		text, err := json.Marshal(s)
		var back gen.Split
		if err != nil || string(text) != want || json.Unmarshal(text, &back) != nil || fmt.Sprint(back) != fmt.Sprint(s) {
			t.Errorf("%+v: %s, %v, read as %+v", s, text, err, back)
		}
	}
}
