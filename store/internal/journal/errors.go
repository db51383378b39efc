package journal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// The errors that package store passes on; their texts are for its callers.
var (
	// ErrDiskFull is returned when less is free than writes or opening need.
	ErrDiskFull = errors.New("disk is full")
	// ErrClosed is returned when the engine was closed.
	ErrClosed = errors.New("store is closed")
	// ErrCorrupt is returned when stored data contradicts its checksum, its count or
	// itself. It is always a *CorruptError.
	ErrCorrupt = errors.New("data is corrupt")
)

// CorruptError says what is damaged.
type CorruptError struct {
	What string // which record or file
	Why  string
}

func (e *CorruptError) Error() string { return fmt.Sprintf("data is corrupt: %s: %s", e.What, e.Why) }

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// noSpace reports whether an error is that of a full disk; the engine passes on the words
// alone.
func noSpace(err error) bool {
	return err != nil && (errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), syscall.ENOSPC.Error()))
}

// DiskFull adds ErrDiskFull to an error whose reason is that, and returns others as they
// are.
func DiskFull(err error) error {
	if noSpace(err) && !errors.Is(err, ErrDiskFull) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}
