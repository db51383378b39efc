package workload

import "sync"

// wakeGroup parks callers until it is released, once.
type wakeGroup interface {
	wait()
	release()
}

// A wakeKind is one of the ways Go offers to park many goroutines and wake all of them.
type wakeKind struct {
	name string
	make func() wakeGroup
}

func wakeKinds() []wakeKind {
	return []wakeKind{
		{"chan", func() wakeGroup { return make(chanGroup) }},
		{"cond", newCondGroup},
		{"waitgroup", newCountGroup},
		{"rwmutex", newLockGroup},
	}
}

// chanGroup: everybody receives from a channel, closing it wakes them.
type chanGroup chan struct{}

func (g chanGroup) wait()    { <-g }
func (g chanGroup) release() { close(g) }

// condGroup: a condition over the reading half of a lock, so that woken callers do
// not queue for it.
type condGroup struct {
	mu   sync.RWMutex
	cond *sync.Cond
	done bool
}

func newCondGroup() wakeGroup {
	g := &condGroup{}
	g.cond = sync.NewCond(g.mu.RLocker())
	return g
}

func (g *condGroup) wait() {
	g.mu.RLock()
	for !g.done {
		g.cond.Wait()
	}
	g.mu.RUnlock()
}

func (g *condGroup) release() {
	g.mu.Lock()
	g.done = true
	g.mu.Unlock()
	g.cond.Broadcast()
}

// countGroup: a WaitGroup that counts the one commit.
type countGroup struct{ sync.WaitGroup }

func newCountGroup() wakeGroup {
	g := &countGroup{}
	g.Add(1)
	return g
}

func (g *countGroup) wait()    { g.Wait() }
func (g *countGroup) release() { g.Done() }

// lockGroup: a lock that is held until the commit, and read-locked by those who wait.
type lockGroup struct{ sync.RWMutex }

func newLockGroup() wakeGroup {
	g := &lockGroup{}
	g.Lock()
	return g
}

func (g *lockGroup) wait() {
	g.RLock()
	//lint:ignore SA2001 waiting is all it is for
	g.RUnlock()
}

func (g *lockGroup) release() { g.Unlock() }
