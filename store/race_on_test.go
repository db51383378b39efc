//go:build race

package store_test

// raceOn tells that the race detector slows everything down by a factor of ten.
const raceOn = true
