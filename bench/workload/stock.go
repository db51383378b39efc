package workload

import (
	"context"
	"errors"

	"codepool/bench/peer"
)

// stock is an open system with redeemable codes in it. Trials use codes up; when fewer
// than half are left, more are handed out, or the system is audited and made anew.
type stock struct {
	env  *Env
	kind peer.Kind
	n    int // codes to mint
	live int // codes to hand out at a time, at most n
	// both: codes are drawn beside those that were handed out. Some systems know which these
	// are only until they are closed, so they stay open after the setup.
	both bool

	sys    peer.System
	remove func()
	dir    string
	ledger peer.Ledger
	codes  *texts
	users  *texts
	used   int // codes[:used] were redeemed
}

func (e *Env) newStock(kind peer.Kind, n, live int) *stock {
	return &stock{env: e, kind: kind, n: n, live: live, users: users(live)}
}

// ready makes sure that at least half of live codes can be redeemed.
func (s *stock) ready(ctx context.Context) error {
	if s.sys != nil && 2*s.left() >= s.live {
		return nil
	}
	if s.sys != nil && s.ledger.HandedOut+int64(s.live) > int64(s.n) {
		if err := s.close(ctx); err != nil {
			return err
		}
	}
	s.env.logf("%s: setting up %d codes", s.kind.Name, s.n)
	if s.sys == nil {
		if err := s.create(); err != nil {
			return err
		}
		if err := s.mint(ctx); err != nil {
			return err
		}
	}
	s.codes, s.used = &texts{}, 0
	var bad error
	err := s.sys.HandOut(ctx, s.live, func(code string) {
		if err := s.codes.add(code); err != nil && bad == nil {
			bad = err
		}
	})
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	s.ledger.HandedOut += int64(s.live)
	s.codes.shuffle(uint64(s.ledger.HandedOut))
	if !s.both {
		if err := s.reopen(); err != nil {
			return err
		}
	}
	s.env.rest(s.kind.Name)
	s.env.settle()
	return nil
}

// create opens an empty system in a new directory.
func (s *stock) create() (err error) {
	if s.dir, s.remove, err = s.env.tempDir(s.kind.Name); err != nil {
		return err
	}
	if s.sys, err = s.kind.Open(s.dir); err != nil {
		s.remove()
		return err
	}
	s.ledger = peer.Ledger{}
	return nil
}

// mint adds the n codes.
func (s *stock) mint(ctx context.Context) error {
	s.ledger.Minted += int64(s.n)
	return s.sys.Mint(ctx, s.n)
}

// reopen leaves nothing of the setup to be written during a trial. What is in memory alone
// stays open.
func (s *stock) reopen() error {
	if s.kind.Durability == peer.Volatile {
		return nil
	}
	err := s.sys.Close()
	if err == nil {
		s.sys, err = s.kind.Open(s.dir)
	}
	if err != nil {
		s.sys = nil
		s.remove()
	}
	return err
}

// drawable is how many codes were never handed out.
func (s *stock) drawable() int { return s.n - int(s.ledger.HandedOut+s.ledger.Drawn) }

func (s *stock) left() int { return s.codes.len() - s.used }

// redemption is request i of those not yet used.
func (s *stock) redemption(i int) peer.Redemption {
	return peer.Redemption{Code: s.codes.at(s.used + i), User: s.users.at(s.used + i)}
}

// redeemed records a trial that redeemed the next k codes.
func (s *stock) redeemed(k int) {
	s.used += k
	s.ledger.Redeemed += int64(k)
}

// close audits the system after a reopen and removes it; it may be called twice.
func (s *stock) close(ctx context.Context) error {
	if s.sys == nil {
		return nil
	}
	s.env.logf("%s: audit after reopening", s.kind.Name)
	if err := s.reopen(); err != nil {
		return err
	}
	err := s.sys.Audit(ctx, s.ledger)
	err = errors.Join(err, s.sys.Close())
	s.sys = nil
	s.remove()
	return err
}

// discard removes the system without an audit, after a failure.
func (s *stock) discard() {
	if s.sys != nil {
		_ = s.sys.Close() // the failure before it is what counts
		s.sys = nil
		s.remove()
	}
}
