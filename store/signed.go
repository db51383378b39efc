package store

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync/atomic"

	"codepool/gen"
	"codepool/shard"
	"codepool/store/internal/journal"
)

// A signed batch stores no codes. A code of it is computed from its serial (gen.Signer), and
// a typed text gives the serial back, or is refused by arithmetic before anything is looked
// at. Its one run has the serials as ordinals; what is kept of each is its state, two bits
// (shard.NewComputedRun), and on disk the state pages of the run.
//
// The plan in a code is the number of its batch. A batch is bound to the key that signed it:
// an older one stays in Options.SignKeys as long as its codes are to be read.

// MaxSigned is the most codes a signed batch can hold.
const MaxSigned = math.MaxUint32

// signedTerms are what a batch says of its codes if they are signed.
type signedTerms struct {
	signer *gen.Signer                        // with the batch's key alone: it makes the texts
	keys   atomic.Pointer[shard.ComputedKeys] // of its one run; nil before it is in stock
}

// signedKind reads the texts of one layout in a namespace.
type signedKind struct {
	layout gen.Layout
	signer *gen.Signer // with all keys
	// each has one key, where a code does not name its key and a small tag may fit under
	// another one first.
	each []*gen.Signer
}

func (b *Batch) isSigned() bool { return b.Signed != gen.Layout{} }

// checkSigned refuses what a signed batch cannot be.
func (b *Batch) checkSigned() error {
	if err := b.Signed.Validate(); err != nil {
		return err
	}
	most := int64(MaxSigned)
	if b.Signed.SerialBits < 32 {
		most = 1 << b.Signed.SerialBits
	}
	if b.Format != b.Signed.Format() {
		return fmt.Errorf("format is %v: leave it zero, the layout says how codes look", b.Format)
	}
	if b.Count > most {
		return fmt.Errorf("count is %d: the layout has serials for %d at most", b.Count, most)
	}
	return nil
}

// signWith binds a new batch to the first of the store's keys.
func (s *Store) signWith(b *Batch) error {
	if len(s.opt.SignKeys) == 0 {
		return fmt.Errorf("%w: there are no keys in Options.SignKeys to sign with", ErrSignKey)
	}
	signer, err := gen.NewSigner(b.Signed, s.opt.SignKeys...) // all of them, as its codes will be read
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignKey, err)
	}
	b.SignedBy = signer.Keys()[0]
	if bits := b.Signed.PlanBits; uint64(b.ID)>>bits != 0 {
		return fmt.Errorf("%w: the layout has plans for batches up to %d, and this one would be %d: give it more bits of plan", ErrSpace, 1<<bits-1, b.ID)
	}
	return nil
}

// findSigner gives a batch the signer that its key makes, and its namespace the means to
// read its codes. A restore has no keys, and asks for no code. REQUIRES: s.mu, or nobody else
// is about.
func (s *Store) findSigner(b *batch) error {
	if s.restoring {
		return nil
	}
	for _, k := range s.opt.SignKeys {
		if k.ID != b.SignedBy.ID {
			continue
		}
		signer, err := gen.NewSigner(b.Signed, k)
		if err != nil {
			return fmt.Errorf("%w: batch %q: %w", ErrSignKey, b.Name, err)
		}
		if signer.Keys()[0] != b.SignedBy {
			return fmt.Errorf("%w: batch %q was signed with another secret than key %d has", ErrSignKey, b.Name, k.ID)
		}
		b.signed.signer = signer
		return s.readSigned(b.space, b.Signed)
	}
	return fmt.Errorf("%w: batch %q was signed with key %d: put it into Options.SignKeys", ErrSignKey, b.Name, b.SignedBy.ID)
}

// readSigned makes a namespace read codes of a layout.
func (s *Store) readSigned(sp *space, l gen.Layout) error {
	kinds := sp.signedKinds()
	if slices.ContainsFunc(kinds, func(k signedKind) bool { return k.layout == l }) {
		return nil
	}
	signer, err := gen.NewSigner(l, s.opt.SignKeys...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignKey, err)
	}
	kind := signedKind{layout: l, signer: signer}
	for _, k := range s.opt.SignKeys {
		if l.KeyBits > 0 || len(s.opt.SignKeys) == 1 {
			break
		}
		one, err := gen.NewSigner(l, k)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSignKey, err)
		}
		kind.each = append(kind.each, one)
	}
	kinds = append(slices.Clone(kinds), kind)
	sp.signed.Store(&kinds)
	s.signs.Store(true)
	return nil
}

func (sp *space) signedKinds() []signedKind {
	if p := sp.signed.Load(); p != nil {
		return *p
	}
	return nil
}

// openSigned fills f with the code that a text is, if it is signed, and else says why not.
func (s *Store) openSigned(sp *space, text string, f *forms) (why error) {
	why = ErrUnknownCode
	for _, kind := range sp.signedKinds() {
		var buf [gen.MaxCode]byte
		canon, err := gen.AppendCanonical(buf[:0], text, kind.layout.Class.Fold())
		if err != nil {
			continue
		}
		var o gen.Opening
		o.Plan, o.Serial, o.KeyID, o.Err = kind.signer.OpenCanonical(canon)
		k, err := s.signedKey(sp, &kind, &o)
		for i := 0; i < len(kind.each) && (err == errOtherPlan || err == errBeyondBatch); i++ {
			o.Plan, o.Serial, o.KeyID, o.Err = kind.each[i].OpenCanonical(canon)
			if one, other := s.signedKey(sp, &kind, &o); o.Err == nil && other == nil {
				k, err = one, nil
			}
		}
		if err == nil {
			k.Wide = string(canon)
			f.keys[0], f.n, f.computed = k, 1, true
			return nil
		}
		why = worse(why, err)
	}
	return why
}

// signedKey is the key of what a text of a kind says, without its text, or why there is none.
func (s *Store) signedKey(sp *space, kind *signedKind, o *gen.Opening) (k shard.Key, err error) {
	if o.Err != nil {
		return k, o.Err
	}
	b := s.batchByID(BatchID(o.Plan))
	if b == nil || b.space != sp || b.Signed != kind.layout || b.SignedBy.ID != o.KeyID {
		return k, errOtherPlan
	}
	if o.Serial >= uint64(b.Count) {
		return k, errBeyondBatch
	}
	keys := b.signed.keys.Load()
	if keys == nil { // not in stock yet
		return k, ErrUnknownCode
	}
	return keys.Key(uint32(o.Serial)), nil
}

// The reasons for which a text is no code of a signed batch; each is ErrUnknownCode, too.
var (
	errForged      = &unknownCode{"code is forged", ErrForged}
	errOtherKey    = &unknownCode{"code names a signing key that is not known", gen.ErrUnknownKey}
	errOtherPlan   = &unknownCode{"code is of no batch of the namespace", ErrUnknownCode}
	errBeyondBatch = &unknownCode{"code is beyond the end of its batch", ErrBeyondBatch}
)

// unknownCode is ErrUnknownCode with the reason.
type unknownCode struct {
	text string
	kind error
}

func (e *unknownCode) Error() string { return e.text }

// Unwrap lets errors.Is find both.
func (e *unknownCode) Unwrap() []error { return []error{ErrUnknownCode, e.kind} }

// worse keeps the reason that says most: of several layouts most texts have another length.
func worse(why, err error) error {
	switch err {
	case gen.ErrForged:
		return errForged
	case gen.ErrUnknownKey:
		return errOtherKey
	case errOtherPlan, errBeyondBatch:
		return err
	}
	return why
}

// explained is an error of a request for a code, with the reason why a text is none where
// that can be told.
func (s *Store) explained(err error, namespace, text string) error {
	if err != ErrUnknownCode || !s.signs.Load() {
		return err
	}
	sp := s.space(namespace)
	if sp == nil {
		return err
	}
	var f forms
	if why := s.openSigned(sp, text, &f); why != nil {
		return why
	}
	return err
}

// explainAll is explained for many.
func (s *Store) explainAll(rs []Redemption, out []Result) {
	if !s.signs.Load() {
		return
	}
	for i := range rs {
		out[i].Err = s.explained(out[i].Err, rs[i].Namespace, rs[i].Code)
	}
}

// inStock makes the codes of a signed batch readable, which are those of a run.
func (b *batch) inStock(run uint32) {
	b.signed.keys.Store(shard.NewComputedKeys(b.space.id, run, uint32(b.Count)))
}

// text is the canonical code of a serial.
func (b *batch) text(serial uint32) string {
	var buf [gen.MaxCode]byte
	canon, _ := b.signed.signer.Append(buf[:0], uint32(b.ID), uint64(serial)) // both are in range
	return string(canon)
}

// mintSigned puts the codes of a signed batch into stock.
func (s *Store) mintSigned(ctx context.Context, b *batch, at int64) error {
	if b.signed.keys.Load() != nil || s.countsOf(b).Minted > 0 {
		return nil
	}
	if err := s.mayAdd(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	id := uint32(len(s.mu.runs))
	s.mu.runs = append(s.mu.runs, runHeader{})
	s.mu.staged[id] = struct{}{}
	s.mu.Unlock()
	h := runHeader{ID: id, Batch: uint32(b.ID), Count: uint32(b.Count), Initial: shard.Available, Computed: true}
	run, err := s.computedRun(&h)
	if err != nil {
		s.unstage(id)
		return err
	}
	return s.writeRun(ctx, &stagedRun{header: h, codes: &runCodes{}, run: run}, at)
}

// computedRun makes the run of a signed batch.
func (s *Store) computedRun(h *runHeader) (*shard.Run, error) {
	b := s.batch(h.Batch)
	if !b.isSigned() || int64(h.Count) != b.Count {
		return nil, corrupt(key1(keyRun, h.ID), "its codes are computed, and its batch is not signed or of another size")
	}
	return s.pool.NewComputedRun(h.ID, h.Batch, b.space.id, h.Count, b.text)
}

// loadComputed brings a run of a signed batch into memory.
func (s *Store) loadComputed(h runHeader) error {
	run, err := s.computedRun(&h)
	if err != nil {
		return err
	}
	run.Activate(h.Initial, nil)
	err = s.eng.View(func(v journal.Reader) error {
		return eachStatePage(v, h, func(p statePageID, st pageStamp, states []byte) error {
			run.SetStates(p.page*statePage, min(statePage, h.Count-p.page*statePage), states)
			s.mu.Lock()
			s.statePages[p] = st
			s.mu.Unlock()
			return nil
		})
	})
	if err != nil {
		return err
	}
	s.batch(h.Batch).inStock(h.ID)
	return nil
}

// loadRetiredSigned is loadRetired for a run whose codes are computed.
func (s *Store) loadRetiredSigned(v journal.Reader, run *retiredRun, b *batch) error {
	run.text = b.text
	var n [shard.NumStates]int64
	n[run.Initial] = int64(run.Count)
	pages := map[statePageID]pageStamp{}
	err := eachStatePage(v, run.runHeader, func(p statePageID, st pageStamp, states []byte) error {
		pages[p] = st
		for o := range min(statePage, run.Count-p.page*statePage) {
			n[run.Initial]--
			n[get4(states, o)]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.inStock(run.ID)
	s.addRetired(run)
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.statePages, pages)
	b.kept.Store(&n)
	return nil
}

// sampleSigned is how many codes of a signed batch Verify reads.
const sampleSigned = 1 << 16

// findComputed reads codes of a signed batch as a request would, evenly spread over it.
func (v *verifier) findComputed(m *vrun, b *batch) error {
	v.rep.Codes += int64(m.h.Count)
	step := max(1, m.h.Count/sampleSigned)
	for o := uint64(0); o < uint64(m.h.Count); o += uint64(step) {
		var f forms
		text := b.text(uint32(o))
		if err := v.s.openSigned(b.space, text, &f); err != nil {
			v.rep.problem("signed batch %q: the code of serial %d is not read: %v", b.Name, o, err)
			continue
		}
		if run, ordinal := f.keys[0].Place(); run != m.h.ID || uint64(ordinal) != o {
			v.rep.problem("signed batch %q: the code of serial %d is read as %d of run %d", b.Name, o, ordinal, run)
		}
		if o&0xFFFF == 0 && v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
	}
	return nil
}
