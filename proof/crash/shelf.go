package crash

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"codepool/store"

	"github.com/cespare/xxhash/v2"
)

// Codes are exported in lists. Each list is the same whenever it is asked for, also when it
// was shorter than asked for and there is stock again, and no code is in two lists but those
// that were given back.

var shelfBatch = store.Batch{Name: "shelf", Count: 200}

func (c *child) shelf(ctx context.Context) {
	var owed []string // lists that are to be given back
	c.aside(ctx, shelfBatch, func(id store.BatchID, i int) error {
		e := exportOf(fmt.Sprint(c.run0, "-list-", i), 1+i*7%40)
		codes, err := c.s.Export(ctx, id, e)
		if err != nil {
			return err
		}
		say(lineExported, fmt.Sprint(id), e.ID, fmt.Sprint(e.Count), strings.Join(codes, " "))
		if givenBack(e.ID) {
			owed = append(owed, e.Ref)
		}
		for len(owed) > 0 && (len(codes) < e.Count || len(owed) > 4) { // behind a short list there is stock again
			if _, err := c.s.ReleaseRef(ctx, store.RefChange{Ref: owed[0]}); err != nil {
				return err
			}
			owed = owed[1:]
		}
		return nil
	})
}

// The last child of each store asks for a list of several parts, which the crash may part.
const (
	bulkList  = "bulk"
	bulkCount = store.MaxIssue + 1000
)

func (c *child) bulk(ctx context.Context) {
	id, ok := c.side(ctx, store.Batch{Name: bulkList, Count: bulkCount})
	if !ok {
		return
	}
	before := c.failed.Load()
	say(lineBulk, fmt.Sprint(id), "")
	codes, err := c.s.Export(ctx, id, exportOf(bulkList, bulkCount))
	if err != nil {
		c.fails("export of several parts", err, before)
		return
	}
	say(lineBulk, fmt.Sprint(id), sumOf(codes))
}

// sumOf stands for a list that is too long for a line.
func sumOf(codes []string) string {
	return fmt.Sprintf("%d-%016x", len(codes), xxhash.Sum64String(strings.Join(codes, " ")))
}

// exportOf is how a list is asked for, whoever asks.
func exportOf(id string, count int) store.Export {
	return store.Export{ID: id, Account: "shop", Ref: id, Count: count, Partial: true}
}

// givenBack tells whether the codes of a list are released.
func givenBack(id string) bool { return planOf(id) == race }

// list is an export that was answered.
type list struct {
	batch store.BatchID
	ask   store.Export
	codes []string
}

// shelved is what is known of lists.
type shelved struct {
	lists []list
	fresh int               // from which on they came since the last audit
	of    map[string]string // code → ID of the list that has it for good

	bulk    store.BatchID // of which the list of several parts was asked for
	bulkSum string        // if that was answered
}

func newShelved() shelved { return shelved{of: map[string]string{}} }

func (a *auditor) noteExported(f []string) {
	l := list{store.BatchID(number(f[0])), exportOf(f[1], int(number(f[2]))), f[3:]}
	a.shelved.lists = append(a.shelved.lists, l)
	if givenBack(l.ask.ID) {
		return
	}
	for _, code := range l.codes {
		if other, twice := a.shelved.of[code]; twice {
			a.wrong("%s was exported in %s and in %s", code, other, l.ask.ID)
		}
		a.shelved.of[code] = l.ask.ID
	}
}

// auditShelf asks for the new lists again, and for some older ones.
func (a *auditor) auditShelf(ctx context.Context, s *store.Store) {
	lists := a.shelved.lists
	for _, l := range lists[max(0, a.shelved.fresh-keysChecked/5):] {
		again, err := s.Export(ctx, l.batch, l.ask)
		if err != nil || !slices.Equal(again, l.codes) {
			a.wrong("list %s of up to %d had %v; repeated: %v, %v", l.ask.ID, l.ask.Count, l.codes, again, err)
			continue
		}
		if givenBack(l.ask.ID) {
			continue
		}
		var its []string
		for d, err := range s.DrawnFor(ctx, l.ask.Ref, 0) {
			if err != nil || d.State != "issued" {
				a.wrong("list %s: %+v, %v", l.ask.ID, d, err)
			}
			its = append(its, d.Printed)
		}
		if !sameSet(its, l.codes) {
			a.wrong("list %s had %v, and its reference has %v", l.ask.ID, l.codes, its)
		}
	}
	a.shelved.fresh = len(lists)
	a.auditBulk(ctx, s)
}

// auditBulk asks for the list of several parts: it is whole, or it is made whole, and has all
// that was taken for it.
func (a *auditor) auditBulk(ctx context.Context, s *store.Store) {
	b := &a.shelved
	for range 2 {
		if b.bulk == 0 {
			return
		}
		codes, err := s.Export(ctx, b.bulk, exportOf(bulkList, bulkCount))
		sum := sumOf(codes)
		slices.Sort(codes)
		if n := len(slices.Compact(codes)); err != nil || n != bulkCount || b.bulkSum != "" && sum != b.bulkSum {
			a.wrong("the list of %d had %q; repeated: %q, %d of them different, %v", bulkCount, b.bulkSum, sum, n, err)
		}
		b.bulkSum = sum
	}
	if info, err := s.Batch(b.bulk); err != nil || info.Counts.Issued != bulkCount {
		a.wrong("the list of %d was taken from %+v, %v", bulkCount, info.Counts, err)
	}
	b.bulk = 0
}
