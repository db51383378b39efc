package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"codepool/gen"
	"codepool/store"
)

// childEnv holds the configuration of a child, as JSON; a process that has it is one.
const childEnv = "CODEPOOL_PROOF_CHILD"

// childConfig says what a child does.
type childConfig struct {
	Do      string // "work", "open", "checkpoint", "backup", "restore"
	Dir     string
	Options options
	Workers int
	Stock   int64  // codes of each batch that is minted
	Long    bool   // texts of 900 bytes, so that the engine's files rotate
	Bulk    bool   // export a list of several parts
	Control string // file for the control, if any
	Backup  string // file for backup and restore
}

// options are those of store.Options that a proof varies.
type options struct {
	Shards, MaxPending           int
	CheckpointEvery, DiskReserve int64
	NewKey                       bool // signed batches are signed with another key than before
}

// open opens a store as every process of a proof does: it can read signed codes.
func (o options) open(dir string) (*store.Store, error) {
	return store.Open(dir, &store.Options{
		Shards: o.Shards, MaxPending: o.MaxPending, CheckpointEvery: o.CheckpointEvery, DiskReserve: o.DiskReserve,
		SignKeys: signKeys(o.NewKey),
	})
}

// Child does what a parent asked this process for and reports whether it was one. It
// belongs at the start of every main function from which a proof starts children.
func Child() bool {
	text := os.Getenv(childEnv)
	if text == "" {
		return false
	}
	var cfg childConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(2)
	}
	c := &child{cfg: cfg, plain: source{name: "batch-of-"}, signed: source{name: "signed-of-", codes: gen.DefaultLayout()}}
	if err := c.run(); err != nil {
		say(lineWrong, strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
	return true
}

// say writes one answer with one system call: a line is never cut within.
func say(kind string, rest ...string) {
	_, _ = os.Stdout.WriteString(kind + " " + strings.Join(rest, " ") + "\n")
}

// child is the state of a process that works.
type child struct {
	cfg    childConfig
	s      *store.Store
	run0   string // names of this run begin with it: the ledger's length when it began
	mint   sync.Mutex
	plain  source
	signed source
	steps  atomic.Int64 // the desk has made (desk.go)
	failed atomic.Bool  // a call has got an outcome that says that the store has failed
}

func (c *child) run() error {
	if c.cfg.Do == "restore" {
		return c.restore()
	}
	s, err := c.cfg.Options.open(c.cfg.Dir)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	c.s = s
	say(lineReady)
	switch c.cfg.Do {
	case "open":
		return s.Close()
	case "checkpoint":
		return c.checkpoints()
	case "backup":
		return c.backups()
	}
	c.run0 = fmt.Sprint("u", s.Stats().Ledger)
	if c.cfg.Control != "" {
		go c.control()
	}
	if !c.openDesk(context.Background()) {
		return nil
	}
	var wg sync.WaitGroup
	sides := []func(context.Context){c.desk, c.rations, c.lending, c.shelf, c.feed, c.archive, c.numbers, c.packets}
	if c.cfg.Bulk {
		sides = append(sides, c.bulk)
	}
	for _, side := range sides {
		wg.Go(func() { side(context.Background()) })
	}
	for w := range c.cfg.Workers {
		wg.Go(func() { c.work(w) })
	}
	wg.Wait()
	return nil
}

// source is the batch that some workers draw from, and what the next one is made of.
type source struct {
	batch atomic.Uint32
	name  string // with which the names of its batches begin
	codes gen.Layout
}

// sourceOf is what a worker draws from. Every fourth draws signed codes.
func (c *child) sourceOf(w int) *source {
	if w%4 == 1 {
		return &c.signed
	}
	return &c.plain
}

// work draws and burns until the store fails or the process is ended.
func (c *child) work(w int) {
	ctx := context.Background()
	from := c.sourceOf(w)
	for i := 0; ; i++ {
		ref := fmt.Sprintf("%s-%d-%d", c.run0, w, i)
		before := c.failed.Load()
		codes, err := c.draw(ctx, from.id(), ref, 1+i%3)
		switch {
		case errors.Is(err, store.ErrEmpty), errors.Is(err, store.ErrUnknownBatch):
			if !c.more(ctx, from) {
				return
			}
			continue
		case err != nil:
			if !c.fails("draw", err, before) {
				return
			}
			continue
		}
		if from == &c.signed && !c.forge(ctx, i, codes) || !c.live(ctx, i, ref, codes) {
			return
		}
	}
}

func (from *source) id() store.BatchID { return store.BatchID(from.batch.Load()) }

// text is a short name, or the long user or key that stands for it.
func (c *child) text(name string) string {
	if !c.cfg.Long {
		return name
	}
	return name + strings.Repeat(".", 900)
}

// more mints another batch when the present one is empty, and goes on with one that an
// earlier run left unfinished. It returns false when the store has failed.
func (c *child) more(ctx context.Context, from *source) bool {
	c.mint.Lock()
	defer c.mint.Unlock()
	if b, err := c.s.Batch(from.id()); err == nil && b.Counts.Available > 3 {
		return true // another worker was faster
	}
	name := ""
	for _, b := range c.s.Batches() {
		if !strings.HasPrefix(b.Name, from.name) {
			continue
		}
		if b.Complete && b.Counts.Available > 3 {
			from.batch.Store(uint32(b.ID))
			return true
		}
		if !b.Complete {
			name = b.Name
		}
	}
	if name == "" {
		name = fmt.Sprint(from.name, c.run0, "-", len(c.s.Batches()))
	}
	before := c.failed.Load()
	b, err := c.s.Mint(ctx, store.Batch{Name: name, Count: c.cfg.Stock, Signed: from.codes})
	if err != nil {
		return c.fails("mint", err, before)
	}
	say(lineMinted, b.Name, fmt.Sprint(b.Counts.Minted))
	from.batch.Store(uint32(b.ID))
	return true
}

// fails judges an error and returns whether the worker should go on: the store may fail
// when its disk does, and then refuses everything (I8). failedBefore tells whether that was
// known before the call.
func (c *child) fails(doing string, err error, failedBefore bool) bool {
	switch {
	case errors.Is(err, store.ErrFailed):
	case errors.Is(err, store.ErrOutcomeUnknown) && !failedBefore:
	case errors.Is(err, store.ErrOutcomeUnknown):
		say(lineWrong, doing, "was tried after a commit had failed:", strings.ReplaceAll(err.Error(), "\n", "; "))
	default:
		say(lineWrong, doing+":", strings.ReplaceAll(err.Error(), "\n", "; "))
		return false
	}
	say(lineFailed, doing)
	// A few more calls after the first failure is known: they must be refused.
	return !c.failed.Swap(true) || !failedBefore
}

// control appends numbers to a file and syncs each, without the store: what a power cut
// does to the plainest program there is.
func (c *child) control() {
	f, err := os.OpenFile(c.cfg.Control, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		say(lineWrong, "control:", err.Error())
		return
	}
	for i := 1; ; i++ {
		if _, err := fmt.Fprintf(f, "%015d\n", i); err != nil {
			return
		}
		if err := datasync(f); err != nil {
			return
		}
		say(lineControl, fmt.Sprint(i))
	}
}

// checkpoints changes something and writes a checkpoint, again and again.
func (c *child) checkpoints() error {
	c.run0 = fmt.Sprint("c", c.s.Stats().Ledger)
	go c.work(0)
	go c.work(1)
	for {
		if err := c.s.Checkpoint(context.Background()); err != nil {
			return err
		}
	}
}

// backups writes backups beside work, again and again.
func (c *child) backups() error {
	c.run0 = fmt.Sprint("b", c.s.Stats().Ledger)
	go c.work(0)
	for {
		f, err := os.Create(c.cfg.Backup)
		if err != nil {
			return err
		}
		_, err = c.s.Backup(context.Background(), f)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
	}
}

func (c *child) restore() error {
	f, err := os.Open(c.cfg.Backup)
	if err != nil {
		return err
	}
	defer f.Close()
	say(lineReady)
	_, err = store.Restore(context.Background(), c.cfg.Dir, f)
	return err
}
