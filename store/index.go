package store

import (
	"context"
	"encoding/binary"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"codepool/store/internal/journal"
)

// The index finds the ledger records that touch a code, hold a key, or name a user or a
// reference. It is derived from the ledger and can be rebuilt; nothing waits for it.
//
// A posting is a hash (of code, key or label) and a record's number. Postings live in
//
//	tail    in memory, for records behind the last flush; made when a query or a flush
//	        asks for it (tail.go)
//	runs    immutable sorted runs on disk, written by a flush with each checkpoint;
//	        fanIn runs of a level are merged into one of the next
//
// A hash only leads to a record; who asked compares the record itself.
type index struct {
	eng  *journal.Fuse
	com  *committer
	room func() error // asked before each write
	// limitOf returns the batch of a record that counts against a limit (limit.go); nil if
	// none does.
	limitOf func(*record) (batch uint32, limited bool)

	runs atomic.Pointer[[]*indexRun] // newest last

	mu      sync.Mutex // guards tail and its growth
	tail    tail
	nextRun uint32      // maintainer only
	doomed  []*indexRun // as in the manifest; maintainer only
}

type posting struct{ hash, number uint64 }

// hashBits of a hash are kept on disk: with 2^40 values two of a million postings
// collide once in ten thousand, and a collision costs one look at a record.
const hashBits = 40

const (
	postingsPage = 256 // postings a page: some 1.8 KB, no more than an entry
	oldPage      = 1024
	fanIn        = 8
	wordsPage    = 64 << 10 // fences, and words of a filter, in one value
)

// indexRun is a run's directory, in memory.
type indexRun struct {
	ID          uint32
	Level       int
	First, Last uint64 // records covered
	Count       int
	Keys        int      // postings of keys among them
	Page        int      `json:",omitempty"` // postings a page; 0: oldPage, before there was a choice
	fences      []uint64 // first hash of each page
	filter      *filter  // of the keys' hashes
}

func (r *indexRun) pageSize() int {
	if r.Page == 0 {
		return oldPage
	}
	return r.Page
}

// pages returns how many pages the postings are on.
func (r *indexRun) pages() int { return r.Count/r.pageSize() + min(r.Count%r.pageSize(), 1) }

// codeHash names a code in the index.
func codeHash(run, ordinal uint32) uint64 {
	// The finalizer of splitmix64 [Steele, Lea, Flood, 2014], a bijection.
	x := uint64(run)<<32 | uint64(ordinal)
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// postingsOf calls f for each posting of a record but those of keysOf.
func postingsOf(r *record, f func(hash uint64)) {
	switch r.kind {
	case recRedeem, recConfirm:
		f(codeHash(r.run, r.ordinal))
		if len(r.user) > 0 {
			f(keyHash(labelUser, r.user))
		}
	case recRelease, recUndo, recRevoke, recHold, recRest:
		f(codeHash(r.run, r.ordinal))
	case recAcknowledge, recGiveBack, recCancel, recOver, recReturn:
		r.eachDrawn(func(run, ordinal uint32) { f(codeHash(run, ordinal)) })
	case recIssue, recLease, recTake, recExport:
		r.eachDrawn(func(run, ordinal uint32) { f(codeHash(run, ordinal)) })
	}
	if r.handsOut() && len(r.ref) > 0 {
		f(keyHash(labelRef, r.ref))
	}
	sharePostings(r, f)
}

// keysOf calls f for those postings of a record that are in the filters too: requests look
// for them before they are decided.
func (x *index) keysOf(r *record, f func(hash uint64)) {
	if kind := keyKind(r.kind); kind != 0 && len(r.key) > 0 {
		f(keyHash(kind, r.key))
	}
	if r.kind == recClaim && len(r.user) > 0 {
		f(shareUserHash(r.shared, r.user))
	}
	if x.limitOf != nil {
		if batch, limited := x.limitOf(r); limited {
			f(limitHash(batch, r.user))
		}
	}
}

// flushed returns the number up to which runs on disk cover the ledger.
func (x *index) flushed() uint64 {
	runs := *x.runs.Load()
	if len(runs) == 0 {
		return 0
	}
	return runs[len(runs)-1].Last
}

// mayHave reports whether a flushed record may hold a key with this hash; it does no I/O.
func (x *index) mayHave(hash uint64) bool {
	for _, r := range *x.runs.Load() {
		if r.Keys > 0 && r.filter.has(hash, hash) {
			return true
		}
	}
	return false
}

// findKey appends the numbers of flushed records that may hold a key with this hash.
func (x *index) findKey(hash uint64, numbers []uint64) ([]uint64, error) {
	for _, r := range *x.runs.Load() {
		if r.Keys == 0 || !r.filter.has(hash, hash) {
			continue
		}
		var err error
		if numbers, err = x.search(x.eng, r, hash, numbers); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// findCode returns the numbers of all durable records that may touch a code, newest
// first.
func (x *index) findCode(ctx context.Context, hash uint64) ([]uint64, error) {
	x.mu.Lock()
	// Under one lock with the search: a flush between the two drops the tail that was made.
	if err := x.catchUpLocked(ctx, x.com.durableRecord.Load()); err != nil {
		x.mu.Unlock()
		return nil, err
	}
	numbers := x.tail.find(hash, nil)
	runs := *x.runs.Load() // under mu: a flush moves postings from tail to runs under it
	x.mu.Unlock()
	for _, r := range runs {
		var err error
		if numbers, err = x.search(x.eng, r, hash, numbers); err != nil {
			return nil, err
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return slices.Compact(numbers), nil
}

// getter reads one value: the engine as it is, or one view of it.
type getter interface {
	Get(key []byte) ([]byte, error)
}

// search reads the pages of a run that may hold the hash.
func (x *index) search(v getter, r *indexRun, hash uint64, numbers []uint64) ([]uint64, error) {
	h := hash >> (64 - hashBits)
	// The last page whose first hash is below h, and those that begin with h.
	at := max(sort.Search(len(r.fences), func(i int) bool { return r.fences[i] >= h })-1, 0)
	for ; at < len(r.fences) && r.fences[at] <= h; at++ {
		k := r.key(partPostings, at)
		page, err := v.Get(k)
		if err != nil {
			return nil, err
		}
		if page == nil {
			// A merge has replaced this run since the caller took its list; the merged
			// run holds the same postings.
			return x.searchAgain(r, hash, numbers)
		}
		err = decodePostings(k, page, r.First, func(hash40, number uint64) bool {
			if hash40 == h {
				numbers = append(numbers, number)
			}
			return hash40 <= h
		})
		if err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// searchAgain searches whichever runs now cover the records of a run that is gone, in the
// engine as it is: they may be newer than a view.
func (x *index) searchAgain(gone *indexRun, hash uint64, numbers []uint64) ([]uint64, error) {
	covered := false
	for _, r := range *x.runs.Load() {
		if r.ID != gone.ID && r.First <= gone.First && r.Last >= gone.Last {
			var err error
			if numbers, err = x.search(x.eng, r, hash, numbers); err != nil {
				return nil, err
			}
			covered = true
		}
	}
	if !covered {
		return nil, corrupt(gone.key(partDirectory, 0), "a page is missing")
	}
	return numbers, nil
}

// maxPosting is more bytes than a posting takes, or the head of a page.
const maxPosting = 2 * binary.MaxVarintLen64

// appendPostings encodes one page: uvarint differences of hashes, uvarint numbers
// above base.
func appendPostings(b []byte, ps []posting, base uint64) []byte {
	b = append(b, 0, 0, 0, 0) // checksum
	b = binary.AppendUvarint(b, uint64(len(ps)))
	before := uint64(0)
	for _, p := range ps {
		b = binary.AppendUvarint(b, p.hash-before)
		b = binary.AppendUvarint(b, p.number-base)
		before = p.hash
	}
	return b
}

// decodePostings calls f for each posting of a page, in order, until it returns false.
func decodePostings(key, value []byte, base uint64, f func(hash40, number uint64) bool) error {
	body, err := unseal(key, value)
	if err != nil {
		return err
	}
	// Every lookup of a code comes here, so the bytes stay in a local variable: in a decoder,
	// which escapes, each step would be a store to the heap.
	n, size := binary.Uvarint(body)
	hash := uint64(0)
	for ; n > 0 && size > 0; n-- {
		body = body[size:]
		step, first := binary.Uvarint(body)
		number, second := binary.Uvarint(body[max(first, 0):])
		if size = first + second; first <= 0 || second <= 0 {
			break
		}
		if hash += step; !f(hash, base+number) {
			return nil
		}
	}
	if n > 0 || size <= 0 {
		return corrupt(key, "page is too short")
	}
	return nil
}

// catchUp brings the tail up to a record, in the background: a part at a time, so that
// queries come in between.
func (x *index) catchUp(ctx context.Context, upto uint64) error {
	for {
		x.mu.Lock()
		to := min(x.tail.upto+catchUpPart, upto)
		err := x.catchUpLocked(ctx, to)
		x.mu.Unlock()
		if err != nil || to == upto {
			return err
		}
	}
}

// catchUpPart is how many records are read at a time, some milliseconds' work.
const catchUpPart = 64 << 10

func (x *index) catchUpLocked(ctx context.Context, upto uint64) error {
	t := &x.tail
	if t.upto >= upto {
		return nil
	}
	if upto-t.from > tailMost {
		return errTail
	}
	add := func(hash uint64) { t.add(hash, t.upto) }
	addKey := func(hash uint64) { t.addKey(hash, t.upto) }
	err := x.eng.View(func(v journal.Reader) error {
		return eachRecord(v, t.upto+1, func(r *record) error {
			if r.number > upto {
				return journal.ErrStop
			}
			t.upto = r.number
			postingsOf(r, add)
			x.keysOf(r, addKey)
			if r.number%256 != 0 {
				return nil
			}
			breathe()
			return ctx.Err()
		})
	})
	if err == nil && t.upto < upto {
		err = corrupt(entryKey(t.upto+1), "record is missing")
	}
	return err
}

// lastEntry returns the ledger entry with the greatest first number up to number.
func lastEntry(v journal.Reader, number uint64) (key, value []byte, err error) {
	for at := entryKey(number); ; {
		key, value, err = v.Last([]byte{keyEntry}, at)
		if err != nil || key == nil || len(key) == entryKeyLen {
			return key, value, err
		}
		if len(key) < entryKeyLen {
			return nil, nil, corrupt(key, "there is no such key")
		}
		at = key[:entryKeyLen] // a part of an index run: entries before it are no higher
	}
}

// eachRecord calls f for every record from a number on, in order, and checks that
// none is missing. journal.ErrStop ends it.
func eachRecord(v journal.Reader, from uint64, f func(*record) error) error {
	start := entryKey(from)
	if k, _, err := lastEntry(v, from); err != nil {
		return err
	} else if k != nil {
		start = k
	}
	next := uint64(0)
	return v.Scan([]byte{keyEntry}, start, func(k, value []byte) error {
		if len(k) != entryKeyLen {
			return nil // a part of the index
		}
		first := binary.BigEndian.Uint64(k[1:])
		if next == 0 && first > from || next != 0 && first != next {
			return corrupt(k, "records before it are missing")
		}
		_, last, err := decodeEntry(k, value, func(r *record) error {
			if r.number < from {
				return nil
			}
			return f(r)
		})
		if err != nil {
			return err
		}
		next = last + 1
		return nil
	})
}
