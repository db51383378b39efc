//go:build !race

package store

// RaceOn tells whether the race detector is at work.
const RaceOn = false
