package workload

import (
	"syscall"
	"time"
)

// nap sleeps for d, some tens of microseconds longer at most: a sleep of the Go runtime can
// last until the next millisecond, because it is epoll's timeout.
func nap(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // a signal may end it early: the caller looks at the clock
}
