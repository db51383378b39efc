package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) restoreCmd() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "restore FILE|- --data DIR",
		Short: "Make a store from a backup",
		Long: `Restore makes a store from a backup in a directory that is empty or not there yet. A
backup that was cut short or altered is refused.

If the directory holds a store already, restore asks first (or needs --force), puts
the backup in its place and keeps the old store beside it under another name.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the store that is there")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		r, bytes, err := a.input(ctx, args[0])
		if err != nil {
			return &failure{doing: "restore", err: err}
		}
		defer r.Close()
		in, stop := a.reading("restoring", bytes, r)
		defer stop()
		if !isStore(a.data) {
			return a.restore(ctx, in)
		}
		if a.isHere() {
			return usage("restore would move %s away, and you are in it: go to another directory and name it from there", a.data)
		}
		if args[0] == "-" && !force {
			return usage("%s holds a store, and with the backup on standard input nobody can be asked: "+
				"add --force if it is to be replaced", a.data)
		}
		if err := a.confirm(ctx, force, fmt.Sprintf("%s holds a store. Replace it by the backup?", a.data)); err != nil {
			return err
		}
		return a.restoreOver(ctx, in)
	})
}

// isHere reports whether the present directory is that of the store, or below it.
func (a *app) isHere() bool {
	here, err := os.Getwd()
	if err != nil {
		return false
	}
	dir, err := os.Stat(a.data)
	return err == nil && within(here, dir)
}

func isStore(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, formatFile))
	return err == nil
}

func (a *app) restore(ctx context.Context, r io.Reader) error {
	m, err := store.Restore(ctx, a.data, r)
	if err != nil {
		f := &failure{doing: "restore into " + a.data, err: err}
		switch {
		case unfinished(err):
			f.try = "the same when the directory is empty again"
		case errors.Is(err, store.ErrNotEmpty):
		case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrFormat):
			f.try = "another backup; nothing was restored"
		}
		return interruptedAs(ctx, f, "the same again")
	}
	return a.restored(m, "")
}

func (a *app) restored(m store.Manifest, kept string) error {
	return a.show(struct {
		store.Manifest
		Data string `json:"data"`
		Kept string `json:"kept,omitempty"`
	}{m, a.data, kept}, func(w io.Writer) {
		f := manifestFacts(m)
		f.add("restored into", "%s", a.data)
		f.add("old store kept", "%s", kept)
		f.write(w)
	})
}

// restoreOver restores beside the store first: until the backup has proved to be
// whole the store stays where it is.
func (a *app) restoreOver(ctx context.Context, r io.Reader) error {
	if err := a.mustBeFree(); err != nil {
		return err
	}
	dir := filepath.Clean(a.data)
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".restore-*")
	if err != nil {
		return &failure{doing: "restore", err: err}
	}
	defer os.RemoveAll(fresh)
	m, err := store.Restore(ctx, fresh, r)
	if err != nil {
		return &failure{doing: "restore into " + dir, err: err, try: "another backup; the store is as it was"}
	}
	kept := freeName(dir + ".before-restore-" + time.Now().UTC().Format("20060102T150405Z"))
	if err := os.Rename(dir, kept); err != nil {
		return &failure{doing: "restore", err: err}
	}
	if err := os.Rename(fresh, dir); err != nil {
		return &failure{doing: "restore", err: errors.Join(err, os.Rename(kept, dir))}
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	return a.restored(m, kept)
}

// mustBeFree refuses a store that somebody has open. One that does not open for
// another reason is why one restores.
func (a *app) mustBeFree() error {
	s, err := store.Open(a.data, nil)
	if errors.Is(err, store.ErrLocked) {
		return &failure{doing: "restore", err: err}
	}
	if err == nil {
		return s.Close()
	}
	return nil
}

// freeName returns name, with a number behind it if it is taken.
func freeName(name string) string {
	free := name
	for i := 2; ; i++ {
		if _, err := os.Lstat(free); errors.Is(err, fs.ErrNotExist) {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, i)
	}
}
