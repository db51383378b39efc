// Package store is an embedded store of one-shot rights. A code is minted into a
// batch, drawn from it at random, and redeemed exactly once; no answer is given
// before what it says is durable.
//
//	s, err := store.Open("data", nil)
//	b, err := s.Mint(ctx, store.Batch{Name: "launch", Count: 1_000_000, Reward: "svip:30d"})
//	codes, err := s.Issue(ctx, b.ID, 10, store.To("order-7"))
//	rcpt, err := s.Redeem(ctx, store.Redemption{Code: "7KQF-2M9X-T4WC", User: "player-42", Key: "req-9"})
//
// # The one idea
//
// Memory decides, the journal makes it true, answers wait, indexes follow.
//
//	text ─► canonical form ─► gate ─► shard lock: compare state, change it,
//	                           │       append a record to the open group ─► unlock
//	                           ▼                        │
//	                    "never minted"                  ▼
//	                    (no lock)      committer: one group, one transaction, one sync
//	                                                    │
//	                          answers of the group ◄────┤
//	                                                    ▼
//	                          maintainer: state pages, index, checkpoint
//
// Everything is decided in one place, under one shard's lock (package shard). What
// changed is a record of a few bytes in the open group. One committer writes a group
// as one transaction of the engine and syncs it; meanwhile the next group fills. There is
// no timer: a lone caller waits for one sync, eight thousand callers share it. When they
// come by the hundred, or leave a callback instead of waiting, their requests are decided
// together, in lots (intake.go).
//
// # Promises
//
//	I1  Once. A code has at most one redemption that was acknowledged and not undone.
//	I2  Durable answers. No answer, positive or negative, leaves before everything it
//	    was computed from is durable: a refusal waits for its shard's last group.
//	I3  Exclusive draws. A code is drawn by at most one reference; a crash never draws
//	    it again.
//	I4  Positive record. A redemption is proved by a record that is present; on load
//	    redeemed beats live; only a record undoes it.
//	I5  Whole code. Identity is the full canonical text in its namespace, never a hash.
//	I6  No false "no". The gate never refuses a code that exists.
//	I7  Conservation. minted = available + leased + reserved + issued + redeemed + revoked,
//	    per batch, always; Verify proves it from disk and against memory.
//	I8  Unknown is an answer. If a commit fails its callers get ErrOutcomeUnknown, the
//	    store serves no more writes and reopening settles what happened.
//	I9  Same key, same answer. A request with an idempotency key that succeeded gets
//	    its first answer again.
//	I10 Full disk is an error (ErrDiskFull), not a crash; reads go on, writes resume.
//	I11 Bounded recovery. Opening reads codes and states plus the ledger since the last
//	    checkpoint.
//
// # Lock order
//
//	leaseTable.over, Store.sharesOver → Store.draws
//	shared.undo → Store.draws → key stripe → user stripe → share stripes, in order → shareTable.mu, committer.mu
//	Store.texts → token stripe → shareTable.mu
//	Store.adding → Store.draws → shard → key stripe → committer.mu
//	Store.drawKeys → Store.draws → …
//	gate shard → shard
//	committer.writing → committer.mu
//	intake stripe, latch.mu, committer.notes, index.mu and Store.mu → nothing of ours
//
// Never two shards at once, never a shard across I/O. Several stripes of users at once
// only by TryLock (limitall.go).
//
// # Limits
//
// One process at a time opens a directory. All codes live in memory until their batch is
// retired (registry.go): about 16 bytes each, besides their text when it does not pack into 64 bits (12 Crockford characters
// do, 16 do not). The ledger grows for ever: some 17 bytes a redemption, and 13 of
// index with a user.
//
// # Reading the source
//
// redeem.go, intake.go and redeemall.go are the hot path, step.go and ref.go the way back; commit.go, group.go and latch.go
// the group commit; gate.go the filter; record.go, decoder.go, page.go, derived.go and keyspace.go the format on disk; recover.go
// and checkpoint.go the way back, statepage.go what binds states to a checkpoint; index.go, postings.go, flush.go and keys.go
// what finds old records, labelled.go those of a label, survey.go where they stand. lease.go, hold.go and leases.go are what holds for a time,
// share.go, claim.go and shareend.go shared batches, sharetable.go what they are in memory, sharepages.go at a
// checkpoint, token.go what keeps their tokens apart from codes;
// signed.go batches whose codes are computed, sequence.go and ordernumbers.go numbers that are given out once,
// limit.go and limitall.go users, reuse.go codes of several lives, export.go lists, feed.go the ledger as a feed, change.go what of
// a batch can change, retire.go and registry.go batches that are only on disk, sequence.go and
// ordernumbers.go numbers that are given out once. internal/journal is the engine below: Badger, what guards its files while it opens, and
// the room on the disk; no other package knows them.
package store
