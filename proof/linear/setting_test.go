package linear

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"codepool/store"
)

// setting is what the seed draws for one round.
type setting struct {
	clients, codes int
	calls          int    // of a client between two restarts
	crashes        []bool // restarts: by a crash, or by Close
	weights        [numVerbs]int
	giveUp         int // percent of the calls whose context ends

	origin    origin
	fromStock bool
	mixed     bool // another batch of the namespace has codes whose case matters
	window    terms
	ttl       int64 // of leases and reservations
	shares    shareTerms
	yields    bool // the clock lets others run

	crowd      bool // hundreds of other requests are under way
	restless   bool // one checkpoint follows the other
	shards     [maxRestarts + 1]int
	every      [maxRestarts + 1]int64 // records from one checkpoint to the next
	pending    int
	durability store.Durability
}

const maxRestarts = 2

// origin is how the codes came into the store.
type origin int

const (
	imported  origin = iota // as stock
	handedOut               // imported as issued
	minted                  // drawn to learn them, and most released again
	numOrigins
)

const numVerbs = lookShared + 1

func newSetting(r *rand.Rand) setting {
	s := setting{
		clients: 6 + r.IntN(5), codes: 2 + r.IntN(3), calls: 5 + r.IntN(8), giveUp: r.IntN(3) * 12,
		origin: origin(r.IntN(int(numOrigins))), fromStock: r.IntN(4) == 0, mixed: r.IntN(8) == 0, yields: r.IntN(2) == 0,
		crowd: r.IntN(6) == 0, restless: r.IntN(4) == 0, pending: pick(r, 64<<10, 64<<10, 0),
		durability: pick(r, store.WeakNoSync, store.WeakNoSync, store.WeakNoSync, store.Durable),
		window:     terms{from: math.MinInt64, until: forever},
	}
	for i := range s.shards {
		s.shards[i], s.every[i] = pick(r, 1, 2, 64), pick[int64](r, 1, 7, 1000)
	}
	for range r.IntN(maxRestarts + 1) {
		s.crashes = append(s.crashes, r.IntN(2) == 0)
	}
	for v, w := range map[verb]int{issue: 16, redeem: 34, release: 14, undo: 14, check: 6, lookup: 12} {
		s.weights[v] = w
	}
	for range 2 { // some verbs more often, so that histories differ
		s.weights[pick(r, issue, redeem, release, undo, check, lookup)] += r.IntN(20)
	}
	// What ends the life of codes, or all of it for a while, not in every history.
	s.weights[revoke] = pick(r, 0, 0, 2, 6)
	if r.IntN(3) == 0 {
		s.weights[pause], s.weights[resume] = 6, 9
	}
	if r.IntN(6) == 0 {
		s.weights[revokeBatch], s.weights[retire] = 1, 4
	}
	if s.restless { // what checkpoints disturb
		s.weights[lookup] += 50
	}
	if r.IntN(4) == 0 {
		ticks := int64(s.clients * s.calls * (1 + len(s.crashes)) / clockEvery)
		if r.IntN(3) > 0 {
			s.window.from = ticks / 6
		}
		if r.IntN(3) > 0 {
			s.window.until = ticks * 3 / 4
		}
	}
	s.window.fromStock = s.fromStock
	s.lives(r)
	return s
}

// lives adds what codes can go through beside the plain life, in some histories.
func (s *setting) lives(r *rand.Rand) {
	s.ttl = pick[int64](r, 1, 3, 20, 100)
	if r.IntN(4) == 0 {
		s.window.perUser = 1 + r.IntN(2)
	}
	if r.IntN(3) == 0 {
		s.weights[lease], s.weights[acknowledge], s.weights[giveBack] = 14, 12, 9
	}
	if s.window.perUser > 0 || r.IntN(4) == 0 {
		s.weights[reserve], s.weights[confirm], s.weights[cancel] = 18, 12, 8
	}
	if r.IntN(4) == 0 {
		s.weights[take] = 8
	}
	if r.IntN(4) == 0 {
		s.weights[export] = 8
	}
	if r.IntN(4) == 0 {
		s.window.reusable, s.window.quarantine = true, pick[int64](r, 0, 1, 3)
	}
	if r.IntN(3) == 0 {
		s.shares = shareTerms{shares: 1 + r.IntN(maxShares), perUser: 1 + r.IntN(2), split: r.IntN(2) == 0}
		s.weights[claim], s.weights[unclaim], s.weights[endShared], s.weights[lookShared] = 30, 18, pick(r, 0, 2, 4), 6
	}
}

// clockEvery is how many calls a client makes, on average, before it sets the clock on.
const clockEvery = 4

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// verb draws a verb by its weight.
func (s *setting) verb(r *rand.Rand) verb {
	total := 0
	for _, w := range s.weights {
		total += w
	}
	n := r.IntN(total)
	for v, w := range s.weights {
		if n -= w; n < 0 {
			return verb(v)
		}
	}
	return lookup
}

// options are those of an epoch; the number of shards may change with a restart.
func (s *setting) options(epoch int, c *clock) *store.Options {
	return &store.Options{Durability: s.durability, Shards: s.shards[epoch], CheckpointEvery: s.every[epoch], MaxPending: s.pending, Clock: c.Now}
}

func (s *setting) String() string {
	restarts := []string{}
	for _, crash := range s.crashes {
		restarts = append(restarts, map[bool]string{true: "crash", false: "close"}[crash])
	}
	return fmt.Sprintf("%d clients, %d codes (%s), %d calls each, restarts [%s], from stock %t, mixed %t, window %d to %d, %d a user, reusable %t after %d, leases for %d, shares %+v, crowd %t, restless %t, Shards %v, CheckpointEvery %v, MaxPending %d, Durability %d",
		s.clients, s.codes, [...]string{"imported", "handed out", "minted"}[s.origin], s.calls, strings.Join(restarts, " "),
		s.fromStock, s.mixed, s.window.from, s.window.until, s.window.perUser, s.window.reusable, s.window.quarantine, s.ttl, s.shares, s.crowd, s.restless, s.shards, s.every, s.pending, s.durability)
}
