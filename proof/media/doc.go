// Package media proves what the store does when the medium below it gives out: when the
// file system is full, and when a file is not what was written.
//
// TestEnospc (Linux, root) fills small file systems under a working store: tmpfs and
// ext4 of many sizes, filled by the store's own work and by a file that grows beside it,
// to the last byte. Writes must be refused with ErrDiskFull, reads must go on, closing
// and opening must work or say why not, writes must resume when there is room, and
// nothing that was acknowledged may be lost (I10, I2).
//
// TestBitflip damages stores that hold everything: every kind of file, every kind of
// pair that the engine holds, backups and exported codes. Each damage must be refused by
// Open or Restore with a typed error, or be reported by the reader it concerns or by
// Verify, or not matter: no answer may be silently wrong (I1, I3, I4).
//
// The engine maps its files and works in goroutines of its own, so what goes badly wrong
// ends the process. Therefore the stores live in child processes, which are this test's
// binary started again (child_test.go), and a child's death is a result like any other.
package media
