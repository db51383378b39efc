package gen

import (
	"fmt"
	"strings"
)

// Policy says how an amount is split into parts. Split has the algorithms. The zero
// Policy is DoubleMean.
type Policy uint8

const (
	DoubleMean Policy = iota // random, each part up to twice the mean of what is left
	LineCut                  // random, every way to split is equally likely
	Even                     // parts differ by one minor unit at most
	Rest                     // even, and what does not divide is in one part
	Ratio                    // in proportion to given ratios

	numPolicies = iota
)

var policyNames = [numPolicies]string{"double-mean", "line-cut", "even", "rest", "ratio"}

// String returns the policy's name, such as "double-mean" or "even".
func (p Policy) String() string {
	if p < numPolicies {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// MarshalText returns the policy's name, or ErrSplit for an unknown policy.
func (p Policy) MarshalText() ([]byte, error) {
	if p >= numPolicies {
		return nil, fmt.Errorf("%w: unknown policy %d", ErrSplit, uint8(p))
	}
	return []byte(policyNames[p]), nil
}

// UnmarshalText sets p from a name that MarshalText gives. For any other text it
// returns ErrSplit and leaves p alone.
func (p *Policy) UnmarshalText(text []byte) error {
	for i, name := range policyNames {
		if string(text) == name {
			*p = Policy(i)
			return nil
		}
	}
	return fmt.Errorf("%w: unknown policy %q: write one of %s", ErrSplit, text, strings.Join(policyNames[:], ", "))
}
