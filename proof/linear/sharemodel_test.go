package linear

import (
	"testing"

	"codepool/store"
)

// TestShareModel shows that the model of a shared batch refuses what must not be: the last
// call of each line, after the others.
func TestShareModel(t *testing.T) {
	got := func(number uint64, user string, part int) *op {
		return &op{verb: claim, by: user, number: number, n: part}
	}
	refused := func(v verb, user string, err error) *op { return &op{verb: v, by: user, err: err} }
	back := func(number uint64, err error) *op { return &op{verb: unclaim, lease: number, err: err} }
	end := func(left int) *op { return &op{verb: endShared, n: left} }
	shows := func(i store.SharedInfo) *op { return &op{verb: lookShared, shown: i} }
	unsure := got(3, "bob", 1)
	unsure.maybe = true
	for name, c := range map[string]struct {
		ops []*op
		ok  bool
	}{
		"two shares":                   {[]*op{got(1, "ann", 0), got(2, "bob", 1)}, true},
		"a share twice":                {[]*op{got(1, "ann", 0), got(2, "bob", 0)}, false},
		"a user twice":                 {[]*op{got(1, "ann", 0), got(2, "ann", 1)}, false},
		"a user who is told so":        {[]*op{got(1, "ann", 0), refused(claim, "ann", store.ErrUserLimit)}, true},
		"a user who has none":          {[]*op{got(1, "ann", 0), refused(claim, "bob", store.ErrUserLimit)}, false},
		"sold out":                     {[]*op{got(1, "ann", 0), got(2, "bob", 1), refused(claim, "cat", store.ErrSoldOut)}, true},
		"sold out too early":           {[]*op{got(1, "ann", 0), refused(claim, "cat", store.ErrSoldOut)}, false},
		"a claim after the end":        {[]*op{end(2), got(1, "ann", 0)}, false},
		"an end with too much left":    {[]*op{got(1, "ann", 0), end(2)}, false},
		"two ends":                     {[]*op{end(2), end(2)}, false},
		"a second end that is refused": {[]*op{end(2), refused(endShared, "", store.ErrShareEnded)}, true},
		"taken back":                   {[]*op{got(1, "ann", 0), back(1, nil), got(3, "ann", 0)}, true},
		"taken back twice":             {[]*op{got(1, "ann", 0), back(1, nil), back(1, nil)}, false},
		"no claim that stands":         {[]*op{got(1, "ann", 0), back(1, store.ErrNotClaimed)}, false},
		"taken back after the end":     {[]*op{got(1, "ann", 0), end(1), back(1, nil)}, false},
		"a look at what is left":       {[]*op{got(1, "ann", 0), shows(store.SharedInfo{State: "open", Claimed: 1, Left: 1, ClaimedAmount: shareWorth})}, true},
		"a look at too much":           {[]*op{got(1, "ann", 0), shows(store.SharedInfo{State: "open", Left: 2})}, false},
		"a look at what went back":     {[]*op{got(1, "ann", 0), end(1), shows(store.SharedInfo{State: "ended", Claimed: 1, Refunded: 1, ClaimedAmount: shareWorth, RefundedAmount: shareWorth})}, true},
		"nobody knows, before":         {[]*op{unsure}, true},
		"nobody knows, never":          {[]*op{{verb: restart}, unsure}, false},
		"nobody knows, in the end":     {[]*op{{verb: restart}, {verb: over}, unsure}, true},
	} {
		s, ok := shareState{}, true
		for i, o := range c.ops {
			if s, ok = (shareTerms{shares: 2, perUser: 1, split: true}).step(s, o); !ok && i < len(c.ops)-1 {
				t.Errorf("%s: call %d is not possible", name, i)
			}
		}
		if ok != c.ok {
			t.Errorf("%s: %v, want %v", name, ok, c.ok)
		}
	}
}
