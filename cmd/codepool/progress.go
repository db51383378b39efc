package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressEvery is how often a bar looks at the number it shows.
const progressEvery = 100 * time.Millisecond

// showsProgress reports whether bars are wanted: a person is watching.
func (a *app) showsProgress() bool {
	return a.tty.err && !a.quiet && !a.json && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb"
}

// follow shows a bar that follows done until the returned function is called. A total
// below 1 is unknown; without done there is only something that turns. done is called
// from another goroutine.
func (a *app) follow(label string, total int64, done func() int64) (stop func()) {
	if !a.showsProgress() {
		return func() {}
	}
	var bar *progressbar.ProgressBar
	if done == nil {
		done = func() int64 { return 0 }
		bar = a.bar(label, -1)
	} else {
		bar = a.bar(label, total, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("codes"))
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = bar.Set64(done())
			case <-end:
				_ = bar.Clear()
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(end); wg.Wait() })
}

// reading shows a bar for the bytes read from r; total below 1 is unknown.
func (a *app) reading(label string, total int64, r io.Reader) (io.Reader, func()) {
	if !a.showsProgress() {
		return r, func() {}
	}
	bar := a.bar(label, total, progressbar.OptionShowBytes(true), progressbar.OptionShowCount())
	return io.TeeReader(r, bar), func() { _ = bar.Clear() }
}

// writing shows a bar for the bytes written to w.
func (a *app) writing(label string, w io.Writer) (io.Writer, func()) {
	if !a.showsProgress() {
		return w, func() {}
	}
	bar := a.bar(label, -1, progressbar.OptionShowBytes(true), progressbar.OptionShowCount())
	return io.MultiWriter(w, bar), func() { _ = bar.Clear() }
}

func (a *app) bar(label string, total int64, more ...progressbar.Option) *progressbar.ProgressBar {
	if total < 1 {
		total = -1
	}
	return progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetWriter(a.errw),
		progressbar.OptionSetDescription(label),
		progressbar.OptionThrottle(progressEvery),
		progressbar.OptionSetWidth(24),
		progressbar.OptionClearOnFinish(),
	}, more...)...)
}
