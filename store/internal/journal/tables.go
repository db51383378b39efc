package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/table"
)

// What is read and settled in the engine's directory while the engine is not open.

const manifestFile = badger.ManifestFilename

// openingWork returns how many bytes of logs the engine flushes when it opens.
func openingWork(dir string) (logs int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if filepath.Ext(e.Name()) != logSuffix {
			continue
		}
		fi, serr := e.Info()
		if err = errors.Join(err, serr); serr == nil {
			logs += allocated(fi)
		}
	}
	return logs, err
}

// liveTables returns the names of the tables that the MANIFEST names, and whether it is
// whole to its end: Badger cuts off an entry that is not.
func liveTables(dir string) (live map[string]bool, whole bool, err error) {
	m, whole, err := readManifest(dir)
	live = map[string]bool{}
	for id := range m.Tables {
		live[table.IDToFilename(id)] = true
	}
	return live, whole, err
}

func readManifest(dir string) (m badger.Manifest, whole bool, err error) {
	f, err := os.Open(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, false, err
	}
	defer f.Close()
	m, end, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return m, false, engineError(err)
	}
	fi, err := f.Stat()
	return m, err == nil && end == fi.Size(), err
}

const (
	tableSuffix = ".sst"
	logSuffix   = ".mem"
)

// lastBlock returns where the last block of a table stands, by the table's index, whose
// checksum was checked. The blocks must stand side by side from the table's beginning
// up to the index, at end.
func lastBlock(index []byte, end int64) (from int64, err error) {
	defer caught(&err)
	t := fb.GetRootAsTableIndex(index, 0)
	var at int64
	for i := range t.OffsetsLength() {
		var b fb.BlockOffset
		t.Offsets(&b, i)
		if int64(b.Offset()) != at || b.KeyLength() == 0 {
			return 0, errors.New("its index makes no sense")
		}
		from, at = at, at+int64(b.Len())
	}
	if at != end || from == end {
		return 0, fmt.Errorf("its blocks have %d bytes, by its index %d", end, at)
	}
	return from, nil
}

// settleEmptyLogs removes logs of length 0, beside which Badger refuses to open. A crash
// leaves a write-ahead log (.mem) so in two ways: between the creation of the newest and its
// first sync, before anything in it was acknowledged; or while Badger deletes an old one,
// which it first truncates, after the table made from it was synced and named in the
// MANIFEST. A log that went missing otherwise shows in the ledger, which would end below its
// high-water mark or have a gap. A value log (.vlog) is left so in the same ways; it never
// holds anything, as all values are below the threshold.
func settleEmptyLogs(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != logSuffix && ext != ".vlog" {
			continue
		}
		fi, statErr := e.Info()
		if err = errors.Join(err, statErr); err == nil && fi.Size() == 0 {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	return err
}

// HasTables reports whether there are tables in the engine's directory, which may be missing.
func HasTables(path string) (bool, error) {
	tables, err := filepath.Glob(filepath.Join(path, Dir, "*"+tableSuffix))
	return len(tables) > 0, err
}

// Fit makes the write buffer as large as it must be to read the logs that a crash has left
// in a data directory: as the one that wrote them, was bytes, or 0 if that is not known.
// The reserve grows with it.
func (o *Options) Fit(path string, was int64) error {
	entries, err := os.ReadDir(filepath.Join(path, Dir))
	if err != nil {
		return nil // Check says what is wrong with it
	}
	var logs int64
	for _, e := range entries {
		if filepath.Ext(e.Name()) != logSuffix {
			continue
		}
		fi, serr := e.Info()
		if err = errors.Join(err, serr); serr == nil {
			logs = max(logs, allocated(fi))
		}
	}
	if err != nil || logs == 0 {
		return err
	}
	if was == 0 {
		was = logs * nodesPerLog
	}
	o.MemTable = min(max(o.MemTable, was), maxMemTable)
	o.Reserve = max(o.Reserve, LeastReserve*o.MemTable)
	return nil
}

const (
	// nodesPerLog is how many times the size of its log a write buffer of the smallest
	// entries takes, at most.
	nodesPerLog = 3
	maxMemTable = 1 << 30
)
