//go:build !race

package systems

import "codepool/bench/peer"

// All returns all systems, codepool first.
func All() []peer.Kind { return peer.Kinds() }
