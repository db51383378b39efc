// Package systems lists the systems that can be measured.
package systems

import (
	"fmt"

	"codepool/bench/peer"
)

// Select returns the kinds of the given names in the order of All; no names mean all of
// them.
func Select(names []string) ([]peer.Kind, error) {
	all := All()
	if len(names) == 0 {
		return all, nil
	}
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	var out []peer.Kind
	for _, k := range all {
		if wanted[k.Name] {
			out = append(out, k)
			delete(wanted, k.Name)
		}
	}
	for n := range wanted {
		return nil, fmt.Errorf("unknown system %q", n)
	}
	return out, nil
}
