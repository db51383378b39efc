//go:build race

package harness

// RaceOn tells that the race detector is at work.
const RaceOn = true
