package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"slices"

	"codepool/gen"
	"codepool/store/internal/journal"
)

// Labels in the index of what belongs to a shared batch, and of a claim that was taken back.
const (
	labelShare   = 's'
	labelUnclaim = 'c'
)

// numberText is how a record's number stands for it in the index.
func numberText(number uint64) string {
	return string(binary.LittleEndian.AppendUint64(nil, number))
}

func numberHash(kind byte, number uint64) uint64 { return keyHash(kind, numberText(number)) }

// sharePostings calls f for what the index has of the records of shared batches.
func sharePostings(r *record, f func(hash uint64)) {
	switch r.kind {
	case recClaim:
		f(numberHash(labelShare, r.shared))
		if len(r.user) > 0 {
			f(keyHash(labelUser, r.user))
		}
	case recUnclaim:
		f(numberHash(labelUnclaim, r.lease))
	}
}

// LookupShared tells what there is to know of a shared batch now, durably. asker is who wants
// to know: ErrNotSender refuses others than the sender where SenderOnly is set.
// ErrUnknownCode says that there is no such token in the room, or that it is free again.
func (s *Store) LookupShared(ctx context.Context, r SharedRef, asker string) (SharedInfo, error) {
	sh, at, err := s.lookShared(ctx, r, asker)
	if err != nil {
		return SharedInfo{}, err
	}
	info := sh.now(at)
	return info, s.com.waitAll(ctx)
}

// now is what there is to know at a time.
func (sh *shared) now(at int64) SharedInfo {
	info := sh.describe()
	sh.lockAll()
	defer sh.unlockAll()
	left := sh.leftLocked()
	if sh.ended {
		info.Refunded, info.RefundedAmount = sh.endLeft, sh.endSum
	} else {
		info.Left = left
	}
	info.Claimed, info.ClaimedAmount = info.Count-left, sh.sum
	switch {
	case sh.ended && sh.endBy:
		info.State = shareEnded
	case sh.ended || at >= sh.until:
		info.State = shareOver
	case left == 0:
		info.State = shareSoldOut
	case at < sh.from:
		info.State = shareEarly
	default:
		info.State = shareOpen
	}
	return info
}

// SharedBatches yields the shared batches whose tokens are taken, with IDs above after,
// ascending, also those that only their senders may look at: it is for an operator.
func (s *Store) SharedBatches(ctx context.Context, after uint64) iter.Seq2[SharedInfo, error] {
	return func(yield func(SharedInfo, error) bool) {
		err := s.mayAsk(ctx)
		if err == nil {
			at := s.now()
			if at >= s.shares.next.Load() {
				s.endShares(at)
			}
			err = s.com.waitAll(ctx)
			for _, sh := range s.shares.sorted(after) {
				if err != nil || at < sh.free && !yield(sh.now(at), nil) {
					break
				}
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
			}
		}
		if err != nil {
			yield(SharedInfo{}, err)
		}
	}
}

// sorted returns those with numbers above after, ascending.
func (t *shareTable) sorted(after uint64) []*shared {
	all := slices.DeleteFunc(t.all(1<<64-1), func(sh *shared) bool { return sh.number.Load() <= after })
	slices.SortFunc(all, func(a, b *shared) int { return cmp.Compare(a.number.Load(), b.number.Load()) })
	return all
}

// lookShared finds a shared batch for somebody who may look at it, and the time.
func (s *Store) lookShared(ctx context.Context, r SharedRef, asker string) (*shared, int64, error) {
	if err := s.mayAsk(ctx, label{"Asker", asker}); err != nil {
		return nil, 0, err
	}
	if err := r.check(); err != nil {
		return nil, 0, err
	}
	at := s.now()
	if at >= s.shares.next.Load() {
		s.endShares(at) // so that it says what went back
	}
	sh := s.sharedOf(r.Namespace, r.Room, r.Token, at)
	if sh == nil {
		return nil, 0, ErrUnknownCode
	}
	if err := s.com.waitFor(ctx, sh.mark.Load()); err != nil {
		return nil, 0, err
	}
	if sh.senderOnly && asker != sh.sender {
		return nil, 0, ErrNotSender
	}
	return sh, at, nil
}

// ClaimsOf yields the receipts of a shared batch, newest first, with numbers below before; 0
// begins with the newest. It sees what was durable when it began, and not what was taken
// back. Refusals are those of LookupShared.
func (s *Store) ClaimsOf(ctx context.Context, ref SharedRef, asker string, before uint64) iter.Seq2[Receipt, error] {
	return func(yield func(Receipt, error) bool) {
		sh, _, err := s.lookShared(ctx, ref, asker)
		if err == nil {
			of := sh.number.Load()
			err = s.eachLabelled(ctx, labelShare, numberText(of), before, func(r *record) (bool, error) {
				if r.kind != recClaim || r.shared != of {
					return true, nil
				}
				undone, err := s.claimUndone(ctx, r.number)
				if err != nil || undone {
					return true, err
				}
				var rec Receipt
				claimReceipt(&sh.sharedDef, r, &rec)
				return yield(rec, nil), nil
			})
		}
		if err != nil {
			yield(Receipt{}, err)
		}
	}
}

// Reveal proves that a split was fixed before the first share was claimed: gen.Commit of
// Salt and Parts is the Commitment that was published then.
type Reveal struct {
	Commitment string   `json:"commitment"`
	Salt       gen.Salt `json:"salt"`
	Parts      []int64  `json:"parts"`
}

// RevealShared reveals the split that a shared batch was committed to, once nothing can be
// claimed any more, because all is claimed or its time is over: ErrNotEnded before. ErrInvalid says that there is no commitment.
func (s *Store) RevealShared(ctx context.Context, r SharedRef, asker string) (Reveal, error) {
	info, err := s.LookupShared(ctx, r, asker)
	if err != nil {
		return Reveal{}, err
	}
	if info.State == shareOpen || info.State == shareEarly {
		return Reveal{}, ErrNotEnded
	}
	sh := s.shares.byNumber(info.ID)
	if sh == nil {
		return Reveal{}, ErrUnknownCode
	}
	if sh.salt == nil {
		return Reveal{}, invalid("shared batch %d was created without a commitment", info.ID)
	}
	return Reveal{Commitment: info.Commitment, Salt: gen.Salt(sh.salt), Parts: append([]int64(nil), sh.parts...)}, nil
}

// Received is what a user has received of shared batches in a currency.
type Received struct {
	Currency string `json:"currency"`
	Shares   int64  `json:"shares"`
	Amount   int64  `json:"amount"`
}

// ReceivedBy adds up what a user has claimed of split amounts, by currency, in the order of
// the newest claims. It reads all receipts of the user.
func (s *Store) ReceivedBy(ctx context.Context, user string) (all []Received, err error) {
	if err := checkLabel("User", user); err != nil {
		return nil, err
	}
	err = s.eachLabelled(ctx, labelUser, user, 0, func(r *record) (bool, error) {
		if r.kind != recClaim || string(r.user) != user || r.amount == 0 {
			return true, nil
		}
		undone, err := s.claimUndone(ctx, r.number)
		if err != nil || undone {
			return true, err
		}
		d, err := s.sharedDefAt(r.shared, s.readRecord)
		if err != nil {
			return false, err
		}
		i := 0
		for i < len(all) && all[i].Currency != d.currency {
			i++
		}
		if i == len(all) {
			all = append(all, Received{Currency: d.currency})
		}
		all[i].Shares++
		all[i].Amount += r.amount
		return true, nil
	})
	return all, err
}

// shareReceipt is the receipt of a claim, which may be read within a view.
func (s *Store) shareReceipt(v journal.Reader, r *record) (rec Receipt, err error) {
	read := s.readRecord
	if v != nil {
		read = func(n uint64, f func(*record) error) error { return readRecord(v, n, f) }
	}
	d, err := s.sharedDefAt(r.shared, read)
	if err == nil {
		claimReceipt(&d, r, &rec)
	}
	return rec, err
}

// shareEntry fills in what the ledger says of a shared batch.
func (s *Store) shareEntry(v journal.Reader, r *record, e *Entry) error {
	of := r.shared
	if r.kind == recShare {
		of = r.number
	}
	d, err := s.sharedDefAt(of, func(n uint64, f func(*record) error) error { return readRecord(v, n, f) })
	if err != nil {
		return err
	}
	e.Lease, e.Shared, e.Room, e.Amount, e.Currency, e.Code = 0, of, d.room, r.amount, d.currency, d.token
	switch r.kind {
	case recShare:
		e.Count, e.Amount, e.Code = d.count, d.total, gen.Mask(d.token)
		e.NotBefore, e.NotAfter = terms{From: d.from, Until: d.until}.window()
	case recClaim:
		e.Count, e.User, e.By = 1, e.By, ""
	case recUnclaim:
		e.Count, e.User, e.Ref, e.Lease = 1, e.Ref, "", r.lease
		e.Code = gen.Mask(d.token)
	case recShareEnd:
		e.Count, e.Code = r.shares, gen.Mask(d.token)
	}
	return nil
}
