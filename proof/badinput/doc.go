// Package badinput proves that wrong input is refused: one table of two thousand
// named mistakes over the Go API (gen, shard, store) and over the program codepool, each
// with the error that it must get and with a look at what it must not have touched.
//
// A case of the API names a call, the error it must be in the sense of errors.Is and what
// its text must say. The call may neither panic nor hang; behind it the store has the same
// ledger, the same counts, cursors and batches as before. A case of the program names a
// command line; the program runs as a process of its own, with --json, and must end with
// the right exit code and one error object on standard error that has the right reason,
// the right text and a next step. Nothing may stand on standard output but an answer that
// the case names, and no file may have come, gone or changed but those that any opening
// of a store rewrites; the store must hold what it held.
//
// Nearly every limit has a neighbour (neighbours_test.go): the greatest value that is
// still allowed, with which the same call must succeed. So a refusal is for the reason
// that its case means and not for another.
//
// What the code does not get right yet stands in known_test.go with the right
// expectation. Such a case fails the test when it is mended, so that it moves to its
// table.
package badinput
