//go:build !linux

package host

import "time"

// Settle does nothing.
func Settle(string, time.Duration) error { return nil }
