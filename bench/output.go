package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"codepool/bench/report"
	"codepool/bench/workload"
)

// printer writes results in one of the three forms.
type printer interface {
	header(report.Header) error
	line(workload.Line) error
	flush() error // after each job
}

func (o *options) printer(w io.Writer) printer {
	switch {
	case o.json:
		return jsonPrinter{json.NewEncoder(w)}
	case o.gobench:
		return goPrinter{w}
	}
	return &tablePrinter{w: w}
}

// jsonPrinter writes an object a line.
type jsonPrinter struct{ enc *json.Encoder }

func (p jsonPrinter) header(h report.Header) error { return p.enc.Encode(h) }
func (p jsonPrinter) line(l workload.Line) error   { return p.enc.Encode(l) }
func (p jsonPrinter) flush() error                 { return nil }

// goPrinter writes the format of Go's benchmarks, one line a round, so that benchstat
// sees the spread.
type goPrinter struct{ w io.Writer }

func (p goPrinter) header(h report.Header) error {
	_, err := fmt.Fprintf(p.w, "goos: %s\ngoarch: %s\npkg: codepool/bench\ncpu: %s\n", h.OS, h.Arch, h.CPU)
	return err
}

func (p goPrinter) line(l workload.Line) error {
	name := benchmarkName(l)
	if l.Error != "" {
		_, err := fmt.Fprintf(p.w, "# %s: %s\n", name, strings.ReplaceAll(l.Error, "\n", "; "))
		return err
	}
	for _, s := range l.Samples {
		fmt.Fprintf(p.w, "%s\t%d\t%.1f ns/op\t%.0f ops/s", name, s.Ops, 1e9/s.Rate(), s.Rate())
		if s.P50 > 0 {
			fmt.Fprintf(p.w, "\t%d p50-ns\t%d p99-ns\t%d p99.9-ns", s.P50, s.P99, s.P999)
		}
		if _, err := fmt.Fprintln(p.w); err != nil {
			return err
		}
	}
	if l.BytesPerCode > 0 {
		_, err := fmt.Fprintf(p.w, "%s\t1\t%.2f bytes/code\n", name, l.BytesPerCode)
		return err
	}
	if v, ok := l.Extra["bytes_per_redemption"]; ok {
		_, err := fmt.Fprintf(p.w, "%s\t1\t%.2f bytes/redemption\n", name, v)
		return err
	}
	return nil
}

func (p goPrinter) flush() error { return nil }

// benchmarkName is BenchmarkRedeem/system=codepool/n=1000000/callers=4/batch=1000-2.
func benchmarkName(l workload.Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Benchmark%s%s/system=%s", strings.ToUpper(l.Job[:1]), l.Job[1:], l.System)
	for _, f := range []struct {
		name  string
		value int64
	}{{"n", l.N}, {"callers", int64(l.Callers)}, {"batch", int64(l.Batch)}} {
		if f.value > 0 {
			fmt.Fprintf(&b, "/%s=%d", f.name, f.value)
		}
	}
	if l.Note != "" {
		b.WriteString("/note=" + strings.NewReplacer(" ", "_", "/", "_", ":", "").Replace(l.Note))
	}
	return b.String() + "-" + strconv.Itoa(runtime.GOMAXPROCS(0))
}
