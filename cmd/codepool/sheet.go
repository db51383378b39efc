package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"codepool/store"
)

// sheetFormat is a flag for what the file of an export is; without it the file's name says.
type sheetFormat string

const (
	formatCSV  sheetFormat = "csv"
	formatXLSX sheetFormat = "xlsx"
)

var sheetFormats = []string{string(formatCSV), string(formatXLSX)}

func (s *sheetFormat) Set(text string) error {
	if !slices.Contains(sheetFormats, text) {
		return fmt.Errorf("%q is not a format: write %s", text, strings.Join(sheetFormats, " or "))
	}
	*s = sheetFormat(text)
	return nil
}

func (s *sheetFormat) String() string { return string(*s) }
func (s *sheetFormat) Type() string   { return "format" }

// settle chooses the format that was not asked for by the name of the file, and refuses one
// that the name contradicts: no program would open such a file.
func (s *sheetFormat) settle(file string) error {
	named := sheetFormat(strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), "."))
	if !slices.Contains(sheetFormats, string(named)) {
		named = ""
	}
	if *s != "" && named != "" && *s != named {
		return usage("--format %s and --out %s contradict each other: leave one of them out", *s, file)
	}
	*s = cmp.Or(*s, named, formatCSV)
	return nil
}

// sheet is what the file of an export holds: a column for each thing that is known of the
// codes, and a row for each code.
type sheet struct {
	columns []string
	first   []string // the first row
	codes   []string
}

// exportColumns are those of an export's file behind the code. None may hold what can
// change: an export that is repeated gives the same file.
var exportColumns = []string{"batch", "kind", "kind_no", "reward", "account", "ref", "export"}

// sheet is what a file of the export holds.
func (e *export) sheet(b store.BatchInfo) sheet {
	return sheet{
		columns: append([]string{"code"}, exportColumns...),
		first:   neutralRow([]string{e.codes[0], b.Name, b.Kind, b.KindNo, b.Reward, e.Account, e.Ref, e.ID}),
		codes:   e.codes,
	}
}

// rows yields the heading and the rows, each valid until the next one.
func (s sheet) rows() iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		if !yield(s.columns) {
			return
		}
		row := slices.Clone(s.first)
		for _, code := range s.codes {
			if row[0] = neutral(code); !yield(row) {
				return
			}
		}
	}
}

func (s sheetFormat) write(w io.Writer, sh sheet) error {
	if s == formatXLSX {
		return writeXLSX(w, sh)
	}
	return writeCSV(w, sh)
}

func writeCSV(w io.Writer, sh sheet) error {
	c := csv.NewWriter(w)
	for row := range sh.rows() {
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
