package badinput

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"codepool/gen"
	"codepool/store"
)

// openWith opens a store in a directory that is not there, which must not be made.
func openWith(o store.Options) func(*world) error {
	return func(w *world) error {
		dir := filepath.Join(w.temp(), "new")
		s, err := store.Open(dir, &o)
		if s != nil {
			w.fault("it was opened")
			_ = s.Close()
		}
		if _, serr := os.Stat(dir); serr == nil {
			w.fault("the directory was made all the same")
		}
		return err
	}
}

var optionCases = []apiCase{
	{"three shards", openWith(store.Options{Shards: 3}), store.ErrInvalid, "options: Shards is 3: want a power of two"},
	{"shards below zero", openWith(store.Options{Shards: -64}), store.ErrInvalid, "Shards is -64"},
	{"one shard more than the most", openWith(store.Options{Shards: 65537}), store.ErrInvalid, "Shards is 65537"},
	{"twice the most shards", openWith(store.Options{Shards: 131072}), store.ErrInvalid, "from 1 to 65536"},
	{"the least number of shards", openWith(store.Options{Shards: math.MinInt}), store.ErrInvalid, "Shards is -"},
	{"durability behind the last", openWith(store.Options{Durability: store.WeakNoSync + 1}), store.ErrInvalid, "Durability is 2: want Durable or WeakNoSync"},
	{"the greatest durability", openWith(store.Options{Durability: 255}), store.ErrInvalid, "Durability is 255"},
	{"a memtable of 8 MiB less one", openWith(store.Options{MemTableSize: 8<<20 - 1}), store.ErrInvalid, "MemTableSize is 8388607: want 8 MiB to 1 GiB"},
	{"a memtable of 1 GiB and one", openWith(store.Options{MemTableSize: 1<<30 + 1, DiskReserve: math.MaxInt64}), store.ErrInvalid, "MemTableSize is 1073741825"},
	{"a memtable below zero", openWith(store.Options{MemTableSize: -1}), store.ErrInvalid, "MemTableSize is -1"},
	{"the greatest memtable", openWith(store.Options{MemTableSize: math.MaxInt64}), store.ErrInvalid, "MemTableSize is 9223372036854775807"},
	{"checkpoints every -1", openWith(store.Options{CheckpointEvery: -1}), store.ErrInvalid, "CheckpointEvery is -1: want at least 1"},
	{"checkpoints every least number", openWith(store.Options{CheckpointEvery: math.MinInt64}), store.ErrInvalid, "CheckpointEvery is -"},
	{"64 KiB less one pending", openWith(store.Options{MaxPending: 64<<10 - 1}), store.ErrInvalid, "MaxPending is 65535: want 64 KiB to 1 GiB"},
	{"1 GiB and one pending", openWith(store.Options{MaxPending: 1<<30 + 1}), store.ErrInvalid, "MaxPending is 1073741825"},
	{"less than nothing pending", openWith(store.Options{MaxPending: -4096}), store.ErrInvalid, "MaxPending is -4096"},
	{"a reserve of 48 MiB less one", openWith(store.Options{DiskReserve: 48<<20 - 1}), store.ErrInvalid, "DiskReserve is 50331647: want at least 6 × MemTableSize = 50331648"},
	{"a reserve below zero", openWith(store.Options{DiskReserve: -1}), store.ErrInvalid, "DiskReserve is -1"},
	{"a reserve too small for its memtable", openWith(store.Options{MemTableSize: 16 << 20, DiskReserve: 48 << 20}), store.ErrInvalid, "= 100663296"},
	{"guesses below zero", openWith(store.Options{GuessesPerHour: -1}), store.ErrInvalid, "GuessesPerHour is -1: want a number above 0"},
	{"guesses that are no number", openWith(store.Options{GuessesPerHour: math.NaN()}), store.ErrInvalid, "GuessesPerHour is NaN"},
	{"guesses of minus infinity", openWith(store.Options{GuessesPerHour: math.Inf(-1)}), store.ErrInvalid, "GuessesPerHour is -Inf"},
	{"a limit just below zero", openWith(store.Options{GuessLimit: -math.SmallestNonzeroFloat64}), store.ErrInvalid, "GuessLimit is -5e-324"},
	{"a limit that is no number", openWith(store.Options{GuessLimit: math.NaN()}), store.ErrInvalid, "GuessLimit is NaN"},
	{"all of them", openWith(store.Options{Shards: 7, Durability: 9, MemTableSize: 1, CheckpointEvery: -1, MaxPending: 1, DiskReserve: 1, GuessesPerHour: -1, GuessLimit: -1}),
		store.ErrInvalid, "Shards … Durability … MemTableSize … CheckpointEvery … MaxPending … DiskReserve … GuessesPerHour … GuessLimit"},
	{"a good store and codes that are easy to guess", func(w *world) error {
		s, err := store.Open(w.temp(), &store.Options{Durability: store.WeakNoSync, RefuseGuessable: true})
		if err != nil {
			return errors.New("no store")
		}
		defer s.Close()
		before := sum(s)
		_, err = s.Mint(w.present, store.Batch{Name: "weak", Count: 100, Format: gen.Format{Class: gen.Digits, Length: 8}})
		if after := sum(s); after != before {
			w.fault("it changed the store to %s", after)
		}
		return err
	}, store.ErrGuessable, `batch "weak" … make them 15 characters long`},
	{"a good store and too little room", func(w *world) error {
		dir := w.temp()
		s, err := store.Open(dir, &store.Options{DiskReserve: math.MaxInt64})
		if s != nil {
			_ = s.Close()
		}
		if _, serr := os.Stat(filepath.Join(dir, "CODEPOOL")); serr == nil {
			w.fault("a store was made")
		}
		return err
	}, store.ErrDiskFull, "MiB free, writes need … DiskReserve"},
	{"infinitely many guesses", openWith(store.Options{GuessesPerHour: math.Inf(1)}), store.ErrInvalid, "GuessesPerHour is +Inf"},
	{"an infinite limit", openWith(store.Options{GuessLimit: math.Inf(1)}), store.ErrInvalid, "GuessLimit is +Inf"},
}

// openDir opens a directory that make has prepared; it must stay as it is.
func openDir(prepare func(dir string) (path string, err error)) func(*world) error {
	return func(w *world) error {
		dir := w.temp()
		path, err := prepare(dir)
		if err != nil {
			return err
		}
		before := listing(dir, "")
		s, err := store.Open(path, weak())
		if s != nil {
			w.fault("it was opened")
			_ = s.Close()
		}
		if after := listing(dir, ""); after != before {
			w.fault("the directory was changed:\n%s", newLines(before, after))
		}
		return err
	}
}

// fresh prepares a directory with one file in it.
func fresh(name, text string) func(*world) error {
	return openDir(func(dir string) (string, error) {
		return dir, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
	})
}

// spoilt prepares a store with a batch, closed, of which spoil has its way.
func spoilt(spoil func(dir string) error) func(*world) error {
	return openDir(func(dir string) (string, error) {
		s, err := store.Open(dir, weak())
		if err != nil {
			return dir, errors.New("no store")
		}
		_, err = s.Mint(context.Background(), store.Batch{Name: "b", Count: 1})
		return dir, errors.Join(err, s.Close(), spoil(dir))
	})
}

// overwritten is spoilt with another text in a file.
func overwritten(name, text string) func(*world) error {
	return spoilt(func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) })
}

// removed is spoilt with a file less, or a folder.
func removed(name string) func(*world) error {
	return spoilt(func(dir string) error { return os.RemoveAll(filepath.Join(dir, name)) })
}

// folder is spoilt with a folder where a file must be.
func folder(name string) func(*world) error {
	return spoilt(func(dir string) error {
		path := filepath.Join(dir, name)
		return errors.Join(os.RemoveAll(path), os.Mkdir(path, 0o755))
	})
}

var directoryCases = []apiCase{
	{"a file", openDir(func(dir string) (string, error) {
		path := filepath.Join(dir, "file")
		return path, os.WriteFile(path, []byte("x"), 0o644)
	}), store.ErrInvalid, "is a file"},
	{"somebody's files", fresh("photo.jpg", "x"), store.ErrFormat, `not empty and holds no store (found "photo.jpg")`},
	{"a hidden file", fresh(".profile", "x"), store.ErrFormat, `".profile"`},
	{"a folder in it", openDir(func(dir string) (string, error) { return dir, os.Mkdir(filepath.Join(dir, "codepool-data"), 0o755) }), store.ErrFormat, `"codepool-data"`},
	{"a format file in small letters", fresh("codepool", "codepool store, format 1\n"), store.ErrFormat, `"codepool"`},
	{"a restore that did not finish", fresh("RESTORING", "a restore is at work\n"), store.ErrFormat, "a restore into … did not finish: empty the directory and restore again"},
	{"an empty format file", fresh("CODEPOOL", ""), store.ErrFormat, "CODEPOOL says"},
	{"a format file with a blank line", fresh("CODEPOOL", "\n\n"), store.ErrFormat, "CODEPOOL says"},
	{"format 0", fresh("CODEPOOL", "codepool store, format 0\n"), store.ErrFormat, `"codepool store, format 0", this program reads`},
	{"format 2", fresh("CODEPOOL", "codepool store, format 2\n"), store.ErrFormat, "format 2 … format 1"},
	{"format 10", fresh("CODEPOOL", "codepool store, format 10\n"), store.ErrFormat, "format 10"},
	{"format 01", fresh("CODEPOOL", "codepool store, format 01\n"), store.ErrFormat, "format 01"},
	{"format without a number", fresh("CODEPOOL", "codepool store, format"), store.ErrFormat, "CODEPOOL says"},
	{"two formats", fresh("CODEPOOL", "codepool store, format 1\ncodepool store, format 2\n"), store.ErrFormat, "format 2"},
	{"a format in capitals", fresh("CODEPOOL", "CODEPOOL STORE, FORMAT 1\n"), store.ErrFormat, "CODEPOOL says"},
	{"a format behind a byte-order mark", fresh("CODEPOOL", "\ufeffcodepool store, format 1\n"), store.ErrFormat, "CODEPOOL says"},
	{"a format file of another program", fresh("CODEPOOL", strings.Repeat("\x00\xff", 50_000)), store.ErrFormat, "CODEPOOL says"},
	{"a backup as format file", fresh("CODEPOOL", "codepool backup, format 1\n"), store.ErrFormat, "codepool backup"},
	{"a store whose format file is lost", func(w *world) error {
		dir := w.temp()
		s, err := store.Open(dir, weak())
		if err != nil {
			return errors.New("no store")
		}
		_, err = s.Mint(w.present, store.Batch{Name: "b", Count: 1})
		if err := errors.Join(err, s.Close(), os.Remove(filepath.Join(dir, "CODEPOOL"))); err != nil {
			return err
		}
		before := listing(dir, "journal") // the engine has to open it to see that it holds data
		s, err = store.Open(dir, weak())
		if s != nil {
			w.fault("it was opened")
			_ = s.Close()
		}
		if after := listing(dir, "journal"); after != before {
			w.fault("the directory was changed:\n%s", newLines(before, after))
		}
		return err
	}, store.ErrFormat, "holds data but no CODEPOOL file"},
	{"a store whose mark is lost", removed("HIGHWATER"), store.ErrCorrupt, "HIGHWATER is missing or empty"},
	{"a store whose journal is lost", removed("journal"), store.ErrCorrupt, "MANIFEST is missing or empty"},
	{"a store whose manifest is lost", removed("journal/MANIFEST"), store.ErrCorrupt, "MANIFEST is missing or empty"},
	{"a store whose mark is empty", overwritten("HIGHWATER", ""), store.ErrCorrupt, "HIGHWATER is missing or empty"},
	{"a store whose mark is rubbish", overwritten("HIGHWATER", strings.Repeat("rubbish ", 1000)), store.ErrCorrupt, "no slot is readable"},
	{"a store whose manifest is rubbish", overwritten("journal/MANIFEST", strings.Repeat("rubbish ", 1000)), store.ErrCorrupt, "MANIFEST"},
	{"a store whose manifest is empty", overwritten("journal/MANIFEST", ""), store.ErrCorrupt, "MANIFEST is missing or empty"},
	{"a store whose format file is a folder", folder("CODEPOOL"), errAny, "read format of data directory"},
	{"a store whose lock is a folder", folder("LOCK"), errAny, "lock data directory"},
	{"a store whose journal is a file", spoilt(func(dir string) error {
		path := filepath.Join(dir, "journal")
		return errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte("x"), 0o644))
	}), store.ErrCorrupt, "MANIFEST"},
	{"a store whose manifest is a folder", folder("journal/MANIFEST"), store.ErrCorrupt, "MANIFEST"},
	{"a store that is open", func(w *world) error {
		s, err := store.Open(filepath.Join(w.dir, dataDir), weak())
		if s != nil {
			w.fault("it was opened twice")
			_ = s.Close()
		}
		var lock *store.LockError
		if !errors.As(err, &lock) || lock.Holder == "" || lock.Dir != filepath.Join(w.dir, dataDir) {
			w.fault("the lock's holder is not told: %+v", lock)
		}
		return err
	}, store.ErrLocked, "is locked by process"},
	{"a path with a NUL", openDir(func(dir string) (string, error) { return dir + "/a\x00b", nil }), errAny, "data directory"},
	{"a name of 300 bytes", openDir(func(dir string) (string, error) { return dir + "/" + strings.Repeat("d", 300), nil }), errAny, "too long"},
	{"no name", func(*world) error { _, err := store.Open("", weak()); return err }, store.ErrInvalid, "data directory"},
	{"below a file", openDir(func(dir string) (string, error) {
		return filepath.Join(dir, "file", "below"), os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
	}), store.ErrInvalid, "data directory"},
	{"a store without format file and manifest", spoilt(func(dir string) error {
		return errors.Join(os.Remove(filepath.Join(dir, "CODEPOOL")), os.Remove(filepath.Join(dir, "journal", "MANIFEST")))
	}), store.ErrFormat, "holds data"},
	{"tables only", spoilt(func(dir string) error {
		tables, err := filepath.Glob(filepath.Join(dir, "journal", "*.sst"))
		if err != nil || len(tables) == 0 {
			return fmt.Errorf("no tables: %v", err)
		}
		kept, err := os.ReadFile(tables[0])
		if err != nil {
			return err
		}
		for _, name := range []string{"CODEPOOL", "HIGHWATER", "LOCK", "journal"} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
		}
		return errors.Join(err, os.Mkdir(filepath.Join(dir, "journal"), 0o755), os.WriteFile(tables[0], kept, 0o644))
	}), store.ErrFormat, "holds data"},
}
