package store

import "testing"

// plain looks at eight bytes at a time; every byte counts at every place.
func TestPlain(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				b := []byte("abcdefghijklmnopqrst")[:length]
				b[at] = byte(c)
				if got, want := plain(string(b)), c >= ' ' && c < 0x7F; got != want {
					t.Fatalf("length %d, byte %#x at %d: %v, want %v", length, c, at, got, want)
				}
			}
		}
	}
}
