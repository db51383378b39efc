// Package soak proves that a store can be used for a long time: what it needs of the
// machine follows what it holds, and nothing piles up with the time or the work.
//
// The test opens a store, lets several workers do everything a program does with it at
// once, stops them, closes the store and opens it again: a shift. After some shifts the
// directory is left for a new one, which bounds what it takes; the process goes on. Each
// shift ends at a time or a number of records, so a longer run has more of them.
//
// What was acknowledged is kept in a plain record of bounded size: counters, a slot of
// 32 bytes for each code that was issued, a sum over all receipts. After every reopening
// the store is compared with it.
//
// Readings are taken at the same moments of every shift, when no worker is at work, after
// collections of garbage: before the store is closed, while it is closed, and after it was
// opened again. So they do not depend on what happens to be under way, and each has a
// bound of its own:
//
//	closed   goroutines and descriptors are exactly those of the start; heap and resident
//	         memory are those of the first shifts, whatever the store holds
//	opened   the heap is what the codes, runs and records explain
//	ending   the heap is what it is after the store is closed and opened: what a store
//	         keeps beyond that has piled up with its work
//	on disk  the directory is not much larger than one restored from a backup, which holds
//	         nothing but what is live; that one is as large as its content explains
//
// The readings are printed as a table. Under the race detector memory is something else,
// and only the record, goroutines, descriptors and files are looked at.
package soak
