package linear

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// part is what one code, or one key that several codes meet, saw of a history.
type part struct {
	name  string
	model porcupine.Model
	ops   []porcupine.Operation
	lines []*op
	apart int // ops that are drawn as clients of their own
}

// patience is how long the search for an order may take. Histories are made small enough
// that it takes milliseconds; on a busy host, where more calls overlap, one of 42 s was
// seen. One that needs so long proves nothing and is a failure.
const patience = 5 * time.Minute

// check looks for everything that is wrong with a history and returns how many parts were
// searched and how long the longest search took.
func (h *history) check() (parts int, slowest time.Duration) {
	h.settle()
	h.checkLedger()
	h.checkDraws()
	h.checkEnds()
	h.checkLimit()
	for _, p := range h.parts() {
		start := time.Now()
		if result := porcupine.CheckOperationsTimeout(p.model, p.ops, patience); result != porcupine.Ok {
			h.problem("%s", p.report(result))
		}
		parts++
		slowest = max(slowest, time.Since(start))
	}
	return parts, slowest
}

// report says in words and in a picture what is wrong with a part.
func (p *part) report(result porcupine.CheckResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", p.name)
	if result == porcupine.Unknown {
		fmt.Fprintf(&b, "no order was found within %v, and not that there is none", patience)
	} else {
		b.WriteString("no order of these calls gives these answers")
	}
	if path, err := p.draw(); err != nil {
		fmt.Fprintf(&b, "; no picture: %v", err)
	} else {
		fmt.Fprintf(&b, "; picture: %s", path)
	}
	for _, o := range p.lines {
		fmt.Fprintf(&b, "\n\t%s", o)
	}
	return b.String()
}

// draw writes porcupine's picture of the part into a file.
func (p *part) draw() (path string, err error) {
	_, info := porcupine.CheckOperationsVerbose(p.model, p.ops, patience)
	f, err := os.CreateTemp("", "linear-*.html")
	if err != nil {
		return "", err
	}
	err = porcupine.Visualize(p.model, info, f)
	return f.Name(), cmp.Or(err, f.Close())
}

func (h *history) parts() (out []part) {
	for _, code := range h.codes {
		out = append(out, h.codePart(code))
	}
	if h.shareTerms.shares > 0 {
		out = append(out, h.sharePart())
	}
	type set struct {
		verb verb
		key  string
	}
	codes := map[set]map[string]bool{}
	var order []set
	for _, o := range h.ops {
		if o.key == "" {
			continue
		}
		k := set{o.verb, o.key}
		if codes[k] == nil {
			codes[k] = map[string]bool{}
			order = append(order, k)
		}
		codes[k][o.code] = true
	}
	for _, k := range order {
		if k.verb.draws() || len(codes[k]) > 1 {
			out = append(out, h.keyPart(k.verb, k.key))
		}
	}
	return out
}

// codePart is the history of one code.
func (h *history) codePart(code string) part {
	p := part{name: "code " + code, model: codeModel(h.terms)}
	slots := map[string]int{}
	links := map[*op]*event{}
	var events []*event
	add := func(o *op) *event {
		e := &event{op: o, part: code, slot: -1}
		if o.key != "" && h.askedAgain(o) {
			name := fmt.Sprint(o.verb, o.key)
			if _, ok := slots[name]; !ok {
				slots[name] = len(slots)
			}
			e.slot, e.shared = slots[name], h.meetsOthers(o)
		}
		events = append(events, e)
		return e
	}
	b := *h.born
	b.code = code
	add(&b)
	bits := uint64(1)
	for _, o := range h.ops {
		if o.code != code && !o.verb.ofBatch() && !((o.maybe || o.err == nil) && slices.Contains(o.codes, code)) {
			continue
		}
		e := add(o)
		links[o] = e
		// The entry before it in the same call comes first. There are more bits than a
		// history has such pairs; without one the pair may come in any order.
		if before := h.entryBefore(o); before != nil && bits != 0 && links[before] != nil {
			if links[before].bit == 0 {
				links[before].bit = bits
				bits <<= 1
			}
			e.after = links[before].bit
		}
	}
	for _, o := range h.marks() {
		add(o)
	}
	burns := 0
	for _, r := range h.receipts {
		if r.Code == code {
			burns++
		}
	}
	add(&op{verb: ledger, code: code, client: -1, call: h.end, ret: h.end, n: burns})
	add(&op{verb: over, client: -1, call: h.end + 1, ret: h.end + 1})
	for _, e := range events {
		p.add(h, e.op, *e)
	}
	p.sort()
	return p
}

// keyPart is the history of one key of a verb.
func (h *history) keyPart(v verb, key string) part {
	p := part{name: fmt.Sprintf("key %q of %s", key, v), model: keyModel(h.terms)}
	for _, o := range h.ops {
		if o.verb == v && o.key == key {
			p.add(h, o, o)
		}
	}
	for _, o := range h.marks() {
		p.add(h, o, o)
	}
	o := &op{verb: over, client: -1, call: h.end + 1, ret: h.end + 1}
	p.add(h, o, o)
	p.sort()
	return p
}

// add adds an op; one that may not have happened ends behind everything, and is drawn as a
// client of its own, since its client goes on.
func (p *part) add(h *history, o *op, input any) {
	q := porcupine.Operation{ClientId: o.client + 1, Input: input, Call: o.call, Return: o.ret}
	if o.maybe {
		q.Return, q.ClientId = h.end+2, h.lanes()+p.apart
		p.apart++
	}
	p.ops = append(p.ops, q)
	p.lines = append(p.lines, o)
}

// lanes is how many clients porcupine's picture has, the one of the history itself included.
func (h *history) lanes() int {
	n := 1
	for _, o := range h.ops {
		n = max(n, o.client+2)
	}
	return n
}

func (p *part) sort() {
	slices.SortStableFunc(p.lines, func(a, b *op) int { return cmp.Compare(a.call, b.call) })
}

// marks are the restarts.
func (h *history) marks() (out []*op) {
	for i, c := range h.cuts {
		out = append(out, &op{verb: restart, client: -1, epoch: i, call: c.moment, ret: c.moment})
	}
	return out
}

// askedAgain reports whether the key of a call is used by another call, too.
func (h *history) askedAgain(o *op) bool {
	return slices.ContainsFunc(h.ops, func(x *op) bool { return x != o && x.verb == o.verb && x.key == o.key })
}

// meetsOthers reports whether the key of a call is also used with other codes.
func (h *history) meetsOthers(o *op) bool {
	return slices.ContainsFunc(h.ops, func(x *op) bool { return x.verb == o.verb && x.key == o.key && x.code != o.code })
}

// entryBefore returns the last certain entry before o, of the same RedeemAll and code.
// Entries stand one behind the other in the history.
func (h *history) entryBefore(o *op) (before *op) {
	if o.all == 0 || o.maybe {
		return nil
	}
	for _, x := range h.ops {
		if x == o {
			return before
		}
		if x.all == o.all && x.code == o.code && !x.maybe {
			before = x
		}
	}
	return nil
}
