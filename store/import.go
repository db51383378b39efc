package store

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"codepool/gen"
	"codepool/shard"
)

// ImportOptions says how given codes enter the store.
type ImportOptions struct {
	// HandedOut brings the codes in as issued already: they are with their users and
	// will not be drawn. Otherwise they are stock.
	HandedOut bool
	// Ref is to whom they were handed out; only with HandedOut. It has them as if they had
	// been drawn for it (DrawnFor, ReleaseRef, RevokeRef).
	Ref string
	// AllowBOM accepts and drops a byte-order mark at the very start of the stream.
	AllowBOM bool
}

// ImportReport counts what an import did. Every line is in one of the four counts
// behind Lines.
type ImportReport struct {
	Batch            BatchInfo `json:"batch"`
	Lines            int64     `json:"lines"` // lines with a code
	Added            int64     `json:"added"`
	DuplicateInFile  int64     `json:"duplicate_in_file"`
	DuplicateInStore int64     `json:"duplicate_in_store"` // taken by another batch of the namespace
	AlreadyImported  int64     `json:"already_imported"`   // in this batch from an earlier run
	// DuplicateLines are the first lines that repeat a code of the stream.
	DuplicateLines []int `json:"duplicate_lines,omitempty"`
}

// importRound is how many codes are written at a time.
const importRound = 1 << 18

// sampleLines bounds ImportReport.DuplicateLines.
const sampleLines = 20

// Import adds given codes: one a line, or CSV with a header that has a column named
// "code". The whole stream is read and checked before anything changes: a malformed
// line ends it with a *LineError and no effect. Duplicates, in the stream or against
// the store, are counted and left out, never fatal. An interrupted import is resumed
// by importing the same stream with the same batch name and terms again; that is also
// how a batch is extended later. A write to the disk that has begun is waited for,
// whatever becomes of the context.
//
// A zero b.Format takes any text of up to 64 bytes and ignores case, spaces and
// hyphens; gen.LettersCase or gen.AlnumCase keep the text exactly. Memory: some 50 bytes
// a code during the call.
func (s *Store) Import(ctx context.Context, b Batch, r io.Reader, o ImportOptions) (ImportReport, error) {
	if b.Format == (gen.Format{}) {
		b.Format.Class = gen.Any
	}
	if r == nil {
		return ImportReport{}, invalid("there is no reader to import from")
	}
	b.Format = b.Format.WithDefaults()
	b.Count = 0
	if err := b.check(true); err != nil {
		return ImportReport{}, err
	}
	if err := checkLabels(label{"Ref", o.Ref}); err != nil {
		return ImportReport{}, err
	}
	if o.Ref != "" && !o.HandedOut {
		return ImportReport{}, invalid("Ref is set but HandedOut is not")
	}
	release, err := s.beginAdding(ctx)
	if err != nil {
		return ImportReport{}, err
	}
	defer release()
	in := &lineReader{format: b.Format, allowBOM: o.AllowBOM}
	if err := in.read(ctx, r); err != nil {
		return ImportReport{}, err
	}
	at := s.opt.Clock()
	mb, err := s.openBatch(b, true, at)
	if err != nil {
		return ImportReport{}, err
	}
	return s.importAll(ctx, mb, in, o, at.UnixMicro())
}

// importAll sorts out duplicates and adds the rest in rounds.
func (s *Store) importAll(ctx context.Context, b *batch, in *lineReader, o ImportOptions, at int64) (ImportReport, error) {
	rep := ImportReport{Lines: int64(len(in.codes))}
	for i := range in.codes {
		c := &in.codes[i]
		c.key = keyOf(b.space.id, in.text[c.from:c.end])
	}
	codes := in.codes
	slices.SortStableFunc(codes, func(x, y givenCode) int { // the first of equal lines stays first
		switch {
		case x.key.Hash < y.key.Hash:
			return -1
		case x.key.Hash > y.key.Hash:
			return 1
		}
		return strings.Compare(x.key.Wide, y.key.Wide)
	})
	keys := make([]shard.Key, 0, len(codes))
	for i := range codes {
		if i > 0 && codes[i].key == codes[i-1].key {
			rep.DuplicateInFile++
			rep.DuplicateLines = append(rep.DuplicateLines, codes[i].line)
			continue
		}
		keys = append(keys, codes[i].key)
	}
	slices.Sort(rep.DuplicateLines)
	rep.DuplicateLines = rep.DuplicateLines[:min(len(rep.DuplicateLines), sampleLines)]
	initial := shard.Available
	if o.HandedOut {
		initial = shard.Issued
	}
	for part := range slices.Chunk(keys, importRound) {
		if err := s.mayAdd(ctx); err != nil {
			return s.importDone(b, rep), s.importCut(b, err)
		}
		all := int64(len(part))
		part, err := s.withoutRetired(b.space.id, part)
		if err != nil {
			return s.importDone(b, rep), s.importCut(b, err)
		}
		mine := s.countMine(b, part)
		r, err := s.stage(b, &runCodes{keys: part}, initial, o.Ref, 0)
		if err != nil {
			return s.importDone(b, rep), s.importCut(b, err)
		}
		added := int64(r.header.Count)
		if added > 0 {
			if err := s.writeRun(ctx, r, at); err != nil {
				return s.importDone(b, rep), s.importCut(b, err)
			}
		}
		rep.Added += added
		rep.AlreadyImported += mine
		rep.DuplicateInStore += all - added - mine
	}
	b.complete.Store(true)
	return s.importDone(b, rep), nil
}

func (s *Store) importDone(b *batch, rep ImportReport) ImportReport {
	b.target.Store(s.countsOf(b).Minted)
	rep.Batch = s.info(b)
	return rep
}

func (s *Store) importCut(b *batch, err error) error {
	return fmt.Errorf("import batch %q: %d codes are durable; import the same stream again to go on: %w", b.Name, s.countsOf(b).Minted, err)
}

// countMine counts the codes that the batch has already.
func (s *Store) countMine(b *batch, keys []shard.Key) (n int64) {
	for i := range keys {
		if !s.gate.mayHold(keys[i].Hash) {
			continue
		}
		sh := s.pool.Lock(s.pool.Route(keys[i].Hash))
		if sh == nil {
			return n
		}
		if _, seg, ok := sh.Find(&keys[i]); ok && seg.Batch == uint32(b.ID) {
			n++
		}
		sh.Unlock()
	}
	return n
}

// lineReader reads an import stream: canonical texts in one buffer.
type lineReader struct {
	format   gen.Format
	allowBOM bool
	text     []byte
	codes    []givenCode
}

type givenCode struct {
	from, end int // in lineReader.text
	line      int
	key       shard.Key
}

var bom = []byte("\uFEFF")

func (in *lineReader) read(ctx context.Context, r io.Reader) error {
	cr := csv.NewReader(&bomReader{r: &steadyReader{ctx, r}, allow: in.allowBOM})
	cr.ReuseRecord = true
	cr.FieldsPerRecord = 0 // as many as the first line has
	column := 0
	for first := true; ; first = false {
		fields, err := cr.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return lineError(err)
		}
		line, _ := cr.FieldPos(0)
		if first {
			column = slices.IndexFunc(fields, namesCode)
			if column >= 0 && slices.ContainsFunc(fields[column+1:], namesCode) {
				return &LineError{line, errors.New("two columns of the header are \"code\"")}
			}
			if column >= 0 {
				continue // a header
			}
			if len(fields) > 1 {
				return &LineError{line, fmt.Errorf("%d fields and no header with a column \"code\"", len(fields))}
			}
			column = 0
		}
		if len(in.codes)%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := in.add(fields[column], line); err != nil {
			return &LineError{line, err}
		}
	}
}

// namesCode tells the column of the codes in a header.
func namesCode(field string) bool { return strings.EqualFold(strings.TrimSpace(field), "code") }

func (in *lineReader) add(code string, line int) error {
	if strings.Contains(code, string(bom)) {
		return errors.New("a byte-order mark stands inside the text")
	}
	from := len(in.text)
	text, err := gen.AppendCanonical(in.text, code, in.format.Class.Fold())
	if err != nil {
		return err
	}
	if err := fits(text[from:], in.format); err != nil {
		return err
	}
	in.text = text
	in.codes = append(in.codes, givenCode{from: from, end: len(text), line: line})
	return nil
}

// fits checks a given text against the format that it is said to have.
func fits(canon []byte, f gen.Format) error {
	if f.Class == gen.Any {
		return nil
	}
	if len(canon) != f.CanonicalLen() {
		return fmt.Errorf("code has %d characters, format %v wants %d", len(canon), f, f.CanonicalLen())
	}
	rest, ok := bytes.CutPrefix(canon, []byte(f.Prefix))
	if !ok {
		return fmt.Errorf("code lacks the prefix %q of its format", f.Prefix)
	}
	for _, c := range string(rest) {
		if !strings.ContainsRune(f.Class.Alphabet(), c) {
			return fmt.Errorf("%w: %q is not in format %v", gen.ErrAlphabet, c, f)
		}
	}
	return nil
}

// lineError turns a parse error of the CSV reader into ours; others pass.
func lineError(err error) error {
	var pe *csv.ParseError
	if errors.As(err, &pe) {
		if errors.Is(err, csv.ErrFieldCount) {
			return &LineError{pe.StartLine, errors.New("the line has another number of fields than the first one")}
		}
		return &LineError{pe.StartLine, pe.Err}
	}
	return err
}

// bomReader refuses or drops a byte-order mark at the start of a stream, and
// refuses text that is not UTF-8 no later than it is parsed.
type bomReader struct {
	r     io.Reader
	allow bool
	begun bool
	ahead []byte
}

func (b *bomReader) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		head := make([]byte, len(bom))
		n, err := io.ReadFull(b.r, head)
		head = head[:n]
		if bytes.Equal(head, bom) {
			if !b.allow {
				return 0, &LineError{1, errors.New("the stream starts with a byte-order mark (U+FEFF): save it as UTF-8 without one, or allow it")}
			}
			head = nil
		} else if n >= 2 && (head[0] == 0xFF && head[1] == 0xFE || head[0] == 0xFE && head[1] == 0xFF) {
			return 0, &LineError{1, errors.New("the stream is UTF-16: save it as UTF-8")}
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		b.ahead = head
	}
	if len(b.ahead) > 0 {
		n := copy(p, b.ahead)
		b.ahead = b.ahead[n:]
		return n, nil
	}
	return b.r.Read(p)
}
