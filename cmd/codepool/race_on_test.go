//go:build race

package main

// raceOn tells that the race detector is at work.
const raceOn = true
