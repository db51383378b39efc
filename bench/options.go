package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"codepool/bench/peer"
	"codepool/bench/systems"
	"codepool/bench/workload"
)

// options are the flags, read.
type options struct {
	jobs     []workload.Job
	kinds    []peer.Kind
	missing  []error // systems that are left out
	rounds   int
	budget   time.Duration
	settle   time.Duration // see workload.Env
	dir      string
	volatile bool
	json     bool
	gobench  bool
	html     string // file to write a page to
	markdown string // file to put tables into
	from     string // saved lines that are shown instead of measuring
}

// parse reads the flags; usage goes to stderr when it is asked for.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	jobs := fs.String("jobs", "", "jobs to run, comma-separated: "+strings.Join(jobNames(), ", ")+" (default all but sustain; with -quick growth neither)")
	which := fs.String("systems", "", "systems to measure, comma-separated: "+strings.Join(systemNames(), ", ")+" (default all)")
	sizes := fs.String("n", "", "codes, such as 200k or 1M; a list for growth (default: the job's own)")
	quick := fs.Bool("quick", false, "a look in less than three minutes: a fiftieth of the codes, 2 rounds of 100ms")
	fs.IntVar(&o.rounds, "rounds", 5, "times that each figure is measured; the median counts")
	fs.DurationVar(&o.budget, "budget", 500*time.Millisecond, "longest time that one measurement takes")
	fs.StringVar(&o.dir, "dir", "", "directory on the disk to measure (default: the one for temporary files, if that is a disk, else the current one)")
	fs.BoolVar(&o.volatile, "volatile", false, "measure even if the directory is in memory")
	fs.BoolVar(&o.json, "json", false, "print one JSON object a line")
	fs.BoolVar(&o.gobench, "gobench", false, "print Go benchmark lines, for benchstat")
	fs.StringVar(&o.html, "html", "", "file to write a page with charts to")
	fs.StringVar(&o.markdown, "markdown", "", "file in which tables replace what stands between the lines <!-- bench:begin --> and <!-- bench:end -->")
	fs.StringVar(&o.from, "from", "", "file with what -json printed, to show and report on instead of measuring; - is standard input")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "usage: bench [flags]")
			fs.SetOutput(stderr)
			fs.PrintDefaults()
		}
		return nil, err
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if *quick && !given["rounds"] {
		o.rounds = 2
	}
	if *quick && !given["budget"] {
		o.budget = 100 * time.Millisecond
	}
	if !*quick {
		o.settle = o.budget
	}
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(fs.NArg() == 0, "unexpected argument %q", fs.Arg(0))
	bad(o.rounds >= 1, "-rounds is %d: want at least 1", o.rounds)
	bad(o.budget > 0, "-budget is %v: want more than 0", o.budget)
	bad(!o.json || !o.gobench, "-json and -gobench exclude each other")
	bad(!o.gobench || o.from == "", "-gobench needs every round, which -from does not have")
	fs.Visit(func(f *flag.Flag) {
		measures := slices.Contains([]string{"jobs", "systems", "n", "rounds", "budget", "quick", "dir", "volatile"}, f.Name)
		bad(o.from == "" || !measures, "-%s is of no use with -from, which measures nothing", f.Name)
	})
	n, err := parseSizes(*sizes)
	errs = append(errs, err)
	o.kinds, o.missing, err = systems.Select(names(*which))
	errs = append(errs, err)
	if err == nil {
		o.jobs, err = selectJobs(names(*jobs), n, *quick)
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// parseSizes reads a list of numbers with k or M after them.
func parseSizes(list string) ([]int, error) {
	var sizes []int
	for _, s := range names(list) {
		digits, unit := s, 1
		switch s[len(s)-1] {
		case 'k', 'K':
			digits, unit = s[:len(s)-1], 1_000
		case 'm', 'M':
			digits, unit = s[:len(s)-1], 1_000_000
		}
		v, err := strconv.Atoi(strings.ReplaceAll(digits, "_", ""))
		if err != nil || v < 1 || v > maxCodes/unit {
			return nil, fmt.Errorf("-n %q is not a number of codes: write 200000, 200k or 1M, at most %d", s, maxCodes)
		}
		if len(sizes) > 0 && v*unit <= sizes[len(sizes)-1] {
			return nil, fmt.Errorf("-n %q: a list of sizes must ascend", list)
		}
		sizes = append(sizes, v*unit)
	}
	return sizes, nil
}

func systemNames() (names []string) {
	for _, k := range systems.All() {
		names = append(names, k.Name)
	}
	return names
}
