//go:build !cgo

package embedded

import "codepool/bench/peer"

func cgoKinds() []peer.Kind { return nil }
