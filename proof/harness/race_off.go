//go:build !race

package harness

// RaceOn tells whether the race detector is at work.
const RaceOn = false
