//go:build !linux

package workload

import "time"

// nap sleeps for d.
func nap(d time.Duration) { time.Sleep(d) }
