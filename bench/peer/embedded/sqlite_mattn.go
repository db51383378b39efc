//go:build cgo

package embedded

import (
	"codepool/bench/peer"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3": SQLite in C
)

func cgoKinds() []peer.Kind {
	return []peer.Kind{{
		Name: "sqlite-mattn", Open: func(dir string) (peer.System, error) { return openSQLite("sqlite3", dir) },
		Type: (*sqliteStore)(nil), About: "the same through cgo",
	}}
}
