package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"codepool/store"
)

// The stream of redemptions, or of codes to be released, undone or revoked:
//
//	stream  = [BOM] [header] *line
//	header  = cell *("," cell)      the first line, if one of its cells is "code"
//	line    = cell *("," cell)      as many as the header has; without one: code[,user[,key]], or just the code
//	cell    = plain | quoted
//	plain   = text without comma and quote, and without white space at its ends
//	quoted  = <"> text with each <"> doubled <">
//	end of line = LF | CRLF; the last one may be missing
//
// Unlike in RFC 4180 a cell never spans lines, so a lost quote spoils one line and
// not the rest of the stream. Names of columns are code, user (by, where no user is
// concerned), key and namespace, once each, in any order and case. A line is malformed if it does not fit the grammar, is
// longer than maxLine with its end, is not UTF-8, holds a control character or has no code. A
// stream whose header is wrong, or that begins with a byte-order mark nobody allowed,
// is refused as a whole: every line of it would be misread.

// maxLine is room for a code, a user, a key and a namespace of MaxText bytes, all
// quotes.
const maxLine = 16 << 10

// Columns of a stream.
const (
	colCode = iota
	colUser
	colKey
	colNamespace
	colOther // read by nobody
	numCols
)

// grammar is what the columns of a stream are.
type grammar struct {
	names  [colOther]string
	bare   int      // how many of them a line can have without a header
	others []string // columns that may be there too
}

var (
	redemptionLines = &grammar{names: [...]string{"code", "user", "key", "namespace"}, bare: 3}
	// changeLines takes the file of an export as it is.
	changeLines = &grammar{names: [...]string{"code", "by", "key", "namespace"}, bare: 1, others: exportColumns}
)

// item is a line of the stream: a redemption, or why it is none.
type item struct {
	line int // from 1
	red  store.Redemption
	err  error // an errBadLine
}

// lineParser reads a stream of redemptions. It is for one goroutine.
type lineParser struct {
	*grammar
	r        *bufio.Reader
	allowBOM bool
	line     int
	cols     []int // column of each cell; nil before the first line
	header   bool  // cols is from a header: every line has all its cells
	cells    []string
}

func newLineParser(r io.Reader, allowBOM bool) *lineParser {
	return &lineParser{grammar: redemptionLines, r: bufio.NewReaderSize(r, 8*maxLine), allowBOM: allowBOM}
}

// newChangeParser reads a stream of codes to be changed; the user of an item is by whom.
func newChangeParser(r io.Reader, allowBOM bool) *lineParser {
	p := newLineParser(r, allowBOM)
	p.grammar = changeLines
	return p
}

// idle reports whether the next call of next may have to wait for input.
func (p *lineParser) idle() bool {
	ahead, _ := p.r.Peek(p.r.Buffered())
	return bytes.IndexByte(ahead, '\n') < 0
}

// next returns the next line. Its error is io.EOF at the end, an errBadLine for a
// stream that is refused as a whole, or an error of the reader.
func (p *lineParser) next() (item, error) {
	text, err := p.readLine()
	if err != nil && !errors.Is(err, errBadLine) {
		return item{}, err
	}
	if p.cols == nil {
		header, herr := p.begin(text, err)
		if herr != nil {
			return item{}, herr
		}
		if header {
			return p.next()
		}
		text = strings.TrimPrefix(text, bom)
	}
	it := item{line: p.line}
	if err == nil {
		it.red, err = p.parse(text)
	}
	if err != nil && !errors.Is(err, errBadLine) {
		err = fmt.Errorf("%w: %w", errBadLine, err)
	}
	it.err = err
	return it, nil
}

// readLine returns the next line without its end. Of one that is too long it returns what
// may be a byte-order mark: that decides about the whole stream.
func (p *lineParser) readLine() (string, error) {
	text, err := p.r.ReadSlice('\n')
	if err == io.EOF && len(text) == 0 {
		return "", io.EOF
	}
	p.line++
	var head [len(bom)]byte
	n, long := copy(head[:], text), len(text) > maxLine
	for err == bufio.ErrBufferFull {
		_, err = p.r.ReadSlice('\n')
	}
	switch {
	case err != nil && err != io.EOF:
		return "", err
	case long:
		return string(head[:n]), fmt.Errorf("%w: longer than %d bytes", errBadLine, maxLine)
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	return string(bytes.TrimSuffix(text, []byte("\r"))), nil
}

const bom = "\uFEFF"

// begin looks at the first line and settles the columns; lineErr is what is wrong
// with the line as such.
func (p *lineParser) begin(text string, lineErr error) (header bool, err error) {
	if strings.HasPrefix(text, bom) {
		if !p.allowBOM {
			return false, fmt.Errorf("%w: line 1 begins with a byte-order mark", errBadLine)
		}
		text = strings.TrimPrefix(text, bom)
	}
	p.cols = []int{colCode, colUser, colKey}[:p.bare]
	cells, err := splitCells(nil, text)
	if lineErr != nil || err != nil || !slices.ContainsFunc(cells, isCode) {
		return false, nil // a line like any other; its faults are its own
	}
	p.cols, p.header = nil, true
	for _, c := range cells {
		col := slices.Index(p.names[:], strings.ToLower(c))
		switch {
		case slices.Contains(p.others, strings.ToLower(c)):
			col = colOther
		case col < 0:
			return false, fmt.Errorf("%w: line 1: the header has a column %q: want %s", errBadLine, c, strings.Join(p.names[:], ", "))
		case slices.Contains(p.cols, col):
			return false, fmt.Errorf("%w: line 1: the header has two columns %q", errBadLine, p.names[col])
		}
		p.cols = append(p.cols, col)
	}
	return true, nil
}

func isCode(cell string) bool { return strings.EqualFold(cell, redemptionLines.names[colCode]) }

// parse reads one line.
func (p *lineParser) parse(text string) (store.Redemption, error) {
	if err := printable(text); err != nil {
		return store.Redemption{}, err
	}
	cells, err := splitCells(p.cells[:0], text)
	if err != nil {
		return store.Redemption{}, err
	}
	p.cells = cells
	switch n := len(p.cols); {
	case p.header && len(cells) != n:
		return store.Redemption{}, fmt.Errorf("%s where the header has %d", plural(len(cells), "cell"), n)
	case len(cells) > n:
		return store.Redemption{}, fmt.Errorf("%s, at most %d can be: %s", plural(len(cells), "cell"), n, strings.Join(p.names[:n], ","))
	}
	var value [numCols]string
	for i, c := range cells {
		value[p.cols[i]] = c
	}
	if strings.TrimSpace(value[colCode]) == "" {
		return store.Redemption{}, errors.New("no code")
	}
	return store.Redemption{Code: value[colCode], User: value[colUser], Key: value[colKey], Namespace: value[colNamespace]}, nil
}

func printable(text string) error {
	switch {
	case !utf8.ValidString(text):
		return errors.New("not UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		return errors.New("a control character")
	case strings.Contains(text, bom):
		return errors.New("a byte-order mark")
	}
	return nil
}

// splitCells appends the cells of a line to dst.
func splitCells(dst []string, text string) ([]string, error) {
	for {
		cell, rest, more, err := cutCell(text)
		if err != nil {
			return dst, fmt.Errorf("cell %d: %w", len(dst)+1, err)
		}
		if dst = append(dst, cell); !more {
			return dst, nil
		}
		text = rest
	}
}

// cutCell cuts the first cell off a line; more reports whether a comma follows it.
func cutCell(text string) (cell, rest string, more bool, err error) {
	if !strings.HasPrefix(text, `"`) {
		cell, rest, more = strings.Cut(text, ",")
		switch {
		case strings.Contains(cell, `"`):
			err = errors.New("a quote inside of a cell that does not begin with one")
		case strings.TrimSpace(cell) != cell:
			err = errors.New("white space at its end: quote the cell if it is meant")
		}
		return cell, rest, more, err
	}
	var b strings.Builder
	for rest = text[1:]; ; {
		i := strings.IndexByte(rest, '"')
		if i < 0 {
			return "", "", false, errors.New("its quote is not closed")
		}
		b.WriteString(rest[:i])
		rest = rest[i+1:]
		if !strings.HasPrefix(rest, `"`) {
			break
		}
		b.WriteByte('"')
		rest = rest[1:]
	}
	switch {
	case rest == "":
		return b.String(), "", false, nil
	case rest[0] == ',':
		return b.String(), rest[1:], true, nil
	}
	return "", "", false, errors.New("text after its closing quote")
}
