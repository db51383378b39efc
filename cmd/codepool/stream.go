package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	user, namespace string       // of lines that have none
	approve         func() error // asks a person first; nil is yes
}

// streamVerb is what a stream asks of the store.
type streamVerb struct {
	name, past, doing string // "redeem", "redeemed", "redeeming"
	unit              string // what an item is called: "line", "code"
	// all does it for many items, each by itself, with an answer for each, in order.
	all func(context.Context, *store.Store, []store.Redemption) []done
	// try says what to try when all refusals are for one reason; "" for what holds for
	// all verbs.
	try func(reason string) string
}

// done is what one item got: a receipt, a change or an error.
type done struct {
	receipt *store.Receipt
	changed *store.Changed
	err     error
}

// number is the place in the ledger of what was done.
func (g done) number() uint64 {
	if g.receipt != nil {
		return g.receipt.Number
	}
	return g.changed.Number
}

// source is where a stream takes its items from.
type source interface {
	// next returns the next item. Its error is io.EOF at the end, an errBadLine for a
	// stream that is refused as a whole, or an error of the reader.
	next() (item, error)
	// idle reports whether the next call of next may have to wait for input.
	idle() bool
}

// answer is what one line got.
type answer struct {
	Line    int            `json:"line,omitempty"`
	Receipt *store.Receipt `json:"receipt,omitempty"`
	Changed *store.Changed `json:"changed,omitempty"`
	Code    string         `json:"code,omitempty"`
	Refused string         `json:"refused,omitempty"` // the reason, one word
	Detail  string         `json:"detail,omitempty"`  // of a malformed line
}

// refusal is the answer that a code gets with an error.
func refusal(code string, err error) answer {
	no := answer{Code: code, Refused: reason(err)}
	if !isRefusal(err) {
		no.Detail = strings.TrimPrefix(err.Error(), errBadLine.Error()+": ")
	}
	return no
}

// streamFile puts the lines of a file through the store; parser reads them.
func (a *app) streamFile(ctx context.Context, v streamVerb, o streamOptions, parser func(io.Reader) *lineParser) error {
	in, _, err := a.input(ctx, o.file)
	if err != nil {
		return &failure{doing: v.name, err: err}
	}
	defer in.Close()
	return a.withStore(false, func(s *store.Store) error { return a.stream(ctx, s, v, o, parser(in), 0) })
}

// stream puts items through the store; a total below 1 is unknown.
func (a *app) stream(ctx context.Context, s *store.Store, v streamVerb, o streamOptions, from source, total int64) error {
	d := &stream{a: a, s: s, v: v, o: o, tally: newTally()}
	if o.approve != nil {
		if err := o.approve(); err != nil {
			return err
		}
	}
	stop := func() {}
	if !a.tty.out && (!a.tty.in || o.file != "-") { // else bar and text would mix
		stop = a.follow(v.doing, total, d.answered.Load)
	}
	err := d.run(ctx, from)
	stop()
	if ferr := a.out.Flush(); ferr != nil && err == nil {
		err = fmt.Errorf("%w: %w", errUnseen, ferr)
	}
	return d.end(err)
}

// errUnseen is that answers could not be written, so that nobody knows them.
var errUnseen = errors.New("write answers")

// stream is a stream of requests on its way through the store.
type stream struct {
	a *app
	s *store.Store
	v streamVerb
	o streamOptions

	answered atomic.Int64

	// These belong to the writing stage until it has ended.
	last  int // line answered last
	tally tally
}

// lines is a batch of lines on its way through the stages.
type lines struct {
	items []item
	done  []done // filled by the second stage
	err   error  // why no more lines follow
}

// read is the first stage: it turns input into batches of lines until the input ends
// or is refused, which the last batch says.
func (d *stream) read(ctx context.Context, p source, to chan<- lines) {
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

// run drives the stages: one goroutine reads lines ahead, this one asks the store, one
// writes answers. Calls of the store follow each other, so of two lines with the same
// code the first one wins.
func (d *stream) run(ctx context.Context, p source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work, answers := make(chan lines, 2), make(chan lines, 2)
	written := make(chan struct{})
	go d.read(ctx, p, work)
	go func() {
		defer close(written)
		d.write(answers, cancel)
	}()
	err := d.ask(ctx, work, answers)
	close(answers)
	<-written
	return err
}

// ask is the second stage.
func (d *stream) ask(ctx context.Context, from <-chan lines, to chan<- lines) error {
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
		fatal := d.askLines(whole, &b)
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

// askLines gives each line its answer. It returns an error after which
// it makes no sense to go on.
func (d *stream) askLines(ctx context.Context, b *lines) (fatal error) {
	batch := make([]store.Redemption, 0, len(b.items))
	for _, it := range b.items {
		if it.err == nil {
			batch = append(batch, it.red)
		}
	}
	b.done = make([]done, len(b.items))
	if len(batch) == 0 {
		return nil
	}
	results := d.v.all(ctx, d.s, batch)
	for i := range b.items {
		it := &b.items[i]
		if it.err != nil {
			continue
		}
		b.done[i], it.err = results[0], results[0].err
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
// written the stream stops: nothing more is to be done unseen.
func (d *stream) write(from <-chan lines, cancel context.CancelCauseFunc) {
	for b := range from {
		var err error
		for i, it := range b.items {
			if err == nil {
				err = d.writeAnswer(it, b.done[i])
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

func (d *stream) writeAnswer(it item, got done) error {
	d.answered.Add(1)
	d.last = it.line
	var err error
	switch {
	case it.err == nil && d.a.json:
		return d.a.writeJSON(d.a.out, answer{Line: it.line, Receipt: got.receipt, Changed: got.changed})
	case it.err == nil:
		_, err = fmt.Fprintln(d.a.out, got.number())
		return err
	}
	no := refusal(it.red.Code, it.err)
	no.Line = it.line
	d.tally.add(it.err)
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

// end turns what the lines got into the end of the program.
func (d *stream) end(err error) error {
	answered := d.answered.Load()
	summary := d.tally.summary(answered, d.v)
	switch {
	case err != nil:
		f := &failure{doing: fmt.Sprintf("%s stream, stopped after %s %d (%s)", d.v.name, d.v.unit, d.last, summary), err: err}
		switch {
		case errors.Is(err, errBadLine) && strings.Contains(err.Error(), "byte-order mark"):
			f.try = "the same with --allow-bom"
		case errors.Is(err, errBadLine):
			f.try = "the same when the header is corrected; nothing was " + d.v.past
		case errors.Is(err, errUnseen): // which lines are done, only the store knows
		case d.last > 0:
			f.try = fmt.Sprintf("the same with the %ss from %d on", d.v.unit, d.last+1)
		}
		return f
	case d.tally.refused() == 0:
		d.a.note("%s", summary)
		return nil
	}
	return d.tally.failure(summary, d.v)
}
