package media

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"

	"codepool/store"
)

// holds checks that the store has everything it acknowledged, and nothing else: all
// receipts, and some codes. It is all reads, which a full disk does not hinder.
func (w *world) holds(phase string, some int) {
	w.t.Helper()
	var l Ledger
	if !w.open || !w.call(phase, "Store.Receipts", None{}, &l) {
		return
	}
	if !l.Err.ok() {
		w.t.Errorf("%s: receipts: %v", phase, l.Err)
		return
	}
	found := map[uint64]Receipt{}
	for _, r := range l.Receipts {
		found[r.Number] = r
	}
	w.adopt(phase, found)
	if !maps.Equal(found, w.receipts) {
		w.t.Errorf("%s: the ledger has %d receipts, %d were given, or they differ", phase, len(found), len(w.receipts))
		w.tally.add(phase, "lost")
	}
	var texts []string
	for _, state := range []string{"issued", "redeemed", "available"} {
		for _, c := range w.pick(state, some/2) {
			texts = append(texts, c.text)
		}
	}
	w.look(phase, texts)
}

// look holds what the store says of some codes against what it acknowledged.
func (w *world) look(phase string, texts []string) {
	w.t.Helper()
	var looks []Look
	if !w.call(phase, "Store.Look", texts, &looks) {
		return
	}
	for i, text := range texts {
		c := w.codes[text]
		want := Look{State: c.state, Receipt: c.receipt}
		if c.state != "available" {
			want.Ref = c.ref
		}
		check := map[string]string{"issued": "", "redeemed": "ErrAlreadyRedeemed", "available": "ErrNotIssued"}[c.state]
		got := looks[i]
		ok := got.Err.ok() && got.State == want.State && got.Ref == want.Ref && got.Receipt == want.Receipt
		if said := fmt.Sprint(got.Check.Is); !ok || check == "" && !got.Check.ok() || check != "" && said != "["+check+"]" {
			w.t.Errorf("%s: %s is %+v, want %+v and %q", phase, text, got, want, check)
			w.tally.add(phase, "wrong answer")
		}
	}
}

// adopt takes over what a store did and could not tell before it ended: each of its last
// requests happened or did not.
func (w *world) adopt(phase string, found map[uint64]Receipt) {
	w.t.Helper()
	if len(w.lost) == 0 {
		return
	}
	burns, draws := map[int]bool{}, map[string]bool{}
	var texts []string
	for _, work := range w.lost {
		for _, b := range work.Burns {
			burns[b.Seq] = true
			texts = append(texts, b.Code)
		}
		for _, d := range work.Draws {
			draws[d.Ref] = true
		}
		texts = append(append(texts, work.Release...), work.Undo...)
	}
	for _, c := range w.in["available"] { // a lost draw may have taken it
		texts = append(texts, c.text)
	}
	for number, r := range found {
		if burns[r.Seq] {
			w.receipts[number] = r
		}
	}
	var looks []Look
	if !w.call(phase, "Store.Look", texts, &looks) {
		return
	}
	for i, text := range texts {
		c, l := w.codes[text], looks[i]
		if c.state == "available" && !draws[l.Ref] {
			continue
		}
		if c.receipt = l.Receipt; l.Ref != "" {
			c.ref = l.Ref
		}
		w.move(c, l.State)
	}
	w.lost = nil
}

// proves verifies the store, and that Stats says whether it takes writes.
func (w *world) proves(phase string) {
	w.t.Helper()
	var p Proof
	if !w.open || !w.call(phase, "Store.Verify", None{}, &p) {
		return
	}
	if !p.Err.ok() || len(p.Problems) > 0 {
		w.t.Errorf("%s: verify: %v %v", phase, p.Problems, p.Err)
	}
	free, says := w.vol.free(), p.Stats.Failure != ""
	need := p.Stats.DiskNeeded
	if free < need && !says || free > need+4<<20 && says {
		w.t.Errorf("%s: with %d bytes free and %d needed Stats says %q of writes", phase, free, need, p.Stats.Failure)
	}
	if c := p.Stats.Codes; c.Minted != c.Available+c.Issued+c.Redeemed {
		w.t.Errorf("%s: %+v does not add up", phase, c)
	}
}

// refusesAll tries every verb that writes: each must say ErrDiskFull and change nothing.
func (w *world) refusesAll(phase string) {
	w.t.Helper()
	said := map[string]bool{}
	want := func(verb string, f Fault) {
		w.t.Helper()
		w.tally.add("full: "+verb, outcomeOf(f))
		if text := verb + f.String(); !f.full() && !said[text] {
			said[text] = true
			w.t.Errorf("%s: %s with %d bytes free: %v, want ErrDiskFull", phase, verb, w.vol.free(), f)
		}
	}
	work := w.plan(24, 10)
	for _, b := range w.batches {
		if len(work.Draws) == 0 && b.stock > 0 {
			work.Draws = []Draw{{b.id, 1, "one more"}}
		}
	}
	out := new(Worked)
	if !w.call(phase, "Store.Work", work, out) {
		w.lost = append(w.lost, work)
		return
	}
	for verb, answers := range map[string][]Answer{"redeem": out.Burns, "release": out.Release, "undo": out.Undo, "issue": out.Draws} {
		for _, a := range answers {
			want(verb, a.Err)
		}
	}
	w.note(phase, work, out)
	var a Added
	if w.call(phase, "Store.Mint", store.Batch{Name: "no room", Count: 1000}, &a) {
		want("mint", a.Err)
	}
	a = Added{}
	if w.call(phase, "Store.Import", Given{store.Batch{Name: "no room either"}, []string{"NOROOM1"}}, &a) {
		want("import", a.Err)
	}
	var f Fault
	if w.call(phase, "Store.Checkpoint", None{}, &f) {
		want("checkpoint", f)
	}
}

// reads tries everything that does not write.
func (w *world) reads(phase string) {
	w.t.Helper()
	w.holds(phase, 100)
	w.proves(phase)
	path := filepath.Join(w.other, "backup")
	var f Fault
	if w.open && w.call(phase, "Store.Backup", path, &f) {
		w.tally.add("full: backup elsewhere", outcomeOf(f))
		if !f.ok() {
			w.t.Errorf("%s: backup elsewhere: %v", phase, f)
		}
		f = Fault{}
		if fi, err := os.Stat(path); err == nil && fi.Size() < 32<<20 && w.call(phase, "Store.Restored", path, &f) && !f.ok() {
			w.t.Errorf("%s: restore what was backed up: %v", phase, f)
		}
		if err := os.Remove(path); err != nil {
			w.t.Error(err)
		}
	}
	if !w.open {
		return
	}
	if !w.quiet(phase) { // a backup to the same disk takes all that is left of it
		return
	}
	f = Fault{}
	same := filepath.Join(w.vol.dir, "backup")
	if w.call(phase, "Store.Backup", same, &f) {
		_ = os.Remove(same)
		w.tally.add("full: backup to the same disk", map[bool]string{true: "done", false: "its writer's error"}[f.ok()])
		w.holds(phase, 20)
	}
}

// quiet waits until the engine has no work left: it has one log, no table that its
// manifest does not name, and no room is held back for a merge; and that several times in
// a row, as a merge may be about to begin. It reports whether the store lived through that.
func (w *world) quiet(phase string) bool {
	w.t.Helper()
	dir := filepath.Join(w.place.Dir, "journal")
	still := 0
	for range quietTries {
		still++
		var p Proof
		if !w.call(phase, "Store.Stats", None{}, &p) {
			return false
		}
		need := w.needed()
		logs, err1 := filepath.Glob(filepath.Join(dir, "*.mem"))
		tables, err2 := filepath.Glob(filepath.Join(dir, "*.sst"))
		m, err := manifestOf(dir)
		if err1 != nil || err2 != nil || err != nil || len(logs) > 1 || len(tables) != len(m.Tables) || p.Stats.DiskNeeded != need {
			still = 0
			continue
		}
		if !slices.ContainsFunc(tables, func(name string) bool {
			id, ok := table.ParseFileID(name)
			_, named := m.Tables[id]
			return !ok || !named
		}) && still >= stillFor {
			return true
		}
	}
	w.t.Errorf("%s: the engine does not come to rest", phase)
	return true
}

const (
	// quietTries bounds how often quiet looks, some minutes.
	quietTries = 200_000
	stillFor   = 5
)

func manifestOf(dir string) (badger.Manifest, error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return badger.Manifest{}, err
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	return m, err
}
