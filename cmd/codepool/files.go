package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// input opens a file for reading, or standard input for "-", and returns its size, 0
// if it is unknown. Reading ends with ctx, even where a read would block for good.
func (a *app) input(ctx context.Context, path string) (r io.ReadCloser, bytes int64, err error) {
	file := a.in
	if path != "-" {
		if file, err = os.Open(path); err != nil {
			return nil, 0, err
		}
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "read", Path: path, Err: errFolder}
	}
	if err != nil {
		return nil, 0, err
	}
	if info.Mode().IsRegular() {
		return &ctxReader{ctx, file}, info.Size(), nil
	}
	pr, pw := io.Pipe()
	stop := context.AfterFunc(ctx, func() { pw.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.Copy(pw, file)
		pw.CloseWithError(err)
	}()
	return &pipeInput{pr, stop, file}, 0, nil
}

// ctxReader is a file whose reads end with a context.
type ctxReader struct {
	ctx context.Context
	*os.File
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.File.Read(p)
}

// pipeInput is the near end of a goroutine that reads what may block for good.
type pipeInput struct {
	*io.PipeReader
	stop func() bool
	file *os.File
}

func (p *pipeInput) Close() error {
	p.stop()
	return p.PipeReader.Close() // the file may be in a read, which would hold up its Close
}

// writeFile lets write fill a file that appears under its name only when it is
// whole and synced. Without force it refuses to replace a file. A path that is a
// device or a pipe is written as it is.
func writeFile(path string, force bool, write func(io.Writer) error) (err error) {
	switch info, serr := os.Stat(path); {
	case serr == nil && info.IsDir():
		return &fs.PathError{Op: "write", Path: path, Err: errFolder}
	case serr == nil && !info.Mode().IsRegular():
		return writeDevice(path, write)
	case serr == nil && !force:
		return fmt.Errorf("%w: %s", errExists, path)
	}
	dir := filepath.Dir(path)
	// CreateTemp gives the file to its owner only: codes are money.
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = &fs.PathError{Op: "write", Path: path, Err: p.Err} // nobody asked for the other name
		}
		return err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	buf := bufio.NewWriterSize(temp, 1<<20)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func writeDevice(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	if err = write(buf); err == nil {
		err = buf.Flush() // else it would only say the same again
	}
	return errors.Join(err, f.Close())
}

// syncDir makes a rename in dir durable. Windows cannot sync a directory and does
// not need it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// confirm asks a person to approve of something that cannot be undone; where nobody
// can be asked, only --force approves. Asking ends with ctx.
func (a *app) confirm(ctx context.Context, force bool, question string) error {
	if force {
		return nil
	}
	if !a.tty.in || !a.tty.err || a.json {
		return usage("%s Nobody is here to say yes: add --force if you mean it", question)
	}
	in, _, err := a.input(ctx, "-")
	if err != nil {
		return err
	}
	defer in.Close()
	fmt.Fprintf(a.errw, "%s [y/N] ", clean(question))
	answer, err := bufio.NewReader(in).ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && answer == "":
		return errNotYes
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNotYes
}
