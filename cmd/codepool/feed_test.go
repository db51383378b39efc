package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"codepool/store"
)

// Who follows gets what was there and what comes, and the cursor moves behind it.
func TestFollow(t *testing.T) {
	s, err := store.Open(t.TempDir(), &store.Options{Durability: store.WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(t.Context(), store.Batch{Name: "b", Count: 3000})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := s.Issue(t.Context(), b.ID, 2500, store.To("x"))
	if err != nil {
		t.Fatal(err)
	}
	redeem := func(code string) uint64 {
		t.Helper()
		r, err := s.Redeem(t.Context(), store.Redemption{Code: code})
		if err != nil {
			t.Fatal(err)
		}
		return r.Number
	}
	const before = 2200 // more than two parts
	for _, code := range codes[:before] {
		redeem(code)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a, _ := testApp(t, "")
	a.out, a.json = bufio.NewWriter(w), true
	ended := make(chan error, 1)
	go func() {
		ended <- a.feed(t.Context(), s, page{limit: int64(len(codes))}, feed{follow: true, cursor: "c"})
		w.Close()
	}()
	in, last := bufio.NewReader(r), uint64(0)
	next := func() uint64 {
		t.Helper()
		line, err := in.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var got store.Receipt
		if err := json.Unmarshal(line, &got); err != nil || got.Number <= last {
			t.Fatalf("%s after %d: %v", line, last, err)
		}
		last = got.Number
		return last
	}
	for range before {
		next()
	}
	for _, code := range codes[before:] {
		if want, got := redeem(code), next(); got != want {
			t.Fatalf("receipt %d came, want %d", got, want)
		}
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := s.Cursor("c"); got != last {
		t.Fatalf("cursor at %d, want %d", got, last)
	}
}

// What could not be written is not acknowledged.
func TestFeedUnwritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no full disk here")
	}
	defer full.Close()
	s, err := store.Open(t.TempDir(), &store.Options{Durability: store.WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(t.Context(), store.Batch{Name: "b", Count: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(t.Context(), b.ID, 3, "ann", store.To("x")); err != nil {
		t.Fatal(err)
	}
	a, _ := testApp(t, "")
	a.out = bufio.NewWriter(full)
	err = a.feed(t.Context(), s, page{}, feed{cursor: "c"})
	if f, ok := errors.AsType[*failure](err); !ok || reason(err) != "disk_full" || f.try != "the same again: it goes on behind the cursor" {
		t.Errorf("got %v", err)
	}
	if got := s.Cursors(); len(got) > 0 {
		t.Errorf("cursors %v", got)
	}
}
