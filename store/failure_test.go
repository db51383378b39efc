package store

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store/internal/journal"
)

// faultyEngine stands in front of an engine and makes its commits fail from a
// chosen moment on, as a device would that reports a failed sync.
type faultyEngine struct {
	journal.Engine
	mu      sync.Mutex
	fail    func(pairs []journal.Pair) bool // nil: nothing fails
	hold    chan struct{}                   // if not nil, commits wait for it
	failed  int                             // commits that failed
	commits atomic.Int64
	after   atomic.Int64 // commits attempted after the first failure
}

var errDevice = errors.New("input/output error")

func (f *faultyEngine) Write(pairs []journal.Pair) error {
	f.mu.Lock()
	fail, hold, failed := f.fail, f.hold, f.failed
	f.mu.Unlock()
	f.commits.Add(1)
	if failed > 0 {
		f.after.Add(1)
	}
	if hold != nil {
		<-hold
	}
	if fail != nil && fail(pairs) {
		f.mu.Lock()
		f.failed++
		f.mu.Unlock()
		return errDevice
	}
	return f.Engine.Write(pairs)
}

// set chooses which commits fail; hold, if not nil, stops all until it is closed.
func (f *faultyEngine) set(hold chan struct{}, fail func([]journal.Pair) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold, f.fail = hold, fail
}

func always([]journal.Pair) bool { return true }

// failOn fails commits that hold a key of one kind.
func failOn(kind byte) func([]journal.Pair) bool {
	return func(pairs []journal.Pair) bool {
		for _, p := range pairs {
			if p.Key[0] == kind {
				return true
			}
		}
		return false
	}
}

// openFaulty opens a store of 100 issued codes whose engine can be made to fail.
func openFaulty(t *testing.T, dir string) (*Store, *faultyEngine, []string) {
	t.Helper()
	s, err := Open(dir, &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	f := &faultyEngine{Engine: s.eng.Engine} // behind the fuse that all commits share
	s.eng.Engine = f
	b, err := s.Mint(t.Context(), Batch{Name: "b", Count: 200})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := s.Issue(t.Context(), b.ID, 100, To("order"))
	if err != nil {
		t.Fatal(err)
	}
	return s, f, codes
}

// soon is a context that turns a call that would hang for ever into an error.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestFailedCommit(t *testing.T) { // I8
	dir := t.TempDir()
	s, f, codes := openFaulty(t, dir)
	f.set(nil, always)
	if _, err := s.Redeem(soon(t), Redemption{Code: codes[0], User: "u", Key: "k"}); !errors.Is(err, ErrOutcomeUnknown) || !strings.Contains(err.Error(), errDevice.Error()) {
		t.Errorf("the caller whose commit failed got %v, want ErrOutcomeUnknown with the reason", err)
	}
	f.set(nil, nil) // the device says it is well again; nobody may believe it
	checkStopped(t, s, codes)
	if n := f.after.Load(); n != 0 {
		t.Errorf("%d commits were attempted after the failed one", n)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if n := f.after.Load(); n != 0 {
		t.Errorf("Close attempted %d commits after the failed one", n)
	}
	s2, err := Open(dir, &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if rec, err := s2.Redeem(t.Context(), Redemption{Code: codes[0], User: "u", Key: "k"}); err != nil || rec.User != "u" {
		t.Errorf("after reopening the same key got %v, %v; want a receipt", rec, err)
	}
}

// checkStopped checks what a store answers after a failed commit. codes[0] is the
// one whose redemption is in doubt.
func checkStopped(t *testing.T, s *Store, codes []string) {
	t.Helper()
	want := func(what string, err error, any ...error) {
		t.Helper()
		for _, w := range any {
			if errors.Is(err, w) && !errors.Is(err, context.DeadlineExceeded) {
				return
			}
		}
		t.Errorf("%s: %v, want %v", what, err, any)
	}
	_, err := s.Redeem(soon(t), Redemption{Code: codes[1]})
	want("redeem", err, ErrFailed)
	_, err = s.Redeem(soon(t), Redemption{Code: codes[0], User: "u", Key: "k"})
	want("redeem again with the key", err, ErrFailed, ErrOutcomeUnknown)
	_, err = s.Redeem(soon(t), Redemption{Code: codes[0]})
	want("redeem of the code in doubt", err, ErrFailed, ErrOutcomeUnknown)
	want("check of the code in doubt", s.Check(soon(t), Redemption{Code: codes[0]}), ErrOutcomeUnknown)
	_, err = s.Lookup(soon(t), "", codes[0])
	want("lookup of the code in doubt", err, ErrOutcomeUnknown)
	_, err = s.Issue(soon(t), 1, 1, To("x"))
	want("issue", err, ErrFailed)
	_, err = s.Mint(soon(t), Batch{Name: "later", Count: 10})
	want("mint", err, ErrFailed)
	_, err = s.Import(soon(t), Batch{Name: "later too"}, strings.NewReader("A\n"), ImportOptions{})
	want("import", err, ErrFailed)
	for _, r := range s.RedeemAll(soon(t), []Redemption{{Code: codes[2]}, {Code: codes[3], Key: "k3"}, {Code: codes[0]}}) {
		want("redeem all", r.Err, ErrFailed, ErrOutcomeUnknown)
	}
	answered := make(chan error, 2)
	s.RedeemFunc(soon(t), Redemption{Code: codes[4]}, func(_ Receipt, err error) { answered <- err })
	s.RedeemFunc(soon(t), Redemption{Code: codes[0]}, func(_ Receipt, err error) { answered <- err })
	for range 2 {
		want("redeem func", <-answered, ErrFailed, ErrOutcomeUnknown)
	}
	want("checkpoint", s.Checkpoint(soon(t)), ErrFailed, ErrOutcomeUnknown)
	_, err = s.Verify(soon(t))
	want("verify", err, ErrFailed, ErrOutcomeUnknown)
	_, err = s.Backup(soon(t), new(strings.Builder))
	want("backup", err, ErrFailed, ErrOutcomeUnknown)
	if s.Stats().Failure == "" {
		t.Error("Stats does not say that the store has stopped")
	}
	n := 0
	for _, err := range s.Receipts(soon(t), 0) {
		if err != nil {
			t.Errorf("receipts of what is durable: %v", err)
		} else {
			n++
		}
	}
	if n != 0 {
		t.Errorf("%d receipts, want none: nothing was redeemed durably", n)
	}
}

// Every commit goes to the same log, so a failed one of a mint, an import or a
// checkpoint stops the store as well: its sync may have reported, once, the loss of
// pages that other groups need (I8).
func TestFailedCommitOfOthers(t *testing.T) {
	for _, tc := range []struct {
		name string
		kind byte
		do   func(*Store) error
	}{
		{"batch record", keyBatch, func(s *Store) error {
			_, err := s.Mint(soon(t), Batch{Name: "x", Count: 10})
			return err
		}},
		{"run header", keyRun, func(s *Store) error {
			_, err := s.Mint(soon(t), Batch{Name: "x", Count: 10})
			return err
		}},
		{"code page", keyCodes, func(s *Store) error { // of codes that come of no seed
			_, err := s.Mint(soon(t), Batch{Name: "x", Count: 10, Format: gen.Format{Length: 16}})
			return err
		}},
		{"code page of an import", keyCodes, func(s *Store) error {
			_, err := s.Import(soon(t), Batch{Name: "x"}, strings.NewReader("A\n"), ImportOptions{})
			return err
		}},
		{"state page", keyStates, func(s *Store) error { return s.Checkpoint(soon(t)) }},
		{"checkpoint record", keyCheckpoint, func(s *Store) error { return s.Checkpoint(soon(t)) }},
		{"index manifest", keyManifest, func(s *Store) error { return s.Checkpoint(soon(t)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, f, codes := openFaulty(t, t.TempDir())
			f.set(nil, failOn(tc.kind))
			if err := tc.do(s); err == nil {
				t.Error("the operation whose commit failed reported success")
			}
			f.set(nil, nil)
			if _, err := s.Redeem(soon(t), Redemption{Code: codes[0]}); !errors.Is(err, ErrFailed) {
				t.Errorf("a redemption after the failed commit: %v, want ErrFailed", err)
			}
			if n := f.after.Load(); n != 0 {
				t.Errorf("%d commits were attempted after the failed one", n)
			}
			if s.Stats().Failure == "" {
				t.Error("Stats does not say that the store has stopped")
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// What was answered before a failure stays true, and what waits on the failed group
// is told that nobody knows, however it waits.
func TestFailedCommitWakesEverybody(t *testing.T) {
	s, f, codes := openFaulty(t, t.TempDir())
	defer s.Close()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	f.set(hold, always)
	ctx := soon(t)
	errs := make(chan error, 1000)
	var started sync.WaitGroup
	n := 0
	start := func(call func() error) {
		n++
		started.Add(1)
		go func() {
			started.Done()
			errs <- call()
		}()
	}
	for i := range 80 {
		start(func() error { _, err := s.Redeem(context.Background(), Redemption{Code: codes[i]}); return err })
		start(func() error { _, err := s.Redeem(ctx, Redemption{Code: codes[i]}); return err })
	}
	start(func() error { _, err := s.Issue(ctx, 1, 3, To("late")); return err })
	start(func() error { return s.RedeemAll(ctx, []Redemption{{Code: codes[90]}, {Code: codes[91]}})[1].Err })
	for i := 92; i < 98; i++ {
		n++
		go s.RedeemFunc(ctx, Redemption{Code: codes[i]}, func(_ Receipt, err error) { errs <- err })
	}
	started.Wait()
	for s.com.lastRecord()+inLots(s) < 2+80+1+2+6 { // all are decided and wait, or are in a lot
		if ctx.Err() != nil {
			t.Fatal("the callers never got to the committer")
		}
		runtime.Gosched()
	}
	release()
	for range n {
		if err := <-errs; !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrFailed) {
			t.Errorf("a caller of the failed group got %v, want ErrOutcomeUnknown or ErrFailed", err)
		}
	}
	if got := f.failed; got != 1 {
		t.Errorf("%d commits failed, want 1: nothing may be tried after it", got)
	}
}

// inLots counts the requests that are not yet decided.
func inLots(s *Store) (n uint64) {
	for i := range s.intake.stripes {
		st := &s.intake.stripes[i].mu
		st.Lock()
		if st.open != nil {
			n += uint64(len(st.open.rs))
		}
		st.Unlock()
	}
	return n
}

// A refusal computed from a change that is not durable waits for it, and does not
// get out when it is lost (I2).
func TestRefusalWaitsForItsCause(t *testing.T) {
	s, f, codes := openFaulty(t, t.TempDir())
	defer s.Close()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	f.set(hold, always)
	first := make(chan error, 1)
	s.RedeemFunc(t.Context(), Redemption{Code: codes[0]}, func(_ Receipt, err error) { first <- err })
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := make(chan error, 1)
	go func() { _, err := s.Redeem(ctx, Redemption{Code: codes[0]}); cancelled <- err }()
	second := make(chan error, 1)
	s.RedeemFunc(t.Context(), Redemption{Code: codes[0]}, func(_ Receipt, err error) { second <- err })
	select {
	case err := <-second:
		t.Fatalf("a refusal got out before its cause was durable: %v", err)
	default:
	}
	cancel()
	if err := <-cancelled; !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	release()
	if err := <-first; !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("first: %v, want ErrOutcomeUnknown", err)
	}
	if err := <-second; !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("second: %v, want ErrOutcomeUnknown and not a refusal", err)
	}
}

// The committer alone, without a directory: groups, refusals and the end.
func TestCommitterStopsAtFailure(t *testing.T) {
	s, f, _ := openFaulty(t, t.TempDir())
	defer s.Close()
	before := s.com.durableRecord.Load()
	f.set(nil, always)
	_, grp, err := s.com.append(1, appendRedeem(nil, 1, 1, "u", "k"), 1, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := grp.wait(soon(t)); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("wait: %v", err)
	}
	if got := s.com.durableRecord.Load(); got != before {
		t.Errorf("durable record moved from %d to %d by a failed commit", before, got)
	}
	if _, _, err := s.com.append(1, nil, 1, nil, false); !errors.Is(err, ErrFailed) {
		t.Errorf("append after the failure: %v", err)
	}
	if err := s.com.waitAll(soon(t)); errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("waitAll after the failure: %v", err)
	}
}
