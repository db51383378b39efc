package main

import (
	"archive/zip"
	"cmp"
	"io"

	"github.com/rivo/uniseg"
	"github.com/xuri/excelize/v2"
)

// maxSheet is how many codes one XLSX file has at most: a spreadsheet opens that many
// without ado, and CSV is there for more.
const maxSheet = 200_000

const sheetName = "codes"

// Columns are as wide as what they hold, within reason.
const leastWidth, mostWidth = 8, 60

// writeXLSX writes a workbook of one sheet, all cells of which are text. Nothing in it
// depends on the clock, so the same sheet gives the same bytes. A large sheet is put together
// in a temporary file that only its owner can read, as it is compressed when it is whole.
func writeXLSX(w io.Writer, sh sheet) (err error) {
	f := excelize.NewFile()
	defer func() { err = cmp.Or(err, f.Close()) }()
	if err := fillSheet(f, sh); err != nil {
		return err
	}
	// Straight to w, not by way of memory.
	f.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) })
	return f.Write(io.Discard)
}

func fillSheet(f *excelize.File, sh sheet) error {
	if err := f.SetDocProps(&excelize.DocProperties{Creator: "codepool"}); err != nil {
		return err
	}
	if err := f.SetSheetName(f.GetSheetName(0), sheetName); err != nil {
		return err
	}
	s, err := f.NewStreamWriter(sheetName)
	if err != nil {
		return err
	}
	for i, text := range sh.first {
		width := max(uniseg.StringWidth(text), uniseg.StringWidth(sh.columns[i])) + 2
		if err := s.SetColWidth(i+1, i+1, float64(min(max(width, leastWidth), mostWidth))); err != nil {
			return err
		}
	}
	if err := s.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	cells, n := make([]any, len(sh.columns)), 0
	for row := range sh.rows() {
		for i, text := range row {
			if cells[i] = nil; text != "" {
				cells[i] = text // a text is written as one, whatever it looks like
			}
		}
		n++
		at, err := excelize.CoordinatesToCellName(1, n)
		if err == nil {
			err = s.SetRow(at, cells)
		}
		if err != nil {
			return err
		}
	}
	return s.Flush()
}
