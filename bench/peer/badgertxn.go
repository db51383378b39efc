package peer

import (
	"context"

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
