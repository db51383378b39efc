//go:build !linux

package store

import "testing"

// limitMemory is for Linux only.
func limitMemory(*testing.F) {}
