package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows what is going on, the share of the jobs that is done and the time left, in
// one line that is written over, on a terminal only.
type progress struct {
	bar  *progressbar.ProgressBar // nil: silent
	room int                      // letters for what is going on
	job  int                      // jobs that are over
	most int64                    // the share shown so far: it never falls
}

// steps is how finely a job is divided; the bar counts them.
const steps = 1000

// besideText is what the bar, the share and the times take of the line.
const besideText = 52

// newProgress is silent unless w is a terminal that can write over a line.
func newProgress(w io.Writer, jobs int) *progress {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return &progress{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 {
		width = 80
	}
	return progressOn(w, jobs, width)
}

// progressOn shows the progress on a terminal of the given width.
func progressOn(w io.Writer, jobs, width int) *progress {
	return &progress{room: max(width-besideText, 8), bar: progressbar.NewOptions64(int64(jobs)*steps,
		progressbar.OptionSetWriter(w),
		progressbar.OptionUseANSICodes(true), // to erase the line, whatever is left on it
		progressbar.OptionSetWidth(16),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)}
}

// logf says what is going on.
func (p *progress) logf(format string, args ...any) {
	if p.bar == nil {
		return
	}
	text := []rune(fmt.Sprintf(format, args...))
	if len(text) > p.room {
		text = append(text[:p.room-1], '…')
	}
	p.bar.Describe(string(text))
}

// trials says how much of the present job is done.
func (p *progress) trials(done, total int) {
	if p.bar != nil && total > 0 {
		p.show(int64(p.job)*steps + int64(steps)*int64(min(done, total))/int64(total))
	}
}

// jobDone says that the present job is over.
func (p *progress) jobDone() {
	p.job++
	if p.bar != nil {
		p.show(int64(p.job) * steps)
	}
}

func (p *progress) show(share int64) {
	p.most = max(p.most, share)
	_ = p.bar.Set64(p.most) // a terminal that is gone is no reason to stop
}

// clear erases the line, before results are printed.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
