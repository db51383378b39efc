package model

import (
	"slices"
	"testing"

	"codepool/gen"
	"codepool/store"
)

// TestFreshIsOfWhoNamesTheCode has a code redeemed, and a request before it that means another
// code at first and, with the same key, gets that receipt too.
func TestFreshIsOfWhoNamesTheCode(t *testing.T) {
	m := &model{spaces: map[string]*space{"": {folds: [3]bool{gen.Exact: true, gen.Crockford: true}}}, codes: map[text]*code{}}
	var rs []request
	for _, canon := range []string{"GIVENO", "G1VEN0", "G1VEN1"} { // the second is a form of the first
		c := &code{text: text{"", canon}}
		m.codes[c.text] = c
		rs = append(rs, request{named: named{c: c, text: canon}})
	}
	got := make([]store.Result, len(rs))
	for i, n := range []uint64{8, 8, 7} {
		got[i].Receipt = store.Receipt{Number: n, Code: rs[max(i, 1)].c.canon}
	}
	if order := m.fresh(rs, got); !slices.Equal(order, []int{2, 1}) {
		t.Errorf("redeemed by requests %v, want 2 and 1", order)
	}
}
