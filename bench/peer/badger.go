package peer

import (
	"context"
	"errors"
	"sync"

	"codepool/gen"

	badger "github.com/dgraph-io/badger/v4"
)

// How peers mint: this many codes a transaction, from as many goroutines.
const (
	MintBatch   = 1000
	MintCallers = 4
)

// ErrStock is returned when fewer codes are in stock than were asked for.
var ErrStock = errors.New("not enough codes in stock")

// badgerStore keeps one key for each live code and nothing else: minting sets it,
// drawing or redeeming deletes it. There are no receipts, and which codes were handed
// out is not stored. Options are Badger's defaults with SyncWrites.
type badgerStore struct {
	db *badger.DB

	// Codes leave the stock in the order of one long-lived iterator, so that no two
	// callers get the same one and no call walks the tombstones of those before. The keys
	// are random, so any run of them is a random draw. It sees what was minted before
	// its first use.
	stock struct {
		sync.Mutex
		txn *badger.Txn
		it  *badger.Iterator
	}
}

func openBadger(dir string, conflicts bool) (*badgerStore, error) {
	o := badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithDetectConflicts(conflicts).
		WithMetricsEnabled(false).
		WithLogger(nil)
	db, err := badger.Open(o)
	if err != nil {
		return nil, err
	}
	return &badgerStore{db: db}, nil
}

// Mint sets n random keys, MintBatch a transaction, from MintCallers goroutines.
func (b *badgerStore) Mint(ctx context.Context, n int) error {
	errs := make([]error, MintCallers)
	var wg sync.WaitGroup
	for c := range MintCallers {
		share := n / MintCallers
		if c < n%MintCallers {
			share++
		}
		wg.Go(func() { errs[c] = b.mintShare(ctx, share) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (b *badgerStore) mintShare(ctx context.Context, n int) error {
	g, err := gen.NewGenerator(gen.DefaultFormat())
	if err != nil {
		return err
	}
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := min(n, MintBatch)
		err := b.db.Update(func(txn *badger.Txn) error {
			for range k {
				key, err := g.AppendCode(nil)
				if err != nil {
					return err
				}
				if err := txn.Set(key, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// HandOut reports k keys; nothing is written.
func (b *badgerStore) HandOut(_ context.Context, k int, each func(string)) error {
	return b.take(k, each)
}

// Draw takes the next k keys and deletes them in one transaction.
func (b *badgerStore) Draw(_ context.Context, k int, dst []string) ([]string, error) {
	start := len(dst)
	if err := b.take(k, func(code string) { dst = append(dst, code) }); err != nil {
		return dst[:start], err
	}
	err := b.db.Update(func(txn *badger.Txn) error {
		for _, code := range dst[start:] {
			if err := txn.Delete([]byte(code)); err != nil {
				return err
			}
		}
		return nil
	})
	return dst, err
}

// take passes the next k codes of the stock to each, or fewer and ErrStock.
func (b *badgerStore) take(k int, each func(string)) error {
	s := &b.stock
	s.Lock()
	defer s.Unlock()
	if s.it == nil {
		s.txn = b.db.NewTransaction(false)
		s.it = s.txn.NewIterator(keysOnly())
		s.it.Rewind()
	}
	for ; k > 0; k-- {
		if !s.it.Valid() {
			return ErrStock
		}
		each(string(s.it.Item().Key()))
		s.it.Next()
	}
	return nil
}

// Audit counts the keys that are left.
func (b *badgerStore) Audit(ctx context.Context, want Ledger) error {
	var left int64
	err := b.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(keysOnly())
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			left++
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if live := want.Minted - want.Drawn - want.Redeemed; left != live {
		return Mismatch("codes left", left, live)
	}
	return nil
}

// Close ends the iterator, then the database.
func (b *badgerStore) Close() error {
	s := &b.stock
	s.Lock()
	defer s.Unlock()
	if s.it != nil {
		s.it.Close()
		s.txn.Discard()
		s.it = nil
	}
	return b.db.Close()
}

func keysOnly() badger.IteratorOptions {
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	return o
}
