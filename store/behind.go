package store

import (
	"runtime"

	"codepool/store/internal/journal"
)

// How checkpoint and index work beside callers without being in their way.

// behind is how many bytes the background writes at a time: the committer waits for the
// engine as long, and its next sync takes them along.
const behind = 128 << 10

// commitBehind commits what can be made later, where there is room for it now.
func (s *Store) commitBehind(pairs []journal.Pair) error {
	if err := s.writeBehind(pairs); err != nil || len(pairs) == 0 {
		return err
	}
	return s.eng.Sync()
}

// writeBehind is commitBehind without the sync.
func (s *Store) writeBehind(pairs []journal.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	if err := s.dir.room(true); err != nil {
		return err
	}
	return s.eng.WriteAll(pairs)
}

// breathe offers the processor. Work in the background does so every few dozen microseconds:
// otherwise callers and committer, who need it for as long at a time, wait until the
// scheduler takes it away, after ten milliseconds.
func breathe() { runtime.Gosched() }
