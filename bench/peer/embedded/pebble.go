package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"codepool/bench/peer"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/puzpuzpuz/xsync/v4"
)

// pebbleStore keeps one key for each live code and nothing else: minting sets it,
// drawing or redeeming deletes it. There are no receipts, and which codes were handed
// out is not stored.
type pebbleStore struct {
	db      *pebble.DB
	options *pebble.Options
	dir     string

	// claims holds the codes that calls are at work on. A check and the delete after it
	// are two operations, so whoever claims a code has it alone until its delete is
	// synced; another caller meanwhile is refused. Locks held that long would make
	// callers wait for strangers.
	claims *xsync.Map[string, struct{}]

	// Codes leave the stock in the order of one iterator, as badgerStore's do.
	stock struct {
		sync.Mutex
		it    *pebble.Iterator
		mints int // tables made so far
	}
}

// pebbleTable is how many codes are in a table that Mint makes.
const pebbleTable = 1 << 20

// openPebble opens it with the sizes of its own benchmark program and filters on every
// level.
func openPebble(dir string) (peer.System, error) {
	o := &pebble.Options{
		CacheSize:                   256 << 20,
		FormatMajorVersion:          pebble.FormatNewest,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000,
		LBaseMaxBytes:               64 << 20,
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 3 },
		Logger:                      silent{},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].FilterType = pebble.TableFilter
	}
	o.EnsureDefaults()
	db, err := pebble.Open(filepath.Join(dir, "pebble"), o)
	if err != nil {
		return nil, err
	}
	return &pebbleStore{db: db, options: o, dir: dir, claims: xsync.NewMap[string, struct{}]()}, nil
}

// silent logs nothing; what Pebble calls fatal must not return.
type silent struct{}

func (silent) Infof(string, ...any)              {}
func (silent) Errorf(string, ...any)             {}
func (silent) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Mint writes tables of random keys in key order, and has them ingested: its form for
// bulk loads, which never passes the log and the memtables.
func (p *pebbleStore) Mint(ctx context.Context, n int) error {
	codes, err := sortedCodes(ctx, n)
	if err != nil {
		return err
	}
	var paths []string
	for part := range slices.Chunk(codes, pebbleTable) {
		if err := ctx.Err(); err != nil {
			return err
		}
		path, err := p.writeTable(part)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	return p.db.Ingest(ctx, paths)
}

// writeTable writes the codes to a synced file beside the database, on the same disk.
func (p *pebbleStore) writeTable(codes []string) (path string, err error) {
	p.stock.Lock()
	p.stock.mints++
	path = filepath.Join(p.dir, "mint-"+strconv.Itoa(p.stock.mints)+".sst")
	p.stock.Unlock()
	f, err := vfs.Default.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return "", err
	}
	o := p.options.MakeWriterOptions(len(p.options.Levels)-1, p.db.TableFormat())
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), o)
	for _, code := range codes {
		if err := w.Set([]byte(code), nil); err != nil {
			return "", errors.Join(err, w.Close())
		}
	}
	return path, w.Close()
}

// HandOut reports k keys; nothing is written.
func (p *pebbleStore) HandOut(_ context.Context, k int, each func(string)) error {
	return p.take(k, each)
}

// take passes the next k codes of the stock to each, or fewer and ErrStock.
func (p *pebbleStore) take(k int, each func(string)) error {
	s := &p.stock
	s.Lock()
	defer s.Unlock()
	if s.it == nil {
		it, err := p.db.NewIter(nil)
		if err != nil {
			return err
		}
		it.First()
		s.it = it
	}
	for ; k > 0; k-- {
		if !s.it.Valid() {
			return errors.Join(s.it.Error(), peer.ErrStock)
		}
		each(string(s.it.Key()))
		s.it.Next()
	}
	return nil
}

// Draw takes the next k keys and deletes them in one batch.
func (p *pebbleStore) Draw(_ context.Context, k int, dst []string) ([]string, error) {
	start := len(dst)
	if err := p.take(k, func(code string) { dst = append(dst, code) }); err != nil {
		return dst[:start], err
	}
	b := p.db.NewBatch()
	defer b.Close()
	for _, code := range dst[start:] {
		if err := b.Delete([]byte(code), nil); err != nil {
			return dst[:start], err
		}
	}
	return dst, b.Commit(pebble.Sync)
}

// RedeemOne gets and deletes one key.
func (p *pebbleStore) RedeemOne(_ context.Context, code, _ string) error {
	if !p.claim(code) {
		return errRefused
	}
	defer p.claims.Delete(code)
	key := []byte(code)
	if err := p.find(key); err != nil {
		return err
	}
	return p.db.Delete(key, pebble.Sync)
}

// RedeemMany gets the keys and deletes them in one batch: all or none.
func (p *pebbleStore) RedeemMany(_ context.Context, rs []peer.Redemption) error {
	b := p.db.NewBatch()
	defer b.Close()
	claimed := 0
	defer func() {
		for i := range rs[:claimed] {
			p.claims.Delete(rs[i].Code)
		}
	}()
	for i := range rs {
		if !p.claim(rs[i].Code) {
			return errRefused
		}
		claimed++
		if err := p.deleteIn(b, rs[i].Code); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

// Refuse tries the keys in one batch, which is not committed if it is empty.
func (p *pebbleStore) Refuse(_ context.Context, codes []string) (refused int, err error) {
	b := p.db.NewBatch()
	defer b.Close()
	claimed := make([]string, 0, len(codes))
	defer func() {
		for _, code := range claimed {
			p.claims.Delete(code)
		}
	}()
	for _, code := range codes {
		if !p.claim(code) {
			refused++
			continue
		}
		claimed = append(claimed, code)
		switch err := p.deleteIn(b, code); err {
		case nil:
		case errRefused:
			refused++
		default:
			return refused, err
		}
	}
	if b.Empty() {
		return refused, nil
	}
	return refused, b.Commit(pebble.Sync)
}

// claim reports whether no other call is at work on the code.
func (p *pebbleStore) claim(code string) bool {
	_, taken := p.claims.LoadOrStore(code, struct{}{})
	return !taken
}

// deleteIn adds the code's delete to the batch, or returns errRefused.
func (p *pebbleStore) deleteIn(b *pebble.Batch, code string) error {
	key := []byte(code)
	if err := p.find(key); err != nil {
		return err
	}
	return b.Delete(key, nil)
}

// find returns errRefused if there is no such key.
func (p *pebbleStore) find(key []byte) error {
	_, closer, err := p.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return errRefused
	}
	if err != nil {
		return err
	}
	return closer.Close()
}

// Audit counts the keys that are left.
func (p *pebbleStore) Audit(ctx context.Context, want peer.Ledger) error {
	it, err := p.db.NewIter(nil)
	if err != nil {
		return err
	}
	var left int64
	for ok := it.First(); ok; ok = it.Next() {
		left++
	}
	if err := errors.Join(it.Close(), ctx.Err()); err != nil {
		return err
	}
	if live := want.Minted - want.Drawn - want.Redeemed; left != live {
		return peer.Mismatch("codes left", left, live)
	}
	return nil
}

// Close ends the iterator, then the database.
func (p *pebbleStore) Close() error {
	s := &p.stock
	s.Lock()
	defer s.Unlock()
	var err error
	if s.it != nil {
		err = s.it.Close()
		s.it = nil
	}
	return errors.Join(err, p.db.Close())
}
