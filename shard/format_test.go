package shard_test

import (
	"testing"

	"codepool/shard"
)

// TestHashFormat pins the hashes that order codes on disk. A change here makes
// every existing store unreadable.
func TestHashFormat(t *testing.T) {
	for _, c := range []struct {
		space uint32
		word  uint64
		want  uint64
	}{
		{0, 0x0, 0xef6eb604187a17fa},
		{0, 0x1, 0x5c5a146fdb2e7e06},
		{1, 0x0, 0xfcc2515f13372047},
		{7, 0x123456789abcdef, 0x3268aa7291ce0cd8},
		{4294967295, 0xefffffffffffffff, 0x154cd9d9b711dd0c},
	} {
		if got := shard.HashPacked(c.space, c.word); got != c.want {
			t.Errorf("HashPacked(%d, %#x) = %#x, want %#x", c.space, c.word, got, c.want)
		}
	}
	for _, c := range []struct {
		space uint32
		text  string
		want  uint64
	}{
		{0, "", 0x3aefa6fd5cf2deb4},
		{1, "", 0xf42f94001fcb5351},
		{0, "Gutschein-2026", 0x14c8db4b000b969b},
		{7, "été", 0x6cc13fb8f2faa3bc},
	} {
		if got := shard.HashWide(c.space, c.text); got != c.want {
			t.Errorf("HashWide(%d, %q) = %#x, want %#x", c.space, c.text, got, c.want)
		}
	}
}

// TestStateFormat pins the numbers of state pages and their names.
func TestStateFormat(t *testing.T) {
	for st, name := range []string{"void", "available", "leased", "issued", "redeemed", "revoked", "pending", "drawing"} {
		if got := shard.State(st).String(); got != name {
			t.Errorf("state %d is %q, want %q", st, got, name)
		}
	}
	for i, st := range []shard.State{shard.Void, shard.Available, shard.Leased, shard.Issued, shard.Redeemed, shard.Revoked, shard.Pending, shard.Drawing} {
		if int(st) != i {
			t.Errorf("%v has number %d, want %d", st, st, i)
		}
	}
	if got := shard.State(200).String(); got != "invalid" {
		t.Errorf("state 200 is %q", got)
	}
}

// TestStatePages writes states to a page and loads a pool from it.
func TestStatePages(t *testing.T) {
	p := newPool(t, 4)
	keys := randomKeys(0, 1001, 1) // odd: the last byte is half used
	r := addRun(t, p, 1, 1, keys, shard.Available)
	for i := range keys {
		move(t, p, &keys[i], shard.Available, []shard.State{shard.Available, shard.Leased, shard.Issued, shard.Redeemed, shard.Revoked}[i%5])
	}
	page := make([]byte, 501)
	for i := range 4 {
		in(t, p, i, func(s *shard.Shard) { s.CopyStates(s.SegmentOf(1), 0, uint32(r.Len()), 0, page) })
	}

	again := newPool(t, 16) // any power of two will do
	r = again.NewRun(1, 1, 0)
	hashes, words := split(keys)
	if n, err := r.AddPacked(hashes, words); n != len(keys) || err != nil {
		t.Fatal(n, err)
	}
	r.Activate(shard.Available, page)
	for i := range keys {
		if got, want := stateOf(t, again, &keys[i]), stateOf(t, p, &keys[i]); got != want {
			t.Errorf("code %d is %v, was %v", i, got, want)
		}
	}
	if again.Available(1) != 201 || p.Available(1) != 201 {
		t.Errorf("stock %d, was %d, want 201", again.Available(1), p.Available(1))
	}
	checkInvariants(t, again)
}
