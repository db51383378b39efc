//go:build !race

package bound_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"codepool/bench/peer"
	"codepool/bench/peer/bound"
	"codepool/bench/peer/peertest"
)

func TestSystems(t *testing.T) {
	for _, k := range bound.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			peertest.Check(t, k)
			peertest.CheckOnce(t, k)
		})
	}
}

// TestRecordSize redeems in codepool and compares what its log grew by.
func TestRecordSize(t *testing.T) {
	const n, call = 40_000, 1000
	ctx, dir := t.Context(), t.TempDir()
	s, err := peer.OpenCodepool(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Mint(ctx, n); err != nil {
		t.Fatal(err)
	}
	var rs []peer.Redemption
	if err := s.HandOut(ctx, n, func(code string) {
		rs = append(rs, peer.Redemption{Code: code, User: fmt.Sprintf("user%04d", len(rs)%1000)})
	}); err != nil {
		t.Fatal(err)
	}
	before := logSize(t, dir)
	for i := 0; i < n; i += call {
		if err := s.(peer.BatchRedeemer).RedeemMany(ctx, rs[i:i+call]); err != nil {
			t.Fatal(err)
		}
	}
	got := float64(logSize(t, dir)-before) / n
	if got < bound.RecordSize-1 || got > bound.RecordSize+1 {
		t.Errorf("codepool appended %.1f bytes a redemption, RecordSize is %d", got, bound.RecordSize)
	}
}

// logSize returns the bytes of the logs in dir, without the zeros that are written ahead.
func logSize(t *testing.T, dir string) (size int) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "journal", "*.mem"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs %v, %v; want one, or records have moved to a table", logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	return len(bytes.TrimRight(b, "\x00"))
}
