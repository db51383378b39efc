package gen

import (
	"crypto/subtle"
	"errors"
	"fmt"
)

const (
	// MinSecret is the shortest secret of a SignKey in bytes.
	MinSecret = 16

	// MaxTried is how many keys a Signer can have whose codes do not name theirs:
	// a code is tried with one after the other.
	MaxTried = 8
)

// SignKey is a secret that signs codes. Codes depend on both fields: a key that is
// given another id is another key. It prints as its id alone, and JSON leaves the
// secret out.
type SignKey struct {
	ID     uint32 `json:"id"`
	Secret []byte `json:"-"` // MinSecret random bytes or more; not a pass phrase
}

// Format prints the id, whatever the verb, so that no log has the secret.
func (k SignKey) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "key %d", k.ID) }

// KeyCheck tells in public which key a Signer has, without telling anything of the
// secret. Check differs for other keys, ids and layouts, but for one chance in 2^64.
type KeyCheck struct {
	ID    uint32 `json:"id"`
	Check string `json:"check"` // 16 hexadecimal digits
}

// A Signer makes and opens the signed codes of one layout. It never changes, and is
// safe for use by any number of goroutines. The zero Signer is not usable.
type Signer struct {
	layout  Layout
	radix   radix
	ciphers []*signCipher  // of the keys in the order given: the first signs
	byID    map[uint32]int // place in ciphers; nil if codes do not name their key
}

// NewSigner returns a Signer of layout l. The first key signs and all open, so a new
// key is put in front and an old one is dropped when its codes are not to be opened
// any more. Secrets are not kept: the caller may clear them.
//
// For a layout that Validate refuses, the error is its ErrFormat; for keys that cannot
// sign it is every violation, joined, and each is an ErrSignKey.
func NewSigner(l Layout, keys ...SignKey) (*Signer, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if err := validateKeys(l, keys); err != nil {
		return nil, err
	}
	s := &Signer{layout: l, radix: newRadix(l.Class.Alphabet())}
	if l.KeyBits > 0 {
		s.byID = make(map[uint32]int, len(keys))
	}
	for i, k := range keys {
		c, err := newSignCipher(l, k)
		if err != nil {
			return nil, fmt.Errorf("%w: %v: %w", ErrSignKey, k, err)
		}
		s.ciphers = append(s.ciphers, c)
		if s.byID != nil {
			s.byID[k.ID] = i
		}
	}
	return s, nil
}

// validateKeys returns what is wrong with the keys of a Signer of layout l.
func validateKeys(l Layout, keys []SignKey) error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrSignKey}, args...)...))
	}
	switch {
	case len(keys) == 0:
		refuse("there are none: give the one to sign with")
	case len(keys) > MaxTried && l.KeyBits == 0:
		refuse("%d keys, each of which is tried with every code: give at most %d, or a layout with key bits", len(keys), MaxTried)
	}
	for i, k := range keys {
		if len(k.Secret) < MinSecret {
			refuse("%v: a secret of %d bytes: give %d random ones or more", k, len(k.Secret), MinSecret)
		}
		if l.KeyBits > 0 && k.ID>>l.KeyBits != 0 {
			refuse("%v: its id does not fit in %d bits: give one up to %d", k, l.KeyBits, 1<<l.KeyBits-1)
		}
		for _, other := range keys[:i] {
			switch {
			case other.ID == k.ID:
				refuse("%v is given twice: give each its own id", k)
			case len(k.Secret) >= MinSecret && subtle.ConstantTimeCompare(other.Secret, k.Secret) == 1:
				refuse("%v has the secret of %v: give each its own", k, other)
			}
		}
	}
	return errors.Join(errs...)
}

// Layout returns the layout of the codes.
func (s *Signer) Layout() Layout { return s.layout }

// Keys returns the id and check of each key, the one that signs first. Whoever keeps
// codes' state keeps these with it, and sees on reopening that keys or layout
// are not those the codes were made with.
func (s *Signer) Keys() []KeyCheck {
	checks := make([]KeyCheck, len(s.ciphers))
	for i, c := range s.ciphers {
		checks[i] = c.public
	}
	return checks
}

// Append appends the canonical code of a plan's serial to dst and returns the longer
// slice. Under one first key the same plan and serial always make the same code, and
// no two make the same; codes of neighbouring serials have nothing in common that
// shows. It does not allocate when dst has room.
//
// For a plan or serial that does not fit the layout, dst comes back unchanged with
// an ErrRange.
func (s *Signer) Append(dst []byte, plan uint32, serial uint64) ([]byte, error) {
	l := &s.layout
	if plan>>l.PlanBits != 0 {
		return dst, fmt.Errorf("%w: plan %d does not fit in %d bits", ErrRange, plan, l.PlanBits)
	}
	if serial>>l.SerialBits != 0 {
		return dst, fmt.Errorf("%w: serial %d does not fit in %d bits: begin another plan", ErrRange, serial, l.SerialBits)
	}
	c, b := s.ciphers[0], blocks.Get().(*block)
	tag, masked := c.seal(b, uint64(plan)<<l.SerialBits|serial)
	blocks.Put(b)

	var n uint128
	if l.KeyBits > 0 {
		n.lo = uint64(c.public.ID)
	}
	n = n.join(tag, l.TagBits).join(masked, l.payloadBits())
	var buf [MaxCode]byte
	s.radix.format(buf[:l.Length], n)
	return append(append(dst, l.Prefix...), buf[:l.Length]...), nil
}
