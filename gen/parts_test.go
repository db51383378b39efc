package gen_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"codepool/gen"
)

// list is a few parts as a key, the rest 0.
type list [8]int64

func listOf(parts []int64) (l list) {
	copy(l[:], parts)
	return l
}

// law returns the probability of every list of parts, from what the comment of Split
// says and nothing else.
func law(s gen.Split) map[list]float64 {
	setOf := func(parts []int64) list { return listOf(slices.Sorted(slices.Values(parts))) }
	sets := make(map[list]float64) // whatever their order
	add := func(p float64, parts []int64) { sets[setOf(parts)] += p }
	n := max(s.Count, len(s.Ratios))
	switch s.Policy {
	case gen.DoubleMean:
		doubleMean(s.Total, int64(n), s.Most, 1, nil, add)
	case gen.LineCut:
		lineCut(1, compositions(s.Total, n), s.Most, add)
	default:
		parts, _ := partsOf(s)
		add(1, parts)
	}
	// Every order of the same parts is equally likely.
	orders := make(map[list][]list)
	for _, parts := range compositions(s.Total, n) {
		orders[setOf(parts)] = append(orders[setOf(parts)], listOf(parts))
	}
	lists := make(map[list]float64)
	for set, p := range sets {
		for _, l := range orders[set] {
			lists[l] = p / float64(len(orders[set]))
		}
	}
	return lists
}

// compositions lists the ways to write total as n parts of at least 1.
func compositions(total int64, n int) (all [][]int64) {
	if n == 0 {
		if total == 0 {
			all = append(all, nil)
		}
		return all
	}
	for first := int64(1); first <= total; first++ {
		for _, others := range compositions(total-first, n-1) {
			all = append(all, append([]int64{first}, others...))
		}
	}
	return all
}

func doubleMean(left, n, most int64, p float64, before []int64, add func(float64, []int64)) {
	if n == 1 {
		add(p, append(before, left))
		return
	}
	low, high := int64(1), max(1, min(2*left/n-1, left-(n-1)))
	if most != 0 {
		low, high = max(low, left-most*(n-1)), min(high, most)
	}
	for part := low; part <= high; part++ {
		doubleMean(left-part, n-1, most, p/float64(high-low+1), append(slices.Clip(before), part), add)
	}
}

// lineCut deals what is above most in each of lists, which are equally likely.
func lineCut(p float64, lists [][]int64, most int64, add func(float64, []int64)) {
	for _, parts := range lists {
		p := p / float64(len(lists))
		over, open := int64(0), 0
		for i, part := range parts {
			if most != 0 && part > most {
				over += part - most
				parts[i] = most
			}
			if parts[i] < most {
				open++
			}
		}
		if over == 0 {
			add(p, parts)
			continue
		}
		var dealt [][]int64
		for _, shares := range compositions(over+int64(open), open) {
			next := slices.Clone(parts)
			for i := range next {
				if next[i] < most {
					next[i] += shares[0] - 1
					shares = shares[1:]
				}
			}
			dealt = append(dealt, next)
		}
		lineCut(p, dealt, most, add)
	}
}

// Every list of parts is as likely as the comment of Split says, order included.
func TestSplitIsAsLikelyAsDocumented(t *testing.T) {
	const n = 20_000
	r := fixed()
	for _, s := range []gen.Split{
		{Total: 4, Count: 2},
		{Total: 12, Count: 3},
		{Total: 9, Count: 4},
		{Total: 8, Count: 7},
		{Total: 12, Count: 3, Most: 6},
		{Total: 12, Count: 4, Most: 4},
		{Policy: gen.LineCut, Total: 4, Count: 2},
		{Policy: gen.LineCut, Total: 12, Count: 3},
		{Policy: gen.LineCut, Total: 9, Count: 7},
		{Policy: gen.LineCut, Total: 8, Count: 7},
		{Policy: gen.LineCut, Total: 12, Count: 3, Most: 6},
		{Policy: gen.LineCut, Total: 11, Count: 4, Most: 4},
		{Policy: gen.LineCut, Total: 12, Count: 4, Most: 3},
		{Policy: gen.Even, Total: 13, Count: 5},
		{Policy: gen.Rest, Total: 13, Count: 5},
		{Policy: gen.Ratio, Total: 11, Ratios: []int64{1, 2, 3, 4}},
	} {
		want := law(s)
		got := make(map[list]int)
		var parts []int64
		for range n {
			var err error
			if parts, err = gen.AppendPartsFrom(s, parts[:0], r); err != nil {
				t.Fatal(err)
			}
			got[listOf(parts)]++
		}
		sum, all := 0.0, 0.0
		for l, p := range want {
			d := float64(got[l]) - p*n
			sum += d * d / (p * n)
			all += p
			delete(got, l)
		}
		if len(got) != 0 || math.Abs(all-1) > 1e-9 {
			t.Errorf("%+v: impossible lists %v; all others have probability %v", s, got, all)
		}
		df := float64(len(want) - 1)
		if limit := df + 5*math.Sqrt(2*df); sum > limit+1e-6 { // of one list the sum is what rounding makes
			t.Errorf("%+v: chi-square %.1f of %.0f degrees of freedom is above %.1f", s, sum, df, limit)
		}
	}
}

// Every position has the mean total/n, and the same distribution: the largest difference of
// two empirical ones (Kolmogorov and Smirnov's) is no larger than chance makes it
// once in a million.
func TestPositionsAreAlike(t *testing.T) {
	const packets, parts = 100_000, 10
	limit := math.Sqrt(-math.Log(1e-6/2) / 2 * 2 / packets)
	r := fixed()
	for _, s := range []gen.Split{
		{Total: 10_000, Count: parts},
		{Total: 10_000, Count: parts, Most: 1_500},
		{Policy: gen.LineCut, Total: 10_000, Count: parts},
		{Policy: gen.LineCut, Total: 10_000, Count: parts, Most: 1_500},
	} {
		counts := make([][parts]int, s.Total+1) // by amount and position
		dst := make([]int64, 0, parts)
		for range packets {
			dst, err := gen.AppendPartsFrom(s, dst, r)
			if err != nil {
				t.Fatal(err)
			}
			for place, part := range dst {
				counts[part][place]++
			}
		}
		var sums, below [parts]int // amounts; parts up to an amount
		var apart [parts]int       // largest difference from the first position
		for amount, count := range counts {
			for place := range parts {
				sums[place] += amount * count[place]
				below[place] += count[place]
				d := below[place] - below[0]
				apart[place] = max(apart[place], d, -d)
			}
		}
		fair := float64(s.Total) / parts
		for place := range parts {
			if mean := float64(sums[place]) / packets; math.Abs(mean-fair) > 0.03*fair {
				t.Errorf("%+v: position %d has the mean %.1f, want %.1f", s, place, mean, fair)
			}
			if d := float64(apart[place]) / packets; d > limit {
				t.Errorf("%+v: position %d differs from the first by %.4f, above %.4f", s, place, d, limit)
			}
		}
	}
}

// Many goroutines split at once: all parts are right, and no two goroutines have the same.
func TestAppendPartsFromManyGoroutines(t *testing.T) {
	const goroutines = 8
	s := gen.Split{Total: math.MaxInt64, Count: 20}
	firsts := make([][]int64, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range 500 {
				parts, err := s.AppendParts([]int64{42})
				if err != nil || parts[0] != 42 {
					t.Errorf("%v, %v", parts, err)
					return
				}
				if i == 0 {
					firsts[g] = parts[1:]
				}
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, parts := range firsts {
		checkParts(t, s, parts)
		if key := fmt.Sprint(parts); seen[key] {
			t.Errorf("%v came twice", parts)
		} else {
			seen[key] = true
		}
	}
}

func TestSplitDoesNotAllocate(t *testing.T) {
	r := fixed()
	ratios := slices.Repeat([]int64{1, 2, 3, 7}, 16)
	for _, policy := range policies {
		for _, s := range []gen.Split{
			{Policy: policy, Total: 10_000, Count: 10}, {Policy: policy, Total: 10_000, Count: 64, Most: 400},
			{Policy: policy, Total: 70, Count: 64, Most: 8},
		} {
			if policy == gen.Ratio {
				s.Total, s.Ratios, s.Most = 10_000, ratios[:s.Count], 0
			}
			dst := make([]int64, 0, s.Count)
			if n := testing.AllocsPerRun(20, func() {
				if _, err := gen.AppendPartsFrom(s, dst, r); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%+v: %v allocations", s, n)
			}
		}
	}
}
