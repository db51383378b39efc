package store_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"codepool/store"
	"codepool/store/storetest"
)

func TestVerifyReport(t *testing.T) {
	s := storetest.Open(t)
	if rep := storetest.Verify(t, s); rep.Codes != 0 || rep.Records != 0 {
		t.Errorf("an empty store verifies as %+v", rep)
	}
	codes := issued(t, s, "b", 50)
	mint(t, s, store.Batch{Name: "wide", Count: 30, Format: wideFormat})
	for _, c := range codes[:7] {
		redeem(t, s, store.Redemption{Code: c})
	}
	if rep := storetest.Verify(t, s); rep.Batches != 2 || rep.Codes != 80 || rep.Redemptions != 7 || rep.Records != 10 || rep.Upto != 10 {
		t.Errorf("%+v", rep)
	}
}

// tamper opens the engine of a closed store and changes what is in it.
func tamper(t *testing.T, dir string, change func(*badger.DB, map[string][]byte) error) {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(dir + "/journal").WithLogger(nil).WithMemTableSize(8 << 20).WithValueLogFileSize(1 << 20).WithValueThreshold(1 << 20).WithNumCompactors(2).WithCompression(options.None))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
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
	if err = errors.Join(err, change(db, all), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func put(db *badger.DB, key string, value []byte) error {
	return db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(key), value) })
}

// sealed gives a value the checksum that goes with its key: damage that only a
// comparison can find.
func sealed(key string, value []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(value, crc32.Update(crc32.Checksum([]byte(key), table), table, value[4:]))
	return value
}

// ofKind returns the keys of one kind, in order; length 0 is any.
func ofKind(all map[string][]byte, kind byte, length int) (keys []string) {
	for k := range all {
		if k[0] == kind && (length == 0 || len(k) == length) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// entryLen is the length of a ledger entry's key, apart from index pages.
const entryLen = 9

// Whatever is damaged on disk, the store refuses to open with ErrCorrupt, or Verify
// reports it. It never works on as if nothing were.
func TestPlantedDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	codes := issued(t, s, "b", 400)
	rs := redemptions(codes[:100], "u")
	for i := range rs {
		rs[i].Key = fmt.Sprint("key", i)
	}
	for part := range slices.Chunk(rs, 20) { // several entries and index runs
		for _, r := range s.RedeemAll(t.Context(), part) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	importCodes(t, s, store.Batch{Name: "given"}, store.ImportOptions{HandedOut: true, Ref: "x"}, "CARD-1", strings.Repeat("W", 64))
	mustClose(t, s)

	flip := func(kind byte, length, at int) func(*badger.DB, map[string][]byte) error {
		return func(db *badger.DB, all map[string][]byte) error {
			keys := ofKind(all, kind, length)
			if len(keys) == 0 {
				return fmt.Errorf("no key of kind %c", kind)
			}
			v := all[keys[0]]
			v[(at+len(v))%len(v)] ^= 0x10
			return put(db, keys[0], v)
		}
	}
	remove := func(kind byte, length, which int) func(*badger.DB, map[string][]byte) error {
		return func(db *badger.DB, all map[string][]byte) error {
			keys := ofKind(all, kind, length)
			return db.Update(func(txn *badger.Txn) error { return txn.Delete([]byte(keys[(which+len(keys))%len(keys)])) })
		}
	}
	reseal := func(kind byte, length int, change func(v []byte) []byte) func(*badger.DB, map[string][]byte) error {
		return func(db *badger.DB, all map[string][]byte) error {
			key := ofKind(all, kind, length)[0]
			return put(db, key, sealed(key, change(all[key])))
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*badger.DB, map[string][]byte) error
	}{
		{"batch flipped", flip('B', 0, -2)},
		{"batch removed", remove('B', 0, 0)},
		{"run header flipped", flip('R', 0, 5)},
		{"run header removed", remove('R', 0, 0)},
		{"code page flipped", flip('P', 0, 100)},
		{"code page's checksum flipped", flip('P', 0, 0)},
		{"code page removed", remove('P', 0, 0)},
		{"code page cut", reseal('P', 0, func(v []byte) []byte { return v[:len(v)-8] })},
		{"code page with two codes exchanged", reseal('P', 0, func(v []byte) []byte {
			a, b := binary.LittleEndian.Uint64(v[4:]), binary.LittleEndian.Uint64(v[12:])
			binary.LittleEndian.PutUint64(v[4:], b)
			binary.LittleEndian.PutUint64(v[12:], a)
			return v
		})},
		{"code page with a code twice", reseal('P', 0, func(v []byte) []byte { copy(v[12:20], v[4:12]); return v })},
		{"state page flipped", flip('s', 0, 20)},
		{"state page removed", remove('s', 0, 0)},
		{"state page of another time", reseal('s', 0, func(v []byte) []byte {
			for i := range v[16:] {
				v[16+i] = 0x33 // all issued
			}
			return v
		})},
		{"state page with an impossible state", reseal('s', 0, func(v []byte) []byte { v[16] = 0xEE; return v })},
		{"first entry flipped", flip('j', entryLen, 30)},
		{"first entry removed", remove('j', entryLen, 0)},
		{"entry in the middle removed", remove('j', entryLen, 2)},
		{"last entry removed", remove('j', entryLen, -1)},
		{"entry cut", reseal('j', entryLen, func(v []byte) []byte { return v[:len(v)-1] })},
		{"entry of an unknown kind", reseal('j', entryLen, func(v []byte) []byte { v[16] = 99; return v })},
		{"entry twice", func(db *badger.DB, all map[string][]byte) error {
			keys := ofKind(all, 'j', entryLen)
			last := keys[len(keys)-2]
			next := binary.BigEndian.Uint64([]byte(keys[len(keys)-1])[1:])
			v := slices.Clone(all[last])
			key := string(binary.BigEndian.AppendUint64([]byte{'j'}, next+1)) // behind the last one
			binary.LittleEndian.PutUint64(v[4:], next+1)
			return put(db, key, sealed(key, v))
		}},
		{"checkpoint flipped", flip('k', 0, 6)},
		{"checkpoint removed", remove('k', 0, 0)},
		{"checkpoint ahead", reseal('k', 0, func(v []byte) []byte { binary.LittleEndian.PutUint64(v[4:], 1<<40); return v })},
		{"manifest flipped", flip('m', 0, 12)},
		{"manifest removed", remove('m', 0, 0)},
		{"index directory flipped", func(db *badger.DB, all map[string][]byte) error { return flipPart(db, all, 'd') }},
		{"index filter flipped", func(db *badger.DB, all map[string][]byte) error { return flipPart(db, all, 'f') }},
		{"index postings flipped", func(db *badger.DB, all map[string][]byte) error { return flipPart(db, all, 'i') }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := copyDir(t, dir)
			tamper(t, c, tc.change)
			s, err := store.Open(c, weak())
			if err != nil {
				var ce *store.CorruptError
				if !errors.Is(err, store.ErrCorrupt) || !errors.As(err, &ce) || ce.What == "" || ce.Why == "" {
					t.Errorf("refused with %v, want a CorruptError that says what and why", err)
				}
				return
			}
			defer s.Close()
			rep, err := s.Verify(t.Context())
			if err != nil && !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("verify: %v", err)
			}
			if err == nil && rep.OK() && !harmless(t, s, codes, rs) {
				t.Error("it opens, Verify finds nothing, and the answers are wrong")
			}
			t.Logf("opens; verify: %q", rep.Problems)
		})
	}
}

// flipPart damages one page of an index run.
func flipPart(db *badger.DB, all map[string][]byte, part byte) error {
	for _, k := range ofKind(all, 'j', 0) {
		if len(k) > entryLen && k[entryLen] == part {
			v := all[k]
			v[len(v)-1] ^= 1
			return put(db, k, v)
		}
	}
	return fmt.Errorf("no index page %c", part)
}

// harmless reports whether a store that verifies gives the right answers: what was
// damaged can be derived from the rest.
func harmless(t *testing.T, s *store.Store, codes []string, rs []store.Redemption) bool {
	ok := s.Stats().Codes == store.Counts{Minted: 402, Issued: 302, Redeemed: 100}
	for _, r := range s.RedeemAll(t.Context(), rs) {
		ok = ok && r.Err == nil
	}
	for i, c := range codes {
		info, err := s.Lookup(t.Context(), "", c)
		ok = ok && err == nil && info.Ref == "order of b" && (info.Receipt != nil) == (i < len(rs))
	}
	return ok
}

// Damage to what a backup copies is not carried on.
func TestBackupRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	codes := issued(t, s, "b", 20)
	redeem(t, s, store.Redemption{Code: codes[0]})
	mustClose(t, s)
	tamper(t, dir, func(db *badger.DB, all map[string][]byte) error {
		key := ofKind(all, 'j', entryLen)[0]
		all[key][20] ^= 1
		return put(db, key, all[key])
	})
	s = open(t, dir, weak())
	defer s.Close()
	_, err := s.Backup(t.Context(), &failing{1 << 30})
	wantErr(t, "backup of a damaged ledger", err, store.ErrCorrupt)
	last := error(nil)
	for _, err := range s.Receipts(t.Context(), 0) {
		last = err
	}
	wantErr(t, "receipts of a damaged ledger", last, store.ErrCorrupt)
}

// A machine that reads the report gets a list, also an empty one.
func TestVerifyReportAsJSON(t *testing.T) {
	s := storetest.Open(t)
	rep, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(rep)
	if err != nil || !strings.Contains(string(text), `"problems":[]`) {
		t.Errorf("%s, %v", text, err)
	}
}
