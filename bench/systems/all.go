//go:build !race

package systems

import (
	"slices"

	"codepool/bench/peer"
	"codepool/bench/peer/bound"
	"codepool/bench/peer/embedded"
	"codepool/bench/peer/server"
)

// All returns all systems, codepool first.
func All() []peer.Kind {
	return slices.Concat(peer.Kinds(), embedded.Kinds(), server.Kinds(), bound.Kinds())
}
