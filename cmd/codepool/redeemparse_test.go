package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"codepool/store"
)

func parseAll(t *testing.T, text string, allowBOM bool) (items []item, err error) {
	t.Helper()
	p := newLineParser(strings.NewReader(text), allowBOM)
	for {
		it, err := p.next()
		if err == io.EOF {
			return items, nil
		}
		if err != nil {
			return items, err
		}
		items = append(items, it)
	}
}

func TestParseLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := []struct {
		name, text string
		want       []store.Redemption // a zero one is a malformed line
	}{
		{"empty", "", nil},
		{"plain", "A\nB,ann\nC,ann,k\n", []store.Redemption{{Code: "A"}, {Code: "B", User: "ann"}, {Code: "C", User: "ann", Key: "k"}}},
		{"no last end", "A\nB", []store.Redemption{{Code: "A"}, {Code: "B"}}},
		{"crlf", "A,x\r\nB\r\n", []store.Redemption{{Code: "A", User: "x"}, {Code: "B"}}},
		{"empty cells", "A,,k\nB,,\n", []store.Redemption{{Code: "A", Key: "k"}, {Code: "B"}}},
		{"quoted", `"A","x, ""y""",` + "\n", []store.Redemption{{Code: "A", User: `x, "y"`}}},
		{"quoted spaces", `A," x "`, []store.Redemption{{Code: "A", User: " x "}}},
		{"header", "code,user\nA,x\n", []store.Redemption{{Code: "A", User: "x"}}},
		{"header in any order and case", "Key,NAMESPACE,Code\nk,n,A\n", []store.Redemption{{Code: "A", Key: "k", Namespace: "n"}}},
		{"header only in the first line", "A\ncode\n", []store.Redemption{{Code: "A"}, {Code: "code"}}},
		{"too many cells", "A,b,c,d\nB\n", []store.Redemption{{}, {Code: "B"}}},
		{"cells as in the header", "code,user\nA\nB,x,y\nC,x\n", []store.Redemption{{}, {}, {Code: "C", User: "x"}}},
		{"blank line", "A\n\n \nB\n", []store.Redemption{{Code: "A"}, {}, {}, {Code: "B"}}},
		{"no code", ",ann\n", []store.Redemption{{}}},
		{"open quote spoils one line", "\"A,x\nB\n", []store.Redemption{{}, {Code: "B"}}},
		{"quote inside", "A,x\"y\nB\n", []store.Redemption{{}, {Code: "B"}}},
		{"text after a quote", "\"A\"x\nB\n", []store.Redemption{{}, {Code: "B"}}},
		{"spaces around", "A, ann\nB,ann \n", []store.Redemption{{}, {}}},
		{"not UTF-8", "A,\xff\nB\n", []store.Redemption{{}, {Code: "B"}}},
		{"control character", "A,\x00\nB,a\tb\nC\n", []store.Redemption{{}, {}, {Code: "C"}}},
		{"carriage return inside", "A\rB\n", []store.Redemption{{}}},
		{"late byte-order mark", "A\n\uFEFFB\n", []store.Redemption{{Code: "A"}, {}}},
		{"too long", long + "y\nB\n", []store.Redemption{{}, {Code: "B"}}},
		{"too long, longer than the buffer", strings.Repeat(long, 20) + "\nB\n", []store.Redemption{{}, {Code: "B"}}},
		{"too long, last", "B\n" + strings.Repeat(long, 20), []store.Redemption{{Code: "B"}, {}}},
		{"as long as can be", "A," + long[4:] + "\n", []store.Redemption{{Code: "A", User: long[4:]}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			items, err := parseAll(t, tt.text, false)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) != len(tt.want) {
				t.Fatalf("%d items, want %d: %+v", len(items), len(tt.want), items)
			}
			for i, it := range items {
				if (tt.want[i] == store.Redemption{}) != (it.err != nil) || it.red != tt.want[i] {
					t.Errorf("item %d is %+v, %v, want %+v", i, it.red, it.err, tt.want[i])
				}
				if it.err != nil && !errors.Is(it.err, errBadLine) {
					t.Errorf("item %d: %v is no errBadLine", i, it.err)
				}
			}
		})
	}
}

func TestParseLineNumbers(t *testing.T) {
	items, err := parseAll(t, "code\nA\n\nB\n", false)
	if err != nil || len(items) != 3 || items[0].line != 2 || items[1].line != 3 || items[2].line != 4 {
		t.Fatalf("%+v, %v", items, err)
	}
}

func TestParseRefusedStreams(t *testing.T) {
	for _, text := range []string{
		"code,colour\nA,red\n", "code,code\nA,A\n", "code,\nA,\n", "code,Code\n", bom + "A\n", bom + "code\nA\n",
	} {
		items, err := parseAll(t, text, false)
		if !errors.Is(err, errBadLine) || len(items) != 0 {
			t.Errorf("%q: %+v, %v", text, items, err)
		}
	}
	for _, text := range []string{bom + "A\n", bom + "code\nA\n", bom + "\"A\"\n"} {
		items, err := parseAll(t, text, true)
		if err != nil || len(items) != 1 || items[0].red.Code != "A" {
			t.Errorf("%q with a mark allowed: %+v, %v", text, items, err)
		}
	}
}

// A reader's error is not taken for the end of the stream.
func TestParseReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	p := newLineParser(io.MultiReader(strings.NewReader("A\nB"), errReader{broken}), false)
	if it, err := p.next(); err != nil || it.red.Code != "A" {
		t.Fatal(it, err)
	}
	if it, err := p.next(); !errors.Is(err, broken) {
		t.Fatalf("half a line before a read error was taken for a line: %+v, %v", it, err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A line that is there is answered before more input is awaited.
func TestParserIdle(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, "A\nB\nC")
		_ = w.Close()
	}()
	p := newLineParser(r, false)
	want := []bool{false, true, true} // "C" may go on
	for i, idle := range want {
		if _, err := p.next(); err != nil || p.idle() != idle {
			t.Fatalf("after line %d idle is %v, want %v (%v)", i+1, p.idle(), idle, err)
		}
	}
}

// FuzzParseLines checks that every line is answered once, that what is accepted is
// fit for the store, and that it can be written and read back.
func FuzzParseLines(f *testing.F) {
	for _, seed := range []string{
		"A\nB,ann,k\n", "code,user,key,namespace\nA,b,c,d\n", `"A","x ""y"""` + "\r\n", "\n\n", "A,\"\n", bom + "code\nA\n", "A\rB\x00\xff",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, allowBOM bool) {
		items, err := parseAll(t, string(text), allowBOM)
		if err != nil {
			if !errors.Is(err, errBadLine) || len(items) != 0 {
				t.Fatalf("%+v, %v", items, err)
			}
			return
		}
		lines := bytes.Count(text, []byte("\n"))
		if len(text) > 0 && text[len(text)-1] != '\n' {
			lines++
		}
		header := lines - len(items)
		if header != 0 && header != 1 {
			t.Fatalf("%d items for %d lines", len(items), lines)
		}
		for i, it := range items {
			if it.line != i+1+header {
				t.Fatalf("item %d is line %d", i, it.line)
			}
			if it.err == nil {
				checkAccepted(t, it.red)
			}
		}
	})
}

func checkAccepted(t *testing.T, r store.Redemption) {
	cells := []string{r.Code, r.User, r.Key, r.Namespace}
	for i, c := range cells {
		if err := printable(c); err != nil {
			t.Fatalf("%+v was accepted: %v", r, err)
		}
		cells[i] = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
	}
	if strings.TrimSpace(r.Code) == "" {
		t.Fatal("a line without a code was accepted")
	}
	line := strings.Join(cells, ",")
	if len(line) > maxLine {
		return
	}
	again, err := parseAll(t, strings.Join(redemptionLines.names[:], ",")+"\n"+line, false)
	if err != nil || len(again) != 1 || again[0].red != r {
		t.Fatalf("%q read back as %+v, %v", line, again, err)
	}
}

func TestSplitCells(t *testing.T) {
	cells, err := splitCells(nil, `a,"b,c",,""`)
	if err != nil || !slices.Equal(cells, []string{"a", "b,c", "", ""}) {
		t.Fatal(cells, err)
	}
}
