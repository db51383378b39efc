// Package bound has what no store can pass: codes in memory that are checked and removed
// and never written, and a file that is written and synced with nothing else done.
package bound

import "codepool/bench/peer"

// Kinds returns the bounds: two of memory, one of the disk.
func Kinds() []peer.Kind {
	return []peer.Kind{
		{Name: "map+mutex", Open: openLocked, Type: (*lockedMap)(nil), Durability: peer.Volatile, Resident: true, About: "a Go map behind one mutex"},
		{Name: "xsync", Open: openConcurrent, Type: (*concurrentMap)(nil), Durability: peer.Volatile, Resident: true, About: "xsync.Map, a concurrent hash table"},
		{Name: "disk", Open: openDisk, Type: (*disk)(nil), About: "a record of codepool's size appended a redemption; callers share syncs"},
	}
}
