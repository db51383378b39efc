package main

import (
	"fmt"
	"io"
	"os"
)

// progress shows what is going on in one line that is written over, on a terminal only.
type progress struct {
	w     io.Writer // nil: silent
	shown bool
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb" {
		return &progress{}
	}
	return &progress{w: w}
}

const eraseLine = "\r\x1b[K"

func (p *progress) logf(format string, args ...any) {
	if p.w != nil {
		fmt.Fprintf(p.w, eraseLine+format, args...)
		p.shown = true
	}
}

// clear removes the line, before results are printed.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, eraseLine)
		p.shown = false
	}
}
