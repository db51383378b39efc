package linear

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"codepool/store"
)

// tally counts what a run has met, so that it shows what it has looked at.
type tally struct {
	rounds, crashes, closes int
	calls, maybe            int
	met                     map[string]int // by verb and answer
	parts                   int
	slowest                 time.Duration
}

// count counts the calls of a round, before they are settled.
func (y *tally) count(w *world, h *history) {
	if y.met == nil {
		y.met = map[string]int{}
	}
	y.rounds++
	for _, c := range h.cuts {
		if c.crash {
			y.crashes++
		} else {
			y.closes++
		}
	}
	for _, o := range h.ops {
		y.calls++
		y.met[met(o.verb, o.err)]++
		if !o.verb.reads() && !w.certain(o) {
			y.maybe++
		}
	}
}

// checked notes a search.
func (y *tally) checked(parts int, slowest time.Duration) {
	y.parts += parts
	y.slowest = max(y.slowest, slowest)
}

func met(v verb, err error) string {
	if err == nil {
		return v.String() + ": ok"
	}
	return v.String() + ": " + err.Error()
}

func (y *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d histories with %d crashes and %d closes, %d calls, %d of them unknown or met by a crash; %d searches, the longest %v",
		y.rounds, y.crashes, y.closes, y.calls, y.maybe, y.parts, y.slowest.Round(time.Microsecond))
	for _, what := range slices.Sorted(maps.Keys(y.met)) {
		fmt.Fprintf(&b, "\n\t%8d  %s", y.met[what], what)
	}
	return b.String()
}

// enough is the number of histories in which everything that wantAll names occurs.
const enough = 150

// wantAll fails the test if an answer never came: what a run does not meet it does not check.
func (y *tally) wantAll(t *testing.T) {
	if y.rounds < enough {
		return
	}
	for v, errs := range map[verb][]error{
		issue:   {nil, store.ErrPaused, store.ErrRevoked, store.ErrEmpty, store.ErrKeyConflict, store.ErrExpired, store.ErrOutcomeUnknown, store.ErrClosed},
		redeem:  {nil, store.ErrPaused, store.ErrRevoked, store.ErrNotIssued, store.ErrReserved, store.ErrUserLimit, store.ErrAlreadyRedeemed, store.ErrNotYetValid, store.ErrExpired, store.ErrKeyConflict, store.ErrOutcomeUnknown, store.ErrClosed},
		release: {nil, store.ErrNotIssued, store.ErrAlreadyRedeemed, store.ErrKeyConflict, store.ErrOutcomeUnknown},
		undo:    {nil, store.ErrNotRedeemed, store.ErrKeyConflict, store.ErrOutcomeUnknown},
		revoke:  {nil, store.ErrAlreadyRedeemed, store.ErrRevoked},
		pause:   {nil}, resume: {nil}, revokeBatch: {nil}, retire: {nil, store.ErrNotFinished},
		lease: {nil, store.ErrEmpty}, acknowledge: {nil, store.ErrLeaseOver, store.ErrLeaseEnded}, giveBack: {nil, store.ErrLeaseOver, store.ErrLeaseEnded},
		reserve: {nil, store.ErrReserved, store.ErrNotIssued}, confirm: {nil, store.ErrLeaseOver, store.ErrLeaseEnded}, cancel: {nil, store.ErrLeaseEnded},
		take: {nil, store.ErrEmpty}, export: {nil, store.ErrEmpty},
		claim: {nil, store.ErrSoldOut, store.ErrUserLimit, store.ErrShareEnded}, unclaim: {nil, store.ErrNotClaimed, store.ErrShareEnded}, endShared: {nil}, lookShared: {nil},
		check:  {nil, store.ErrNotIssued, store.ErrAlreadyRedeemed},
		lookup: {nil},
	} {
		for _, err := range errs {
			if y.met[met(v, err)] == 0 {
				t.Errorf("in %d histories there was no %s", y.rounds, met(v, err))
			}
		}
	}
	if y.crashes == 0 || y.closes == 0 {
		t.Errorf("%d crashes and %d closes in %d histories", y.crashes, y.closes, y.rounds)
	}
}
