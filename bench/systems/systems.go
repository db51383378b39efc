// Package systems lists the systems that can be measured.
package systems

import (
	"errors"
	"fmt"

	"codepool/bench/peer"
)

// Select returns the kinds of the given names in the order of All; no names mean all of
// them whose programs are installed. Missing has an error for each of the others.
func Select(names []string) (kinds []peer.Kind, missing []error, err error) {
	all := All()
	if len(names) == 0 {
		for _, k := range all {
			if err := lacks(k); err != nil {
				missing = append(missing, err)
				continue
			}
			kinds = append(kinds, k)
		}
		return kinds, missing, nil
	}
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	var errs []error
	for _, k := range all {
		if wanted[k.Name] {
			kinds, errs = append(kinds, k), append(errs, lacks(k))
			delete(wanted, k.Name)
		}
	}
	for n := range wanted {
		return nil, nil, fmt.Errorf("unknown system %q", n)
	}
	return kinds, nil, errors.Join(errs...)
}

// lacks says which programs a system needs that are not installed.
func lacks(k peer.Kind) error {
	if k.Missing == nil {
		return nil
	}
	if err := k.Missing(); err != nil {
		return fmt.Errorf("%s: %w", k.Name, err)
	}
	return nil
}
