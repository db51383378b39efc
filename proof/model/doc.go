// Package model holds the store against a model: the promises of store/doc.go in a few
// plain maps (state_test.go), which a person can read in one go.
//
// TestModel draws random operations with pgregory.net/rapid: mints and imports, draws,
// leases, takes and exports, redemptions in all their forms, reservations, releases and
// undos, limits of users, codes of several lives, questions, cursors and a consumer of the
// feed, checkpoints, backups, restores, closed and crashed stores that are opened again with
// other options, requests that must change nothing. Every answer is foretold by the model. After every step the
// counters of all batches and what Check says of the codes are compared, whenever a store is
// opened all it knows: every code's history, every receipt and record, every key, and Verify.
//
// Signed batches are minted beside the others (signed_test.go): their codes are computed by the
// store alone, and what is forged, beyond a batch or of another plan is refused with its
// reason. Shared batches are created, claimed in every way, taken back and ended
// (share_test.go): each share is given once, and what is given and what goes back add up to
// the total. How a total is split is up to the store.
//
// The clock is part of the model (clock_test.go): it moves on by itself with every reading,
// so a call that looks twice, or stamps its record with another time than the one it judged
// by, is seen. Windows are so narrow, and the clock so often set to their very ends, that
// every microsecond of them counts. So it is with leases, reservations and quarantines: what
// is over ends with the first reading by then, whoever makes it. The store's own goroutine
// that ends them while nobody asks is kept from it; package linear lets it work.
//
// Codes are made to be hard to tell apart (hostile_test.go): different texts with the same
// 64-bit hash, codes that crowd into one slot of one shard, the same text in two namespaces,
// texts that differ in case only and may each be what was typed. Keys, too.
//
// TestModelPages does the same with stores that are built with other sizes of pages.
//
// A failure is shrunk by rapid and printed as the list of its operations; the run that found
// it is printed as well, for a failure that rapid cannot bring about again: which of a batch's
// codes are drawn is up to the store, and its own goroutines run as they like. CODEPOOL_N is
// the number of steps. CODEPOOL_SEED repeats a run, not the -rapid.seed that rapid advises.
package model
