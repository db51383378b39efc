// Package gen says what a code is: its alphabet, its one canonical form, its
// packed form, how it is printed and masked, how random ones are made and how
// long they must be to resist guessing, how one is signed instead, how an amount of
// money is split, and what an order number is. It knows nothing of pools, storage or clocks, and
// imports the standard library only.
//
// # The path of a code
//
//	         typed text                 "7kqf 2m9x-t4wc"      at most MaxInput bytes
//	             │ AppendCanonical(fold)
//	             ▼
//	       canonical text               "7KQF2M9XT4WC"        the identity of a code
//	     │       │        │
//	Pack │       │        └─ Mask ────▶ "****-****-T4WC"      for consoles and logs
//	     │       └─ AppendPrinted ────▶ "7KQF-2M9X-T4WC"      for people
//	     ▼
//	  uint64 < PackedLimit              0x3CEEF1513DD138C     when the text is packable;
//	     │ AppendUnpacked                                     else it is wide and stays text
//	     ▼
//	  canonical text
//
// Minting starts at the other end: a [Generator] draws packed values (or
// canonical text) from crypto/rand, and text appears only when it is printed.
//
// # Canonical form
//
// Two texts are the same code exactly when their canonical forms are equal byte
// for byte. [AppendCanonical] is the only function that computes it; everything
// else, in this package and above it, takes its result. A [Fold] selects the
// rules, and a [Class] of codes has one fold:
//
//	fold       letter case   ' ' and '-'   O, I, L        other characters
//	crockford  to upper      dropped       as 0, 1, 1     refused outside of the alphabet
//	upper      to upper      dropped       kept           kept when printable
//	exact      kept          kept          kept           kept when printable
//
// White space around a text is dropped under every fold, so a pasted line end
// does no harm. Inside a text only ' ' is accepted; tabs, no-break spaces,
// control characters and format characters (zero-width space, soft hyphen, byte
// order mark) are refused under every fold, because nobody can see them. Only
// ASCII letters change case. Text beyond ASCII is compared as it is encoded: no
// Unicode normalisation, no case folding, no guard against look-alikes.
//
// # Packed form
//
// Most codes fit in 64 bits, and a pool of uint64 is several times smaller than
// one of strings. [Pack] is a function of the text alone, not of the format
// it was made by, so an imported code and a minted one of the same text meet. The
// first kind that fits a text wins:
//
//	kind                                 lengths   values, from 0 upwards
//	Crockford alphabet, upper case       12        2^60, by shifts: the hot case
//	digits and upper-case letters        1…12      Σ 36^i
//	digits and lower-case letters        1…12      Σ 36^i
//	digits                               13…18     Σ 10^i
//	digits and letters of both cases     1…10      Σ 62^i
//
// Each length of a kind has its own range, so leading zeros survive. The ranges
// end below [PackedLimit]; the top nibble 0xF is never used and is free for
// the store's references to wide texts. A value in a later range whose
// text belongs to an earlier one is never made, and [AppendUnpacked] refuses it.
//
// Packed values are stored on disk. The table above must therefore never change,
// not even grow: a new kind would make packed texts of some that are stored
// as wide ones.
//
// # Signed codes
//
// A random code means what a store has written down for it. A signed one says itself
// what it is, a plan and a serial, and a tag in it proves that whoever made it had the
// key: no list of codes is kept, and a forged one is refused by arithmetic alone. A
// [Signer] makes and opens them; a [Layout] says how many bits go where:
//
//	plan 7, serial 77 ──Append──▶ "9EJRQ15GMDKK5M59" ──Open──▶ plan 7, serial 77, key 1
//	                      │                               │
//	                      └── first key                   └── every key, else ErrForged
//
// What is said is encrypted under its tag (deterministic authenticated encryption, in
// the manner of RFC 5297), so codes show neither serials nor how many there are, and
// those of neighbours look unrelated. Every plan and serial has exactly one code.
//
// The bits of the tag are the odds of a forger ([Layout.ForgeryOdds]): one guess in
// 2^TagBits is opened, for each key that is tried, and it says a random plan and
// serial. To hit one that is live is as hard as with random codes of the same size,
// and [GuessRisk] does that sum. What a code cannot say is whether it was used: whoever
// redeems signed codes keeps state for each serial, if only a bit.
//
// Keys rotate: NewSigner takes several, the first of which signs. With KeyBits in
// the layout a code names its key, which is then the only one tried.
//
// Codes are out in the world for years. What a layout and a key make of a plan and a
// serial must therefore never change.
//
// # Invariants
//
//   - Canonical text is 1 to [MaxCode] bytes of valid UTF-8, and canonicalising
//     it again under the same fold changes nothing.
//   - Pack(a) == Pack(b) only if a equals b; AppendUnpacked(Pack(a)) is a.
//   - PackCrockford(t) is Pack(AppendCanonical(t, Crockford)) for every t whose
//     canonical form has 12 characters, and refuses every other t.
//   - Reading a printed code back gives its canonical form. A format whose
//     printed codes would be longer than MaxInput does not validate.
//   - Every code of a format is equally likely, and codes are independent.
//   - Open(Append(plan, serial)) is plan and serial, and what OpenCanonical opens
//     is byte for byte what Append writes.
//
// # Guessing
//
// A code is a bearer secret, so its length must follow from how many are live
// and how fast somebody can guess. [GuessRisk] does that sum and
// [Format.MinLength] solves it for the length.
//
// # Splitting an amount
//
// Amounts are integers of minor units; [Currency] knows how people write them. A [Split]
// says how one becomes the parts of a red packet, and what it refuses. The order of the
// parts is the order of claiming, so whoever splits an amount shuffles it for good:
//
//	Split ─ AppendParts ─▶ parts, in the order of claiming
//	                         │ Commit(NewSalt(), parts) ─▶ published before the first claim
//	                         ▼
//	                       claims, and at the end salt and parts ─▶ VerifyCommitment
//
// For every policy
//
//   - each part is at least 1, and at most the cap if there is one;
//   - the parts add up to the total exactly, for totals up to the largest int64;
//   - every order of the parts is equally likely, so that no position is better;
//   - what cannot be split so is refused, and nothing else is.
//
// # Order numbers
//
// An [OrderCodec] writes a day, a type and a sequence number as up to 18 digits, which fit an
// int64, and reads them back:
//
//	261126 42 730184925 8
//	│      │  │         └ check digit (damm.go): catches every changed digit and every swap
//	│      │  └ sequence number, permuted under a secret, the day and the type (permute.go)
//	│      └ type
//	└ date
//
// Number and text are one to one. That no sequence number comes twice is the caller's
// part: package store has counters for it.
//
// # Goroutines and costs
//
// Functions are pure and values ([Format], [Layout], [Class], [Fold], [Risk], [Split], [Currency],
// [Day], [OrderLayout]) are plain data: safe to copy and to use from any goroutine. A [Generator]
// belongs to one goroutine, a [Signer] and an [OrderCodec] to all. AppendCanonical, Pack, AppendUnpacked,
// PackCrockford and a Signer's Append and Open do not allocate, nor do their errors but
// Append's; FillPacked allocates its block of random bytes only.
package gen
