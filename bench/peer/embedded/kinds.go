// Package embedded has the engines that a Go program can link: a B+ tree, an LSM tree
// and SQLite in two forms. All sync before they answer.
//
// The two key-value engines keep one key for each live code and nothing else, as Badger's
// peers do; SQLite keeps a row a code that also says who holds it and who redeemed it. None
// has a ledger, a receipt number or a reference that can be asked for.
package embedded

import "codepool/bench/peer"

// Kinds returns the engines; SQLite through cgo only where this program was built with it.
func Kinds() []peer.Kind {
	return append([]peer.Kind{
		{Name: "bbolt", Open: openBolt, Type: (*boltStore)(nil), About: "a transaction reads and deletes the codes of a call; callers share one by Batch"},
		{Name: "pebble", Open: openPebble, Type: (*pebbleStore)(nil), About: "gets, then one synced batch of deletes; commits share syncs"},
		{Name: "sqlite-modernc", Open: openModernc, Type: (*sqliteStore)(nil), About: "UPDATE of a row a code, a transaction a call; WAL, synchronous=FULL"},
	}, cgoKinds()...)
}
