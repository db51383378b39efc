package main

import "strings"

// formulaStarts are the characters with which a spreadsheet takes a cell for a
// formula, ASCII and full width, and the white space that some skip before them (OWASP,
// "CSV Injection").
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// neutral returns a cell that no spreadsheet runs: one that looks like a formula gets
// a single quote in front, which spreadsheets take for "this is text". Leading spaces
// are looked through, as some programs trim them.
func neutral(cell string) string {
	if strings.IndexAny(strings.TrimLeft(cell, " "), formulaStarts) == 0 {
		return "'" + cell
	}
	return cell
}

// neutralRow applies neutral to each cell, in place.
func neutralRow(cells []string) []string {
	for i := range cells {
		cells[i] = neutral(cells[i])
	}
	return cells
}
