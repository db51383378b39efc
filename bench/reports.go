package main

import (
	"bytes"
	"errors"
	"io"
	"os"

	"codepool/bench/report"
	"codepool/bench/systems"
)

// checkReports refuses what could not be written, before minutes of measuring.
func (o *options) checkReports() error {
	var errs []error
	if o.html != "" {
		errs = append(errs, report.CheckWritable(o.html))
	}
	if o.markdown != "" {
		errs = append(errs, report.CheckMarkers(o.markdown, report.BenchMarkers()))
	}
	return errors.Join(errs...)
}

// writeReports writes those that were asked for.
func (o *options) writeReports(r report.Run) error {
	var errs []error
	if o.html != "" {
		var page bytes.Buffer
		err := report.HTML(&page, r)
		if err == nil {
			err = report.WriteFile(o.html, page.Bytes())
		}
		errs = append(errs, err)
	}
	if o.markdown != "" {
		var text bytes.Buffer
		err := report.Markdown(&text, r)
		if err == nil {
			err = report.Replace(o.markdown, report.BenchMarkers(), text.String())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// replay prints lines that were saved, and reports whether every one is sound.
func (o *options) replay(stdin io.Reader, stdout io.Writer) (r report.Run, ok bool, err error) {
	in := stdin
	if o.from != "-" {
		f, err := os.Open(o.from)
		if err != nil {
			return r, false, err
		}
		defer f.Close()
		in = f
	}
	if r, err = report.Read(in); err != nil {
		return r, false, err
	}
	if len(r.Header.Systems) == 0 { // saved before headers described them
		r.Header.Systems = describeSystems(systems.All())
	}
	out := o.printer(stdout)
	if err := out.header(r.Header); err != nil {
		return r, false, err
	}
	ok = true
	for i, l := range r.Lines {
		if i > 0 && l.Job != r.Lines[i-1].Job {
			if err := out.flush(); err != nil {
				return r, false, err
			}
		}
		ok = ok && l.Error == ""
		if err := out.line(l); err != nil {
			return r, false, err
		}
	}
	return r, ok, out.flush()
}
