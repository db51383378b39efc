package store

import (
	"context"
	"fmt"
	"time"

	"codepool/shard"
)

// Lease is a draw for a time: its codes are out of stock, and nobody can redeem them until
// Acknowledge. What is not acknowledged goes back to stock when the time is over.
type Lease struct {
	Number uint64    `json:"number"` // names the lease; its place in the ledger
	Batch  BatchID   `json:"batch"`
	Codes  []string  `json:"codes"` // as printed
	Ref    string    `json:"ref,omitempty"`
	Key    string    `json:"key,omitempty"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"` // it holds iff now < Until
}

// LeaseEnd asks to end a lease or a hold.
type LeaseEnd struct {
	Number uint64 `json:"number"` // of the lease or hold
	By     string `json:"by,omitempty"`
	// Key makes the request safe to repeat: the same key with the same number and By gets
	// the first answer again (I9). Each verb has a set of keys of its own.
	Key string `json:"key,omitempty"`
}

// Ended is the lasting record of the end of a lease or hold.
type Ended struct {
	Number uint64    `json:"number"` // place in the ledger
	Lease  uint64    `json:"lease"`
	By     string    `json:"by,omitempty"`
	Key    string    `json:"key,omitempty"`
	At     time.Time `json:"at"`
}

// Lease draws n codes as Issue does, for a time: a crash between the draw and its use
// loses none. It survives a restart. ErrInvalid refuses a time below a microsecond; the
// other refusals are those of Issue. The same key gets the same lease again, also when it
// has ended since.
func (s *Store) Lease(ctx context.Context, id BatchID, n int, ttl time.Duration, d Draw) (Lease, error) {
	d.ttl = ttl.Microseconds()
	if d.ttl < 1 {
		return Lease{}, invalid("lease for %v: want a microsecond at least", ttl)
	}
	got, err := s.issue(ctx, id, n, d)
	if err != nil {
		return Lease{}, err
	}
	return Lease{Number: got.number, Batch: id, Codes: got.codes, Ref: d.Ref, Key: d.Key, At: instant(got.at), Until: instant(got.until)}, nil
}

// Acknowledge issues the codes of a lease to its reference for good, and returns when that
// is durable. ErrLeaseOver refuses one whose time is over, ErrLeaseEnded one that was
// acknowledged or given back, ErrRevoked one of a batch that is revoked, ErrUnknownLease a
// number that is none.
func (s *Store) Acknowledge(ctx context.Context, e LeaseEnd) (Ended, error) {
	return s.endLease(ctx, endings[recAcknowledge], e)
}

// GiveBack returns the codes of a lease to stock before its time is over. Its refusals
// are ErrLeaseOver, ErrLeaseEnded and ErrUnknownLease.
func (s *Store) GiveBack(ctx context.Context, e LeaseEnd) (Ended, error) {
	return s.endLease(ctx, endings[recGiveBack], e)
}

// ending is what the ways to end a lease or hold differ in.
type ending struct {
	record byte
	keys   byte // set of keys
	verb   string
	of     leaseKind // what it ends
	to     func(*lease) shard.State
}

var endings = map[byte]*ending{
	recAcknowledge: {record: recAcknowledge, keys: keyAcknowledge, verb: "acknowledged", to: func(*lease) shard.State { return shard.Issued }},
	recGiveBack:    {record: recGiveBack, keys: keyGiveBack, verb: "gave back", to: func(l *lease) shard.State { return l.from }},
	recCancel:      {record: recCancel, keys: keyCancel, verb: "cancelled", of: holding, to: func(l *lease) shard.State { return l.from }},
}

// endLease ends a lease that nobody else ends at the same time.
func (s *Store) endLease(ctx context.Context, kind *ending, e LeaseEnd) (Ended, error) {
	if err := s.mayAsk(ctx, label{"By", e.By}, label{"Key", e.Key}); err != nil {
		return Ended{}, err
	}
	if err := s.com.admit(ctx); err != nil {
		return Ended{}, err
	}
	at := s.now()
	var seen keyView
	if e.Key != "" {
		free, err := s.holdKey(ctx, kind.keys, e.Key)
		if err != nil {
			return Ended{}, err
		}
		defer free()
		known, err := s.retriedEnd(ctx, kind, e, &seen)
		if known != nil || err != nil {
			return known.orNone(), err
		}
	}
	for {
		number, g, err := s.finish(kind, e, at, &seen)
		if err == nil {
			if err := g.wait(ctx); err != nil {
				return Ended{}, err
			}
			return Ended{Number: number, Lease: e.Number, By: e.By, Key: e.Key, At: instant(at)}, nil
		}
		if err = s.whyNot(ctx, kind, e.Number, err); err != errAgain {
			return Ended{}, err
		}
	}
}

// finish takes the lease out of the table, journals its end and moves its codes.
func (s *Store) finish(kind *ending, e LeaseEnd, at int64, seen *keyView) (uint64, *group, error) {
	s.draws.RLock() // from the journal until memory shows it
	defer s.draws.RUnlock()
	l, err := s.leases.take(e.Number, kind.of, at)
	if err != nil {
		return 0, nil, err
	}
	if kind.record == recAcknowledge && l.b.revoked() {
		s.leases.add(l)
		return 0, nil, l.b.isRevoked()
	}
	to := kind.to(l)
	number, g, err := s.com.append(at, appendEnd(nil, kind.record, to, l, e.By, e.Key), 1, nil, false)
	if err != nil {
		s.leases.add(l)
		return 0, nil, err
	}
	if e.Key != "" {
		s.keys.note(seen.hash, number)
	}
	s.putLeased(l, to, g.n)
	return number, g, nil
}

// putLeased moves the codes that a lease has yet; others were revoked meanwhile.
func (s *Store) putLeased(l *lease, to shard.State, mark uint64) {
	from := l.state()
	for at := 0; at < len(l.codes); {
		sh, _, _ := s.placeOf(l.codes[at])
		if sh == nil {
			return // closed: memory is gone, the journal stands
		}
		moved := int64(0)
		i := sh.Index()
		run := s.pool.Run(l.codes[at].run)
		for ; at < len(l.codes) && l.codes[at].run == run.ID && run.ShardOf(l.codes[at].ordinal) == i; at++ {
			seg := sh.SegmentOf(run.ID)
			if to == shard.Available {
				l.b.noteReturned()
				sh.Returns++
			}
			if sh.Move(seg, seg.Position(l.codes[at].ordinal), from, to) {
				moved++
			}
		}
		if to == shard.Available {
			l.b.restock(moved)
		}
		sh.Mark = max(sh.Mark, mark)
		sh.Unlock()
	}
}

// whyNot makes the refusal of a lease that is not in the table what callers get, when what
// it came from is durable. It is errAgain if who took the lease out could not end it.
func (s *Store) whyNot(ctx context.Context, kind *ending, number uint64, err error) error {
	if err == ErrLeaseOver {
		err = kind.of.isOver(number)
	}
	if err != errNoLease {
		return s.afterAll(ctx, err)
	}
	s.draws.Lock() // nobody is between table and journal: who took it out has journaled why
	back, last := s.leases.has(number, kind.of), s.com.lastRecord()
	s.draws.Unlock()
	if back {
		return errAgain
	}
	if err := s.com.waitRecord(ctx, last); err != nil {
		return err
	}
	unknown := inWords(ErrUnknownLease, "there is no %v %d", kind.of, number)
	if number == 0 || number > last {
		return unknown
	}
	var codes []drawnCode
	err = s.readRecord(number, func(r *record) error {
		switch {
		case r.kind == recLease && kind.of == leasing:
			codes = r.codes()
		case r.kind == recHold && kind.of == holding:
			codes = []drawnCode{{r.run, r.ordinal}}
		default:
			return unknown
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.howEnded(ctx, kind.of, number, codes)
}

// howEnded finds the record that ended a lease, by the codes that it had.
func (s *Store) howEnded(ctx context.Context, of leaseKind, number uint64, codes []drawnCode) error {
	ended := inWords(ErrLeaseEnded, "%v %d has ended", of, number)
	for _, c := range codes {
		numbers, err := s.index.findCode(ctx, codeHash(c.run, c.ordinal))
		if err != nil {
			return err
		}
		for _, n := range numbers { // newest first
			if n < number {
				break
			}
			var over, found bool
			if err := s.readRecord(n, func(r *record) error {
				found, over = r.lease == number, r.kind == recOver
				return nil
			}); err != nil {
				return err
			}
			if over && found {
				return of.isOver(number)
			} else if found {
				return ended
			}
		}
	}
	return ended // all its codes were revoked
}

// retriedEnd looks for an earlier end of this kind with the same key.
func (s *Store) retriedEnd(ctx context.Context, kind *ending, e LeaseEnd, seen *keyView) (known *Ended, err error) {
	err = s.lookupKey(ctx, kind.keys, e.Key, seen, func(r *record) error {
		if r.lease != e.Number || string(r.user) != e.By {
			return fmt.Errorf("%w: key %q %s %v %d, or for somebody else", ErrKeyConflict, e.Key, kind.verb, kind.of, r.lease)
		}
		known = &Ended{Number: r.number, Lease: r.lease, By: e.By, Key: e.Key, At: instant(r.at)}
		return nil
	})
	return known, err
}

func (e *Ended) orNone() Ended {
	if e == nil {
		return Ended{}
	}
	return *e
}
