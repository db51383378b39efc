package store

import (
	"context"
	"slices"

	"codepool/store/internal/journal"
)

const (
	// queryPart is how many records a query reads in one view of the engine, and
	// queryFirst how many at first: who wants one does not wait for a hundred.
	queryPart  = 100
	queryFirst = 16
)

// labelled reads the records that the index has under a label, newest first and part by
// part. Whatever a part needs is read in one view, for each wakes a goroutine of the engine
// twice, and into the memory of the part before.
type labelled struct {
	s       *Store
	hash    uint64
	before  uint64      // numbers from here on were found, or are not asked for
	numbers []uint64    // found and not read yet, descending
	runs    []*indexRun // not searched yet, newest last
	records []record
	texts   []byte // of records
}

// eachLabelled calls f for the records that the index has under a label, newest first,
// until it returns false or an error. f compares the label itself; the record is valid only
// during the call.
func (s *Store) eachLabelled(ctx context.Context, kind byte, label string, before uint64, f func(*record) (bool, error)) error {
	if before == 0 {
		before = 1<<64 - 1
	}
	if err := s.mayAsk(ctx); err != nil { // there may be no record to look at
		return err
	}
	l := labelled{s: s, hash: keyHash(kind, label), before: before}
	if err := l.begin(ctx); err != nil {
		return err
	}
	for want := queryFirst; ; want = queryPart {
		if err := s.mayAsk(ctx); err != nil {
			return err
		}
		if err := s.eng.View(func(v journal.Reader) error { return l.read(v, want) }); err != nil || len(l.records) == 0 {
			return err
		}
		for i := range l.records { // outside the view: f may take long
			if more, err := f(&l.records[i]); !more || err != nil {
				return err
			}
		}
	}
}

// begin takes what the index has now of all that is durable.
func (l *labelled) begin(ctx context.Context) error {
	x := l.s.index
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.catchUpLocked(ctx, x.com.durableRecord.Load()); err != nil {
		return err
	}
	l.numbers = l.descend(x.tail.find(l.hash, l.numbers))
	l.runs = *x.runs.Load() // under mu: a flush moves postings from tail to runs under it
	return nil
}

// descend leaves of numbers that were found those which were not before, descending. A merge
// may have put older runs' numbers into what was found: each comes once.
func (l *labelled) descend(found []uint64) []uint64 {
	slices.Sort(found)
	end, _ := slices.BinarySearch(found, l.before)
	found = slices.Compact(found[:end])
	slices.Reverse(found)
	if len(found) > 0 {
		l.before = found[len(found)-1]
	}
	return found
}

// read reads the next records, some want of them; none at the end.
func (l *labelled) read(v journal.Reader, want int) error {
	l.records, l.texts = l.records[:0], l.texts[:0]
	for len(l.numbers) < want && len(l.runs) > 0 {
		r := l.runs[len(l.runs)-1]
		l.runs = l.runs[:len(l.runs)-1]
		if r.First >= l.before {
			continue
		}
		had := len(l.numbers)
		found, err := l.s.index.search(v, r, l.hash, l.numbers)
		if err != nil {
			return err
		}
		l.numbers = found[:had+len(l.descend(found[had:]))]
	}
	part := l.numbers[:min(len(l.numbers), queryPart)]
	l.records = slices.Grow(l.records, len(part))
	for _, n := range part {
		err := l.s.readSurveyed(v, n, func(r *record) error {
			l.records = append(l.records, *r)
			l.texts = l.records[len(l.records)-1].copyTexts(l.texts)
			return nil
		})
		if err != nil {
			return err
		}
	}
	l.numbers = l.numbers[len(part):]
	return nil
}

// readSurveyed is readRecord for queries.
func (s *Store) readSurveyed(v journal.Reader, number uint64, f func(*record) error) error {
	first, known := s.survey.entry(number)
	if !known {
		return readRecord(v, number, f)
	}
	key := entryKey(first)
	found, err := v.Read(key, func(value []byte) error { return recordIn(key, value, number, f) })
	if err == nil && !found {
		return corrupt(key, "entry is missing")
	}
	return err
}
