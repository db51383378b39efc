package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

func TestImportCounts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	importCodes(t, s, store.Batch{Name: "old"}, store.ImportOptions{}, "TAKEN1", "TAKEN2")
	rep := importCodes(t, s, store.Batch{Name: "b", Reward: "r"}, store.ImportOptions{}, "NEW1", "new-1", "NEW2", "", "taken1", "NEW3", "NEW2")
	if rep.Lines != 6 || rep.Added != 3 || rep.DuplicateInFile != 2 || rep.DuplicateInStore != 1 || rep.AlreadyImported != 0 || !slices.Equal(rep.DuplicateLines, []int{2, 7}) {
		t.Errorf("%+v", rep)
	}
	if b := rep.Batch; !b.Imported || !b.Complete || b.Count != 3 || b.Counts.Available != 3 || b.Name != "b" {
		t.Errorf("%+v", b)
	}
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, weak())
	rep = importCodes(t, s, store.Batch{Name: "b", Reward: "r"}, store.ImportOptions{}, "NEW1", "NEW2", "NEW3", "NEW4", "TAKEN2") // extends the batch
	if rep.Added != 1 || rep.AlreadyImported != 3 || rep.DuplicateInStore != 1 || rep.Batch.Counts.Minted != 4 {
		t.Errorf("%+v", rep)
	}
	if sum := rep.Added + rep.DuplicateInFile + rep.DuplicateInStore + rep.AlreadyImported; sum != rep.Lines {
		t.Errorf("%d of %d lines are counted", sum, rep.Lines)
	}
}

func TestImportCSV(t *testing.T) {
	s := storetest.Open(t)
	text := "user, Code ,remark\r\nu1,AAAA-1111,\"a, b\"\r\nu2,\"BBBB 2222\",\r\n"
	rep, err := s.Import(t.Context(), store.Batch{Name: "b"}, strings.NewReader("\ufeff"+text), store.ImportOptions{HandedOut: true, AllowBOM: true})
	if err != nil || rep.Added != 2 || rep.Batch.Counts.Issued != 2 {
		t.Fatalf("%+v, %v", rep, err)
	}
	redeem(t, s, store.Redemption{Code: "aaaa1111"})
	redeem(t, s, store.Redemption{Code: "BBBB2222"})
}

func TestImportHandedOut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	importCodes(t, s, store.Batch{Name: "b"}, store.ImportOptions{HandedOut: true, Ref: "card print 7"}, "CARD1", "CARD2")
	importCodes(t, s, store.Batch{Name: "b"}, store.ImportOptions{}, "CARD3")
	look := func() {
		t.Helper()
		info, err := s.Lookup(t.Context(), "", "CARD1")
		if err != nil || info.Ref != "card print 7" || !info.IssuedAt.IsZero() {
			t.Errorf("%+v, %v", info, err)
		}
		wantErr(t, "stock", s.Check(t.Context(), store.Redemption{Code: "CARD3"}), store.ErrNotIssued)
		_, err = s.Issue(t.Context(), 1, 2, store.To("x"))
		wantErr(t, "what is handed out cannot be drawn", err, store.ErrEmpty)
	}
	look()
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, weak())
	look()
	if codes := issue(t, s, 1, 1, "x"); codes[0] != "CARD3" {
		t.Errorf("drew %v", codes)
	}
}

// A stream with a malformed line changes nothing, however late the line comes.
func TestImportIsWhole(t *testing.T) {
	s := storetest.Open(t)
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "LINE%d\n", i)
	}
	_, err := s.Import(t.Context(), store.Batch{Name: "b"}, strings.NewReader(b.String()+"A,B\n"), store.ImportOptions{})
	wantErr(t, "malformed last line", err, store.ErrBadLine)
	if len(s.Batches()) != 0 || s.Stats().Ledger != 0 {
		t.Errorf("%+v", s.Stats())
	}
	wantErr(t, "a code of it", s.Check(t.Context(), store.Redemption{Code: "LINE1"}), store.ErrUnknownCode)
	rep := importCodes(t, s, store.Batch{Name: "b"}, store.ImportOptions{}, b.String())
	if rep.Added != 5000 {
		t.Errorf("%+v", rep)
	}
}

// stopWhen is a context that ends as soon as a condition holds.
type stopWhen struct {
	context.Context
	cond func() bool
}

func (s *stopWhen) Err() error {
	if s.cond() {
		return context.Canceled
	}
	return nil
}

func TestImportResumes(t *testing.T) {
	lines := make([]string, 300_000) // two rounds
	for i := range lines {
		lines[i] = fmt.Sprintf("R%07d", i)
	}
	text := strings.Join(lines, "\n")
	s := storetest.Open(t)
	def := store.Batch{Name: "b"}
	rep, err := s.Import(&stopWhen{t.Context(), func() bool { return s.Stats().Codes.Minted > 0 }}, def, strings.NewReader(text), store.ImportOptions{})
	wantErr(t, "an import cut after its first round", err, context.Canceled)
	if rep.Added == 0 || rep.Added == int64(len(lines)) || rep.Batch.Counts.Minted != rep.Added {
		t.Errorf("%+v", rep)
	}
	again, err := s.Import(t.Context(), def, strings.NewReader(text), store.ImportOptions{})
	if err != nil || again.AlreadyImported != rep.Added || again.Added+rep.Added != int64(len(lines)) || again.Batch.Counts.Available != int64(len(lines)) {
		t.Errorf("first %+v, then %+v, %v", rep, again, err)
	}
}

// Minted and imported codes of one text are one code.
func TestImportMeetsMint(t *testing.T) {
	s := storetest.Open(t)
	codes := issued(t, s, "minted", 100)
	rep := importCodes(t, s, store.Batch{Name: "given", Format: gen.DefaultFormat()}, store.ImportOptions{}, codes...)
	if rep.Added != 0 || rep.DuplicateInStore != 100 {
		t.Errorf("%+v", rep)
	}
}
