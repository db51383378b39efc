package model

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// What operations are made of. rapid draws small numbers more often than large ones, which
// is what is wanted: the same few codes and keys come together again and again. The largest
// number it draws more often, too, so what is to be rare is never that.

// oneIn draws true at most about once in n.
func oneIn(t *rapid.T, n int) bool { return rapid.IntRange(0, n).Draw(t, "") == n-1 }

func upTo(t *rapid.T, n int) int { return rapid.IntRange(0, n).Draw(t, "") }

func oneOf[V any](t *rapid.T, from ...V) V { return rapid.SampledFrom(from).Draw(t, "") }

var longText = strings.Repeat("long ", store.MaxText/5) + "text"

// label draws a user, a reference or another free text.
func label(t *rapid.T, kind string) string {
	switch upTo(t, 30) {
	case 28:
		return longText
	case 29:
		return "Ж " + kind + " 你好"
	case 30:
		return ""
	case 3, 4:
		return oneOf(t, hostileLabels()...)
	}
	return fmt.Sprint(kind, upTo(t, 3))
}

// key draws an idempotency key, or none: one of those in use, or one that may be new.
func key(t *rapid.T, used []string) string {
	switch upTo(t, 7) {
	case 0, 1:
		return ""
	case 2, 3, 4:
		return fmt.Sprint("k", upTo(t, len(used)+5))
	case 5:
		return oneOf(t, hostileKeys()...)
	}
	if len(used) == 0 {
		return "k"
	}
	return used[len(used)-1-upTo(t, len(used)-1)]
}

// spaceNames are the namespaces.
var spaceNames = [maxSpaces]string{"", "n1", "n2"}

// noCodes are texts that no code has, or that cannot be one.
var noCodes = []string{
	"7KQF2M9XT4WC", "", "-", " \t", "A", strings.Repeat("A", gen.MaxInput), strings.Repeat("A", gen.MaxInput+1),
	"\xff\xfe", "ABC\x00DEF", "ЖЖЖЖ", "GIVEN", "gIVEN99999x", "7KQF-2M9X-T4WC-7KQF", "A\u200bB",
}

// anyCode draws a code, or nil: mostly one in a state in which something can happen to it.
func (m *model) anyCode(t *rapid.T) *code {
	want := oneOf(t, shard.Issued, shard.Redeemed, shard.Available, shard.Void, shard.Issued, shard.Redeemed, shard.Available, shard.Void,
		shard.Held, shard.Leased, shard.Revoked)
	var some []*code
	if want != shard.Void {
		for _, c := range m.list {
			if c.state == want {
				some = append(some, c)
			}
		}
	}
	if len(some) == 0 {
		some = m.list
	}
	if len(some) == 0 {
		return nil
	}
	i := upTo(t, len(some)-1)
	if rapid.Bool().Draw(t, "") {
		i = len(some) - 1 - i
	}
	return some[i]
}

// typed draws a way to type a code's text. It may be too long then.
func (c *code) typed(t *rapid.T) string {
	s := c.canon
	fold := c.b.Format.Class.Fold()
	if fold == gen.Exact {
		return oneOf(t, s, s, " "+s+"\r\n")
	}
	switch upTo(t, 6) {
	case 1:
		s = strings.ToLower(s)
	case 2:
		s = string(c.b.Format.AppendPrinted(nil, []byte(s)))
	case 3:
		s = "\t" + strings.ToLower(string(c.b.Format.AppendPrinted(nil, []byte(s)))) + " "
	case 4:
		s = s[:1] + "-" + s[1:] + " -"
	case 5:
		s = strings.ToLower(s[:len(s)/2]) + " " + s[len(s)/2:]
	case 6:
		if fold == gen.Crockford {
			s = strings.NewReplacer("0", "o", "1", "L").Replace(s)
		}
	}
	return s
}

// named is a code as somebody names it: in its namespace, or in a wrong one.
type named struct {
	c           *code // the one that was meant, nil: none
	space, text string
	at          moment
}

func (m *model) anyNamed(t *rapid.T) named {
	var n named
	if n.c = m.anyCode(t); n.c == nil || oneIn(t, 25) {
		n.c = nil
		n.space, n.text = oneOf(t, append(spaceNames[:], "no such")...), oneOf(t, noCodes...)
		if c := m.anySigned(t); c != nil && oneIn(t, 2) {
			n.space, n.text = c.space, m.forged(t, c)
		}
		n.at = m.anyMoment(t, nil)
		return n
	}
	n.space, n.text, n.at = n.c.space, n.c.typed(t), m.anyMoment(t, n.c.b)
	if n.c.b.Format != crowded && oneIn(t, 25) { // of those, another one may be in stock there
		n.space = oneOf(t, spaceNames[:]...)
	}
	return n
}

func (n named) String() string {
	s := fmt.Sprintf("%v as %q in %q", n.c, n.text, n.space)
	if n.c == nil {
		s = fmt.Sprintf("no code %q in %q", n.text, n.space)
	}
	return s + n.at.String()
}

// anyMoment draws how the clock moves on. For a batch with a window it may also be set to
// where that begins or ends, or something of it is over, or next to it; it may be set back
// by that.
func (m *model) anyMoment(t *rapid.T, b *batch) moment {
	if b == nil {
		return m.momentNear(t)
	}
	ends := []time.Time{b.from, b.until}
	for _, l := range m.live {
		if l.b == b {
			ends = append(ends, l.until)
			break
		}
	}
	return m.momentNear(t, ends...)
}

// momentOf draws how the clock moves on for a lease: it may be set to its end.
func (m *model) momentOf(t *rapid.T, l *lease) moment {
	if l == nil {
		return m.anyMoment(t, nil)
	}
	return m.momentNear(t, l.until, l.b.from, l.b.until)
}

func (m *model) momentNear(t *rapid.T, ends ...time.Time) moment {
	at := moment{tick: time.Duration(1+upTo(t, 60_000)) * time.Nanosecond}
	if ends = slices.DeleteFunc(ends, time.Time.IsZero); len(ends) > 0 && oneIn(t, 3) {
		at.first = oneOf(t, ends...).Add(oneOf(t, 0, -time.Microsecond, time.Microsecond, -1, 1, -999))
	}
	return at
}

func (at moment) String() string {
	if at.first.IsZero() {
		return fmt.Sprintf(", %v later", at.tick)
	}
	return ", at " + clockTime(at.first)
}

func clockTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("15:04:05.000000000")
}

// request is a redemption.
type request struct {
	named
	user, key string
}

func (m *model) anyRequest(t *rapid.T) request {
	if used := m.redeemed.order; len(used) > 0 && oneIn(t, 8) { // once more, or nearly so
		k := used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.redeemed.get(k)
		r := request{named{old.c, old.c.space, old.c.typed(t), m.anyMoment(t, old.c.b)}, old.user, k}
		if oneIn(t, 6) {
			r.user = label(t, "u")
		}
		return r
	}
	return request{m.anyNamed(t), label(t, "u"), key(t, m.redeemed.order)}
}

func (r request) GoString() string {
	return fmt.Sprintf("redeem %v, user %.20q, key %.20q", r.named, r.user, r.key)
}

func (r request) redemption() store.Redemption {
	return store.Redemption{Code: r.text, User: r.user, Key: r.key, Namespace: r.space}
}

// kind is a step of one code that is neither a draw nor a redemption.
type kind int

const (
	release kind = iota
	undo
	revoke
	numKinds
)

func (k kind) String() string { return [...]string{"release", "undo", "revoke"}[k] }

// reversal is a request for one.
type reversal struct {
	named
	kind            kind
	by, reason, key string
}

func (m *model) anyReversal(t *rapid.T) reversal {
	return m.anyReversalOf(t, oneOf(t, release, undo, release, undo, revoke))
}

func (m *model) anyReversalOf(t *rapid.T, k kind) reversal {
	r := reversal{kind: k, reason: oneOf(t, "", "refund", longText)}
	used := m.reversed[k].order
	if len(used) > 0 && oneIn(t, 8) {
		r.key = used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.reversed[k].get(r.key)
		r.named, r.by = named{old.c, old.c.space, old.c.typed(t), m.anyMoment(t, nil)}, old.by
		if oneIn(t, 6) {
			r.by = label(t, "by")
		}
		return r
	}
	r.named, r.by, r.key = m.anyNamed(t), label(t, "by"), key(t, used)
	return r
}

func (r reversal) GoString() string {
	return fmt.Sprintf("%v %v, by %.20q, reason %.20q, key %.20q", r.kind, r.named, r.by, r.reason, r.key)
}

func (r reversal) change() store.Change {
	return store.Change{Code: r.text, By: r.by, Reason: r.reason, Key: r.key, Namespace: r.space}
}

// draw is a draw of codes.
type draw struct {
	b        *batch // nil: there is none
	n        int
	ref, key string
	at       moment
}

func (m *model) anyDraw(t *rapid.T) draw {
	if used := m.drawn.order; len(used) > 0 && oneIn(t, 8) {
		k := used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.drawn.get(k)
		d := draw{old.b, old.n, old.ref, k, m.anyMoment(t, old.b)}
		switch upTo(t, 8) {
		case 6:
			d.n++
		case 7:
			d.ref = label(t, "order")
		case 8:
			d.b = m.anyBatch(t)
		}
		return d
	}
	return m.anyDrawWith(t, m.drawn.order)
}

// anyDrawWith draws a draw that is none of before, with a key of a set of which some are
// used.
func (m *model) anyDrawWith(t *rapid.T, used []string) draw {
	b := m.anyBatch(t)
	d := draw{b: b, n: 1 + upTo(t, 8), ref: label(t, "order"), key: key(t, used), at: m.anyMoment(t, b)}
	if b != nil {
		stock := int(b.counts.Available)
		switch upTo(t, 12) {
		case 9:
			d.n = 1 + upTo(t, 300)
		case 10:
			d.n = stock + 1
		case 11:
			d.n = max(stock, 1)
		}
		if b.Count > 8000 && oneIn(t, 2) { // codes of every page
			d.n = min(max(stock, 1), oneOf(t, 200, 2000, store.MaxIssue))
		}
		if len(m.list) > maxKnown {
			d.n = min(d.n, 100)
		}
	}
	return d
}

func (m *model) anyBatch(t *rapid.T) *batch {
	if len(m.batches) == 0 {
		return nil
	}
	return m.batches[len(m.batches)-1-upTo(t, len(m.batches)-1)]
}

func (d draw) id() store.BatchID {
	if d.b == nil {
		return 1
	}
	return d.b.ID
}

func (d draw) GoString() string {
	return fmt.Sprintf("issue %d of batch %d, for %.20q, key %.20q%v", d.n, d.id(), d.ref, d.key, d.at)
}
