package badinput

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"
)

// goodCase is the good neighbour of bad ones: the greatest or least that is allowed. It
// must succeed.
type goodCase struct {
	name string
	do   func(w *world) error
}

// opensWith opens a store with options and closes it.
func opensWith(o store.Options) func(*world) error {
	return func(w *world) error {
		s, err := store.Open(w.temp(), &o)
		if err != nil {
			return err
		}
		return s.Close()
	}
}

// opensBeside opens a store in a directory that holds a file or, without text, a folder.
func opensBeside(name, text string) func(*world) error {
	return func(w *world) error {
		dir := w.temp()
		path := filepath.Join(dir, name)
		err := os.WriteFile(path, []byte(text), 0o644)
		if text == "" {
			_ = os.Remove(path)
			err = os.Mkdir(path, 0o755)
		}
		if err != nil {
			return err
		}
		s, err := store.Open(dir, weak())
		if err != nil {
			return err
		}
		return s.Close()
	}
}

func makes(f gen.Format) func(*world) error {
	return func(*world) error {
		g, err := gen.NewGenerator(f)
		if err == nil {
			_, err = g.AppendCode(nil)
		}
		return err
	}
}

func minted(name string, b store.Batch) goodCase {
	b.Name = name
	return goodCase{"mint " + name, mint(b)}
}

// imported imports a text and wants a number of codes to be added.
func imported(name, text string, o store.ImportOptions, want int64, f gen.Format) goodCase {
	return goodCase{"import " + name, func(w *world) error {
		rep, err := w.s.Import(w.present, store.Batch{Name: "import of " + name, Namespace: name, Format: f}, strings.NewReader(text), o)
		if rep.Added != want {
			w.fault("%d codes were added, want %d", rep.Added, want)
		}
		return err
	}}
}

var goodCases = []goodCase{
	{"crockford of 64 bytes", func(*world) error {
		_, err := gen.AppendCanonical(nil, strings.Repeat("o", 64), gen.Crockford)
		return err
	}},
	{"upper of 64 bytes", func(*world) error {
		_, err := gen.AppendCanonical(nil, strings.Repeat("é", 32), gen.Upper)
		return err
	}},
	{"exact of 64 bytes", func(*world) error {
		_, err := gen.AppendCanonical(nil, strings.Repeat("a ", 32), gen.Exact)
		return err
	}},
	{"ctype 1", func(*world) error { _, err := gen.ClassOf(1); return err }},
	{"ctype 5", func(*world) error { _, err := gen.ClassOf(5); return err }},
	{"length 64", makes(gen.Format{Class: gen.Digits, Length: 64})},
	{"length 1", makes(gen.Format{Class: gen.Letters, Length: 1})},
	{"prefix and length of 64", makes(gen.Format{Class: gen.Digits, Length: 61, Prefix: "VIP"})},
	{"64 bytes with a hyphen", makes(gen.Format{Class: gen.Digits, Length: 63, Group: 32})},
	{"64 bytes with prefix and hyphen", makes(gen.Format{Class: gen.Digits, Length: 60, Group: 60, Prefix: "VIP"})},
	{"groups of one", makes(gen.Format{Class: gen.Digits, Length: 32, Group: 1})},
	{"a group as long as the code", makes(gen.Format{Class: gen.Alnum, Length: 8, Group: 8})},
	{"given codes in groups of 64", func(*world) error { return gen.Format{Class: gen.Any, Group: 64}.Validate() }},
	{"12 Crockford characters pack", fillPacked(gen.Format{Length: 12}, 1)},
	{"12 letters pack", fillPacked(gen.Format{Class: gen.Letters, Length: 12}, 1)},
	{"18 digits pack", fillPacked(gen.Format{Class: gen.Digits, Length: 18}, 1)},
	{"10 of both cases pack", fillPacked(gen.Format{Class: gen.AlnumCase, Length: 10}, 1)},
	{"the value 0", func(*world) error { return unpackGood(0) }},
	{"the last value of 18 digits", func(*world) error { return unpackGood(mixedStart - 1) }},
	{"one shard", poolOf(1)},
	{"the most shards", poolOf(shard.MaxShards)},
	{"a wide code of 255 bytes", inPool(func(_ *world, p *shard.Pool, _ shard.Key) error {
		_, err := p.NewRun(2, 1, 0).AddKeys([]shard.Key{shard.WideKey(0, strings.Repeat("w", 255))})
		return err
	})},

	{"a store of one shard", opensWith(store.Options{Shards: 1})},
	{"a store of the most shards", opensWith(store.Options{Shards: 65536})},
	{"a store without syncs", opensWith(store.Options{Durability: store.WeakNoSync})},
	{"a memtable of 8 MiB", opensWith(store.Options{MemTableSize: 8 << 20})},
	{"checkpoints after each record", opensWith(store.Options{CheckpointEvery: 1})},
	{"64 KiB pending", opensWith(store.Options{MaxPending: 64 << 10})},
	{"1 GiB pending", opensWith(store.Options{MaxPending: 1 << 30})},
	{"a reserve of 48 MiB", opensWith(store.Options{DiskReserve: 48 << 20})},
	{"the fewest guesses", opensWith(store.Options{GuessesPerHour: math.SmallestNonzeroFloat64})},
	{"the least limit", opensWith(store.Options{GuessLimit: math.SmallestNonzeroFloat64})},
	{"a directory that holds what a new disk has", opensBeside("lost+found", "")},
	{"a directory that an Open left unfinished", opensBeside("LOCK", "process 1\n")},
	{"a format file that was not finished", opensBeside(".new-123", "codepool st")},

	{"check a code in 64 bytes", func(w *world) error {
		c := w.names.Replace("$ISSUED")
		return w.s.Check(w.present, store.Redemption{Code: strings.Repeat(" ", 64-len(c)) + c})
	}},
	{"check a code in small letters", func(w *world) error {
		return w.s.Check(w.present, store.Redemption{Code: strings.ToLower(w.names.Replace("$ISSUED"))})
	}},
	{"redeem with user and key of 1024 bytes", func(w *world) error {
		_, err := w.s.Redeem(w.present, store.Redemption{Code: w.names.Replace("$ISSUED"), User: strings.Repeat("é", 512), Key: longest})
		return err
	}},
	{"redeem again with a used key", func(w *world) error {
		_, err := w.s.Redeem(w.present, store.Redemption{Code: w.names.Replace("$SPENT"), User: "ann", Key: "req-1"})
		return err
	}},
	{"redeem with the key of what was undone", func(w *world) error {
		_, err := w.s.Redeem(w.present, store.Redemption{Code: w.names.Replace("$UNDONE"), User: "ann", Key: "req-2"})
		return err
	}},
	{"redeem a code whose case matters", func(w *world) error {
		_, err := w.s.Redeem(w.present, store.Redemption{Code: " aBcD1234\n"})
		return err
	}},
	{"redeem in a namespace", func(w *world) error {
		_, err := w.s.Redeem(w.present, store.Redemption{Code: "shop-1", Namespace: "shop"})
		return err
	}},
	{"release with By and key of 1024 bytes", release(store.Change{Code: "$OTHER", By: longest, Key: longest})},
	{"release before the window", release(store.Change{Code: "LATER1"})},
	{"undo with By and key of 1024 bytes", undo(store.Change{Code: "$SPENT", By: longest, Key: longest})},
	{"undo again with a used key", undo(store.Change{Code: "$UNDONE", By: "desk", Key: "undo-1"})},
	{"draw one", launched(1, store.To(longest).Once(longest))},
	{"draw again with a used key", launched(2, store.To("order-1").Once("draw-1"))},
	{"draw all there are", launched(7, store.To("rest"))}, // 7 − 1 and the released one
	{"draw as many as a draw can have", func(w *world) error {
		if _, err := w.s.Mint(w.present, store.Batch{Name: "much", Count: store.MaxIssue}); err != nil {
			return err
		}
		return issue("much", store.MaxIssue, store.To("x"))(w)
	}},

	minted("one", store.Batch{Count: 1}),
	minted("half of 10", store.Batch{Namespace: "10", Count: 5, Format: gen.Format{Class: gen.Digits, Length: 1}}),
	minted("half of 32", store.Batch{Namespace: "32", Count: 16, Format: gen.Format{Length: 1}}),
	minted("half of 62", store.Batch{Namespace: "62", Count: 31, Format: gen.Format{Class: gen.AlnumCase, Length: 1}}),
	minted("half of 26 with a prefix", store.Batch{Namespace: "26", Count: 13, Format: gen.Format{Class: gen.Letters, Length: 1, Prefix: "VIP"}}),
	minted("half of the default digits", store.Batch{Namespace: "10000", Count: 5000, Format: gen.Format{Class: gen.Digits}}),
	minted("a window of a microsecond", store.Batch{Count: 1, NotBefore: day(2030, 1, 1), NotAfter: day(2030, 1, 1).Add(time.Microsecond)}),
	minted("the whole calendar", store.Batch{Count: 1, NotBefore: day(1, 1, 1).Add(time.Second), NotAfter: day(10000, 1, 1).Add(-time.Second)}),
	minted("texts of 1024 bytes", store.Batch{Count: 1, Namespace: longest, Kind: longest, KindNo: longest, Reward: longest, Owner: longest, Remark: longest}),
	{"mint a name of 1024 bytes", mint(store.Batch{Name: longest, Count: 1})},
	{"mint what was cut off", mint(store.Batch{Name: "cut", Count: 5})},

	imported("a line of 64 bytes", strings.Repeat("N", 64), store.ImportOptions{}, 1, gen.Format{}),
	imported("lines with CR LF, blank lines and no end", "A1\r\n\r\n\nB2", store.ImportOptions{}, 2, gen.Format{}),
	imported("a byte-order mark that is allowed", "\ufeffcode,user\nA1,x\n", store.ImportOptions{AllowBOM: true}, 1, gen.Format{}),
	imported("a reference of 1024 bytes", "A1\n", store.ImportOptions{HandedOut: true, Ref: longest}, 1, gen.Format{}),
	imported("a header in capitals behind others", "user, CODE \n\"a, \"\"b\"\"\",A1\n", store.ImportOptions{}, 1, gen.Format{}),
	imported("four digits", "0123\n", store.ImportOptions{}, 1, digits4),
	imported("a prefix in small letters", "vip-0123\n", store.ImportOptions{}, 1, vip4),
	imported("hyphens where they do not count", "7kqf 2m9x-t4wc\n", store.ImportOptions{}, 1, gen.DefaultFormat()),
	{"import more", importText(store.Batch{Name: "given"}, "GIVEN1\nGIVEN2\n", store.ImportOptions{})},

	{"back up into just enough room", func(w *world) error {
		var all bytes.Buffer
		if _, err := w.s.Backup(w.present, &all); err != nil {
			return err
		}
		return backUp(&fullAfter{room: all.Len() + 9, err: errPipe})(w) // the manifest's time differs by so much
	}},
	{"restore a backup", restoresInto(func(top string) string { return filepath.Join(top, "new") })},
	{"restore into an empty directory", restoresInto(func(top string) string { return top })},
	{"restore beside what a new disk has", restoresInto(func(top string) string {
		_ = os.Mkdir(filepath.Join(top, "lost+found"), 0o755)
		return top
	})},
	{"restore frames that were put together anew", func(w *world) error {
		_, err := store.Restore(w.present, filepath.Join(w.temp(), "new"), bytes.NewReader(joined(backupHead, frames(w.backup))))
		return err
	}},
	{"restore byte by byte", func(w *world) error {
		_, err := store.Restore(w.present, filepath.Join(w.temp(), "new"), oneByte{bytes.NewReader(w.backup)})
		return err
	}},
}

func unpackGood(v uint64) error {
	_, ok := gen.AppendUnpacked(nil, v)
	return no(ok)
}

func poolOf(n int) func(*world) error {
	return func(*world) error {
		p, err := shard.New(n)
		if err == nil {
			p.Close()
		}
		return err
	}
}

func restoresInto(place func(top string) string) func(*world) error {
	return func(w *world) error {
		_, err := store.Restore(w.present, place(w.temp()), bytes.NewReader(w.backup))
		return err
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// TestNeighbours shows that what is just inside of a limit is accepted.
func TestNeighbours(t *testing.T) {
	w := openWorld(t)
	for _, c := range slices.Concat(goodCases, goodSigned, goodChanges, nothing, goodLent, goodShares) {
		t.Run(c.name, func(t *testing.T) {
			w.wrong, w.temp, w.present = nil, t.TempDir, t.Context()
			if err := c.do(w); err != nil {
				t.Error(err)
			}
			report(t, w.wrong)
		})
	}
}

// goodLines are good neighbours on the command line: out is what they must print. Those
// with an exit code are read as they should be and refused for what they say.
var goodLines = []cliCase{
	{name: "count 1", line: "mint --name n1 --count 1", out: `"minted":1`},
	{name: "count with an underscore", line: "mint --name n2 --count 1_0", out: `"minted":10`},
	{name: "count by its unit", line: "mint --name n3 --count 1K", out: `"minted":1000`},
	{name: "half of the digits", line: "mint --name n4 --count 5000 --format digits:4 --namespace n4", out: `"minted":5000`},
	{name: "a leap day", line: "mint --name n5 --count 1 --not-after 2028-02-29", out: `"not_after":"2028-02-29T00:00:00Z"`},
	{name: "a time in a zone", line: "mint --name n6 --count 1 --not-after 2027-01-31T18:00:00+01:00", out: `"not_after":"2027-01-31T17:00:00Z"`},
	{name: "the last day", line: "mint --name n7 --count 1 --not-after 9999-12-31", out: `"not_after":"9999-12-31T00:00:00Z"`},
	{name: "a format of 64", line: "mint --name n8 --count 1 --format alnum:64", out: `"length":64`},
	{name: "a group as long as the code", line: "mint --name n9 --count 1 --format alnum:8:8", out: `"group":8`},
	{name: "what was cut off", line: "mint --name cut --count 5", out: `"complete":true`},
	{name: "a name of 1024 bytes", line: "mint --name $FULL --count 1", out: `"minted":1`},
	{name: "an import with a mark", line: "import - --name n10 --allow-bom", in: "\ufeffNEW1\n", out: `"added":1`},
	{name: "an import of 64 bytes", line: "import - --name n11", in: strings.Repeat("N", 64), out: `"added":1`},
	{name: "an import that is handed out", line: "import codes.txt --name n12 --namespace n12 --handed-out --ref $FULL", out: `"issued":2`},
	{name: "an account for all commands", line: "CODEPOOL_ACCOUNT=ann mint --name owned --count 2", out: `"owner":"ann"`},
	{name: "a draw", line: "issue launch 1 --ref $FULL", out: `"codes":["`},
	{name: "a used key", line: "issue launch 2 --ref order-1 --key draw-1", out: `"codes":["$ISSUED","$OTHER"]`},
	{name: "all there are", line: "issue 1 6", out: `"codes":["`},
	{name: "an export by its name", line: "export n3 10 --account r --id $FULL --out new.csv", out: `"count":10`},
	{name: "an export by force", line: "export n3 10 --account r --id e --out taken.csv --force", out: `"file":"taken.csv"`},
	{name: "an export as XLSX", line: "export n3 10 --account $FULL --ref $FULL --id x --out new.xlsx", out: `"count":10`},
	{name: "an export of another account by force", line: "export owned 1 --account ben --id e2 --override", out: `"account":"ben"`},
	{name: "an export of what there is", line: "export owned 10_000_000 --account ann --id e3 --partial", out: `"count":1`},
	{name: "the codes behind the last place", line: "codes owned --after 18446744073709551615 --limit 9223372036854775807"},
	{name: "the records behind the last", line: "ledger --after 18446744073709551615 --limit 9223372036854775807"},
	{name: "check", line: "check $ISSUED --user $FULL", out: `"redeems":true`},
	{name: "show in a namespace", line: "show SHOP1 --namespace shop", out: `"code":"SHOP1"`},
	{name: "redeem for 1024 bytes", line: "redeem $ISSUED --user $FULL --key $FULL", out: `"number":`},
	{name: "a used receipt", line: "redeem $SPENT --user ann --key req-1", out: `"number":`},
	{name: "a stream", line: "redeem --file - --user bob", in: "\"$OTHER\",\"a, \"\"b\"\"\"", out: `"user":"a, \"b\""`},
	{name: "a stream with a mark and a header", line: "redeem - --allow-bom", in: "\ufeffnamespace,Code\r\nshop,SHOP1\r\n", out: `"code":"SHOP1"`},
	{name: "a stream with a line of 16 KiB", line: "redeem -", in: strings.Repeat("A", 16<<10-1) + "\n", out: `"refused":"unknown_code"`, exit: unknown},
	{name: "an empty stream", line: "redeem -"},
	{name: "a batch by its number", line: "batches 9", out: `"name":"small"`},
	{name: "a configuration and the environment", line: "CODEPOOL_QUIET=true CODEPOOL_MINT_COUNT=7 mint --name n13 --config good.toml", out: `"owner":"ann"`},
	{name: "a directory by the environment", line: "CODEPOOL_DATA=codepool-data CODEPOOL_VERBOSE=0 stats", out: `"dir":"codepool-data"`},
	{name: "a backup", line: "backup new.backup", out: `"checksum"`},
	{name: "a backup by force", line: "backup junk --force", out: `"checksum"`},
	{name: "restore into an empty directory", line: "restore good.backup --data bare", out: `"data":"bare"`},
	{name: "restore over a store by force", line: "restore good.backup --data bare --force", out: `"kept":"bare.before-restore-`},
	{name: "the smallest bench", line: "bench --count 1000 --jobs mint", out: `"n":1000`},
	{name: "the smallest demo, the greatest seed", line: "demo --count 1000 --kills 0 --seed 18446744073709551615", out: `"ok":true`},
	{name: "verify", line: "verify", out: `"ok":true`},
}

// runGoodLines is TestNeighbours for the program.
func runGoodLines(t *testing.T, p *program) {
	t.Parallel()
	w := placeWorld(t, p)
	w.write(t, "good.toml", "[mint]\nowner = \"ann\"\ncount = 5\n")
	full := strings.NewReplacer("$FULL", longest)
	for _, c := range goodLines {
		t.Run(c.name, func(t *testing.T) {
			c.line = full.Replace(c.line)
			exit, out, errOut := w.run(t, c)
			if want := w.names.Replace(c.out); exit != c.exit || !strings.Contains(out, want) {
				t.Errorf("exit code %d, output %.300q, want %d and %q: %s", exit, out, c.exit, want, errOut)
			}
		})
	}
}
