package embedded

import (
	"codepool/bench/peer"

	_ "modernc.org/sqlite" // the driver "sqlite": SQLite translated to Go
)

func openModernc(dir string) (peer.System, error) { return openSQLite("sqlite", dir) }
