package store

import (
	"context"
	"fmt"
	"math/big"
	"sync"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store/internal/journal"
)

// mintRound is how many codes at most are made, sorted and written at a time: it bounds the
// working memory (16 bytes a code in each of three rounds) and is the size of a run.
const mintRound = 1 << 20

// Mint makes Count new random codes and returns when all of them are durable and in
// stock. It makes them in rounds; after a crash, a cancelled context or a full disk
// the batch exists with what was finished (BatchInfo.Complete is false) and Mint with
// the same batch goes on from there, if it has a name. A write to the disk that has begun
// is waited for, whatever becomes of the context.
//
// ErrInvalid names everything wrong with b. ErrSpace means that the format's space
// cannot hold Count codes beside those of its namespace. ErrBatchExists means that the
// name is taken. When codes are too likely to be guessed Mint warns through the logger
// and BatchInfo.Risk, or refuses with ErrGuessable (Options.RefuseGuessable).
func (s *Store) Mint(ctx context.Context, b Batch) (BatchInfo, error) {
	if b.isSigned() && b.Format == (gen.Format{}) {
		b.Format = b.Signed.Format()
	}
	b.Format = b.Format.WithDefaults()
	if err := b.check(false); err != nil {
		return BatchInfo{}, err
	}
	if err := s.checkSpace(b); err != nil {
		return BatchInfo{}, err
	}
	release, err := s.beginAdding(ctx)
	if err != nil {
		return BatchInfo{}, err
	}
	defer release()
	at := s.opt.Clock()
	mb, err := s.openBatch(b, false, at)
	if err != nil {
		return BatchInfo{}, err
	}
	make := s.mintAll
	if mb.isSigned() {
		make = s.mintSigned
	}
	if err := make(ctx, mb, at.UnixMicro()); err != nil {
		return s.info(mb), fmt.Errorf("mint batch %q: %d of %d codes are durable; mint it again to go on: %w",
			mb.Name, s.countsOf(mb).Minted, mb.target.Load(), err)
	}
	mb.complete.Store(true)
	return s.info(mb), nil
}

// checkSpace refuses a batch that its format cannot hold: beyond half of the space
// random codes collide more often than not, and codes are guessed by typing.
func (s *Store) checkSpace(b Batch) error {
	space := b.Format.Space()
	if new(big.Int).Lsh(big.NewInt(b.Count), 1).Cmp(space) > 0 {
		return fmt.Errorf("%w: format %v has %v codes and at most half of them can be minted: %d is too many", ErrSpace, b.Format, space, b.Count)
	}
	risk := gen.GuessRisk(b.Count, b.Format, s.opt.GuessesPerHour)
	if risk.Acceptable(s.opt.GuessLimit) {
		return nil
	}
	if s.opt.RefuseGuessable {
		return fmt.Errorf("%w: batch %q: %s", ErrGuessable, b.Name, risk.Explain(s.opt.GuessLimit))
	}
	s.opt.Logger.Warn("codes are easy to guess", "batch", b.Name, "risk", risk.Explain(s.opt.GuessLimit))
	return nil
}

// beginAdding waits for the turn to mint or import.
func (s *Store) beginAdding(ctx context.Context) (release func(), err error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case s.adding <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.closing:
		return nil, ErrClosed
	}
	if err := s.com.admit(ctx); err != nil {
		<-s.adding
		return nil, err
	}
	return func() { <-s.adding }, nil
}

// mayAdd is asked between the steps of a mint or import.
func (s *Store) mayAdd(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.dir.room(true)
}

// openBatch makes a batch durable, or finds the unfinished one of that name and
// terms. REQUIRES: adding.
func (s *Store) openBatch(def Batch, imported bool, at time.Time) (*batch, error) {
	s.mu.Lock()
	old := s.mu.byName[def.Name]
	id := BatchID(len(*s.batches.Load()))
	s.mu.Unlock()
	if old != nil && def.Name != "" {
		switch {
		case old.imported != imported || !old.sameTerms(def):
			return nil, fmt.Errorf("%w: %q is batch %d with other terms", ErrBatchExists, def.Name, old.ID)
		case !imported && old.complete.Load():
			return nil, fmt.Errorf("%w: %q is batch %d and complete", ErrBatchExists, def.Name, old.ID)
		case !imported && old.Count != def.Count:
			return nil, fmt.Errorf("%w: %q is batch %d and was begun with count %d", ErrBatchExists, def.Name, old.ID, old.Count)
		case old.retired():
			return nil, old.isRetired()
		case old.revoked():
			return nil, old.isRevoked()
		}
		return old, nil
	}
	if !imported {
		if err := s.checkRoom(def); err != nil {
			return nil, err
		}
	}
	def.ID = id
	if def.isSigned() {
		if err := s.signWith(&def); err != nil {
			return nil, err
		}
	}
	if def.Name == "" {
		def.Name = s.freeName(id)
	}
	s.mu.Lock()
	sp := s.ensureSpaceLocked(def.Namespace)
	s.mu.Unlock()
	b := newBatch(def, sp, at.UTC(), imported)
	p, err := b.pair()
	if err != nil {
		return nil, err
	}
	// crash point: mint: the batch is not written
	if err := s.eng.Commit([]journal.Pair{p}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addBatchLocked(b)
	if b.isSigned() {
		return b, s.findSigner(b)
	}
	return b, nil
}

// checkRoom refuses a batch for which its namespace has no room: the codes of the same
// format that it has already leave too few.
func (s *Store) checkRoom(def Batch) error {
	var taken int64
	for _, b := range s.Batches() {
		if f := b.Format; b.Namespace == def.Namespace && f.Class == def.Format.Class && f.Length == def.Format.Length && f.Prefix == def.Format.Prefix {
			taken += max(b.Count, b.Counts.Minted)
		}
	}
	if space := def.Format.Space(); big.NewInt(taken+def.Count).Cmp(space) > 0 {
		return fmt.Errorf("%w: namespace %q is nearly full: format %v has %v codes, of which %d are taken, and %d are asked for", ErrSpace, def.Namespace, def.Format, space, taken, def.Count)
	}
	return nil
}

// freeName makes a name for a batch without one.
func (s *Store) freeName(id BatchID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("batch-%d", id)
	for i := 2; s.mu.byName[name] != nil; i++ { // somebody gave it to another batch
		name = fmt.Sprintf("batch-%d-%d", id, i)
	}
	return name
}

// mintAll makes what is missing, in rounds: while one is written the next is put into the pool
// and the one after that is made.
func (s *Store) mintAll(ctx context.Context, b *batch, at int64) error {
	m, err := s.newMaker(b)
	if err != nil {
		return err
	}
	defer m.stop()
	left := b.target.Load() - s.countsOf(b).Minted
	size := roundSize(left)
	m.begin(min(left, size))
	if err := s.pool.Reserve(int(left)); err != nil {
		return err
	}
	room := s.roomFor(int(left))
	var (
		writing sync.WaitGroup
		written error
	)
	defer writing.Wait()
	tries := 0
	for left > 0 {
		if err := s.mayAdd(ctx); err != nil {
			return err
		}
		codes, err := m.next(min(left, size), min(left-size, size))
		if err != nil {
			return err
		}
		r, err := s.stage(b, codes, shard.Available, "", room)
		if err != nil {
			return err
		}
		writing.Wait()
		if written != nil {
			s.abandon(r)
			return written
		}
		if r.header.Count == 0 {
			// Every code of the round was taken. Half of the space is free of this batch,
			// so this ends unless other batches fill the namespace.
			if tries++; tries > 100 {
				return fmt.Errorf("%w: namespace %q is nearly full: %v codes in all", ErrSpace, b.Namespace, b.Format.Space())
			}
			continue
		}
		tries = 0
		left -= int64(r.header.Count)
		writing.Go(func() {
			if written = s.writeRun(ctx, r, at); written == nil {
				m.reuse(codes)
			}
		})
	}
	writing.Wait()
	return written
}

// roundSize is how many codes a round of a mint has: enough rounds to work side by side, and
// not so few codes in each that there are many runs.
func roundSize(n int64) int64 {
	const rounds, least = 8, mintRound / 8
	return min(max((n+rounds-1)/rounds, least), mintRound)
}

// roomFor is how many codes a gate shard will hold after n more, with a margin for the uneven
// split, and a larger one if n is little beside what is there: a filter that is full is made
// anew of all its codes.
func (s *Store) roomFor(n int) int {
	have := int(s.pool.Memory().Codes)
	each := (have + n) / s.pool.Shards()
	if n < have/shard.ExactFrom {
		return each + each/8 + 64
	}
	return each + each/50 + 64
}

// stagedRun is a run that is in memory, Pending, and not yet on disk.
type stagedRun struct {
	header runHeader
	codes  *runCodes
	run    *shard.Run
}

// stage adds codes to the pool and the gate; duplicates fall out. REQUIRES: adding.
func (s *Store) stage(b *batch, codes *runCodes, initial shard.State, ref string, room int) (*stagedRun, error) {
	s.mu.Lock()
	id := uint32(len(s.mu.runs))
	s.mu.runs = append(s.mu.runs, runHeader{})
	s.mu.staged[id] = struct{}{}
	s.mu.Unlock()
	run := s.pool.NewRun(id, uint32(b.ID), b.space.id)
	s.texts.Lock()
	s.dropTokens(b.space, codes)
	hashes, n, err := codes.addTo(run)
	s.texts.Unlock()
	if err == nil && n > 0 && codes.from.Made > 0 {
		err = codes.noteLeftOut(b.Format, b.space.id)
	}
	r := &stagedRun{codes: codes, run: run, header: runHeader{ID: id, Batch: uint32(b.ID), Count: uint32(n), Initial: initial, Mixed: codes.keys != nil, Ref: ref, From: codes.from}}
	if err != nil {
		s.abandon(r)
		if s.closed.Load() {
			err = ErrClosed
		}
		return nil, err
	}
	s.admitHashes(hashes, room)
	if n == 0 { // every code exists already: there is nothing to write
		s.unstage(id)
	}
	return r, nil
}

// abandon takes back a staged run of which nothing is durable.
func (s *Store) abandon(r *stagedRun) {
	r.run.Abandon()
	s.unstage(r.header.ID)
}

func (s *Store) unstage(run uint32) {
	s.mu.Lock()
	delete(s.mu.staged, run)
	s.mu.Unlock()
}

// isStaged reports whether a run is not live yet.
func (s *Store) isStaged(run uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, yes := s.mu.staged[run]
	return yes
}

// writeRun makes a staged run durable and live: its pages, unless its codes come of a seed,
// then header and ledger record with the next group.
func (s *Store) writeRun(ctx context.Context, r *stagedRun, at int64) (err error) {
	h := &r.header
	if h.derived() {
		h.Codes = r.codes.sum(h.ID)
	} else if h.Codes, err = s.writePages(ctx, r.codes, h.ID); err != nil {
		s.abandon(r)
		return err
	}
	// crash point: mint: all code pages are written, the run's header is not
	body := appendRun(nil, h.ID, h.Batch, h.Count, h.Initial, h.Ref)
	g, err := s.journalRun(h, body, at)
	if err != nil {
		s.abandon(r)
		return err
	}
	// From here on the run may be durable: the context no longer matters.
	if err := g.wait(context.WithoutCancel(ctx)); err != nil {
		return err // the store has stopped; the codes stay Pending
	}
	// crash point: mint: the run is durable and not live
	s.mu.Lock()
	s.mu.runs[h.ID] = *h
	s.mu.Unlock()
	if !r.run.Activate(h.Initial, nil) {
		return ErrClosed
	}
	if h.Computed {
		s.batch(h.Batch).inStock(h.ID)
	}
	s.unstage(h.ID)
	if h.Initial == shard.Available {
		s.batch(h.Batch).restock(int64(h.Count))
	}
	return nil
}

// journalRun appends the record of a run, if its batch was not revoked meanwhile.
func (s *Store) journalRun(h *runHeader, body []byte, at int64) (*group, error) {
	s.draws.RLock() // keeps changes of batches out
	defer s.draws.RUnlock()
	if b := s.batch(h.Batch); b.revoked() {
		return nil, b.isRevoked()
	}
	_, g, err := s.com.append(at, body, 1, []journal.Pair{h.pair()}, false)
	return g, err
}

// pagesAtOnce is how many bytes of pages are committed at a time: groups of redemptions wait
// for each commit, and should for half a millisecond. A page is of 64 KiB.
const pagesAtOnce = 96 << 10

// writePages commits a run's pages, some at a time, and returns the sum of their shares.
func (s *Store) writePages(ctx context.Context, codes *runCodes, run uint32) (sum uint64, err error) {
	var pairs []journal.Pair
	weight, limit := 0, min(pagesAtOnce, s.eng.MaxCommit()*9/10)
	write := func() error {
		if err := s.mayAdd(ctx); err != nil {
			return err
		}
		err := s.eng.Commit(pairs)
		// crash point: mint: some code pages are written
		pairs, weight = nil, 0
		if err != nil {
			return err
		}
		return s.com.waitAll(ctx) // the groups of others have their turn
	}
	err = codes.pages(run, func(p journal.Pair) error {
		if len(pairs) > 0 && weight+p.Size() > limit {
			if err := write(); err != nil {
				return err
			}
		}
		pairs = append(pairs, p)
		weight += p.Size()
		sum += shareOf(p.Key, sumOf(p.Value))
		return nil
	})
	if err == nil && len(pairs) > 0 {
		err = write()
	}
	return sum, err
}
