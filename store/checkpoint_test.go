package store

import (
	"errors"
	"testing"
)

// A checkpoint asks for room before each of its writes: between two of them others may
// take the disk. What it leaves is made by the next one.
func TestCheckpointNeedsRoom(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(soon(t), Batch{Name: "b", Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	there := s.index.room
	for left := 0; ; left++ {
		codes, err := s.Issue(soon(t), b.ID, 1, To("x"))
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		s.index.room = func() error {
			if asked++; asked > left {
				return ErrDiskFull
			}
			return there()
		}
		err = s.Checkpoint(soon(t))
		s.index.room = there
		if info, lerr := s.Lookup(soon(t), "", codes[0]); lerr != nil || info.Ref != "x" {
			t.Fatalf("with room for %d writes: %+v, %v", left, info, lerr)
		}
		if err == nil {
			if asked < 3 {
				t.Errorf("it asked %d times", asked)
			}
			break
		}
		if !errors.Is(err, ErrDiskFull) {
			t.Errorf("with room for %d writes: %v, want ErrDiskFull", left, err)
		}
	}
	if err := s.Checkpoint(soon(t)); err != nil {
		t.Error(err)
	}
	if rep, err := s.Verify(soon(t)); err != nil || !rep.OK() {
		t.Errorf("%+v, %v", rep, err)
	}
}
