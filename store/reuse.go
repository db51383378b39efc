package store

import (
	"codepool/shard"
)

// reuseLocked puts a code to rest that was redeemed in a reusable batch: when the quarantine
// is over, and be it at once, its next life begins (leaseTable).
// REQUIRES: the shard is held, by whom the redemption was journaled.
func (s *Store) reuseLocked(seg *shard.Segment, pos uint32, b *batch, number uint64, at int64) {
	s.leases.add(b.rest(number, at, drawnCode{seg.Run, seg.Ordinal(pos)}))
}
