//go:build !race

package embedded_test

import (
	"testing"

	"codepool/bench/peer/embedded"
	"codepool/bench/peer/peertest"
)

func TestSystems(t *testing.T) {
	for _, k := range embedded.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			peertest.Check(t, k)
			peertest.CheckOnce(t, k)
		})
	}
}
