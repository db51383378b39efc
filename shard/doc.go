// Package shard is the pool in memory: every code a store knows, its state, and
// the one place where a state changes. It does no I/O and knows no time; package
// store decides what a change means and makes it durable.
//
// # Shape
//
//	hash (64 bits, xxhash of namespace and whole code)
//	├── top bits ───────► which shard                        (a range of hashes)
//	├── next bits ──────► slot in the shard's table          (same order as the hash)
//	└── low bits ───────► tag kept in the slot
//
//	Shard   table   []uint32   tag | position+1, open addressing, linear probing
//	        words   []uint64   the code itself, packed, at its position
//	        wide    []byte     texts of codes that do not fit into 64 bits
//	        states  []uint64   4 bits a position
//	        segs    []Segment  which positions belong to which run
//
// A run is a set of codes that were minted together, sorted by hash; the part of
// it that falls to one shard is a Segment: consecutive positions in hash order. A
// code is therefore named in two ways: by its text (table → position), and by
// (run, ordinal), which is how the journal names it and how replay finds it
// without hashing anything. Because the order is that of the hash, any
// power-of-two number of shards cuts every run into ranges, and loading is a
// sequential sweep over both the run and the table. A position names a code while its
// shard is locked: dropped runs make room.
//
// # Computed runs
//
// A run whose codes can be made from their ordinals stores none of them (NewComputedRun):
//
//	key (ComputedKey)  run, ordinal; hash = ordinal × 2^64 / codes of the run
//	Shard   computed[] states []uint64          2 bits a code: available, issued, redeemed, other
//	                   rare   map[uint32]State  the other states, but for revoked
//	                   stock  []uint32          what is available, a tree of counters
//	                   pages  []uint64          which 2^15 ordinals have changed
//
// The hash grows with the ordinal, so such a run is cut into ranges like any other, and a
// code's place is arithmetic: no table, no word, no comparison. Positions from 2^30 on are
// of computed codes; whoever has one, or a segment, need not know more. Memory that was not
// written to is a full stock: a billion codes take nothing but address space when they are
// minted, and 240 MB when all were drawn. The map is for states that few codes have at a
// time; each takes some 12 bytes.
//
// # States
//
//	Pending ──► Available ──► Issued ──► Redeemed      (Drawing: on the first arrow)
//	               │  ▲          │          ▲
//	               │  └──────────┘          │
//	               └────────────────────────┘   (straight from stock)
//	any live ──► Revoked;   Void: memory that holds no code
//
// The package moves a code from one state to another only if it is in the state
// the caller expects (compare-and-delete: a redeemed code stays, as the positive
// record that it is gone). Which moves are legal is the business of package store.
//
// # Random draws
//
// A draw is uniform over the available codes of a batch: a uniform rank below the
// number available, then select by counters per 256 positions and a popcount over
// 4-bit lanes (computed codes: random places until one is available while half of them are,
// else select by a tree of counters). Nothing is swapped, so positions never move and a checkpoint is a
// copy of the state array. The generator is ChaCha8 seeded from crypto/rand.
//
// # Memory
//
// Per code: 8 bytes of word, 4 / 0.64…0.85 bytes of slot, half a byte of state. The
// arrays live outside the Go heap where the platform allows it (anonymous
// mappings), so the garbage collector neither scans them nor doubles them, and a
// grown array's predecessor is given back at once. They are touched only under the
// shard's lock and are unmapped by Pool.Close under the same lock.
//
// # Locking
//
// One mutex a shard. Never two shards at once. The zero Key finds nothing. All
// methods of *Shard require that the caller holds it, by Pool.Lock.
package shard
