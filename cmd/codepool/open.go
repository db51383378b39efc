package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"codepool/store"

	"github.com/spf13/cobra"
)

// formatFile is what makes a directory a store.
const formatFile = "CODEPOOL"

// withStore opens the store that --data names, runs use and closes it. Unless
// create is set the store must be there already: a mistyped directory must not turn
// into an empty store that knows no code.
func (a *app) withStore(create bool, use func(*store.Store) error) error {
	if !create {
		if err := a.mustExist(); err != nil {
			return err
		}
	}
	fresh := lookForFresh(a.data)
	s, err := store.Open(a.data, a.options())
	if err != nil {
		return openFailure(err)
	}
	err = use(s)
	refused := err != nil && isEmpty(s)
	if cerr := s.Close(); cerr != nil && err == nil {
		err = fmt.Errorf("close: %w", cerr)
	}
	if refused && fresh != nil {
		fresh.remove()
	}
	return err
}

// openFailure says what to do about a store that does not open, where its kind does not.
func openFailure(err error) error {
	f := &failure{err: err}
	if unfinished(err) {
		f.try = "codepool restore BACKUP, when the directory is empty again"
	}
	return f
}

// unfinished reports whether err is about what a restore left that did not finish.
func unfinished(err error) bool { return strings.Contains(err.Error(), "did not finish") }

func (a *app) options() *store.Options { return &store.Options{Logger: a.logger(), SignKeys: a.keys} }

// logger shows the store's troubles on standard error, with --verbose all it says.
func (a *app) logger() *slog.Logger {
	level := slog.LevelError
	if a.verbose {
		level = slog.LevelDebug
	}
	options := &slog.HandlerOptions{Level: level}
	if a.json {
		return slog.New(slog.NewJSONHandler(a.errw, options))
	}
	return slog.New(slog.NewTextHandler(a.errw, options))
}

func (a *app) mustExist() error {
	info, err := os.Stat(a.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &failure{err: fmt.Errorf("%w: directory %s does not exist", errNoStore, a.data)}
	case errors.Is(err, syscall.ENOTDIR):
		return &failure{err: fmt.Errorf("%w: %s lies below a file", errNoStore, a.data), try: "the same with --data DIRECTORY"}
	case err != nil:
		return err
	case !info.IsDir():
		return &failure{err: fmt.Errorf("%w: %s is a file, not a directory", errNoStore, a.data),
			try: "the same with --data DIRECTORY"}
	}
	if entries, err := os.ReadDir(a.data); err != nil || len(entries) > 0 {
		return err // what is in it is for the store to judge
	}
	return &failure{err: fmt.Errorf("%w: directory %s is empty", errNoStore, a.data)}
}

// batch finds a batch by what was typed: its name, else its number.
func batch(s *store.Store, typed string) (store.BatchInfo, error) {
	info, err := s.BatchNamed(typed)
	if !errors.Is(err, store.ErrUnknownBatch) {
		return info, err
	}
	if id, perr := strconv.ParseUint(typed, 10, 32); perr == nil {
		return s.Batch(store.BatchID(id))
	}
	return info, err
}

// cheapStore is the size up to which a store opens so fast that a person who presses
// Tab does not notice.
const cheapStore = 32 << 20

// completeBatch offers the names of the batches, if the store is small and free.
func (a *app) completeBatch(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	if len(args) > 0 || a.configure(cmd) != nil || a.readSignKeys() != nil || a.mustExist() != nil || !smallerThan(a.data, cheapStore) {
		return nil, none
	}
	s, err := store.Open(a.data, a.options())
	if err != nil {
		return nil, none
	}
	defer s.Close()
	var names []string
	for _, b := range s.Batches() {
		names = append(names, cobra.CompletionWithDesc(b.Name, plural(b.Counts.Available, "code")+" in stock"))
	}
	return names, none
}

// smallerThan reports whether the files under dir have fewer than limit bytes.
func smallerThan(dir string, limit int64) bool {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if sum += info.Size(); sum >= limit {
			return io.ErrShortBuffer
		}
		return nil
	})
	return err == nil
}

// tryForAnswer is how to go on after a change that a signal cut short.
const tryForAnswer = "the same with the same --key: it gets the answer, if it is done; without a key a second time is refused"

// interruptedAs says how to go on when f is the end of a call that a signal cut short;
// any other failure stays as it is.
func interruptedAs(ctx context.Context, f *failure, try string) error {
	if interrupted(ctx) {
		f.try = try
	}
	return f
}
