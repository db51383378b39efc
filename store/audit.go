package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"codepool/gen"
	"codepool/store/internal/journal"
)

// Entry is what one record of the ledger says: who did what, when, from which process. It
// is for an audit: codes are masked but in redemptions, whose receipts have them whole.
type Entry struct {
	Number uint64    `json:"number"`
	At     time.Time `json:"at"`
	// Verb is mint, import, issue, redeem, release, undo, revoke, paused, resumed,
	// rescheduled, revoked (a batch), lease, reserve, acknowledge, give back, cancel, over,
	// confirm, take, return, rest, export; of shared batches share, claim, undo claim, end.
	Verb  string  `json:"verb"`
	Batch BatchID `json:"batch"`
	Count int64   `json:"count,omitempty"` // codes, or shares
	Code  string  `json:"code,omitempty"`  // if it is one
	Ref   string  `json:"ref,omitempty"`
	User  string  `json:"user,omitempty"` // who redeems or reserves
	// By is who asked for it: of a mint or import the batch's owner, of an export the account.
	By     string    `json:"by,omitempty"`
	Key    string    `json:"key,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Lease  uint64    `json:"lease,omitempty"` // that it ends
	Until  time.Time `json:"until,omitzero"`  // of a lease, a reservation or a rest
	// The window of a batch that was rescheduled, paused, resumed or revoked.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	// Shared is the shared batch; Amount what its shares, or those that were claimed or left,
	// are worth.
	Shared   uint64 `json:"shared,omitempty"`
	Room     string `json:"room,omitempty"`
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	// Process that did it: number, program and host.
	Process string `json:"process,omitempty"`
}

var recordVerbs = map[byte]string{
	recRun: "mint", recIssue: "issue", recRedeem: "redeem", recRelease: "release", recUndo: "undo", recRevoke: "revoke", recLease: "lease",
	recHold: "reserve", recAcknowledge: "acknowledge", recGiveBack: "give back", recCancel: "cancel", recOver: "over", recConfirm: "confirm",
	recTake: "take", recReturn: "return", recRest: "rest", recExport: "export",
	recShare: "share", recClaim: "claim", recUnclaim: "undo claim", recShareEnd: "end",
}

// Ledger yields what the records with numbers above after say, in order, up to what is
// durable when it gets there, as Receipts does for redemptions alone.
func (s *Store) Ledger(ctx context.Context, after uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for {
			part, next, err := s.entriesAfter(ctx, after)
			for _, e := range part {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if next == after {
				return
			}
			after = next
		}
	}
}

// entriesAfter reads some records and returns the number up to which it read.
func (s *Store) entriesAfter(ctx context.Context, after uint64) (part []Entry, upto uint64, err error) {
	if s.closed.Load() {
		return nil, after, ErrClosed
	}
	if ctx.Err() != nil {
		return nil, after, context.Cause(ctx)
	}
	durable := s.com.durableRecord.Load()
	if upto = after; after >= durable {
		return nil, after, nil
	}
	err = s.eng.View(func(v journal.Reader) error {
		all, err := loadSessions(v)
		if err != nil {
			return err
		}
		return eachRecord(v, after+1, func(r *record) error {
			if r.number > durable || r.number-after > receiptsPart {
				return journal.ErrStop
			}
			e, err := s.entryOf(v, r)
			e.Process = all.of(r.number)
			part, upto = append(part, e), r.number
			return err
		})
	})
	return part, upto, err
}

// entryOf builds the entry that a record says.
func (s *Store) entryOf(v journal.Reader, r *record) (Entry, error) {
	e := Entry{
		Number: r.number, At: instant(r.at), Verb: recordVerbs[r.kind], Batch: BatchID(r.batch), Ref: string(r.ref),
		Key: string(r.key), Reason: string(r.reason), Lease: r.lease, By: string(r.user),
	}
	if r.until > 0 {
		e.Until = instant(r.until)
	}
	switch r.kind {
	case recShare, recClaim, recUnclaim, recShareEnd:
		return e, s.shareEntry(v, r, &e)
	case recTerms:
		e.Verb = r.event.String()
		e.NotBefore, e.NotAfter = r.terms.window()
		return e, nil
	case recRun:
		e.Count = int64(r.count)
		if b := s.batchByID(e.Batch); b != nil {
			e.By = b.Owner
			if b.imported {
				e.Verb = "import"
			}
		}
		return e, nil
	case recRedeem, recConfirm, recHold:
		e.User, e.By = e.By, ""
	case recExport:
		e.Key, _, _ = strings.Cut(e.Key, exportPart) // its ID, in all its parts
	}
	codes := r.codes()
	if len(r.drawn) == 0 {
		codes = []drawnCode{{r.run, r.ordinal}}
	}
	e.Count = int64(len(codes))
	if len(codes) != 1 {
		if len(codes) > 0 {
			if b := s.batchOf(codes[0].run); b != nil {
				e.Batch = b.ID
			}
		}
		return e, nil
	}
	b, k, ok := s.codeOf(codes[0].run, codes[0].ordinal)
	if !ok {
		return e, s.noCode(r.number)
	}
	e.Batch = b.ID
	if e.Code = canonText(&k); !r.redeems() {
		e.Code = gen.Mask(e.Code)
	}
	return e, nil
}

// session is a process that had the store open. It is written with its first group.
type session struct {
	first   uint64 // number of its first record
	Process int    `json:"process"`
	Program string `json:"program"`
	Host    string `json:"host"`
	Opened  string `json:"opened"`
}

type sessions []session // in order

func sessionPair(first uint64, opened time.Time) (journal.Pair, error) {
	host, _ := os.Hostname()
	body, err := json.Marshal(session{Process: os.Getpid(), Program: filepath.Base(os.Args[0]), Host: host, Opened: opened.UTC().Format(time.RFC3339)})
	key := binary.BigEndian.AppendUint64([]byte{keySession}, first)
	return journal.Pair{Key: key, Value: seal(key, body)}, err
}

func loadSessions(v journal.Reader) (all sessions, err error) {
	err = v.Scan([]byte{keySession}, nil, func(key, value []byte) error {
		body, err := unseal(key, value)
		if err != nil {
			return err
		}
		s := session{first: binary.BigEndian.Uint64(key[1:])}
		if err := json.Unmarshal(body, &s); err != nil {
			return corrupt(key, err.Error())
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// of returns who wrote a record, empty if that is not known.
func (all sessions) of(number uint64) string {
	i := sort.Search(len(all), func(i int) bool { return all[i].first > number })
	if i == 0 {
		return ""
	}
	s := all[i-1]
	return fmt.Sprintf("%d %s on %s", s.Process, s.Program, s.Host)
}
