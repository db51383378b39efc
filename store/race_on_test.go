//go:build race

package store

// RaceOn tells that the race detector slows everything down by a factor of ten.
const RaceOn = true
