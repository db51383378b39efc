//go:build !race

package store_test

// raceOn tells whether the race detector is at work.
const raceOn = false
