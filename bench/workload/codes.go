package workload

import (
	"fmt"
	"math/rand/v2"
	"unsafe"
)

// texts is a list of texts of one length in one piece of memory without pointers, so that
// the collector does not walk millions of strings inside a measurement.
type texts struct {
	width int
	buf   []byte
}

func (t *texts) add(s string) error {
	if t.width == 0 {
		t.width = len(s)
	}
	if len(s) != t.width || s == "" {
		return fmt.Errorf("text %q has %d bytes, those before it have %d", s, len(s), t.width)
	}
	t.buf = append(t.buf, s...)
	return nil
}

func (t *texts) len() int {
	if t.width == 0 {
		return 0
	}
	return len(t.buf) / t.width
}

// bytes returns text i, which must not be changed.
func (t *texts) bytes(i int) []byte {
	at := i * t.width
	return t.buf[at : at+t.width : at+t.width]
}

// at returns text i in place; the list must not change afterwards.
func (t *texts) at(i int) string { return unsafe.String(&t.buf[i*t.width], t.width) }

// shuffle puts the texts in an order of its own, the same for the same seed.
func (t *texts) shuffle(seed uint64) {
	spare := make([]byte, t.width)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(t.len(), func(i, j int) {
		a, b := t.bytes(i), t.bytes(j)
		copy(spare, a)
		copy(a, b)
		copy(b, spare)
	})
}

// users returns n different users of 8 bytes each.
func users(n int) *texts {
	t := &texts{width: 8, buf: make([]byte, 0, 8*n)}
	for i := range n {
		t.buf = fmt.Appendf(t.buf, "%08d", i%100_000_000)
	}
	return t
}
