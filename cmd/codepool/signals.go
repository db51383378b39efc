package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is the cause of the context that the first signal cancels.
var errInterrupted = errors.New("interrupted")

// interruptible returns a context that ends at the first interrupt; the second one
// ends the program at once.
func interruptible(parent context.Context, errw io.Writer) (context.Context, func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(parent)
	go onSignals(signals, func() { cancel(errInterrupted) }, func() {
		fmt.Fprintln(errw, "interrupted")
		os.Exit(exitInterrupted)
	})
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// onSignals calls stop at the first signal and abort at the second.
func onSignals(signals <-chan os.Signal, stop, abort func()) {
	<-signals
	stop()
	<-signals
	abort()
}

// interrupted reports whether a signal ended ctx.
func interrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errInterrupted)
}
