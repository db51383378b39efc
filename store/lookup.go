package store

import (
	"context"
	"time"

	"codepool/shard"
)

// CodeInfo is everything the store knows of one code.
type CodeInfo struct {
	Code      string      `json:"code"`    // canonical form
	Printed   string      `json:"printed"` // as the batch's format prints it
	Namespace string      `json:"namespace,omitempty"`
	State     shard.State `json:"-"`
	StateName string      `json:"state"`
	BatchID   BatchID     `json:"batch"`
	BatchName string      `json:"batch_name"`
	// Ref and IssuedAt are those of the last draw; IssuedAt is zero for a code that was
	// imported as handed out.
	Ref      string    `json:"ref,omitempty"`
	IssuedAt time.Time `json:"issued_at,omitzero"`
	Receipt  *Receipt  `json:"receipt,omitempty"` // if it is redeemed
	// Lease is the number of the lease or reservation that has the code, and Until when it
	// ends. A code of a reusable batch that rests until then is leased, too, by none.
	Lease uint64    `json:"lease,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// Undone is how the last redemption was taken back, of a code that is issued or reserved.
	Undone *Changed `json:"undone,omitempty"`
}

// Lookup tells the state of a code, to whom it was issued and its receipt. It returns
// ErrUnknownCode if there is no such code in the namespace. It reads the disk.
func (s *Store) Lookup(ctx context.Context, namespace, code string) (CodeInfo, error) {
	info, err := s.lookup(ctx, namespace, code)
	return info, s.explained(err, namespace, code)
}

// lookup is Lookup without the reason why a text is no code.
func (s *Store) lookup(ctx context.Context, namespace, code string) (CodeInfo, error) {
	r := Redemption{Code: code, Namespace: namespace}
	var f forms
	if err := s.enter(ctx, &r, &f); err != nil {
		return CodeInfo{}, err
	}
	s.endOvers()
	for i := range f.n {
		if f.retired > 0 {
			break
		}
		k := &f.keys[i]
		sh := s.pool.Lock(s.pool.Route(k.Hash))
		if sh == nil {
			return CodeInfo{}, ErrClosed
		}
		pos, seg, ok := sh.Find(k)
		if !ok || sh.State(pos) == shard.Pending {
			sh.Unlock()
			continue
		}
		st, mark, run, ordinal, b := sh.State(pos), sh.Mark, seg.Run, seg.Ordinal(pos), s.batch(seg.Batch)
		st = b.seen(st)
		last := s.com.lastRecord() // that the state can be of
		sh.Unlock()
		if err := s.com.waitFor(ctx, mark); err != nil {
			return CodeInfo{}, err
		}
		info := b.describe(k, namespace, st)
		return info, s.addHistory(ctx, &info, b, run, ordinal, last)
	}
	return s.lookupRetired(ctx, namespace, &f)
}

// lookupRetired is Lookup for a code that is not in memory.
func (s *Store) lookupRetired(ctx context.Context, namespace string, f *forms) (CodeInfo, error) {
	for i := range f.n {
		found, err := s.findRetired(&f.keys[i])
		if err != nil {
			return CodeInfo{}, err
		}
		if found != nil {
			b := s.batchOf(found.run)
			info := b.describe(&f.keys[i], namespace, b.seen(found.state))
			return info, s.addHistory(ctx, &info, b, found.run, found.ordinal, s.com.lastRecord())
		}
	}
	return CodeInfo{}, ErrUnknownCode
}

// describe says of a code what its batch and state say.
func (b *batch) describe(k *shard.Key, namespace string, st shard.State) CodeInfo {
	info := CodeInfo{Code: canonText(k), Namespace: namespace, State: st, StateName: st.String(), BatchID: b.ID, BatchName: b.Name}
	info.Printed = string(b.Format.AppendPrinted(nil, []byte(info.Code)))
	return info
}

// addHistory fills in what the ledger says of a code, as far as its state asks for, up to
// record last: what came after the state was read is of another one.
func (s *Store) addHistory(ctx context.Context, info *CodeInfo, b *batch, run, ordinal uint32, last uint64) error {
	needReceipt := info.State == shard.Redeemed
	needDraw := info.State == shard.Issued || info.State == shard.Redeemed || info.State == shard.Leased || info.State == shard.Held
	if !needDraw {
		return nil
	}
	numbers, err := s.index.findCode(ctx, codeHash(run, ordinal))
	if err != nil {
		return err
	}
	gone, back := false, false
	for _, number := range numbers { // newest first
		if !needReceipt && !needDraw {
			break
		}
		if number > last {
			continue
		}
		err := s.readRecord(number, func(r *record) error {
			its := r.run == run && r.ordinal == ordinal
			back = back || r.returns(drawnCode{run, ordinal})
			switch r.kind {
			case recRest:
				if its && info.State == shard.Leased {
					info.Until, needDraw, gone = instant(r.until), false, true // nobody has it
				}
			case recHold:
				if its && info.State == shard.Held && info.Lease == 0 {
					info.Lease, info.Until = r.number, instant(r.until)
				}
			case recUndo:
				if its && !back && !needReceipt && info.Receipt == nil && info.Undone == nil {
					done := changed(r.number, info.Code, b.ID, &Change{By: string(r.user), Reason: string(r.reason), Key: string(r.key)}, r.at)
					info.Undone = &done
				}
			case recRedeem, recConfirm:
				if its && needReceipt {
					rec := b.receipt(r.number, string(r.user), string(r.key), r.at)
					rec.Code = info.Code
					info.Receipt, needReceipt = &rec, false
				}
			case recIssue, recLease, recTake, recExport:
				r.eachDrawn(func(rn, ord uint32) {
					if needDraw && rn == run && ord == ordinal {
						info.Ref, info.IssuedAt, needDraw = string(r.ref), instant(r.at), false
						if info.State == shard.Leased {
							info.Lease, info.Until = r.number, instant(r.until)
						}
					}
				})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if needDraw && !gone { // handed out already when it was imported, and never released
		s.mu.Lock()
		if h := s.mu.runs[run]; h.Initial == shard.Issued {
			info.Ref = h.Ref
		}
		s.mu.Unlock()
	}
	if needReceipt {
		return &CorruptError{What: "index", Why: "a redeemed code has no receipt; Verify tells more"}
	}
	return nil
}
