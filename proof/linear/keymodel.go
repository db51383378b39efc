package linear

import (
	"fmt"
	"strings"

	"codepool/store"

	"github.com/anishathalye/porcupine"
)

// keyState is one key that several codes meet: unused, or bound to a request and its
// answer for ever.
type keyState struct {
	what, answer string // empty: unused
	epoch        int
	over         bool
}

// keyModel is the model of such a key. What the codes have to say is not known here: a
// refusal that they gave tells only that the key was unused.
func keyModel(t terms) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return keyState{} },
		Step: func(s, in, _ any) (bool, any) {
			next, ok := t.stepKey(s.(keyState), in.(*op))
			return ok, next
		},
		DescribeOperation: func(in, _ any) string { return in.(*op).asked() + " -> " + in.(*op).answered() },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

func (t terms) stepKey(s keyState, o *op) (keyState, bool) {
	switch o.verb {
	case restart:
		s.epoch++
		return s, true
	case over:
		s.over = true
		return s, true
	}
	what, answer := o.binding()
	switch {
	case o.maybe && s.over:
		return s, true
	case o.maybe && (s.epoch != o.epoch || s.what != ""):
		return s, false
	case !o.maybe && s.what != "" && o.err == nil:
		return s, s.what == what && s.answer == answer
	case !o.maybe && s.what != "":
		return s, o.err == store.ErrKeyConflict && s.what != what
	case !o.maybe && o.err != nil:
		return s, o.err != store.ErrKeyConflict
	}
	s.what, s.answer = what, answer
	return s, !o.verb.draws() || o.from < t.until
}

// binding is what a key is bound to by a request, and the answer it then gives.
func (o *op) binding() (what, answer string) {
	if o.verb.draws() {
		return fmt.Sprintf("%d for %s by %s", o.n, o.by, o.user), fmt.Sprint(o.number, strings.Join(o.codes, " "))
	}
	return o.code + " by " + o.by, fmt.Sprint(o.number)
}
