package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"codepool/store"
)

// tally counts the refusals among many answers.
type tally struct {
	reasons map[string]int64
	exits   map[int]bool // their exit codes
}

func newTally() tally { return tally{map[string]int64{}, map[int]bool{}} }

func (t tally) add(err error) {
	t.reasons[reason(err)]++
	exit := exitCode(err)
	if exit == exitUsage { // of the line, not of the command
		exit = exitFailure
	}
	t.exits[exit] = true
}

func (t tally) refused() (n int64) {
	for _, count := range t.reasons {
		n += count
	}
	return n
}

// summary says how many of all were done, and why not the others.
func (t tally) summary(all int64, v streamVerb) string {
	refused := t.refused()
	text := fmt.Sprintf("%s of %s %s", many(all-refused), plural(all, v.unit), v.past)
	for _, why := range slices.Sorted(maps.Keys(t.reasons)) {
		text += ", " + many(t.reasons[why]) + " " + why
		if why == v.past { // of a code that was revoked before
			text += " before"
		}
	}
	return text
}

// failure is the end of a program some of whose requests were refused.
func (t tally) failure(summary string, v streamVerb) error {
	f := &failure{err: errors.New(summary), exit: exitFailure, reason: "refused", try: tryShow}
	if len(t.reasons) == 1 {
		for f.reason = range t.reasons {
		}
		f.try = cmp.Or(v.try(f.reason), tryRefused(f.reason))
	}
	if len(t.exits) == 1 {
		for f.exit = range t.exits {
		}
	}
	return f
}

const tryShow = "codepool show {code}, for a code that was refused"

// tryRefused says what to try when all refusals are for one reason.
func tryRefused(why string) string {
	switch why {
	case reason(errBadLine), reason(store.ErrInvalid):
		return "the same with those lines, when they are corrected"
	case reason(store.ErrUnknownCode):
		return "codepool batches"
	case reason(store.ErrNoKey):
		return "the same with a column key"
	case reason(store.ErrNoUser):
		return "the same with --user, or with a column user"
	case reason(store.ErrPaused):
		return "codepool resume {batch}"
	}
	return tryShow
}

// isRefusal reports whether err is one of the answers that a code can get, whose
// reason says it all.
func isRefusal(err error) bool {
	switch exitCode(err) {
	case exitUnknownCode, exitRedeemed, exitEmpty, exitRefused:
		return true
	}
	return false
}
