package gen

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// MaxParts is how many parts an amount can be split into.
const MaxParts = 10_000

// Split is an amount and how to split it. Amounts are integer minor units, such as
// cents. Every part is at least 1, and the parts add up to Total exactly.
//
// By policy, the parts are
//
//	DoubleMean  with r left for n parts, uniform in 1 … ⌊2r/n⌋-1, which leaves at least 1 to
//	            each of the others; the last takes the rest
//	LineCut     the gaps between Count-1 distinct cuts, all sets of cuts in
//	            1 … Total-1 equally likely
//	Even        ⌊Total/Count⌋, and one more in as many parts as it takes
//	Rest        ⌊Total/Count⌋, and in one part the remainder besides
//	Ratio       by the method of largest remainders: ⌊Total·ratio/sum⌋, and one more where the
//	            fractions cut off are largest, the earlier of equal ones first
//
// DoubleMean and LineCut are the two known right ways to split a red packet. By the
// first parts are rarely much above twice the mean. By the second each way to write Total
// as a sum of Count parts is equally likely (stars and bars), which makes a part about
// exponentially distributed, so a few are large. The method of largest remainders is
// Hamilton's of apportioning seats; see Balinski and Young, Fair Representation.
//
// Whatever the policy, the parts are shuffled when they are made. Which part somebody
// gets thus does not depend on when they claim: every position has the same
// distribution, with the mean Total/Count.
//
// A cap keeps every part at Most or below. DoubleMean draws within what Most allows
// the part itself and leaves to the others. LineCut cuts larger parts down to Most and
// deals what was cut off to the others by another line cut, where a share may be
// 0, until no part is too large; so some parts are exactly Most, more of them the
// tighter the cap. Each round fills a part or is the last: there are at most Count.
//
// A Split is plain data: safe to copy and to use from any goroutine, as long as
// nobody writes to Ratios.
type Split struct {
	Policy Policy  `json:"policy"`
	Total  int64   `json:"total"`            // minor units
	Count  int     `json:"count"`            // parts, at most MaxParts; with Ratio 0 or len(Ratios)
	Most   int64   `json:"most,omitempty"`   // of one part; 0 is no cap
	Ratios []int64 `json:"ratios,omitempty"` // with Ratio: one for each part, 1 or more
	Sum    int64   `json:"sum,omitempty"`    // what Ratios must add up to, such as 100 for percents; 0 is anything
}

// parts returns how many parts s asks for.
func (s Split) parts() int {
	if s.Policy == Ratio {
		return len(s.Ratios)
	}
	return s.Count
}

// Validate returns nil when Total can be split as s says, else every violation,
// joined; each is an ErrSplit. What the parts would be is looked at once the numbers
// are sound for themselves.
func (s Split) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrSplit}, args...)...))
	}

	if s.Policy >= numPolicies {
		refuse("unknown policy %d: take one of %s", uint8(s.Policy), strings.Join(policyNames[:], ", "))
	}
	if s.Most < 0 {
		refuse("a largest part of %d: write 1 or more, or 0 for no cap", s.Most)
	}
	s.refuseRatios(refuse)
	s.refuseCount(refuse)
	if len(errs) == 0 {
		s.refuseParts(refuse)
	}
	return errors.Join(errs...)
}

// refuseCount is the part of Validate that looks at Total and at the number of parts.
func (s Split) refuseCount(refuse func(string, ...any)) {
	n := s.parts()
	if s.Total < 1 {
		refuse("a total of %d: write 1 or more, in minor units such as cents", s.Total)
	}
	switch {
	case n < 1 && s.Policy == Ratio:
		refuse("no ratios: write one for each part")
	case n < 1:
		refuse("%d parts: write 1 or more", n)
	case n > MaxParts:
		refuse("%d parts: write at most %d", n, MaxParts)
	case s.Total >= 1 && s.Total < int64(n):
		refuse("a total of %d in %d parts leaves parts of nothing: write a total of %d or more, or at most %d parts",
			s.Total, n, n, s.Total)
	}
}

// refuseRatios is the part of Validate that looks at Ratios and Sum for themselves.
func (s Split) refuseRatios(refuse func(string, ...any)) {
	if s.Policy != Ratio {
		if len(s.Ratios) != 0 || s.Sum != 0 {
			refuse("ratios for policy %v: leave ratios and their sum out, or take policy ratio", s.Policy)
		}
		return
	}
	if s.Count != 0 && s.Count != len(s.Ratios) {
		refuse("%d ratios for %d parts: write one for each part, or 0 parts for as many as ratios", len(s.Ratios), s.Count)
	}
	sum := int64(0)
	for i, ratio := range s.Ratios {
		if ratio < 1 {
			refuse("ratio %d of %d is %d: write 1 or more for every part", i+1, len(s.Ratios), ratio)
			return
		}
		if ratio > math.MaxInt64-sum {
			refuse("the ratios add up to more than %d: write smaller ones", int64(math.MaxInt64))
			return
		}
		sum += ratio
	}
	if s.Sum != 0 && s.Sum != sum {
		refuse("the ratios add up to %d, not %d: change them, or leave their sum out", sum, s.Sum)
	}
}

// refuseParts is the part of Validate that looks at what the parts would be.
// REQUIRES: the numbers of s are sound for themselves.
func (s Split) refuseParts(refuse func(string, ...any)) {
	n := int64(s.parts())
	least, what := (s.Total-1)/n+1, "holds that total" // the smallest cap that works
	switch s.Policy {
	case Rest:
		least, what = s.Total/n+s.Total%n, "holds the part with the remainder"
	case Ratio:
		var room [smallSplit]int64
		shares := appendShares(room[:0], s.Total, s.Ratios)
		if i := slices.Index(shares, 0); i >= 0 {
			refuse("ratio %d of %d, %d, gives a part of nothing of a total of %d: write a larger total, or ratios closer to each other",
				i+1, n, s.Ratios[i], s.Total)
		}
		least, what = slices.Max(shares), "holds the part of the largest ratio"
	}
	if s.Most != 0 && s.Most < least {
		refuse("no part above %d, but %d in %d parts by policy %v: write %d or more, which %s, or 0 for no cap",
			s.Most, s.Total, n, s.Policy, least, what)
	}
}
