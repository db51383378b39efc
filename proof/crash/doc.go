// Package crash proves that every answer survives the sudden end of the process or of the
// power (I1, I2, I3, I7, I8, I9).
//
// A child process works on a store from many goroutines and writes each answer that it got
// to a pipe, with one system call. The parent reads, ends the child or the power at some
// moment, opens what is left and holds every answer against it.
//
//	TestKill9        SIGKILL at a random moment
//	TestPowerCut     the file system is shut down under the child: what was not synced is gone
//	TestDoubleCrash  SIGKILL in recovery, checkpoint, index building, backup and restore
//	TestEveryIO      SIGKILL at every named point of the store's own code (package points)
//
// What an answer says must hold afterwards; what was asked and not yet answered may have
// happened or not. The parent knows what can have been asked, because what is done with a
// code follows from the code, and how codes are drawn from their reference (plan.go). A lease
// or a reservation that the crash has left it ends as the child would have, with the same
// key. Every fourth worker draws codes of signed batches, which are computed (signed.go).
// Beside the workers others change a batch (desk.go), ask for more than their limit
// (ration.go), reuse codes (library.go), export lists (shelf.go), move a cursor (feed.go),
// retire batches (archive.go), take order numbers (numbers.go) and share red packets
// (packets.go).
package crash
