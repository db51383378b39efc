//go:build race

package systems

import "codepool/bench/peer"

// All returns codepool and Badger: the race detector has nothing to find in the other
// engines, and they would take minutes to compile for it.
func All() []peer.Kind { return peer.Kinds() }
