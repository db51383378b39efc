package store

import (
	"codepool/gen"
	"codepool/shard"
)

// openings is the working memory of openAll.
type openings struct {
	found []bool     // by request: its code is signed, and its key known
	text  [][2]int32 // by request: where its canonical text is in canon

	at    []int32 // requests that are opened together
	texts []string
	said  []gen.Opening
	canon []byte
}

// openAll finds the keys of the requests whose codes are signed, and reports whether there
// is one. Nothing is said of the others: resolve knows why.
func (s *Store) openAll(o *openings, keys []shard.Key, rs []Redemption) bool {
	if cap(o.found) < len(rs) {
		o.found, o.text, o.said = make([]bool, len(rs)), make([][2]int32, len(rs)), make([]gen.Opening, len(rs))
	}
	o.found, o.text, o.canon = o.found[:len(rs)], o.text[:len(rs)], o.canon[:0]
	clear(o.found)
	for from := 0; from < len(rs); {
		end := from + 1
		for end < len(rs) && rs[end].Namespace == rs[from].Namespace {
			end++
		}
		if sp := s.space(rs[from].Namespace); sp != nil {
			kinds := sp.signedKinds()
			for i := range kinds {
				s.openKind(o, sp, &kinds[i], keys, rs, from, end)
			}
		}
		from = end
	}
	clear(o.texts[:cap(o.texts)]) // they are the caller's
	if len(o.canon) == 0 {
		return false
	}
	all := string(o.canon) // which the keys share
	for i := range rs {
		if o.found[i] {
			keys[i].Wide = all[o.text[i][0]:o.text[i][1]]
		}
	}
	return true
}

// openKind is openAll for the texts of one kind among some requests of its namespace.
func (s *Store) openKind(o *openings, sp *space, kind *signedKind, keys []shard.Key, rs []Redemption, from, end int) {
	o.at, o.texts = o.at[:0], o.texts[:0]
	for i := from; i < end; i++ {
		if !o.found[i] {
			o.at, o.texts = append(o.at, int32(i)), append(o.texts, rs[i].Code)
		}
	}
	at := int32(len(o.canon))
	o.canon = kind.signer.OpenAll(o.canon, o.texts, o.said[:len(o.texts)])
	length := int32(kind.layout.Format().CanonicalLen())
	for j, i := range o.at {
		said := &o.said[j]
		if said.Err != nil {
			continue
		}
		o.text[i] = [2]int32{at, at + length}
		at += length
		if k, err := s.signedKey(sp, kind, said); err == nil {
			keys[i], o.found[i] = k, true
		}
	}
}
