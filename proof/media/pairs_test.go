package media

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Damages to a pair of the engine, as an engine that forgets, changes or brings back
// keys would do it.
const (
	pairForget  = "forget"  // the pair is gone
	pairAlter   = "alter"   // a bit of its value is another
	pairShort   = "shorten" // its value is cut off
	pairSwap    = "swap"    // it has the value of another pair of its kind, which has its
	pairBefore  = "before"  // it has the value it had some time ago, or is back
	pairPhantom = "phantom" // it stands under another key as well
)

var pairDamages = []string{pairForget, pairAlter, pairShort, pairSwap, pairBefore, pairPhantom}

// rangeForget forgets all pairs in a range of keys, as a table that ends early does.
const rangeForget = "forget a range"

// pairKinds names the kinds of pairs (docs/format.md).
var pairKinds = []string{"batch", "code page", "run", "ledger entry", "index directory", "index filter", "index postings", "checkpoint", "index manifest", "state page"}

// entryLen is the length of a ledger entry's key; parts of the index have longer ones.
const entryLen = 9

func pairKind(key string) string {
	if long := map[byte]int{'B': 5, 'P': 9, 'R': 5, 'j': 9, 'k': 1, 'm': 1, 's': 9}[key[0]]; len(key) != long && !(key[0] == 'j' && len(key) == 18) {
		return "unknown"
	}
	switch key[0] {
	case 'B':
		return "batch"
	case 'P':
		return "code page"
	case 'R':
		return "run"
	case 'j':
		if len(key) == entryLen {
			return "ledger entry"
		}
		return map[byte]string{'d': "index directory", 'f': "index filter", 'i': "index postings"}[key[entryLen]]
	case 'k':
		return "checkpoint"
	case 'm':
		return "index manifest"
	case 's':
		return "state page"
	}
	return "unknown"
}

// openEngine opens the engine of a closed store with the options of store/internal/journal.
func openEngine(dir string) (*badger.DB, error) {
	journal := filepath.Join(dir, "journal")
	logs, err := filepath.Glob(filepath.Join(journal, "*.mem"))
	for _, name := range logs { // the engine does not open beside an empty one
		if fi, serr := os.Stat(name); serr == nil && fi.Size() == 0 {
			err = errors.Join(err, os.Remove(name))
		}
	}
	if err != nil {
		return nil, err
	}
	return badger.Open(badger.DefaultOptions(journal).
		WithDetectConflicts(false).
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		WithBaseTableSize(8 << 20).
		WithBaseLevelSize(1 << 30).
		WithNumLevelZeroTables(4).
		WithNumLevelZeroTablesStall(32).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithBlockSize(16 << 10).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithCompression(options.None).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithVerifyValueChecksum(false).
		WithMetricsEnabled(false).
		WithNumVersionsToKeep(1).
		WithCompactL0OnClose(false).
		WithLogger(nil))
}

// allPairs reads every pair of an engine.
func allPairs(db *badger.DB) (all map[string][]byte, err error) {
	all = map[string][]byte{}
	err = db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			v, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			all[string(it.Item().Key())] = v
		}
		return nil
	})
	return all, err
}

// pairsOf reads the pairs of a tree from a copy in dir, which it removes.
func pairsOf(t tree, dir string) (all map[string][]byte, err error) {
	defer os.RemoveAll(dir)
	if err := t.write(dir); err != nil {
		return nil, err
	}
	db, err := openEngine(dir)
	if err != nil {
		return nil, err
	}
	all, err = allPairs(db)
	return all, errors.Join(err, db.Close())
}

func keysOf(all map[string][]byte, kind string) (keys []string) {
	for k := range all {
		if kind == "" || pairKind(k) == kind {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// oldKeys returns the keys of pairs that were another before, or are gone now.
func oldKeys(all, before map[string][]byte, kind string) []string {
	return slices.DeleteFunc(keysOf(before, kind), func(k string) bool { return slices.Equal(all[k], before[k]) })
}

// spoiled is what a damage to pairs did.
type spoiled struct {
	what string
	// A pair that is in use has a value that its checksum does not fit: Verify, which
	// checks every page, entry, state page and index page, must find it.
	found bool
}

// damagePairs damages the pairs of a closed store.
func damagePairs(r *rand.Rand, kind, damage, dir string, before map[string][]byte) (sp spoiled, err error) {
	db, err := openEngine(dir)
	if err != nil {
		return sp, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	all, err := allPairs(db)
	if err != nil {
		return sp, err
	}
	changes := map[string][]byte{} // nil deletes
	if damage == rangeForget {
		keys := keysOf(all, "")
		from := r.IntN(len(keys))
		some := keys[from:min(from+1+r.IntN(1<<r.IntN(8)), len(keys))]
		for _, k := range some {
			changes[k] = nil
		}
		sp.what = fmt.Sprintf("%d pairs from %s on to %s", len(some), words(some[0]), words(some[len(some)-1]))
		return sp, apply(db, changes)
	}
	keys := keysOf(all, kind)
	if len(keys) == 0 {
		return sp, fmt.Errorf("there is no %s", kind)
	}
	if damage == pairBefore {
		old := oldKeys(all, before, kind)
		if len(old) == 0 {
			damage = pairForget
		} else {
			k := old[r.IntN(len(old))]
			sp.what = "as before: " + words(k)
			return sp, apply(db, map[string][]byte{k: before[k]})
		}
	}
	k := keys[r.IntN(len(keys))]
	v := slices.Clone(all[k])
	sp.what = damage + ": " + words(k)
	switch damage {
	case pairForget:
		v = nil
	case pairAlter:
		at, bit := r.IntN(len(v)), r.IntN(8)
		v[at] ^= 1 << bit
		sp.what += fmt.Sprintf(", bit %d of byte %d of %d", bit, at, len(v))
		sp.found = inUse(all, k)
	case pairShort:
		v = v[:r.IntN(len(v))]
		sp.what += fmt.Sprintf(", to %d of %d", len(v), len(all[k]))
		sp.found = inUse(all, k)
	case pairSwap:
		if len(keys) == 1 {
			keys = keysOf(all, "")
		}
		other := keys[r.IntN(len(keys))]
		v, sp.found = all[other], other != k && inUse(all, k)
		changes[other] = all[k]
		sp.what += " with " + words(other)
	case pairPhantom:
		key := []byte(k)
		key[len(key)-1-r.IntN(min(4, len(key)))] ^= 1 << r.IntN(8)
		if _, there := all[string(key)]; there || len(key) == 0 {
			key = append(key, 1)
		}
		sp.what += " under " + words(string(key))
		k = string(key)
	}
	changes[k] = v
	return sp, apply(db, changes)
}

func apply(db *badger.DB, changes map[string][]byte) error {
	return db.Update(func(txn *badger.Txn) error {
		for k, v := range changes {
			var err error
			if v == nil {
				err = txn.Delete([]byte(k))
			} else {
				err = txn.Set([]byte(k), v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// words names a key.
func words(k string) string {
	switch kind := pairKind(k); {
	case len(k) == 5:
		return fmt.Sprintf("%s %d", kind, binary.BigEndian.Uint32([]byte(k[1:])))
	case len(k) == entryLen && k[0] == 'j':
		return fmt.Sprintf("%s %d", kind, binary.BigEndian.Uint64([]byte(k[1:])))
	case len(k) == 9:
		return fmt.Sprintf("%s %d.%d", kind, binary.BigEndian.Uint32([]byte(k[1:])), binary.BigEndian.Uint32([]byte(k[5:])))
	default:
		return fmt.Sprintf("%s %x", kind, k)
	}
}

// inUse reports whether a pair matters: a part of the index does if the manifest names
// its run.
func inUse(all map[string][]byte, key string) bool {
	if key[0] != 'j' || len(key) == entryLen {
		return true
	}
	var m struct {
		Runs []struct{ ID uint32 } `json:"runs"`
	}
	if v := all["m"]; len(v) < 4 || json.Unmarshal(v[4:], &m) != nil {
		return false
	}
	id := binary.BigEndian.Uint32([]byte(key[entryLen+1:]))
	return slices.ContainsFunc(m.Runs, func(r struct{ ID uint32 }) bool { return r.ID == id })
}
