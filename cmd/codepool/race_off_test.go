//go:build !race

package main

// raceOn tells whether the race detector is at work.
const raceOn = false
