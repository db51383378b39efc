package peer_test

import (
	"testing"

	"codepool/bench/peer"
	"codepool/bench/peer/peertest"
)

func TestSystems(t *testing.T) {
	for _, k := range peer.Kinds() {
		t.Run(k.Name, func(t *testing.T) { peertest.Check(t, k) })
	}
}
