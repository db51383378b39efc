package main

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"codepool/store"
)

// slowItem is a line of a stream of redemptions by the grammar of redeemparse.go, read
// naively.
type slowItem struct {
	line  int
	red   store.Redemption
	bad   bool
	text  string
	cells []string
}

// slowCells splits a line; ok is false if it does not fit the grammar.
func slowCells(line string) (cells []string, ok bool) {
	runes := []rune(line)
	for i := 0; ; i++ {
		var cell []rune
		if i < len(runes) && runes[i] == '"' {
			for i++; ; i++ {
				if i >= len(runes) {
					return nil, false
				}
				if runes[i] == '"' {
					if i++; i >= len(runes) || runes[i] != '"' {
						break
					}
				}
				cell = append(cell, runes[i])
			}
		} else {
			for ; i < len(runes) && runes[i] != ','; i++ {
				if runes[i] == '"' {
					return nil, false
				}
				cell = append(cell, runes[i])
			}
			if n := len(cell); n > 0 && (unicode.IsSpace(cell[0]) || unicode.IsSpace(cell[n-1])) {
				return nil, false
			}
		}
		cells = append(cells, string(cell))
		if i >= len(runes) {
			return cells, true
		}
		if runes[i] != ',' {
			return nil, false
		}
	}
}

// slowStream reads a whole stream; refused says that none of it counts.
func slowStream(text string, allowBOM bool) (items []slowItem, refused bool) {
	columns, header := []string{"code", "user", "key"}, false
	number := 0
	for whole := range strings.Lines(text) {
		number++
		line := strings.TrimSuffix(strings.TrimSuffix(whole, "\n"), "\r")
		long := len(whole) > maxLine
		it := slowItem{line: number, bad: long}
		if number == 1 {
			rest, marked := strings.CutPrefix(line, "\uFEFF")
			if marked && !allowBOM {
				return nil, true
			}
			line = rest
			names, ok := slowCells(line)
			if header = !long && ok && slices.ContainsFunc(names, func(c string) bool { return strings.EqualFold(c, "code") }); header {
				columns = nil
				for _, name := range names {
					name = strings.ToLower(name)
					if !slices.Contains([]string{"code", "user", "key", "namespace"}, name) || slices.Contains(columns, name) {
						return nil, true
					}
					columns = append(columns, name)
				}
				continue
			}
		}
		cells, ok := slowCells(line)
		it.text, it.cells = line, cells
		it.bad = it.bad || !ok || !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || r == '\uFEFF' }) ||
			header && len(cells) != len(columns) || len(cells) > len(columns)
		for i, c := range cells {
			if i < len(columns) && !it.bad {
				switch columns[i] {
				case "code":
					it.red.Code = c
				case "user":
					it.red.User = c
				case "key":
					it.red.Key = c
				case "namespace":
					it.red.Namespace = c
				}
			}
		}
		if strings.TrimSpace(it.red.Code) == "" {
			it.bad = true
		}
		if it.bad {
			it.red = store.Redemption{}
		}
		items = append(items, it)
	}
	return items, false
}

// FuzzRedeemStream reads streams of redemptions, whole and byte by byte, and holds what
// comes out against a slow reading and, line by line, against package encoding/csv: what
// this grammar takes, that one reads the same. stretch makes the first ~ so long.
func FuzzRedeemStream(f *testing.F) {
	for _, seed := range []string{
		"A\nB,ann,k\n", "code,user,key,namespace\nA,b,c,d\nA,b\n", "Namespace,\"CODE\"\r\nn,A\r\n", `"A","x ""y"""` + "\r\n", "\n\n", "A,\"\n", bom + "code\nA\n",
		bom + bom + "A\n", "A\rB\x00\xff\n", "code,colour\nA,red\n", "code,code\n", "A, b\n\" A \",\" b\"\n", "A,~\n", "~\nAA\n", "A,\"~\"\nB", "A\r", "\x85A\n\u00a0\n",
		"code\n\n\"\"\n", ",,\n", "A,b,c,d\n", "\"A\"x\n", "A\"\n", "\xff,code\nA,B\n", "co\x00de,code\n",
	} {
		f.Add(seed, true, uint16(1))
		f.Add(seed, false, uint16(maxLine+5))
	}
	f.Add(bom+"~\nA\n", false, uint16(maxLine)) // the mark stands before a line that is too long
	for _, end := range []string{"", "\n", "\r\n"} {
		f.Add("~"+end, true, uint16(maxLine-len(end))) // just not too long
		f.Add("~"+end, true, uint16(maxLine-len(end)+1))
	}
	f.Fuzz(func(t *testing.T, text string, allowBOM bool, stretch uint16) {
		text = strings.Replace(text, "~", strings.Repeat("~", int(stretch)), 1)
		want, refused := slowStream(text, allowBOM)
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			p := newLineParser(r, allowBOM)
			var got []item
			var err error
			for {
				var it item
				if it, err = p.next(); err != nil {
					break
				}
				got = append(got, it)
				p.idle() // only looks
			}
			if refused {
				if !errors.Is(err, errBadLine) || len(got) > 0 {
					t.Fatalf("a stream to be refused gives %+v, %v", got, err)
				}
				continue
			}
			if err != io.EOF || len(got) != len(want) {
				t.Fatalf("%d items, %v, want %d", len(got), err, len(want))
			}
			for i, it := range got {
				sameItem(t, it, want[i])
			}
		}
	})
}

func sameItem(t *testing.T, got item, want slowItem) {
	t.Helper()
	if got.line != want.line || got.red != want.red || (got.err != nil) != want.bad {
		t.Fatalf("line %d is %+v, %v, want %+v", got.line, got.red, got.err, want)
	}
	if got.err != nil {
		if !errors.Is(got.err, errBadLine) {
			t.Fatalf("line %d: %v is no errBadLine", got.line, got.err)
		}
		return
	}
	for _, text := range []string{want.text, quoteAll(want.cells)} {
		if cells, err := csv.NewReader(strings.NewReader(text)).Read(); err != nil || !slices.Equal(cells, want.cells) {
			t.Fatalf("encoding/csv reads %q as %q, %v, want %q", text, cells, err, want.cells)
		}
		if len(text) > maxLine {
			continue
		}
		if cells, err := splitCells(nil, text); err != nil || !slices.Equal(cells, want.cells) {
			t.Fatalf("%q is split into %q, %v, want %q", text, cells, err, want.cells)
		}
	}
}

// quoteAll is a line in which every cell is quoted.
func quoteAll(cells []string) string {
	var out []string
	for _, c := range cells {
		out = append(out, `"`+strings.ReplaceAll(c, `"`, `""`)+`"`)
	}
	return strings.Join(out, ",")
}
