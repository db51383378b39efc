package gen

import "sync"

// An Opening is what a text says as a signed code: Err is nil, or why it says nothing.
type Opening struct {
	Plan   uint32
	KeyID  uint32 // of the key that signed it
	Serial uint64
	Err    error
}

// Open returns what a typed code says and which key signed it. It does not allocate.
//
// The error is that of AppendCanonical for a text without canonical form, else the
// one of OpenCanonical.
func (s *Signer) Open(text string) (plan uint32, serial uint64, keyID uint32, err error) {
	var buf [MaxCode]byte
	canon, err := AppendCanonical(buf[:0], text, s.layout.Class.Fold())
	if err != nil {
		return 0, 0, 0, err
	}
	return s.OpenCanonical(canon)
}

// OpenCanonical is Open for the canonical form of a code: what it opens is what Append
// writes, byte for byte. The error is one of
//
//	ErrNotSigned    another length or prefix: it may be a code of another kind
//	ErrAlphabet     a character that no code of the layout has
//	ErrUnknownKey   the id of no key, in a layout with key ids
//	ErrForged       everything else that Append did not write
//
// Without key ids the keys are tried in order. A guess then passes as one of any key,
// and a true code of the second is, by the same small chance of 2^-TagBits, taken for
// another one of the first: short tags and several keys go with key ids.
func (s *Signer) OpenCanonical(canon []byte) (plan uint32, serial uint64, keyID uint32, err error) {
	o := openings.Get().(*opening)
	defer openings.Put(o)
	if err := s.read(canon, &o.given[0]); err != nil {
		return 0, 0, 0, err
	}
	s.try(o, 1)
	out := s.says(&o.given[0])
	return out.Plan, out.Serial, out.KeyID, out.Err
}

// OpenAll is Open for many texts: out[i] is what texts[i] says. It appends the canonical
// forms of those that open to dst, in order, and returns the longer slice; all of them
// have the length of the layout. It is twice as fast as as many calls of Open, since a
// processor works on several ciphers that do not wait for each other at once.
// REQUIRES: out is as long as texts.
func (s *Signer) OpenAll(dst []byte, texts []string, out []Opening) []byte {
	o := openings.Get().(*opening)
	defer openings.Put(o)
	fold := s.layout.Class.Fold()
	for from := 0; from < len(texts); from += len(o.given) {
		part := texts[from:min(from+len(o.given), len(texts))]
		n, start := 0, len(dst)
		for i, text := range part {
			g, before := &o.given[n], len(dst)
			var err error
			if dst, err = AppendCanonical(dst, text, fold); err == nil {
				err = s.read(dst[before:], g)
			}
			if err != nil {
				dst, out[from+i] = dst[:before], Opening{Err: err}
				continue
			}
			g.place = from + i
			n++
		}
		s.try(o, n)
		length, kept := s.canonicalLen(), start
		for i := range o.given[:n] {
			g := &o.given[i]
			if out[g.place] = s.says(g); out[g.place].Err == nil {
				if at := start + i*length; at != kept {
					copy(dst[kept:], dst[at:at+length])
				}
				kept += length
			}
		}
		dst = dst[:kept]
	}
	return dst
}

// canonicalLen is the length of every code.
func (s *Signer) canonicalLen() int { return len(s.layout.Prefix) + s.layout.Length }

// given is a code that is being opened.
type given struct {
	block  block
	cipher *signCipher // that is tried
	place  int         // in what the caller gave

	tag, masked uint64 // as they stand in the code
	t, payload  uint64 // while it is opened
	ok          bool
}

// opening is what codes are opened in: as many as have their ciphers computed side by side.
type opening struct {
	given [32]given
	left  []*given // room for those that the next key is tried with
}

var openings = sync.Pool{New: func() any { return new(opening) }}

// read takes a code apart. The errors are those of OpenCanonical.
func (s *Signer) read(canon []byte, g *given) error {
	l := &s.layout
	n := len(l.Prefix)
	if len(canon) != n+l.Length || string(canon[:n]) != l.Prefix {
		return ErrNotSigned
	}
	number, err := s.radix.parse(canon[n:])
	if err != nil {
		return err
	}
	number, g.masked = number.cut(l.payloadBits())
	number, g.tag = number.cut(l.TagBits)
	number, id := number.cut(l.KeyBits)
	if number != (uint128{}) {
		return ErrForged // more than the bits of the layout
	}
	g.cipher = s.ciphers[0]
	if s.byID != nil {
		i, ok := s.byID[uint32(id)]
		if !ok {
			return ErrUnknownKey
		}
		g.cipher = s.ciphers[i]
	}
	return nil
}

// try opens the first n codes, each with the key it names, or with every key in turn.
func (s *Signer) try(o *opening, n int) {
	o.left = o.left[:0]
	for i := range o.given[:n] {
		o.left = append(o.left, &o.given[i])
	}
	for next := 1; ; next++ {
		open(o.left)
		if s.byID != nil || next == len(s.ciphers) {
			return
		}
		left := o.left[:0]
		for _, g := range o.left {
			if !g.ok {
				g.cipher = s.ciphers[next]
				left = append(left, g)
			}
		}
		if o.left = left; len(left) == 0 {
			return
		}
	}
}

// says is what a code that was tried says.
func (s *Signer) says(g *given) Opening {
	if !g.ok {
		return Opening{Err: ErrForged}
	}
	bits := s.layout.SerialBits
	return Opening{Plan: uint32(g.payload >> bits), Serial: g.payload & (1<<bits - 1), KeyID: g.cipher.public.ID}
}
