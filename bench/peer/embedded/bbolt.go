package embedded

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"codepool/bench/peer"

	bolt "go.etcd.io/bbolt"
)

// boltStore keeps one key for each live code in a bucket: minting sets it, drawing or
// redeeming deletes it. There are no receipts, and which codes were handed out is not
// stored. Every commit is synced; the list of free pages is a map in memory and not
// written, which its documentation recommends for speed and which costs a scan when it opens.
type boltStore struct {
	db *bolt.DB

	// Codes leave the stock in key order from here on, so that no two callers get the
	// same one. The keys are random, so any run of them is a random draw.
	stock struct {
		sync.Mutex
		next []byte // the first that was not taken
	}
}

var boltCodes = []byte("codes")

const (
	// A Batch is committed when it has this many callers or is this old. The defaults,
	// 1000 and 10 ms, make each of a few callers wait ten times what a commit takes.
	// Less than 500 µs splits thousands of callers into more commits, and more
	// makes 64 of them wait: both measured slower.
	boltBatch = 4096
	boltDelay = 500 * time.Microsecond

	boltMint = 10_000 // codes a transaction
)

func openBolt(dir string) (peer.System, error) {
	db, err := bolt.Open(filepath.Join(dir, "codes.bolt"), 0o600, &bolt.Options{
		Timeout:        time.Second,
		FreelistType:   bolt.FreelistMapType,
		NoFreelistSync: true,
	})
	if err != nil {
		return nil, err
	}
	db.MaxBatchSize, db.MaxBatchDelay = boltBatch, boltDelay
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(boltCodes)
		return err
	})
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &boltStore{db: db}, nil
}

// Mint puts n random keys in key order; there is one writer at a time, so from one goroutine.
func (b *boltStore) Mint(ctx context.Context, n int) error {
	codes, err := sortedCodes(ctx, n)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(codes, boltMint) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := b.db.Update(func(tx *bolt.Tx) error {
			bucket := tx.Bucket(boltCodes)
			bucket.FillPercent = 0.9 // keys are appended
			for _, code := range part {
				if err := bucket.Put([]byte(code), nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// HandOut reports k keys; nothing is written.
func (b *boltStore) HandOut(_ context.Context, k int, each func(string)) error {
	return b.db.View(func(tx *bolt.Tx) error { return b.take(tx, k, each) })
}

// take passes the next k codes of the stock to each, or none and ErrStock.
func (b *boltStore) take(tx *bolt.Tx, k int, each func(string)) error {
	s := &b.stock
	s.Lock()
	defer s.Unlock()
	taken := make([]string, 0, k)
	c := tx.Bucket(boltCodes).Cursor()
	key, _ := c.Seek(s.next)
	for ; len(taken) < k; key, _ = c.Next() {
		if key == nil {
			return peer.ErrStock
		}
		taken = append(taken, string(key))
	}
	if k > 0 {
		s.next = append([]byte(taken[k-1]), 0) // the least key after it
	}
	for _, code := range taken {
		each(code)
	}
	return nil
}

// Draw takes the next k keys and deletes them in a transaction that it shares with
// other callers.
func (b *boltStore) Draw(_ context.Context, k int, dst []string) ([]string, error) {
	start := len(dst)
	err := b.db.Batch(func(tx *bolt.Tx) error {
		dst = dst[:start] // it runs again, with later keys, if another caller of the batch fails
		if err := b.take(tx, k, func(code string) { dst = append(dst, code) }); err != nil {
			return err
		}
		bucket := tx.Bucket(boltCodes)
		for _, code := range dst[start:] {
			if err := bucket.Delete([]byte(code)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// RedeemOne gets and deletes one key in a transaction that it shares with other callers.
func (b *boltStore) RedeemOne(_ context.Context, code, _ string) error {
	return b.db.Batch(func(tx *bolt.Tx) error { return boltRedeem(tx.Bucket(boltCodes), code) })
}

// RedeemMany gets and deletes the keys in one transaction: all or none. It too shares
// it: a page that keys of several callers are in is then written once.
func (b *boltStore) RedeemMany(_ context.Context, rs []peer.Redemption) error {
	return b.db.Batch(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(boltCodes)
		for i := range rs {
			if err := boltRedeem(bucket, rs[i].Code); err != nil {
				return err
			}
		}
		return nil
	})
}

// boltRedeem deletes the key of the code or returns errRefused: Delete alone would not
// say that there was none.
func boltRedeem(bucket *bolt.Bucket, code string) error {
	key := []byte(code)
	if bucket.Get(key) == nil {
		return errRefused
	}
	return bucket.Delete(key)
}

// Refuse tries the keys in one transaction, which is not committed if it changed nothing.
func (b *boltStore) Refuse(_ context.Context, codes []string) (refused int, err error) {
	err = b.db.Update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(boltCodes)
		for _, code := range codes {
			switch err := boltRedeem(bucket, code); err {
			case nil:
			case errRefused:
				refused++
			default:
				return err
			}
		}
		if refused == len(codes) {
			return errRefused
		}
		return nil
	})
	if err == errRefused {
		err = nil
	}
	return refused, err
}

// Audit counts the keys that are left.
func (b *boltStore) Audit(ctx context.Context, want peer.Ledger) error {
	var left int64
	err := b.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(boltCodes).Cursor()
		for key, _ := c.First(); key != nil; key, _ = c.Next() {
			left++
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if live := want.Minted - want.Drawn - want.Redeemed; left != live {
		return peer.Mismatch("codes left", left, live)
	}
	return nil
}

// Close closes the file.
func (b *boltStore) Close() error { return b.db.Close() }
