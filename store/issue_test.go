package store_test

import (
	"fmt"
	"testing"
	"time"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

func TestIssue(t *testing.T) {
	dir := t.TempDir()
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 1000})
	other := mint(t, s, store.Batch{Name: "other", Count: 10})
	refs := map[string]string{}
	for i := range 30 {
		ref := fmt.Sprint("order-", i)
		for _, c := range issue(t, s, b.ID, 10+i%3, ref) {
			if refs[c] != "" {
				t.Fatalf("%s was drawn for %s and %s", c, refs[c], ref)
			}
			refs[c] = ref
		}
	}
	look := func() {
		t.Helper()
		for c, ref := range refs {
			info, err := s.Lookup(t.Context(), "", c)
			if err != nil || info.Ref != ref || info.State != shard.Issued || info.Printed != c || info.BatchID != b.ID || !info.IssuedAt.Equal(clk.now) || info.Receipt != nil {
				t.Fatalf("%s: %+v, %v; want issued to %s", c, info, err, ref)
			}
		}
	}
	look()
	rest := 1000 - len(refs)
	_, err := s.Issue(t.Context(), b.ID, rest+1, store.To("too many"))
	wantErr(t, "more than there are", err, store.ErrEmpty)
	if got, _ := s.Batch(b.ID); got.Counts.Available != int64(rest) {
		t.Errorf("a refused draw took codes: %+v", got.Counts)
	}
	for _, c := range issue(t, s, b.ID, rest, "the rest") {
		if refs[c] != "" {
			t.Fatalf("%s was drawn twice", c)
		}
		refs[c] = "the rest"
	}
	if got, _ := s.Batch(other.ID); got.Counts.Available != 10 {
		t.Errorf("the draws took codes of another batch: %+v", got.Counts)
	}
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, o)
	look()
	_, err = s.Issue(t.Context(), b.ID, 1, store.To("x"))
	wantErr(t, "an empty batch", err, store.ErrEmpty)
}

// A draw takes any code of the batch with the same chance, not those that lie first.
func TestIssueIsRandom(t *testing.T) {
	const n, draws = 100, 40
	counts := map[string]int{}
	var codes []string
	for i := range n {
		codes = append(codes, fmt.Sprintf("CODE%03d", i))
	}
	s := storetest.Open(t)
	for i := range draws {
		ns := fmt.Sprint(i)
		b := importCodes(t, s, store.Batch{Name: ns, Namespace: ns}, store.ImportOptions{}, codes...).Batch
		for _, c := range issue(t, s, b.ID, n/10, "x") {
			counts[c]++
		}
	}
	// 400 draws over 100 codes: a fair draw leaves some 1.5 codes out, hardly ever 20.
	if left := n - len(counts); left > 20 {
		t.Errorf("%d of %d codes were never drawn in %d draws of %d", left, n, draws, n/10)
	}
	for c, k := range counts {
		if k > draws/2 {
			t.Errorf("%s was drawn %d times of %d", c, k, draws)
		}
	}
}

func TestIssueLargest(t *testing.T) {
	s := storetest.Open(t)
	b := mint(t, s, store.Batch{Name: "b", Count: store.MaxIssue + 10})
	d := store.To("big").Once("big")
	codes, err := s.Issue(t.Context(), b.ID, store.MaxIssue, d)
	if err != nil || len(codes) != store.MaxIssue {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	again, err := s.Issue(t.Context(), b.ID, store.MaxIssue, d)
	if err != nil || len(again) != store.MaxIssue {
		t.Fatalf("%d codes, %v", len(again), err)
	}
}

func TestIssueWindow(t *testing.T) {
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := storetest.Open(t, o)
	from, until := clk.now.Add(time.Hour), clk.now.Add(2*time.Hour)
	b := mint(t, s, store.Batch{Name: "b", Count: 10, NotBefore: from, NotAfter: until})
	issue(t, s, b.ID, 1, "before the window: sold ahead")
	clk.set(until.Add(-time.Microsecond))
	issue(t, s, b.ID, 1, "in it")
	clk.set(until)
	_, err := s.Issue(t.Context(), b.ID, 1, store.To("x"))
	wantErr(t, "after it", err, store.ErrExpired)
}
