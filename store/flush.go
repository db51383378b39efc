package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"slices"

	"codepool/store/internal/journal"
)

// manifest lists the live index runs and how far they cover the ledger.
type manifest struct {
	Upto uint64      `json:"upto"`
	Next uint32      `json:"next"`
	Runs []*indexRun `json:"runs"`
	// Doomed are runs of which pages may be stored that are of no use: one that is being
	// written, or those that a merge has replaced. What a crash leaves of them is deleted
	// by the next flush.
	Doomed []*indexRun `json:"doomed,omitempty"`
}

// load reads the manifest and the runs' directories.
func (x *index) load(v journal.Reader) error {
	x.runs.Store(&[]*indexRun{})
	x.nextRun, x.tail.from = 1, 1
	key := []byte{keyManifest}
	value, err := v.Get(key)
	if err != nil || value == nil {
		return err
	}
	body, err := unseal(key, value)
	if err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return corrupt(key, err.Error())
	}
	if slices.Contains(m.Doomed, nil) {
		return corrupt(key, "it names a run that cannot be")
	}
	before := uint64(0)
	for _, r := range m.Runs {
		if r == nil || r.Count < 0 || r.Keys < 0 || r.Keys > r.Count || r.Page < 0 || r.First <= before || r.Last < r.First || r.Last > m.Upto {
			return corrupt(key, "it names a run that cannot be")
		}
		before = r.Last
		if err := r.load(v); err != nil {
			return err
		}
	}
	x.runs.Store(&m.Runs)
	x.nextRun, x.tail.from, x.tail.upto, x.doomed = m.Next, m.Upto+1, m.Upto, m.Doomed
	return nil
}

// load reads fences and filter.
func (r *indexRun) load(v journal.Reader) (err error) {
	if r.fences, err = r.loadWords(v, partDirectory, r.pages()); err != nil || r.Keys == 0 {
		return err
	}
	words, err := r.loadWords(v, partFilter, filterWords(r.Keys))
	r.filter = &filter{words: words}
	return err
}

// loadWords reads n words that lie on pages of a part.
func (r *indexRun) loadWords(v journal.Reader, part byte, n int) ([]uint64, error) {
	var words []uint64
	for page := 0; len(words) < n || page == 0; page++ {
		key := r.key(part, page)
		value, err := v.Get(key)
		if err != nil {
			return nil, err
		}
		body, err := unseal(key, value)
		if err != nil {
			return nil, err
		}
		if len(body) != 8*min(n-len(words), wordsPage) {
			return nil, corrupt(key, "page has another length than its run says")
		}
		for ; len(body) > 0; body = body[8:] {
			words = append(words, binary.LittleEndian.Uint64(body))
		}
	}
	return words, nil
}

// wordsPages returns how many pages n words lie on; one if there are none.
func wordsPages(n int) int { return max((n+wordsPage-1)/wordsPage, 1) }

// flush writes runs of the tail up to everything durable and publishes them, and merges
// runs. It is called by the maintainer alone.
func (x *index) flush(ctx context.Context) error {
	if err := x.dropDoomed(); err != nil {
		return err
	}
	for durable := x.com.durableRecord.Load(); x.covered() < durable; {
		if err := x.flushTail(ctx, min(durable, x.covered()+flushMost)); err != nil {
			return err
		}
		if err := x.merge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flushMost is how many records a flush writes as one run. The index is as far behind
// only where it could not be written, as on a full disk.
const flushMost = 16 << 20

// flushTail writes what the tail has up to a record as a run and publishes it.
func (x *index) flushTail(ctx context.Context, upto uint64) error {
	if err := x.catchUp(ctx, upto); err != nil {
		return err
	}
	x.mu.Lock()
	from, count, keys := x.tail.from, x.tail.count, x.tail.keysUpto(upto)
	x.mu.Unlock()
	runs := slices.Clone(*x.runs.Load())
	if count > 0 {
		// There are fewer if a query has added later records meanwhile.
		w, err := x.newWriter(0, from, upto, count, keys)
		if err != nil {
			return err
		}
		var part []posting
		for i := range tailBuckets {
			x.mu.Lock()
			part = x.tail.take(i, upto, part[:0])
			x.mu.Unlock()
			breathe()
			for _, p := range part {
				if err := w.add(p); err != nil {
					return err
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		run, err := w.close()
		if err != nil {
			return err
		}
		runs = append(runs, run)
		// crash point: index: a run is written and not published
	}
	if err := x.publish(runs, upto, nil); err != nil {
		return err
	}
	x.mu.Lock()
	// Records that came during the flush are made again from the ledger: simple, and few.
	x.tail = tail{from: upto + 1, upto: upto}
	x.runs.Store(&runs)
	x.mu.Unlock()
	// crash point: index: a run is published and memory has followed
	return nil
}

// keysOfAll returns the hashes of the keys in the records of runs that stand side by side.
// Runs have no more than hashBits of them.
func (x *index) keysOfAll(group []*indexRun) (keys []uint64, err error) {
	if !slices.ContainsFunc(group, func(r *indexRun) bool { return r.Keys > 0 }) {
		return nil, nil
	}
	from, upto := group[0].First, group[len(group)-1].Last
	err = x.eng.View(func(v journal.Reader) error {
		return eachRecord(v, from, func(r *record) error {
			if r.number > upto {
				return journal.ErrStop
			}
			x.keysOf(r, func(hash uint64) { keys = append(keys, hash) })
			if r.number%256 == 0 {
				breathe()
			}
			return nil
		})
	})
	return keys, err
}

// publish makes a list of runs the durable one, and one of what is to be deleted.
func (x *index) publish(runs []*indexRun, upto uint64, doomed []*indexRun) error {
	body, err := json.Marshal(manifest{Upto: upto, Next: x.nextRun, Runs: runs, Doomed: doomed})
	if err != nil {
		return err
	}
	key := []byte{keyManifest}
	if err := x.commit([]journal.Pair{{Key: key, Value: seal(key, body)}}); err != nil {
		return err
	}
	x.doomed = doomed
	return nil
}

// commit writes where there is room: the index can be made later.
func (x *index) commit(pairs []journal.Pair) error {
	if err := x.room(); err != nil {
		return err
	}
	return x.eng.Commit(pairs)
}

// dropDoomed deletes what is of no use any more.
func (x *index) dropDoomed() error {
	for _, r := range x.doomed {
		if err := x.drop(r); err != nil {
			return err
		}
		// crash point: retire: an old run is deleted
	}
	x.doomed = nil // the manifest names them until it is written again: they are deleted twice at most
	return nil
}

// covered is the number up to which the live runs cover the ledger.
func (x *index) covered() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.tail.from - 1
}

// merge turns fanIn runs of one level into one of the next, until there is none.
func (x *index) merge(ctx context.Context) error {
	for {
		runs := *x.runs.Load()
		var group []*indexRun
		for _, r := range runs { // runs of one level stand together, higher levels first
			if len(group) > 0 && r.Level != group[0].Level {
				group = nil
			}
			if group = append(group, r); len(group) == fanIn {
				break
			}
		}
		if len(group) < fanIn {
			return nil
		}
		merged, err := x.mergeRuns(ctx, group)
		if err != nil {
			return err
		}
		// crash point: index: a merged run is written and not published
		at := slices.Index(runs, group[0])
		next := append(append(slices.Clone(runs[:at]), merged), runs[at+fanIn:]...)
		if err := x.publish(next, x.covered(), group); err != nil {
			return err
		}
		x.runs.Store(&next)
		// crash point: retire: the merged run is published, the old ones are still there
		if err := x.dropDoomed(); err != nil {
			return err
		}
	}
}

// mergeRuns reads the runs side by side and writes their postings in order.
func (x *index) mergeRuns(ctx context.Context, group []*indexRun) (*indexRun, error) {
	first, last := group[0].First, group[len(group)-1].Last
	keys, err := x.keysOfAll(group)
	if err != nil {
		return nil, err
	}
	cursors, count := make([]*runCursor, len(group)), 0
	for i, r := range group {
		cursors[i] = &runCursor{x: x, r: r}
		count += r.Count
	}
	w, err := x.newWriter(group[0].Level+1, first, last, count, keys)
	if err != nil {
		return nil, err
	}
	for {
		var least *runCursor
		for _, c := range cursors {
			ok, err := c.fill()
			if err != nil {
				return nil, err
			}
			if ok && (least == nil || c.page[0].hash < least.page[0].hash) {
				least = c
			}
		}
		if least == nil {
			return w.close()
		}
		if err := w.add(least.page[0]); err != nil {
			return nil, err
		}
		least.page = least.page[1:]
		if w.run.Count%(1<<16) == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// runCursor reads a run's postings page by page.
type runCursor struct {
	x    *index
	r    *indexRun
	next int
	page []posting
}

func (c *runCursor) fill() (bool, error) {
	if len(c.page) > 0 {
		return true, nil
	}
	if c.next == len(c.r.fences) {
		return false, nil
	}
	k := c.r.key(partPostings, c.next)
	c.next++
	v, err := c.x.eng.Get(k)
	if err != nil {
		return false, err
	}
	c.page = c.page[:0]
	err = decodePostings(k, v, c.r.First, func(h, n uint64) bool { c.page = append(c.page, posting{h, n}); return true })
	return len(c.page) > 0, err
}

// drop deletes a run that no list names any more, as far as it is stored.
func (x *index) drop(r *indexRun) error {
	var pairs []journal.Pair
	pages := func(part byte, n int) {
		for page := range n {
			pairs = append(pairs, journal.Pair{Key: r.key(part, page)})
		}
	}
	pages(partDirectory, wordsPages(r.pages()))
	pages(partPostings, r.pages())
	if r.Keys > 0 {
		pages(partFilter, wordsPages(filterWords(r.Keys)))
	}
	const some = 1000
	// crash point: retire: an old run is about to be deleted
	for part := range slices.Chunk(pairs, some) {
		if err := x.commit(part); err != nil {
			return err
		}
	}
	return nil
}

// runWriter writes one run; what it wrote counts only after publish.
type runWriter struct {
	x     *index
	run   *indexRun
	page  []posting
	pairs []journal.Pair
	buf   []byte // pages among pairs; it does not grow
	bytes int
	keys  []uint64
}

// newWriter begins a run of that many postings, and notes durably that it has.
func (x *index) newWriter(level int, first, last uint64, count int, keys []uint64) (*runWriter, error) {
	x.nextRun++
	w := &runWriter{x: x, keys: keys, run: &indexRun{ID: x.nextRun - 1, Level: level, First: first, Last: last, Keys: len(keys), Page: postingsPage}}
	begun := *w.run
	begun.Count = count
	return w, x.publish(*x.runs.Load(), x.covered(), append(x.doomed, &begun))
}

func (w *runWriter) add(p posting) error {
	w.page = append(w.page, p)
	w.run.Count++
	if len(w.page) < w.run.pageSize() {
		return nil
	}
	return w.flushPage()
}

func (w *runWriter) flushPage() error {
	if len(w.page) == 0 {
		return nil
	}
	k := w.run.key(partPostings, len(w.run.fences))
	if cap(w.buf)-len(w.buf) < maxPosting*(len(w.page)+1) {
		w.buf = make([]byte, 0, max(behind, maxPosting*(len(w.page)+1))) // pairs keep the old one
	}
	at := len(w.buf)
	w.buf = appendPostings(w.buf, w.page, w.run.First)
	v := w.buf[at:len(w.buf):len(w.buf)]
	sealInPlace(k, v)
	breathe()
	w.run.fences = append(w.run.fences, w.page[0].hash)
	w.page = w.page[:0]
	return w.put(journal.Pair{Key: k, Value: v})
}

// put collects pairs and writes them when they are a good deal.
func (w *runWriter) put(p journal.Pair) error {
	w.pairs = append(w.pairs, p)
	if w.bytes += p.Size(); w.bytes < behind {
		return nil
	}
	return w.write()
}

// write leaves the sync to close: the next one of the committer takes what was written along.
func (w *runWriter) write() error {
	if err := w.x.room(); err != nil {
		return err
	}
	err := w.x.eng.WriteAll(w.pairs)
	w.pairs, w.buf, w.bytes = w.pairs[:0], w.buf[:0], 0
	return err
}

func (w *runWriter) close() (*indexRun, error) {
	if err := w.flushPage(); err != nil {
		return nil, err
	}
	if err := w.putWords(partDirectory, w.run.fences); err != nil {
		return nil, err
	}
	if len(w.keys) > 0 {
		w.run.filter = newFilter(len(w.keys))
		for _, h := range w.keys {
			w.run.filter.put(h, h)
		}
		if err := w.putWords(partFilter, w.run.filter.words); err != nil {
			return nil, err
		}
	}
	if err := w.write(); err != nil {
		return nil, err
	}
	return w.run, w.x.eng.Sync() // before the manifest that names it is written
}

// putWords writes words on pages of a part.
func (w *runWriter) putWords(part byte, words []uint64) error {
	for page := range wordsPages(len(words)) {
		some := words[page*wordsPage : min((page+1)*wordsPage, len(words))]
		k, b := w.run.key(part, page), make([]byte, 4, 4+8*len(some)) // checksum
		for _, word := range some {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
		sealInPlace(k, b)
		if err := w.put(journal.Pair{Key: k, Value: b}); err != nil {
			return err
		}
	}
	return nil
}
