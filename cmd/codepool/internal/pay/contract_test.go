package pay_test

import (
	"context"
	"testing"

	"codepool/cmd/codepool/internal/pay"
	"codepool/cmd/codepool/paylink"
	"codepool/cmd/codepool/paylink/paylinktest"
	"codepool/gen"
	"codepool/store"
)

// world is a directory with a store that is open.
type world struct {
	*testing.T
	dir   string
	codec *gen.OrderCodec
	store *store.Store
	*pay.Backend
}

func newWorld(t *testing.T, links ...paylink.Link) *world {
	t.Helper()
	codec, err := gen.NewOrderCodec(gen.OrderLayout{}, []byte("sixteen bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, dir: t.TempDir(), codec: codec}
	w.open()
	t.Cleanup(func() {
		if v, err := w.store.Verify(context.Background()); err != nil || !v.OK() {
			t.Errorf("%+v, %v", v, err)
		}
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, l := range links {
		if got, err := w.Create(t.Context(), l, "", ""); err != nil || got != l {
			t.Fatalf("link %+v, %v, want %+v", got, err, l)
		}
	}
	return w
}

func (w *world) open() {
	w.Helper()
	var err error
	if w.store, err = store.Open(w.dir, nil); err == nil {
		w.Backend, err = pay.New(w.Context(), w.store, w.codec, 7)
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) reopen() {
	w.Helper()
	if err := w.store.Close(); err != nil {
		w.Fatal(err)
	}
	w.open()
}

func TestContract(t *testing.T) {
	paylinktest.Contract(t, func(t *testing.T, links ...paylink.Link) paylinktest.Opened {
		t.Parallel()
		w := newWorld(t, links...)
		return paylinktest.Opened{Backend: w, Reopen: func() paylink.Backend { w.reopen(); return w }}
	})
}
