package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"codepool/store"
)

// streamBatch is how many lines go into one call of the store: enough that the disk
// is no longer what it waits for. Fewer go when no more input is there, so that a
// person who types is answered at once.
const streamBatch = 1024

type streamOptions struct {
	file            string
	allowBOM        bool
	user, namespace string // of lines that have none
}

// answer is what one line got.
type answer struct {
	Line    int            `json:"line,omitempty"`
	Receipt *store.Receipt `json:"receipt,omitempty"`
	Code    string         `json:"code,omitempty"`
	Refused string         `json:"refused,omitempty"` // the reason, one word
	Detail  string         `json:"detail,omitempty"`  // of a malformed line
}

func (a *app) redeemFile(ctx context.Context, o streamOptions) error {
	in, _, err := a.input(ctx, o.file)
	if err != nil {
		return &failure{doing: "redeem", err: err}
	}
	defer in.Close()
	return a.withStore(false, func(s *store.Store) error {
		d := &stream{a: a, s: s, o: o, tally: map[string]int64{}, exits: map[int]bool{}}
		stop := func() {}
		if !a.tty.out && (!a.tty.in || o.file != "-") { // else bar and text would mix
			stop = a.follow("redeeming", 0, d.answered.Load)
		}
		err := d.run(ctx, newLineParser(in, o.allowBOM))
		stop()
		if ferr := a.out.Flush(); ferr != nil && err == nil {
			err = fmt.Errorf("%w: %w", errUnseen, ferr)
		}
		return d.end(ctx, err)
	})
}

// errUnseen is that answers could not be written, so that nobody knows them.
var errUnseen = errors.New("write answers")

// stream is a stream of redemptions on its way through the store.
type stream struct {
	a *app
	s *store.Store
	o streamOptions

	answered atomic.Int64

	// These belong to the writing stage until it has ended.
	last  int              // line answered last
	tally map[string]int64 // refusals by reason
	exits map[int]bool     // exit codes of the refusals
}

// lines is a batch of lines on its way through the stages.
type lines struct {
	items    []item
	receipts []store.Receipt // filled by the second stage
	err      error           // why no more lines follow
}

// read is the first stage: it turns input into batches of lines until the input ends
// or is refused, which the last batch says.
func (d *stream) read(ctx context.Context, p *lineParser, to chan<- lines) {
	defer close(to)
	for end := false; !end; {
		var b lines
		for len(b.items) < streamBatch {
			it, err := p.next()
			if err != nil {
				b.err, end = err, true
				break
			}
			if it.red.User == "" {
				it.red.User = d.o.user
			}
			if it.red.Namespace == "" {
				it.red.Namespace = d.o.namespace
			}
			b.items = append(b.items, it)
			if p.idle() {
				break
			}
		}
		select {
		case to <- b:
		case <-ctx.Done():
			return
		}
	}
}

// run drives the stages: one goroutine reads lines ahead, this one redeems, one
// writes answers. Calls of the store follow each other, so of two lines with the same
// code the first one wins.
func (d *stream) run(ctx context.Context, p *lineParser) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work, done := make(chan lines, 2), make(chan lines, 2)
	written := make(chan struct{})
	go d.read(ctx, p, work)
	go func() {
		defer close(written)
		d.write(done, cancel)
	}()
	err := d.redeem(ctx, work, done)
	close(done)
	<-written
	return err
}

// redeem is the second stage.
func (d *stream) redeem(ctx context.Context, from <-chan lines, to chan<- lines) error {
	// A batch that was begun gets its answers even if a signal comes: they are
	// a disk write away.
	whole := context.WithoutCancel(ctx)
	for {
		var b lines
		var ok bool
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case b, ok = <-from:
		}
		if !ok {
			return context.Cause(ctx)
		}
		fatal := d.redeemLines(whole, &b)
		to <- b
		switch {
		case fatal != nil:
			return fatal
		case errors.Is(b.err, io.EOF):
			return nil
		case b.err != nil:
			return b.err
		}
	}
}

// redeemLines gives each line its receipt or error. It returns an error after which
// it makes no sense to go on.
func (d *stream) redeemLines(ctx context.Context, b *lines) (fatal error) {
	batch := make([]store.Redemption, 0, len(b.items))
	for _, it := range b.items {
		if it.err == nil {
			batch = append(batch, it.red)
		}
	}
	b.receipts = make([]store.Receipt, len(b.items))
	if len(batch) == 0 {
		return nil
	}
	results := d.s.RedeemAll(ctx, batch)
	for i := range b.items {
		it := &b.items[i]
		if it.err != nil {
			continue
		}
		b.receipts[i], it.err = results[0].Receipt, results[0].Err
		results = results[1:]
		if stopsStream(it.err) {
			fatal = it.err
		}
	}
	return fatal
}

// stopsStream reports whether every later line would fail as well.
func stopsStream(err error) bool {
	for _, e := range []error{store.ErrFailed, store.ErrOutcomeUnknown, store.ErrDiskFull, store.ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// write is the third stage: one answer a line, in order. Once answers cannot be
// written the stream stops: no more codes are to be burned unseen.
func (d *stream) write(from <-chan lines, cancel context.CancelCauseFunc) {
	for b := range from {
		var err error
		for i, it := range b.items {
			if err == nil {
				err = d.writeAnswer(it, b.receipts[i])
			}
		}
		if err == nil {
			err = d.a.out.Flush()
		}
		if err != nil {
			cancel(fmt.Errorf("%w: %w", errUnseen, err))
			for range from { // let the stage before come to its end
			}
			return
		}
	}
}

func (d *stream) writeAnswer(it item, r store.Receipt) error {
	d.answered.Add(1)
	d.last = it.line
	var err error
	switch {
	case it.err == nil && d.a.json:
		return d.a.writeJSON(d.a.out, answer{Line: it.line, Receipt: &r})
	case it.err == nil:
		_, err = fmt.Fprintln(d.a.out, r.Number)
		return err
	}
	no := answer{Line: it.line, Code: it.red.Code, Refused: reason(it.err)}
	if !isRefusal(it.err) {
		no.Detail = strings.TrimPrefix(it.err.Error(), errBadLine.Error()+": ")
	}
	d.tally[no.Refused]++
	exit := exitCode(it.err)
	if exit == exitUsage { // of the line, not of the command
		exit = exitFailure
	}
	d.exits[exit] = true
	if d.a.json {
		return d.a.writeJSON(d.a.out, no)
	}
	text := no.Refused
	if no.Detail != "" {
		text += ": " + clean(no.Detail)
	}
	_, err = fmt.Fprintln(d.a.out, text)
	return err
}

// isRefusal reports whether err is one of the answers that a code can get, whose
// reason says it all.
func isRefusal(err error) bool {
	switch exitCode(err) {
	case exitUnknownCode, exitRedeemed, exitRefused:
		return true
	}
	return false
}

// end turns what the lines got into the end of the program.
func (d *stream) end(ctx context.Context, err error) error {
	answered, refused := d.answered.Load(), int64(0)
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(d.tally)) {
		refused += d.tally[why]
		parts = append(parts, many(d.tally[why])+" "+why)
	}
	summary := fmt.Sprintf("%s of %s redeemed", many(answered-refused), plural(answered, "line"))
	if refused > 0 {
		summary += ", " + strings.Join(parts, ", ")
	}
	switch {
	case err != nil:
		f := &failure{doing: fmt.Sprintf("redeem stream, stopped after line %d (%s)", d.last, summary), err: err}
		switch {
		case errors.Is(err, errBadLine) && strings.Contains(err.Error(), "byte-order mark"):
			f.try = "the same with --allow-bom"
		case errors.Is(err, errBadLine):
			f.try = "the same when the header is corrected; nothing was redeemed"
		case errors.Is(err, errUnseen): // which lines are done, only the store knows
		case d.last > 0:
			f.try = fmt.Sprintf("the same with the lines from %d on", d.last+1)
		}
		return f
	case refused == 0:
		d.a.note("%s", summary)
		return nil
	}
	f := &failure{err: errors.New(summary), exit: exitFailure, reason: "refused",
		try: "codepool show CODE, for a code that was refused"}
	if len(d.tally) == 1 {
		for f.reason = range d.tally {
		}
		switch f.reason {
		case reason(errBadLine), reason(store.ErrInvalid):
			f.try = "the same with those lines, when they are corrected"
		case reason(store.ErrUnknownCode):
			f.try = "codepool batches"
		}
	}
	if len(d.exits) == 1 {
		for exit := range d.exits {
			f.exit = exit
		}
	}
	return f
}
