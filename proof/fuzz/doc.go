// Package fuzz proves that no bytes from outside break the store: it lets every fuzz
// target of the source run for some time.
//
// The targets are where the code is that they test, as fuzz_test.go or fuzz_*_test.go
// beside it, because most of them need what a package does not export. This package finds
// them by reading the source, so that none is forgotten, and holds a list of the areas
// that must have one: whatever reads bytes that a stranger, a torn write or another
// program may have made.
//
// Each target runs as with
//
//	go test -run ^$ -fuzz ^FuzzX$ -fuzztime 20s PACKAGE
//
// In the short form those of the canonical form, the import parser, the decoders of ledger
// entries and pages, the backup reader and the redemption stream run 20 seconds, the others
// 4. What the fuzzer finds of interest stays in Go's cache, so a later run goes on from
// there. It takes no seed. A failure shows the fuzzer's report and the input; put the input
// into the package's testdata/fuzz/FuzzX/ to keep it as a test.
package fuzz
