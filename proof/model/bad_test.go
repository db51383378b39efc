package model

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"codepool/gen"
	"codepool/store"

	"pgregory.net/rapid"
)

// refusal is a request that must be refused and change nothing.
type refusal struct {
	name string
	want error
	do   func(ctx context.Context, s *store.Store) error
}

// bad makes a request that is refused. The ledger stays as it is; that nothing else has
// changed is seen by the comparison after the step.
func (m *model) bad() {
	all := m.refusals()
	i := rapid.IntRange(0, len(all)-1).Draw(m.t, "refusal")
	m.did(say("bad"), "%s", all[i].name)
	m.beginAdding(moment{tick: glance})
	m.wantErr(all[i].name, all[i].do(m.ctx(), m.s), all[i].want)
	m.atMost(1 + min(len(m.live), 1))
	m.begin(moment{tick: glance})
	got := m.s.Stats().Ledger
	if m.looked(); got != m.ledger {
		m.failf("%s was refused, and the ledger went from %d to %d", all[i].name, m.ledger, got)
	}
}

const tooLong = store.MaxText + 1

func (m *model) refusals() []refusal {
	code, space, id := "7KQF2M9XT4WC", "", store.BatchID(1)
	if len(m.list) > 0 {
		c := m.list[m.rng.IntN(len(m.list))]
		code, space, id = c.canon, c.space, c.b.ID
	}
	return slices.Concat(refusedTexts(code, space), refusedDraws(id), refusedChanges(id), refusedQueries(), refusedEnds(id, code, space), m.refusedSigned(), m.refusedMints(), m.refusedImports(), m.refusedByContext(code, space, id), []refusal{
		{"open twice", store.ErrLocked, func(context.Context, *store.Store) error { _, err := store.Open(m.dir, nil); return err }},
		{"open a file", store.ErrInvalid, func(context.Context, *store.Store) error {
			_, err := store.Open(m.dir+"/CODEPOOL", nil)
			return err
		}},
		{"restore over a store", store.ErrLocked, func(ctx context.Context, _ *store.Store) error {
			_, err := store.Restore(ctx, m.dir, strings.NewReader(""))
			return err
		}},
		{"restore into a full directory", store.ErrNotEmpty, func(ctx context.Context, _ *store.Store) error {
			dir := m.nextDir()
			if err := os.MkdirAll(dir+"/sub", 0o755); err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			_, err := store.Restore(ctx, dir, strings.NewReader(""))
			return err
		}},
		{"unknown batch", store.ErrUnknownBatch, func(_ context.Context, s *store.Store) error {
			_, err := s.Batch(store.BatchID(len(m.batches) + 1))
			return err
		}},
		{"unknown batch name", store.ErrUnknownBatch, func(_ context.Context, s *store.Store) error { _, err := s.BatchNamed("nobody"); return err }},
	})
}

// refusedTexts are labels that the ledger cannot hold, in every verb that takes some.
func refusedTexts(code, space string) (out []refusal) {
	for name, text := range map[string]string{"long": strings.Repeat("x", tooLong), "control": "a\nb", "not UTF-8": "\xff"} {
		for _, r := range []store.Redemption{{User: text}, {Key: text}} {
			r.Code, r.Namespace = code, space
			rev := store.Change{Code: r.Code, By: r.User, Key: r.Key, Namespace: space}
			out = append(out,
				refusal{"redeem, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.Redeem(ctx, r); return err }},
				refusal{"redeem all, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
					return s.RedeemAll(ctx, []store.Redemption{r})[0].Err
				}},
				refusal{"redeem func, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) (err error) {
					s.RedeemFunc(ctx, r, func(_ store.Receipt, e error) { err = e }) // known at once
					return err
				}},
				refusal{"check, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { return s.Check(ctx, r) }},
				refusal{"release, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.Release(ctx, rev); return err }},
				refusal{"undo, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.Undo(ctx, rev); return err }},
				refusal{"revoke, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.Revoke(ctx, rev); return err }},
				refusal{"revoke for a reason, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
					_, err := s.Revoke(ctx, store.Change{Code: code, Namespace: space, Reason: text})
					return err
				}},
				refusal{"release all, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { return s.ReleaseAll(ctx, []store.Change{rev})[0].Err }},
				refusal{"undo all, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { return s.UndoAll(ctx, []store.Change{rev})[0].Err }},
				refusal{"revoke all, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { return s.RevokeAll(ctx, []store.Change{rev})[0].Err }},
			)
		}
	}
	slices.SortStableFunc(out, func(a, b refusal) int { return strings.Compare(a.name, b.name) })
	return out
}

// refusedChanges are changes of batches that do not exist, or that are wrong in themselves.
func refusedChanges(id store.BatchID) (out []refusal) {
	far := time.Date(12_000, 1, 1, 0, 0, 0, 0, time.UTC)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	type verb = func(context.Context, *store.Store, store.BatchID, store.BatchChange) error
	verbs := []struct {
		name string
		do   verb
	}{
		{"pause", func(ctx context.Context, s *store.Store, id store.BatchID, c store.BatchChange) error {
			return s.Pause(ctx, id, c)
		}},
		{"resume", func(ctx context.Context, s *store.Store, id store.BatchID, c store.BatchChange) error {
			return s.Resume(ctx, id, c)
		}},
		{"reschedule", func(ctx context.Context, s *store.Store, id store.BatchID, c store.BatchChange) error {
			return s.Reschedule(ctx, id, now, time.Time{}, c)
		}},
		{"revoke a batch", func(ctx context.Context, s *store.Store, id store.BatchID, c store.BatchChange) error {
			return s.RevokeBatch(ctx, id, c)
		}},
	}
	for _, v := range verbs {
		add := func(name string, want error, id store.BatchID, c store.BatchChange) {
			out = append(out, refusal{v.name + name, want, func(ctx context.Context, s *store.Store) error { return v.do(ctx, s, id, c) }})
		}
		add(": none", store.ErrUnknownBatch, 0, store.BatchChange{})
		add(": behind the last", store.ErrUnknownBatch, 1<<31, store.BatchChange{})
		add(" by a long name", store.ErrInvalid, id, store.BatchChange{By: strings.Repeat("x", tooLong)})
		add(" for a reason with a control character", store.ErrInvalid, id, store.BatchChange{Reason: badText})
	}
	for _, w := range [][2]time.Time{{now, now}, {now, now.Add(-time.Hour)}, {now.Add(1), now.Add(2)}, {far, {}}, {{}, far}} {
		want := store.ErrInvalid
		out = append(out, refusal{fmt.Sprintf("reschedule from %v until %v", w[0], w[1]), want, func(ctx context.Context, s *store.Store) error {
			if _, err := s.Batch(id); err != nil {
				return want // there is none to try
			}
			return s.Reschedule(ctx, id, w[0], w[1], store.BatchChange{})
		}})
	}
	return out
}

func refusedDraws(id store.BatchID) (out []refusal) {
	for _, d := range []struct {
		name string
		n    int
		d    store.Draw
	}{
		{"draw of nothing", 0, store.To("x")}, {"draw of less", -1, store.To("x")}, {"draw of too many", store.MaxIssue + 1, store.To("x")},
		{"draw for a long name", 1, store.To(strings.Repeat("x", tooLong))}, {"draw with a bad key", 1, store.To("x").Once("\x00")},
	} {
		out = append(out, refusal{d.name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			_, err := s.Issue(ctx, id, d.n, d.d)
			return err
		}})
	}
	for _, id := range []store.BatchID{0, 1 << 31} {
		out = append(out, refusal{"draw from no batch", store.ErrUnknownBatch, func(ctx context.Context, s *store.Store) error {
			_, err := s.Issue(ctx, id, 1, store.To("x"))
			return err
		}})
	}
	return out
}

func (m *model) refusedMints() (out []refusal) {
	now := m.clk.now
	type bad struct {
		name string
		want error
		b    store.Batch
	}
	all := []bad{
		{"mint of nothing", store.ErrInvalid, store.Batch{Name: "x"}},
		{"mint of too many", store.ErrInvalid, store.Batch{Name: "x", Count: store.MaxBatch + 1}},
		{"mint of any", store.ErrInvalid, store.Batch{Name: "x", Count: 1, Format: gen.Format{Class: gen.Any}}},
		{"mint beyond the space", store.ErrSpace, store.Batch{Name: "x", Count: 5001, Format: crowded}},
		{"mint for no time", store.ErrInvalid, store.Batch{Name: "x", Count: 1, NotBefore: now, NotAfter: now}},
		{"mint for year 12000", store.ErrInvalid, store.Batch{Name: "x", Count: 1, NotAfter: now.Add(292*365*24*time.Hour).AddDate(9900, 0, 0)}},
		{"mint with a blank name", store.ErrInvalid, store.Batch{Name: " x", Count: 1}},
		{"mint with a long reward", store.ErrInvalid, store.Batch{Name: "x", Count: 1, Reward: strings.Repeat("x", tooLong)}},
		{"mint in a bad namespace", store.ErrInvalid, store.Batch{Name: "x", Count: 1, Namespace: "a\tb"}},
		{"mint with a limit below none", store.ErrInvalid, store.Batch{Name: "x", Count: 1, PerUser: -1}},
		{"mint with too high a limit", store.ErrInvalid, store.Batch{Name: "x", Count: 1, PerUser: store.MaxPerUser + 1}},
		{"mint with a quarantine that nothing needs", store.ErrInvalid, store.Batch{Name: "x", Count: 1, Quarantine: time.Hour}},
		{"mint with too fine a quarantine", store.ErrInvalid, store.Batch{Name: "x", Count: 1, Reusable: true, Quarantine: 1500}},
	}
	for _, b := range m.batches {
		if b.complete { // also an import's name
			def := b.Batch
			def.ID, def.Count = 0, max(def.Count, 1)
			if b.Format.Class == gen.Any {
				def.Format = gen.Format{}
			}
			all = append(all, bad{"mint with a name that is taken", store.ErrBatchExists, def})
			def.Reward += "!"
			if len(def.Reward) <= store.MaxText {
				all = append(all, bad{"mint with other terms", store.ErrBatchExists, def})
			}
			break
		}
	}
	for _, r := range all {
		if m.opt.RefuseGuessable && r.want == store.ErrBatchExists {
			continue // that may come first
		}
		out = append(out, refusal{r.name, r.want, func(ctx context.Context, s *store.Store) error { _, err := s.Mint(ctx, r.b); return err }})
	}
	return out
}

func (m *model) refusedImports() (out []refusal) {
	digits := gen.Format{Class: gen.Digits, Length: 4}
	for _, r := range []struct {
		name, text string
		want       error
		f          gen.Format
		o          store.ImportOptions
	}{
		{name: "import of two columns", text: "A\nB\nC,D\n", want: store.ErrBadLine},
		{name: "import with a mark", text: "\ufeffA\n", want: store.ErrBadLine},
		{name: "import of 65 bytes", text: "A\n" + strings.Repeat("B", gen.MaxInput+1), want: store.ErrBadLine},
		{name: "import of an open quote", text: "A\n\"B\n", want: store.ErrBadLine},
		{name: "import of a blank code", text: "code,user\nA,1\n ,2\n", want: store.ErrBadLine},
		{name: "import of not UTF-8", text: "A\n\xc3\x28\n", want: store.ErrBadLine},
		{name: "import of another length", text: "1234\n12345\n", want: store.ErrBadLine, f: digits},
		{name: "import of another alphabet", text: "1234\n12A4\n", want: store.ErrBadLine, f: digits},
		{name: "import without its prefix", text: "VIP1234\n1231234\n", want: store.ErrBadLine, f: gen.Format{Class: gen.Digits, Length: 4, Prefix: "VIP"}},
		{name: "import for somebody, as stock", text: "A\n", want: store.ErrInvalid, o: store.ImportOptions{Ref: "x"}},
		{name: "import that cannot be read", text: "\xff", want: io.ErrUnexpectedEOF},
	} {
		for _, b := range append([]*batch{{Batch: store.Batch{Name: "x", Namespace: "new", Format: r.f}}}, m.importOf(r.f)...) {
			def := b.Batch
			def.ID = 0
			out = append(out, refusal{r.name, r.want, func(ctx context.Context, s *store.Store) error {
				text := io.Reader(strings.NewReader(r.text))
				if r.want == io.ErrUnexpectedEOF {
					text = io.MultiReader(strings.NewReader("A\nB\n"), cutReader{})
				}
				_, err := s.Import(ctx, def, text, r.o)
				return err
			}})
		}
	}
	for _, b := range m.batches {
		def := b.Batch
		if def.ID = 0; b.imported {
			def.FromStock = !def.FromStock
		}
		want := store.ErrBatchExists
		if isSigned(def) {
			want = store.ErrInvalid
		}
		out = append(out, refusal{"import into other terms", want, func(ctx context.Context, s *store.Store) error {
			_, err := s.Import(ctx, def, strings.NewReader(""), store.ImportOptions{})
			return err
		}})
		if len(out) > 100 {
			break
		}
	}
	return out
}

type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// importOf is an imported batch of that format, if there is one.
func (m *model) importOf(f gen.Format) []*batch {
	for _, b := range m.batches {
		if b.imported && f == (gen.Format{}) && b.Format.Class == gen.Any {
			return []*batch{b}
		}
	}
	return nil
}

// refusedByContext are calls whose context has ended.
func (m *model) refusedByContext(code, space string, id store.BatchID) (out []refusal) {
	r, rev := store.Redemption{Code: code, Namespace: space, Key: "ended"}, store.Change{Code: code, Namespace: space}
	for _, c := range []struct {
		name string
		do   func(ctx context.Context, s *store.Store) error
	}{
		{"redeem", func(ctx context.Context, s *store.Store) error { _, err := s.Redeem(ctx, r); return err }},
		{"redeem all", func(ctx context.Context, s *store.Store) error { return s.RedeemAll(ctx, []store.Redemption{r})[0].Err }},
		{"redeem func", func(ctx context.Context, s *store.Store) (err error) {
			s.RedeemFunc(ctx, r, func(_ store.Receipt, e error) { err = e })
			return err
		}},
		{"issue", func(ctx context.Context, s *store.Store) error {
			_, err := s.Issue(ctx, id, 1, store.To("x"))
			return err
		}},
		{"lease", func(ctx context.Context, s *store.Store) error {
			_, err := s.Lease(ctx, id, 1, time.Hour, store.To("x"))
			return err
		}},
		{"take", func(ctx context.Context, s *store.Store) error {
			_, err := s.Take(ctx, id, 1, "u", store.To("x"))
			return err
		}},
		{"export", func(ctx context.Context, s *store.Store) error {
			_, err := s.Export(ctx, id, store.Export{ID: "ended", Count: 1})
			return err
		}},
		{"reserve", func(ctx context.Context, s *store.Store) error { _, err := s.Reserve(ctx, r, time.Hour); return err }},
		{"confirm", func(ctx context.Context, s *store.Store) error {
			_, err := s.Confirm(ctx, store.LeaseEnd{Number: 1})
			return err
		}},
		{"acknowledge", func(ctx context.Context, s *store.Store) error {
			_, err := s.Acknowledge(ctx, store.LeaseEnd{Number: 1})
			return err
		}},
		{"advance", func(ctx context.Context, s *store.Store) error { return s.Advance(ctx, "x", 0) }},
		{"release", func(ctx context.Context, s *store.Store) error { _, err := s.Release(ctx, rev); return err }},
		{"undo", func(ctx context.Context, s *store.Store) error { _, err := s.Undo(ctx, rev); return err }},
		{"revoke", func(ctx context.Context, s *store.Store) error { _, err := s.Revoke(ctx, rev); return err }},
		{"revoke all", func(ctx context.Context, s *store.Store) error { return s.RevokeAll(ctx, []store.Change{rev})[0].Err }},
		{"release of a reference", func(ctx context.Context, s *store.Store) error {
			_, err := s.ReleaseRef(ctx, store.RefChange{Ref: "nobody"})
			return err
		}},
		{"pause", func(ctx context.Context, s *store.Store) error { return s.Pause(ctx, id, store.BatchChange{}) }},
		{"revoke a batch", func(ctx context.Context, s *store.Store) error { return s.RevokeBatch(ctx, id, store.BatchChange{}) }},
		{"check", func(ctx context.Context, s *store.Store) error { return s.Check(ctx, r) }},
		{"mint", func(ctx context.Context, s *store.Store) error {
			_, err := s.Mint(ctx, store.Batch{Count: 1})
			return err
		}},
		{"import", func(ctx context.Context, s *store.Store) error {
			_, err := s.Import(ctx, store.Batch{}, strings.NewReader("A\n"), store.ImportOptions{})
			return err
		}},
		{"backup", func(ctx context.Context, s *store.Store) error { _, err := s.Backup(ctx, io.Discard); return err }},
	} {
		out = append(out, refusal{c.name + " whose context has ended", context.Canceled, func(_ context.Context, s *store.Store) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return c.do(ctx, s)
		}})
	}
	return out
}
