package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"codepool/gen"
	"codepool/shard"
)

// csvRecord is a record of a CSV stream and the line it begins in.
type csvRecord struct {
	line   int
	fields []string
	bad    bool // malformed: nothing behind it counts
}

// slowCSV reads CSV character by character, by RFC 4180 as package encoding/csv has it:
// empty lines are no records, CRLF is LF also inside of quotes, a quote stands at both
// ends of a field or nowhere.
func slowCSV(text string) (out []csvRecord) {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\r")
	line := 1
	for len(text) > 0 {
		if text[0] == '\n' {
			text, line = text[1:], line+1
			continue
		}
		r := csvRecord{line: line}
		for more := true; more && !r.bad; {
			var field string
			if strings.HasPrefix(text, `"`) {
				field, text, r.bad = slowQuoted(text[1:])
				line += strings.Count(field, "\n")
			} else {
				end := strings.IndexAny(text, ",\n")
				if end < 0 {
					end = len(text)
				}
				field, text = text[:end], text[end:]
				r.bad = strings.Contains(field, `"`)
			}
			r.fields = append(r.fields, field)
			switch {
			case text == "":
				more = false
			case text[0] == ',':
				text = text[1:]
			case text[0] == '\n':
				text, line, more = text[1:], line+1, false
			default:
				r.bad = true // something behind a closing quote
			}
		}
		if out = append(out, r); r.bad {
			break
		}
	}
	return out
}

// slowQuoted reads a quoted field behind its first quote.
func slowQuoted(text string) (field, rest string, bad bool) {
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			field += text[i : i+1]
			continue
		}
		if i+1 == len(text) || text[i+1] != '"' {
			return field, text[i+1:], false
		}
		field += `"`
		i++
	}
	return field, "", true
}

// importFormats are those that a fuzzed import has.
var importFormats = []gen.Format{
	{Class: gen.Any},
	{Class: gen.Crockford32, Length: 4},
	{Class: gen.LettersCase, Length: 3},
	{Class: gen.Digits, Length: 2, Prefix: "7"},
	{Class: gen.AlnumCase, Length: 2, Prefix: "v-"},
}

// slowCode is a code of a stream.
type slowCode struct {
	text string
	line int
}

// slowImport reads a stream as Import should. bad is the number of the first line that is
// malformed, 0 if there is none.
func slowImport(stream string, allowBOM bool, f gen.Format) (codes []slowCode, bad int) {
	switch rest, marked := strings.CutPrefix(stream, string(bom)); {
	case marked && !allowBOM, strings.HasPrefix(stream, "\xFF\xFE"), strings.HasPrefix(stream, "\xFE\xFF"):
		return nil, 1
	case marked:
		stream = rest
	}
	column, width := 0, 0
	for i, r := range slowCSV(stream) {
		if r.bad {
			return nil, r.line
		}
		if i == 0 {
			width = len(r.fields)
			named := 0
			for c, name := range r.fields {
				if strings.ToLower(strings.TrimSpace(name)) == "code" {
					column, named = c, named+1
				}
			}
			if named > 1 || named == 0 && width != 1 {
				return nil, r.line
			}
			if named == 1 {
				continue
			}
		}
		if len(r.fields) != width {
			return nil, r.line
		}
		canon, err := gen.AppendCanonical(nil, r.fields[column], f.Class.Fold())
		code := string(canon)
		inner, prefixed := strings.CutPrefix(code, f.Prefix)
		if err != nil || strings.Contains(r.fields[column], string(bom)) ||
			f.Class != gen.Any && (!prefixed || len(inner) != f.Length || strings.Trim(inner, f.Class.Alphabet()) != "") {
			return nil, r.line
		}
		codes = append(codes, slowCode{code, r.line})
	}
	return codes, 0
}

func addImportSeeds(f *testing.F) {
	for i, stream := range []string{
		"ABC-1\nabc-2\n\nABC-1\n", "code\nA\nB\n", "code,x\nA,\"y\nz\"\n\n\"B\",y\n", "id, Code ,x\n1,A,y\n2,\"B\"\"\",\"y\nz\"\n", "\uFEFFcode\r\nA\r\nB", "\uFEFF\uFEFFA\n",
		"\xFF\xFEA\x00", "A\r\r\nB\r", "A,B\n", "code,x\nA\n", "code,code\nA,A\n", "\"A\n", "A\"\n", "\"A\"x\n", "7kqf\n7KQF\n7k-qf\nooil\n", "abc\nABC\nab1\n",
		"712\n7-1-2\n71\n", "v-ab\nv-aB\nv-1\n", "\n\n\ncode\n", "\"\"\n", "红包\n红 包\n", strings.Repeat("x", 64) + "\n" + strings.Repeat("x", 65), "A\x00B\n", "\xff\n",
	} {
		f.Add([]byte(stream), i%2 == 0, uint8(i))
		f.Add([]byte(stream), true, uint8(130)) // 128 and more: handed out
	}
}

// FuzzImportLines reads streams as Import does before it changes anything, whole and byte
// by byte, and holds what comes out against a slow reading.
func FuzzImportLines(f *testing.F) {
	addImportSeeds(f)
	f.Fuzz(func(t *testing.T, stream []byte, allowBOM bool, form uint8) {
		format := importFormats[int(form)%len(importFormats)].WithDefaults()
		want, bad := slowImport(string(stream), allowBOM, format)
		for _, byByte := range []bool{false, true} {
			in := &lineReader{format: format, allowBOM: allowBOM}
			var err error
			spends(t, len(stream), func() {
				if r := bytes.NewReader(stream); byByte {
					err = in.read(t.Context(), iotest.OneByteReader(r))
				} else {
					err = in.read(t.Context(), r)
				}
			})
			if !lineErrorAt(err, bad) {
				t.Fatalf("line %d is malformed (0: none), the reader says %v", bad, err)
			}
			if err != nil {
				continue
			}
			var got []slowCode
			for _, c := range in.codes {
				got = append(got, slowCode{string(in.text[c.from:c.end]), c.line})
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	})
}

// lineErrorAt reports whether err is the one for a malformed line, or nil for line 0.
func lineErrorAt(err error, line int) bool {
	var le *LineError
	if line == 0 || err == nil {
		return line == 0 && err == nil
	}
	return errors.As(err, &le) && le.Line == line && errors.Is(err, ErrBadLine)
}

// importer is the store of a fuzz target that goes on from input to input: each has a
// namespace of its own, and after some the store is closed, opened and left for a new one.
type importer struct {
	dir  string
	s    *Store
	used int
	last []func(*testing.T) // what must hold after the store was opened again
}

const importsPerStore = 200

func (i *importer) open(t *testing.T) {
	var err error
	if i.s, err = Open(filepath.Join(i.dir, fmt.Sprint(i.used/importsPerStore)), &Options{Durability: WeakNoSync, Shards: 4}); err != nil {
		t.Fatal(err)
	}
}

func (i *importer) next(t *testing.T) {
	t.Helper()
	if i.used++; i.s != nil && i.used%importsPerStore == 0 {
		i.used--
		if err := i.s.Close(); err != nil {
			t.Fatal(err)
		}
		i.open(t)
		for _, holds := range i.last {
			holds(t)
		}
		rep, err := i.s.Verify(t.Context())
		if err != nil || !rep.OK() {
			t.Fatalf("after reopening: %+v, %v", rep, err)
		}
		if err := i.s.Close(); err != nil {
			t.Fatal(err)
		}
		i.used++
		i.s, i.last = nil, nil
	}
	if i.s == nil {
		i.open(t)
	}
}

// FuzzImport imports streams into a store: a malformed one changes nothing, and of any
// other every line is in one of the counts and every code comes out of Lookup as its
// canonical text, also after the store was opened again.
func FuzzImport(f *testing.F) {
	addImportSeeds(f)
	imp := importer{dir: f.TempDir()}
	f.Cleanup(func() {
		if imp.s != nil {
			imp.s.Close()
		}
	})
	f.Fuzz(func(t *testing.T, stream []byte, allowBOM bool, form uint8) {
		imp.next(t)
		s, ctx := imp.s, context.Background() // holds is called by later inputs too
		format := importFormats[int(form)%len(importFormats)].WithDefaults()
		want, bad := slowImport(string(stream), allowBOM, format)
		o := ImportOptions{AllowBOM: allowBOM, HandedOut: form >= 128}
		state := shard.Available
		if o.HandedOut {
			state = shard.Issued
		}
		name := fmt.Sprint("import ", imp.used)
		b := Batch{Name: name, Namespace: name, Format: format}
		before, ledger := len(s.Batches()), s.Stats().Ledger
		rep, err := s.Import(ctx, b, bytes.NewReader(stream), o)
		if !lineErrorAt(err, bad) {
			t.Fatalf("line %d is malformed (0: none), Import says %v", bad, err)
		}
		if err != nil {
			if len(s.Batches()) != before || s.Stats().Ledger != ledger {
				t.Fatal("a refused import has changed something")
			}
			return
		}
		different := map[string]bool{}
		var repeated []int
		for _, c := range want {
			if different[c.text] {
				repeated = append(repeated, c.line)
			}
			different[c.text] = true
		}
		n := int64(len(different))
		if rep.Lines != int64(len(want)) || rep.Added != n || rep.DuplicateInFile != int64(len(repeated)) || rep.DuplicateInStore+rep.AlreadyImported != 0 ||
			rep.Batch.Counts.Minted != n || !slices.Equal(rep.DuplicateLines, repeated[:min(len(repeated), sampleLines)]) {
			t.Fatalf("%d codes, %d of them different, repeated in lines %v: %+v", len(want), n, repeated, rep)
		}
		holds := func(t *testing.T) {
			for text := range different {
				info, err := imp.s.Lookup(ctx, name, text)
				if err != nil || info.Code != text || info.State != state || info.BatchName != name {
					t.Fatalf("%q is looked up as %+v, %v", text, info, err)
				}
				if again, err := imp.s.Lookup(ctx, name, info.Printed); err != nil || again.Code != text {
					t.Fatalf("%q, printed %q, is looked up as %+v, %v", text, info.Printed, again, err)
				}
			}
		}
		holds(t)
		imp.last = append(imp.last, holds)
		if rep, err = s.Import(t.Context(), b, bytes.NewReader(stream), o); err != nil || rep.Added != 0 || rep.AlreadyImported != n {
			t.Fatalf("imported again: %+v, %v", rep, err)
		}
		b.Name += " as another"
		if rep, err = s.Import(t.Context(), b, bytes.NewReader(stream), o); err != nil || rep.Added != 0 || rep.DuplicateInStore != n {
			t.Fatalf("imported as another batch: %+v, %v", rep, err)
		}
	})
}
