package store

import (
	"fmt"
	"strings"
	"testing"
)

// All cursors are one pair of the engine: it has room for as many as there can be, with the
// names that become longest when they are written.
func TestCursorsFit(t *testing.T) {
	for _, char := range []string{"<", `"`, "\u2028", "�"} {
		dir := t.TempDir()
		s, err := Open(dir, &Options{Durability: WeakNoSync})
		if err != nil {
			t.Fatal(err)
		}
		err = s.cursors.change(s.eng, func(all map[string]uint64) error {
			for i := range MaxCursors {
				number := fmt.Sprint(i)
				all[strings.Repeat(char, (MaxText-len(number))/len(char))+number] = 1<<64 - 1
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%q: %.200v", char, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(dir, &Options{Durability: WeakNoSync}); err != nil {
			t.Fatal(err)
		}
		for name, n := range s.Cursors() {
			if !strings.HasPrefix(name, char) || n != 1<<64-1 {
				t.Errorf("%q is at %d", name, n)
			}
		}
		if n := len(s.Cursors()); n != MaxCursors {
			t.Errorf("%q: %d cursors", char, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
