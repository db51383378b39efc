package store

import (
	"maps"
	"sync/atomic"

	"codepool/gen"
	"codepool/shard"
)

// space is a namespace: the scope in which a code's text is unique.
type space struct {
	id    uint32
	name  string
	folds foldSet // folds that some batch of the namespace uses; only grows
	// signed are the layouts of its signed batches; nil if there is none.
	signed atomic.Pointer[[]signedKind]
}

// forms are the canonical forms that a typed text may have in its namespace, in
// the order in which they are tried: exact, upper-cased, Crockford.
type forms struct {
	n    int
	keys [3]shard.Key
	// retired is which form, from 1, is a code of a retired batch and comes before those
	// that are in memory; 0: none. It is what the text means; a key that was used for another
	// form before stays used.
	retired int
	// computed: it is a code of a signed batch, by its tag, which no gate has to let through.
	computed bool
}

// usual resolves the hot case in one pass and without a buffer: a code of the default
// format where no batch folds otherwise.
func (sp *space) usual(text string, k *shard.Key) bool {
	if sp.folds.load() != 1<<gen.Crockford || sp.signed.Load() != nil {
		return false
	}
	word, ok := gen.PackCrockford(text)
	if ok {
		*k = shard.PackedKey(sp.id, word)
	}
	return ok
}

// resolve fills f with the forms of a text and reports whether there is any. A text
// that cannot be a code has none.
func (s *Store) resolve(namespace, text string, f *forms) bool {
	f.n, f.retired, f.computed = 0, 0, false
	sp := s.space(namespace)
	if sp == nil || len(text) > gen.MaxInput {
		return false
	}
	if sp.usual(text, &f.keys[0]) {
		f.n = 1
		return true
	}
	if sp.signed.Load() != nil && s.openSigned(sp, text, f) == nil {
		return true
	}
	folds := sp.folds.load()
	for _, fold := range [...]gen.Fold{gen.Exact, gen.Upper, gen.Crockford} {
		if folds&(1<<fold) != 0 {
			f.add(sp.id, text, fold)
		}
	}
	return f.n > 0
}

func (f *forms) add(space uint32, text string, fold gen.Fold) {
	var buf [gen.MaxCode]byte
	canon, err := gen.AppendCanonical(buf[:0], text, fold)
	if err != nil {
		return
	}
	k := keyOf(space, canon)
	for i := range f.n {
		if f.keys[i] == k {
			return
		}
	}
	f.keys[f.n] = k
	f.n++
}

// keyOf returns the key of a canonical text.
func keyOf(space uint32, canon []byte) shard.Key {
	if v, ok := gen.Pack(canon); ok {
		return shard.PackedKey(space, v)
	}
	return shard.WideKey(space, string(canon))
}

// appendCanon appends the canonical text of a key.
func appendCanon(dst []byte, k *shard.Key) []byte {
	if k.Word >= shard.WideMark {
		return append(dst, k.Wide...)
	}
	dst, _ = gen.AppendUnpacked(dst, k.Word) // a word in memory came from Pack
	return dst
}

func canonText(k *shard.Key) string {
	if k.Word >= shard.WideMark {
		return k.Wide
	}
	var buf [gen.MaxCode]byte
	return string(appendCanon(buf[:0], k))
}

// space returns a namespace by name, nil if no batch is in it.
func (s *Store) space(name string) *space {
	if name == "" {
		return &s.rootSpace
	}
	return (*s.spaces.Load())[name]
}

// ensureSpaceLocked returns the namespace, making it if need be. REQUIRES: s.mu.
func (s *Store) ensureSpaceLocked(name string) *space {
	if sp := s.space(name); sp != nil {
		return sp
	}
	old := *s.spaces.Load()
	sp := &space{name: name, id: 1}
	for _, o := range old {
		sp.id = max(sp.id, o.id+1)
	}
	s.addSpaceLocked(sp)
	return sp
}

func (s *Store) addSpaceLocked(sp *space) {
	grown := maps.Clone(*s.spaces.Load())
	grown[sp.name] = sp
	s.spaces.Store(&grown)
}
