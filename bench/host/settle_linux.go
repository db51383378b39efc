package host

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Settle writes what the page cache of dir's file system has to write, and returns when the
// processors of this machine have had little to do for a while, or after most.
func Settle(dir string, most time.Duration) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	end := time.Now().Add(most)
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return os.NewSyscallError("syncfs", err)
	}
	const window = 20 * time.Millisecond // the counters are in hundredths of a second
	for time.Now().Before(end) {
		before, err := busyTicks()
		if err != nil {
			return err
		}
		time.Sleep(window)
		after, err := busyTicks()
		if err != nil {
			return err
		}
		if after-before <= 1 {
			return nil
		}
	}
	return nil
}

// busyTicks returns what /proc/stat says all processors have worked, in hundredths of a
// second.
func busyTicks() (ticks int64, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat: no line of all processors: %w", ErrUnsupported)
	}
	for i, f := range fields[1:8] { // user nice system idle iowait irq softirq
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != 3 && i != 4 {
			ticks += n
		}
	}
	return ticks, nil
}
