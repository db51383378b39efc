package peer

import (
	"context"
	"errors"

	badger "github.com/dgraph-io/badger/v4"
)

// badgerTxn is the first version everybody writes: one transaction a code that reads
// the key, so that a second redemption is refused, and deletes it.
type badgerTxn struct{ *badgerStore }

func openBadgerTxn(dir string) (System, error) {
	b, err := openBadger(dir, true)
	if err != nil {
		return nil, err
	}
	return badgerTxn{b}, nil
}

// RedeemOne gets and deletes one key.
func (b badgerTxn) RedeemOne(_ context.Context, code, _ string) error {
	key := []byte(code)
	return b.db.Update(func(txn *badger.Txn) error {
		if _, err := txn.Get(key); err != nil {
			return err
		}
		return txn.Delete(key)
	})
}

// Refuse gets all of them in one transaction that reads.
func (b badgerTxn) Refuse(_ context.Context, codes []string) (refused int, err error) {
	err = b.db.View(func(txn *badger.Txn) error {
		for _, code := range codes {
			switch _, err := txn.Get([]byte(code)); {
			case err == nil:
				return errors.New("a code that does not exist was not refused")
			case !errors.Is(err, badger.ErrKeyNotFound):
				return err
			}
			refused++
		}
		return nil
	})
	return refused, err
}
