package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// backup returns a backup of the store.
func backup(t testing.TB, s *store.Store) ([]byte, store.Manifest) {
	t.Helper()
	var b bytes.Buffer
	m, err := s.Backup(t.Context(), &b)
	if err != nil {
		t.Fatalf("backup: %v", err)
	}
	return b.Bytes(), m
}

// restored opens a store made of a backup of s.
func restored(t *testing.T, s *store.Store) *store.Store {
	t.Helper()
	data, _ := backup(t, s)
	dir := t.TempDir()
	if _, err := store.Restore(t.Context(), dir, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return storetest.OpenAt(t, dir, weak())
}

func TestBackupRoundTrip(t *testing.T) {
	s := storetest.Open(t)
	var h history
	for round := range 3 {
		makeHistory(t, s, round, &h)
		if round == 1 {
			if err := s.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	data, m := backup(t, s)
	if st := s.Stats(); m.Version != store.FormatVersion || m.Codes != st.Codes.Minted || m.Sequence != st.Ledger || m.Entries == 0 || m.Bytes >= int64(len(data)) {
		t.Errorf("manifest %+v does not describe the store %+v", m, st)
	}
	empty := t.TempDir()
	missing := filepath.Join(t.TempDir(), "a", "b")
	for _, dir := range []string{empty, missing} {
		got, err := store.Restore(t.Context(), dir, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got.Checksum != m.Checksum || got.Entries != m.Entries || !got.Created.Equal(m.Created) {
			t.Errorf("restore read the manifest %+v, backup wrote %+v", got, m)
		}
		if _, err := os.Stat(filepath.Join(dir, "RESTORING")); err == nil {
			t.Error("the restored directory is still marked as unfinished")
		}
		h.holds(t, storetest.OpenAt(t, dir, weak()))
	}
}

func TestBackupOfEmptyStore(t *testing.T) {
	data, _ := backup(t, storetest.Open(t))
	dir := t.TempDir()
	if _, err := store.Restore(t.Context(), dir, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if st := storetest.OpenAt(t, dir, weak()).Stats(); st.Ledger != 0 || st.Batches != 0 {
		t.Errorf("restored: %+v", st)
	}
}

// A backup beside writers is one moment of the store: everything answered before it
// began is in it, and it verifies.
func TestBackupBesideWriters(t *testing.T) {
	s := storetest.Open(t, busy())
	codes := issued(t, s, "b", 3000)
	var mu sync.Mutex
	var answered []store.Receipt
	var wg sync.WaitGroup
	half := make(chan struct{})
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < len(codes); i += 4 {
				rec, err := s.Redeem(t.Context(), store.Redemption{Code: codes[i], Key: fmt.Sprint(i)})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if answered = append(answered, rec); len(answered) == len(codes)/2 {
					close(half)
				}
				mu.Unlock()
			}
		})
	}
	<-half
	for range 3 {
		mu.Lock()
		before := answered
		mu.Unlock()
		data, m := backup(t, s)
		dir := t.TempDir()
		if _, err := store.Restore(t.Context(), dir, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		r := storetest.OpenAt(t, dir, weak())
		in := map[uint64]store.Receipt{}
		for _, rec := range receipts(t, r, 0) {
			in[rec.Number] = rec
			if rec.Number > m.Sequence {
				t.Errorf("receipt %d is beyond the manifest's %d", rec.Number, m.Sequence)
			}
		}
		for _, rec := range before {
			if !sameReceipt(in[rec.Number], rec) {
				t.Fatalf("receipt %+v was answered before the backup and is not in it", rec)
			}
		}
	}
	wg.Wait()
}

// smallBackup is a backup of some kilobytes with every kind of entry.
func smallBackup(t *testing.T) []byte {
	s := storetest.Open(t)
	codes := issued(t, s, "b", 100)
	redeem(t, s, store.Redemption{Code: codes[0], User: "u", Key: "k"})
	importCodes(t, s, store.Batch{Name: "given"}, store.ImportOptions{HandedOut: true, Ref: "x"}, "CARD-1", strings.Repeat("W", 64))
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	redeem(t, s, store.Redemption{Code: codes[1]})
	data, _ := backup(t, s)
	return data
}

// wantRefused restores damaged data, into an empty or a missing directory, and looks
// at what is left.
func wantRefused(t *testing.T, what string, data []byte, want ...error) {
	t.Helper()
	dir := t.TempDir()
	target := dir
	if len(what)%2 == 0 {
		target = filepath.Join(dir, "missing")
	}
	_, err := store.Restore(t.Context(), target, bytes.NewReader(data))
	ok := false
	for _, w := range want {
		ok = ok || errors.Is(err, w)
	}
	if !ok {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	if left := listing(t, dir); left != ". 0\n" {
		t.Errorf("%s: the refused restore left\n%s", what, left)
	}
}

func TestRestoreRefusesTruncated(t *testing.T) {
	data := smallBackup(t)
	for n := 0; n < len(data); n += max(len(data)/fewer(80, 10), 1) {
		wantRefused(t, fmt.Sprintf("cut to %d of %d bytes", n, len(data)), data[:n], store.ErrCorrupt, store.ErrFormat)
	}
	for n := len(data) - 20; n < len(data); n++ {
		wantRefused(t, fmt.Sprintf("cut to %d of %d bytes", n, len(data)), data[:n], store.ErrCorrupt)
	}
}

func TestRestoreRefusesFlippedBits(t *testing.T) {
	data := smallBackup(t)
	const head, tail, random, seed = 40, 230, 60, 7 // the head and the whole manifest, byte by byte
	r := rand.New(rand.NewPCG(seed, 0))
	for i := 0; i < head+tail+random; i += fewer(1, 8) {
		at, bit := i, byte(1)<<r.IntN(7)
		switch {
		case i >= head+tail:
			at = r.IntN(len(data))
		case i >= head:
			at = len(data) - 1 - (i - head)
		}
		bad := bytes.Clone(data)
		bad[at] ^= bit
		wantRefused(t, fmt.Sprintf("bit %08b of byte %d of %d flipped", bit, at, len(data)), bad, store.ErrCorrupt, store.ErrFormat)
		if t.Failed() {
			return
		}
	}
}

// A frame that is sound in itself but not the one that was written: only the sum
// over the whole stream tells.
func TestRestoreRefusesForgedFrame(t *testing.T) {
	data := smallBackup(t)
	const head = len("codepool backup, format 1\n")
	payload := data[head+9:][:binary.LittleEndian.Uint32(data[head+1:])]
	at := 0
	next := func() []byte {
		n, k := binary.Uvarint(payload[at:])
		at += k + int(n)
		return payload[at-int(n) : at]
	}
	key, value := next(), next()
	text := bytes.Index(value, []byte("reward of b"))
	if key[0] != 'B' || text < 0 {
		t.Fatalf("the first pair is %q", key)
	}
	value[text] = 'R'
	sealed(string(key), value)
	binary.LittleEndian.PutUint32(data[head+5:], crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	wantRefused(t, "a forged frame", data, store.ErrCorrupt)
}

func TestRestoreRefusesOtherStreams(t *testing.T) {
	data := smallBackup(t)
	wantRefused(t, "a byte behind the end", append(bytes.Clone(data), 0), store.ErrCorrupt)
	wantRefused(t, "twice", append(bytes.Clone(data), data...), store.ErrCorrupt)
	wantRefused(t, "text", []byte("code\nABC\n"), store.ErrFormat)
	wantRefused(t, "nothing", nil, store.ErrFormat, store.ErrCorrupt)
	newer := bytes.Replace(data, []byte("format 1\n"), []byte("format 2\n"), 1)
	wantRefused(t, "another version", newer, store.ErrFormat)
	_, err := store.Restore(t.Context(), t.TempDir(), bytes.NewReader(newer))
	if err == nil || !strings.Contains(err.Error(), "format 2") || !strings.Contains(err.Error(), "format 1") {
		t.Errorf("the error names no versions: %v", err)
	}
}

func TestRestoreRefusesTargets(t *testing.T) {
	data := smallBackup(t)
	used := t.TempDir()
	s := open(t, used, weak())
	codes := issued(t, s, "keep", 1)
	mustClose(t, s)
	files := t.TempDir()
	file := filepath.Join(files, "notes.txt")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]error{used: store.ErrNotEmpty, files: store.ErrNotEmpty, file: store.ErrInvalid} {
		before := withoutLock(listing(t, dir))
		_, err := store.Restore(t.Context(), dir, bytes.NewReader(data))
		wantErr(t, "restore into "+filepath.Base(dir), err, want)
		if after := withoutLock(listing(t, dir)); after != before {
			t.Errorf("%s was\n%s and is\n%s", dir, before, after)
		}
	}
	redeem(t, storetest.OpenAt(t, used, weak()), store.Redemption{Code: codes[0]})
}

func TestRestoreCancelled(t *testing.T) {
	data := smallBackup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	_, err := store.Restore(ctx, dir, bytes.NewReader(data))
	wantErr(t, "restore", err, context.Canceled)
	if left := listing(t, dir); left != ". 0\n" {
		t.Errorf("left\n%s", left)
	}
}

// failingWriter and failingReader fail with an error of their own.
var errPipe = errors.New("broken pipe")

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errPipe
	}
	return len(p), nil
}

func TestBackupToFailingWriter(t *testing.T) {
	s := storetest.Open(t)
	issued(t, s, "b", 100)
	for _, n := range []int{0, 30, 200} {
		_, err := s.Backup(t.Context(), &failing{n})
		wantErr(t, fmt.Sprint("writer that takes ", n), err, errPipe)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Backup(ctx, &failing{1 << 20})
	wantErr(t, "cancelled", err, context.Canceled)
}

// What is leased or rests is so yet when it is restored, however late that is: when it is
// over is for whoever opens the store then.
func TestRestoreLeases(t *testing.T) {
	o, clk := timed()
	clk.set(time.Now().Add(-48 * time.Hour))
	s := storetest.Open(t, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 3, Reusable: true, Quarantine: time.Hour})
	l := lease(t, s, b.ID, 1, time.Hour, store.To("x"))
	redeem(t, s, store.Redemption{Code: issue(t, s, b.ID, 1, "y")[0], Key: "k"})
	var data bytes.Buffer
	if _, err := s.Backup(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := store.Restore(t.Context(), dir, &data); err != nil {
		t.Fatal(err)
	}
	r := storetest.OpenAt(t, dir, o)
	wantCounts(t, "restored", r, b.ID, store.Counts{Minted: 3, Available: 1, Leased: 1, Redeemed: 1})
	_, err := r.Acknowledge(t.Context(), store.LeaseEnd{Number: l.Number})
	wantErr(t, "acknowledge", err, nil)
}
