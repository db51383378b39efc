package model

import (
	"fmt"
	"strings"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// A family is a set of texts to import in a format. The families share texts, under one
// fold and under several, so that duplicates and texts with two meanings come about.
type family struct {
	format gen.Format
	text   func(m *model, t *rapid.T, space uint32) string
}

var families = []family{
	{gen.Format{}, func(m *model, t *rapid.T, _ uint32) string { return fmt.Sprint("GIVEN", upTo(t, 300)) }},
	{gen.Format{}, func(m *model, t *rapid.T, _ uint32) string {
		return fmt.Sprint("given-", upTo(t, 300), " ", strings.Repeat("wide", 10))
	}},
	{gen.Format{Class: gen.Any, Group: 4}, (*model).mixedText},
	{gen.Format{}, (*model).mixedText},
	{gen.Format{}, (*model).hostileText},
	{gen.Format{Class: gen.Any, Group: 5}, (*model).hostileText},
	{gen.DefaultFormat(), func(m *model, t *rapid.T, space uint32) string {
		x := hostile[space]()
		if oneIn(t, 2) {
			return oneOf(t, x.crowd...)
		}
		if oneIn(t, 2) {
			return oneOf(t, x.packed...)[0]
		}
		if oneIn(t, 2) {
			return twin(t)
		}
		return fmt.Sprintf("GiV%d-%08d", upTo(t, 3), upTo(t, 20)) // I is read as 1
	}},
	{gen.Format{Class: gen.AlnumCase, Length: 8}, func(m *model, t *rapid.T, _ uint32) string {
		return oneOf(t, "gIVEN", "GIVEN", "given") + fmt.Sprintf("%03d", upTo(t, 20))
	}},
	{gen.Format{Class: gen.AlnumCase, Length: hostileLen}, func(m *model, t *rapid.T, space uint32) string {
		return oneOf(t, hostile[space]().exact...)
	}},
	{gen.Format{Class: gen.Digits, Length: 13, Group: 5, Prefix: "99"}, func(m *model, t *rapid.T, _ uint32) string {
		return fmt.Sprintf("99-%013d", upTo(t, 40))
	}},
}

// mixedText is a text of an upper-case fold that others of that name have under other folds.
func (m *model) mixedText(t *rapid.T, space uint32) string {
	switch upTo(t, 5) {
	case 0:
		return fmt.Sprintf("given%03d", upTo(t, 20)) // as of AlnumCase
	case 1:
		return fmt.Sprintf("G1V%d%08d", upTo(t, 3), upTo(t, 20)) // as of the default format
	case 2:
		return fmt.Sprintf("GIV%d%08d", upTo(t, 3), upTo(t, 20)) // which reads this one so
	case 3:
		return fmt.Sprintf("99%013d", upTo(t, 40))
	case 4:
		return fmt.Sprintf("Ж%d-é", upTo(t, 9))
	}
	return m.hostileText(t, space)
}

func (m *model) hostileText(t *rapid.T, space uint32) string {
	x := hostile[space]()
	switch upTo(t, 8) {
	case 7:
		return twin(t)
	case 0, 1:
		return oneOf(t, x.folded...)
	case 2:
		return oneOf(t, x.crowd...)
	case 3:
		return oneOf(t, x.packed...)[upTo(t, 1)]
	case 4:
		return oneOf(t, x.abroad...)[0]
	case 5: // the same hash as the namespace before has for another text
		return oneOf(t, hostile[(space+maxSpaces-1)%maxSpaces]().abroad...)[1]
	}
	return oneOf(t, x.pairs...)[upTo(t, 1)]
}

// importOp is an import.
type importOp struct {
	b     store.Batch
	o     store.ImportOptions
	codes []string
	style int // plain, header, CSV
	at    moment
}

func (m *model) anyImport(t *rapid.T) importOp {
	f := families[upTo(t, len(families)-1)]
	o := importOp{b: m.terms(t), style: upTo(t, 2), at: m.anyMoment(t, nil)}
	o.b.Format = f.format
	if oneIn(t, 3) { // once more into a batch that is there
		for _, b := range m.batches {
			if b.imported && b.Format == o.format() && oneIn(t, 2) {
				o.b = b.Batch
				o.b.ID = 0
				break
			}
		}
	}
	if o.o.HandedOut = rapid.Bool().Draw(t, ""); o.o.HandedOut {
		o.o.Ref = label(t, "cards")
	}
	space := m.spaceNumber(o.b.Namespace)
	n := upTo(t, 40)
	if big := upTo(t, 100) - 98; (big == 0 || big == 1) && o.format().Class == gen.Any && len(m.list) < maxKnown {
		for range [...]int{8190, 32766}[big] + upTo(t, 4) {
			m.names++
			o.codes = append(o.codes, fmt.Sprint("BULK", m.names))
		}
	}
	for range n {
		o.codes = append(o.codes, f.text(m, t, space))
	}
	return o
}

// format is the batch's format as the store completes it.
func (o *importOp) format() gen.Format {
	f := o.b.Format
	if f == (gen.Format{}) {
		f.Class = gen.Any
	}
	return f.WithDefaults()
}

// stream returns the text of the import and the line on which the first code stands.
func (o *importOp) stream() (text string, first int) {
	var b strings.Builder
	first, end := 1, "\n"
	switch o.style {
	case 1:
		b.WriteString("\n Code \n") // an empty line counts
		first, end = 3, "\r\n"
	case 2:
		b.WriteString("user,code\n")
		first = 2
	}
	for i, c := range o.codes {
		if o.style == 2 {
			fmt.Fprintf(&b, "\"u %d\",", i)
		}
		b.WriteString(c)
		if i+1 < len(o.codes) || o.style == 2 {
			b.WriteString(end)
		}
	}
	return b.String(), first
}

func (o importOp) GoString() string {
	some := o.codes[:min(len(o.codes), 60)]
	return fmt.Sprintf("import %d of %v into %.20q in %q%s%v, style %d, handed out %v to %.20q: %q",
		len(o.codes), o.format(), o.b.Name, o.b.Namespace, window(o.b), o.at, o.style, o.o.HandedOut, o.o.Ref, some)
}

// importSome adds given codes.
func (m *model) importSome() {
	o := rapid.Custom(m.anyImport).Draw(m.t, "import")
	text, first := o.stream()
	m.beginAdding(o.at)
	rep, err := m.s.Import(m.ctx(), o.b, strings.NewReader(text), o.o)
	m.did(o, "batch %d, %d of %d added, %s", rep.Batch.ID, rep.Added, rep.Lines, outcome(err))
	m.atMost(1)
	b := m.byName[o.b.Name]
	if b != nil && b.retired {
		m.wantErr("import into a retired batch", err, store.ErrRetired)
		return
	}
	if b != nil && b.revoked {
		m.wantErr("import into a revoked batch", err, store.ErrRevoked)
		return
	}
	if err != nil {
		m.failf("import: %s", outcome(err))
	}
	if b == nil {
		o.b.Format = o.format()
		b = m.addBatch(o.b, true, m.clk.taken()[0])
	}
	b.complete = true
	want := store.ImportReport{Batch: rep.Batch, Lines: int64(len(o.codes)), DuplicateLines: rep.DuplicateLines}
	st := shard.Available
	if o.o.HandedOut {
		st = shard.Issued
	}
	twice := m.addAll(b, &o, &want, st)
	if want.Added > 0 {
		m.added("import", b, o.o.Ref, want.Added, m.clk.taken()[0])
		m.handedOut(b, &o, want.Added, stamp(m.clk.taken()[0]))
	}
	if fmt.Sprint(rep) != fmt.Sprint(want) {
		m.failf("import says %d lines, %d added, %d twice, %d taken, %d already there; want %d, %d, %d, %d, %d",
			rep.Lines, rep.Added, rep.DuplicateInFile, rep.DuplicateInStore, rep.AlreadyImported,
			want.Lines, want.Added, want.DuplicateInFile, want.DuplicateInStore, want.AlreadyImported)
	}
	for i, line := range twice[:min(len(twice), 20)] {
		if i >= len(rep.DuplicateLines) || rep.DuplicateLines[i] != line+first {
			m.failf("import names the lines %v as repeated, want %v + %d", rep.DuplicateLines, twice, first)
		}
	}
	m.sameBatch(rep.Batch, b)
}

// handedOut notes what the last import brought as handed out to a reference: it counts as a
// draw. In which order only the store knows.
func (m *model) handedOut(b *batch, o *importOp, added int64, at time.Time) {
	if !o.o.HandedOut || o.o.Ref == "" {
		return
	}
	d := &oldDraw{number: m.ledger, ref: o.o.Ref, at: at}
	for got, err := range m.s.DrawnFor(m.ctx(), d.ref, 0) {
		m.wantErr("codes of a reference", err, nil)
		if got.Number != d.number {
			break
		}
		c := m.codes[text{b.Namespace, got.Code}]
		if c == nil || c.b != b || c.draw != 0 || c.state != shard.Issued || c.ref != d.ref {
			m.failf("%v is handed out by the import %d", c, d.number)
		}
		c.draw, d.codes, d.printed = d.number, append(d.codes, c), append(d.printed, got.Printed)
	}
	if int64(len(d.codes)) != added {
		m.failf("import %d handed out %d codes, %d are found by their reference", d.number, added, len(d.codes))
	}
	m.draws = append(m.draws, d)
}

// addAll adds what is new of an import and counts the rest. It returns the lines, from 0,
// that repeat a code of the stream.
func (m *model) addAll(b *batch, o *importOp, rep *store.ImportReport, st shard.State) (twice []int) {
	inFile := map[string]bool{}
	before := len(m.list)
	for line, typed := range o.codes {
		buf, err := gen.AppendCanonical(nil, typed, b.Format.Class.Fold())
		if err != nil {
			m.failf("the model imports %q: %v", typed, err)
		}
		canon := string(buf)
		c := m.codes[text{b.Namespace, canon}]
		switch {
		case inFile[canon]:
			rep.DuplicateInFile++
			twice = append(twice, line)
		case c == nil:
			rep.Added++
			m.addCode(b, canon, st, o.o.Ref)
		case c.b == b && c.id <= before:
			rep.AlreadyImported++
		default:
			rep.DuplicateInStore++
		}
		inFile[canon] = true
	}
	b.counts.Minted += rep.Added
	*b.count(st) += rep.Added
	return twice
}
