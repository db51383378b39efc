//go:build !race

package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// memory returns the memory of the process and all below it, in bytes: the sum of their
// proportional sets, which counts once what they share.
func memory(pid int) (int64, error) {
	family, err := descendants(pid)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, p := range append(family, pid) {
		n, err := proportionalSet(p)
		if p != pid && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)) {
			continue // it has ended
		}
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func proportionalSet(pid int) (int64, error) {
	name := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s: no Pss", name)
}

// descendants returns the processes that pid started, those that they started, and so on.
func descendants(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// 42 (a name) S 1 …: the name may have blanks and parentheses.
		s := string(b)
		fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || len(fields) < 2 {
			return nil, fmt.Errorf("%s: not understood: %q", name, s)
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("%s: not understood: %q", name, s)
		}
		children[parent] = append(children[parent], child)
	}
	found := children[pid]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found, nil
}
