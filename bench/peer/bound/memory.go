package bound

import (
	"context"
	"errors"
	"sync"

	"codepool/bench/peer"
	"codepool/gen"

	"github.com/puzpuzpuz/xsync/v4"
)

// errRefused is returned for a code that is not there to be redeemed.
var errRefused = errors.New("the code is unknown or redeemed")

// lockedMap is the limit of memory for one lock: a set of the live codes. Redeeming
// removes one; who redeemed it is not kept.
type lockedMap struct {
	mu struct {
		sync.Mutex
		codes map[string]struct{}
	}
	stock
}

func openLocked(string) (peer.System, error) {
	m := &lockedMap{}
	m.mu.codes = make(map[string]struct{})
	return m, nil
}

// Mint adds n random codes.
func (m *lockedMap) Mint(ctx context.Context, n int) error {
	return m.fill(ctx, n, func(code string) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		_, known := m.mu.codes[code]
		m.mu.codes[code] = struct{}{}
		return !known
	})
}

// RedeemOne removes one code.
func (m *lockedMap) RedeemOne(_ context.Context, code, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.redeemLocked(code)
}

// RedeemMany removes codes under one lock, up to the first that is refused.
func (m *lockedMap) RedeemMany(_ context.Context, rs []peer.Redemption) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range rs {
		if err := m.redeemLocked(rs[i].Code); err != nil {
			return err
		}
	}
	return nil
}

func (m *lockedMap) redeemLocked(code string) error {
	if _, ok := m.mu.codes[code]; !ok {
		return errRefused
	}
	delete(m.mu.codes, code)
	return nil
}

// Refuse tries the codes under one lock.
func (m *lockedMap) Refuse(_ context.Context, codes []string) (refused int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, code := range codes {
		if m.redeemLocked(code) != nil {
			refused++
		}
	}
	return refused, nil
}

// Audit compares the number of codes.
func (m *lockedMap) Audit(_ context.Context, want peer.Ledger) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return auditLeft(len(m.mu.codes), want)
}

// concurrentMap is the limit of memory for many locks, used in the same way.
type concurrentMap struct {
	codes *xsync.Map[string, struct{}]
	stock
}

func openConcurrent(string) (peer.System, error) {
	return &concurrentMap{codes: xsync.NewMap[string, struct{}]()}, nil
}

// Mint adds n random codes.
func (m *concurrentMap) Mint(ctx context.Context, n int) error {
	return m.fill(ctx, n, func(code string) bool {
		_, known := m.codes.LoadOrStore(code, struct{}{})
		return !known
	})
}

// RedeemOne removes one code.
func (m *concurrentMap) RedeemOne(_ context.Context, code, _ string) error {
	if _, ok := m.codes.LoadAndDelete(code); !ok {
		return errRefused
	}
	return nil
}

// RedeemMany removes codes one by one, up to the first that is refused.
func (m *concurrentMap) RedeemMany(ctx context.Context, rs []peer.Redemption) error {
	for i := range rs {
		if err := m.RedeemOne(ctx, rs[i].Code, ""); err != nil {
			return err
		}
	}
	return nil
}

// Refuse tries the codes one by one.
func (m *concurrentMap) Refuse(ctx context.Context, codes []string) (refused int, err error) {
	for _, code := range codes {
		if m.RedeemOne(ctx, code, "") != nil {
			refused++
		}
	}
	return refused, nil
}

// Audit compares the number of codes.
func (m *concurrentMap) Audit(_ context.Context, want peer.Ledger) error {
	return auditLeft(m.codes.Size(), want)
}

// stock is the minted codes that were not handed out.
type stock struct {
	mu    sync.Mutex
	texts []string
}

// fill makes n codes that add says are new.
func (s *stock) fill(ctx context.Context, n int, add func(code string) bool) error {
	g, err := gen.NewGenerator(gen.DefaultFormat())
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var buf []byte
	for n > 0 {
		if n%(1<<16) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if buf, err = g.AppendCode(buf[:0]); err != nil {
			return err
		}
		if code := string(buf); add(code) {
			s.texts = append(s.texts, code)
			n--
		}
	}
	return nil
}

// HandOut reports k codes.
func (s *stock) HandOut(_ context.Context, k int, each func(string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k > len(s.texts) {
		return peer.ErrStock
	}
	for _, code := range s.texts[:k] {
		each(code)
	}
	s.texts = s.texts[k:]
	return nil
}

// Close does nothing.
func (s *stock) Close() error { return nil }

func auditLeft(left int, want peer.Ledger) error {
	if live := want.Minted - want.Redeemed; int64(left) != live {
		return peer.Mismatch("codes left", int64(left), live)
	}
	return nil
}
