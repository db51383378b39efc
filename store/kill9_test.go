package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"codepool/shard"
	"codepool/store"
)

// A child process issues and redeems from 64 goroutines and writes every answer it
// gets to a pipe; the parent kills it (SIGKILL) after a random number of answers,
// opens what is left and compares. Whatever the parent could read had been
// acknowledged, so it must hold.

const (
	childEnv     = "CODEPOOL_KILL9_DIR"
	killRounds   = 100
	killCodes    = 400_000
	killWorkers  = 64
	killAnswers  = 6000 // most answers before a kill
	killSeedEnv  = "CODEPOOL_SEED"
	alreadyThere = "D"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		killChild(dir)
		return
	}
	os.Exit(m.Run())
}

// killChild works until it is killed, or the stock is empty.
func killChild(dir string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	s, err := store.Open(dir, &store.Options{CheckpointEvery: 5000})
	if err != nil {
		fail(err)
	}
	b, err := s.BatchNamed("kill")
	if err != nil {
		fail(err)
	}
	ctx := context.Background()
	ledger := s.Stats().Ledger
	var wg sync.WaitGroup
	passed := make(chan string, killWorkers)
	for w := range killWorkers {
		wg.Go(func() {
			for i := 0; ; i++ {
				user := fmt.Sprintf("u%d-%d-%d", ledger, w, i)
				codes, err := s.Issue(ctx, b.ID, 1+i%3, store.To(user).Once(user))
				if errors.Is(err, store.ErrEmpty) {
					return
				} else if err != nil {
					fail(err)
				}
				say("I", user, codes...)
				rs := make([]store.Redemption, len(codes))
				for j, c := range codes {
					rs[j] = store.Redemption{Code: c, User: user, Key: user + c}
				}
				for _, r := range redeemSomehow(ctx, s, i, rs) {
					if r.Err != nil {
						fail(r.Err)
					}
					say("R", user, fmt.Sprint(r.Receipt.Number), r.Receipt.Code)
				}
				select { // somebody else tries one of them again
				case passed <- codes[0]:
				default:
				}
				select {
				case c := <-passed:
					if _, err := s.Redeem(ctx, store.Redemption{Code: c, User: "thief"}); !errors.Is(err, store.ErrAlreadyRedeemed) {
						fail(fmt.Errorf("second redemption of %s: %v", c, err))
					}
					say(alreadyThere, "thief", c)
				default:
				}
			}
		})
	}
	wg.Wait()
}

// redeemSomehow redeems by one of the three ways there are.
func redeemSomehow(ctx context.Context, s *store.Store, way int, rs []store.Redemption) []store.Result {
	out := make([]store.Result, len(rs))
	switch way % 3 {
	case 0:
		return s.RedeemAll(ctx, rs)
	case 1:
		for i, r := range rs {
			out[i].Receipt, out[i].Err = s.Redeem(ctx, r)
		}
	case 2:
		var wg sync.WaitGroup
		for i, r := range rs {
			wg.Add(1)
			s.RedeemFunc(ctx, r, func(rec store.Receipt, err error) {
				out[i] = store.Result{Receipt: rec, Err: err}
				wg.Done()
			})
		}
		wg.Wait()
	}
	return out
}

// say writes one answer with one system call: a line is never cut within.
func say(kind, user string, rest ...string) {
	os.Stdout.WriteString(kind + " " + user + " " + strings.Join(rest, " ") + "\n")
}

func TestKill9(t *testing.T) {
	seed := rand.Uint64()
	if env := os.Getenv(killSeedEnv); env != "" {
		fmt.Sscan(env, &seed)
	}
	t.Logf("seed %d (set %s to repeat)", seed, killSeedEnv)
	rnd := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	s := mustOpen(t, dir, nil)
	if _, err := s.Mint(context.Background(), store.Batch{Name: "kill", Count: killCodes}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	redeemed, issued := map[string]uint64{}, map[string]string{} // code → receipt, code → user
	answers, rounds := 0, killRounds
	if raceOn {
		rounds /= 10
	}
	for round := range rounds {
		answers += killRound(t, dir, rnd.IntN(killAnswers), redeemed, issued)
		if t.Failed() {
			t.Fatalf("round %d failed", round)
		}
	}
	t.Logf("%d kills, %d answers acknowledged, %d redemptions: none lost, none twice", rounds, answers, len(redeemed))
}

func mustOpen(t *testing.T, dir string, o *store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// killRound runs one child, kills it after some answers and checks all of them.
func killRound(t *testing.T, dir string, after int, redeemed map[string]uint64, issued map[string]string) int {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fresh := map[string]uint64{}
	lines := bufio.NewReader(out)
	n := 0
	for ; ; n++ {
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // what was in the pipe at the kill counts: it had been acknowledged
		} else if err != nil {
			t.Fatal(err)
		}
		note(t, strings.Fields(line), redeemed, issued, fresh)
	}
	if err := cmd.Wait(); n < after {
		t.Fatalf("child ended by itself after %d answers: %v", n, err)
	}
	checkAfterKill(t, dir, redeemed, issued, fresh)
	return n
}

// note remembers one answer; a second redemption of a code is the worst there is.
func note(t *testing.T, f []string, redeemed map[string]uint64, issued map[string]string, fresh map[string]uint64) {
	switch f[0] {
	case "I":
		for _, c := range f[2:] {
			c = strings.ReplaceAll(c, "-", "")
			if to, twice := issued[c]; twice {
				t.Errorf("%s was issued to %s and to %s", c, to, f[1])
			}
			issued[c] = f[1]
		}
	case "R":
		var number uint64
		fmt.Sscan(f[2], &number)
		if _, twice := redeemed[f[3]]; twice {
			t.Errorf("%s was redeemed twice", f[3])
		}
		redeemed[f[3]], fresh[f[3]] = number, number
	}
}

func checkAfterKill(t *testing.T, dir string, redeemed map[string]uint64, issued map[string]string, fresh map[string]uint64) {
	ctx := context.Background()
	s := mustOpen(t, dir, nil)
	defer s.Close()
	got := map[string]uint64{}
	for r, err := range s.Receipts(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := got[r.Code]; twice {
			t.Errorf("the ledger redeems %s twice", r.Code)
		}
		got[r.Code] = r.Number
	}
	for code, number := range redeemed {
		if got[code] != number {
			t.Errorf("receipt %d of %s was acknowledged; after the kill it is %d", number, code, got[code])
		}
	}
	for code, user := range issued {
		if _, ok := got[code]; ok {
			continue
		}
		info, err := s.Lookup(ctx, "", code)
		if err != nil || info.State != shard.Issued || info.Ref != user {
			t.Errorf("%s was issued to %s; after the kill: %+v, %v", code, user, info, err)
		}
	}
	for code := range fresh {
		if err := s.Check(ctx, store.Redemption{Code: code}); !errors.Is(err, store.ErrAlreadyRedeemed) {
			t.Errorf("%s was redeemed; after the kill Check says %v", code, err)
		}
	}
	rep, err := s.Verify(ctx)
	if err != nil || !rep.OK() {
		t.Errorf("verify: %v %v", rep.Problems, err)
	}
}
