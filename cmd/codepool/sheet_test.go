package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"codepool/store"

	"github.com/xuri/excelize/v2"
)

// oddExport is an export of texts that a spreadsheet would take for something else.
func oddExport(codes ...string) sheet {
	e := export{Export: store.Export{Account: "+account", Ref: `<b>&"it's`, ID: "007"}, codes: codes}
	return e.sheet(store.BatchInfo{Batch: store.Batch{Name: "红包 _x0041_", Kind: "=1+1", KindNo: " 1e5 ", Reward: "@SUM(A1:A9)"}})
}

// Both kinds of file say the same, and no cell is anything but text.
func TestSheets(t *testing.T) {
	sh := oddExport("7KQF-2M9X-T4WC", "=CMD()", "0012", "-1", "TRUE", "1.50", "2027-01-31", "＝1", "'x")
	var plain, book, again bytes.Buffer
	for _, err := range []error{formatCSV.write(&plain, sh), formatXLSX.write(&book, sh), formatXLSX.write(&again, sh)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(book.Bytes(), again.Bytes()) {
		t.Error("the same sheet gives two files")
	}
	parts, err := zip.NewReader(bytes.NewReader(book.Bytes()), int64(book.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts.File {
		if part.Modified.Year() >= 1980 {
			t.Errorf("%s says when it was made: %s", part.Name, part.Modified)
		}
	}
	want, err := csv.NewReader(&plain).ReadAll()
	if err != nil || len(want) != 10 {
		t.Fatal(want, err)
	}
	if row := fmt.Sprintf("%q", want[2]); row != `["'=CMD()" "红包 _x0041_" "'=1+1" " 1e5 " "'@SUM(A1:A9)" "'+account" "<b>&\"it's" "007"]` {
		t.Errorf("a row is %s", row)
	}
	got, cells := readXLSX(t, book.Bytes())
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("XLSX has %q, CSV %q", got, want)
	}
	for at, c := range cells {
		if c.formula != "" || c.kind != excelize.CellTypeInlineString {
			t.Errorf("%s is %+v", at, c)
		}
	}
	if len(cells) != 10*8 {
		t.Errorf("%d cells", len(cells))
	}
}

// cell is what a spreadsheet makes of one.
type cell struct {
	kind    excelize.CellType
	formula string
}

func readXLSX(t *testing.T, text []byte) (rows [][]string, cells map[string]cell) {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if names := f.GetSheetList(); !slices.Equal(names, []string{sheetName}) {
		t.Errorf("sheets %q", names)
	}
	if p, err := f.GetDocProps(); err != nil || p.Creator != "codepool" || p.Created >= "2007" || p.Modified >= "2007" {
		t.Errorf("properties %+v, %v", p, err)
	}
	if rows, err = f.GetRows(sheetName); err != nil {
		t.Fatal(err)
	}
	cells = map[string]cell{}
	for y, row := range rows {
		for x := range row {
			at, err := excelize.CoordinatesToCellName(x+1, y+1)
			if err != nil {
				t.Fatal(err)
			}
			formula, err1 := f.GetCellFormula(sheetName, at)
			kind, err2 := f.GetCellType(sheetName, at)
			if err1 != nil || err2 != nil {
				t.Fatal(at, err1, err2)
			}
			cells[at] = cell{kind, formula}
		}
	}
	return rows, cells
}

// A sheet that does not fit into memory, and cannot be written out, leaves nothing behind.
func TestLargeSheet(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	sh := oddExport(make([]string, 12_500)...) // of 1.5 KB each: it goes to a file from 16 MiB on
	sh.first[4] = strings.Repeat("r", store.MaxText)
	if err := formatXLSX.write(&brokenWriter{room: 1000}, sh); err != errBrokenWriter {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

var errBrokenWriter = fmt.Errorf("no room")

// brokenWriter fails when its room is used up.
type brokenWriter struct{ room int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, errBrokenWriter
	}
	return len(p), nil
}

func TestSheetFormat(t *testing.T) {
	for _, c := range []struct{ typed, file, want string }{
		{"", "-", "csv"}, {"", "x", "csv"}, {"", "x.CSV", "csv"}, {"", "x.xlsx", "xlsx"}, {"", "dir.xlsx/x", "csv"}, {"", "xlsx", "csv"}, {"", "x.xlsx.bak", "csv"},
		{"xlsx", "-", "xlsx"}, {"xlsx", "x", "xlsx"}, {"csv", "x.txt", "csv"}, {"xlsx", "x.XLSX", "xlsx"}, {"xlsx", "x.csv", ""}, {"csv", "x.xlsx", ""},
	} {
		s := sheetFormat(c.typed)
		if err := s.settle(c.file); (err != nil) != (c.want == "") || err == nil && s.String() != c.want {
			t.Errorf("--format %q --out %s: %s, %v", c.typed, c.file, s, err)
		}
	}
}
