package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// The engine's keys: one byte of kind, then big-endian numbers, so that they sort.
//
//	'B' batch                        definition of a batch, JSON
//	'P' run page                     codes of a run, pageCodes each, in hash order
//	'R' run                          header of a run
//	'j' number                       ledger entry
//	'j' number 'd'|'f'|'i' run page  index run that ends at that number: directory,
//	                                 key filter, postings
//	'k'                              checkpoint
//	'l' number page                  leases that had not ended at checkpoint number
//	'm'                              index manifest
//	'n'                              cursors of consumers, JSON
//	'o'                              counters of sequences and order numbers, JSON
//	'p' number                       process that wrote the records from number on, JSON
//	'q' number page                  states of shared batches at checkpoint number
//	's' run page                     states of a run, statePage each
//
// The order matters to the engine: it merges new tables with the old ones whose
// range of keys they touch. What grows (ledger and index) grows at one place, next
// to what is rewritten (checkpoint, manifest, states), so a merge leaves the codes
// and the old ledger alone. With index pages in a range of their own each merge
// would rewrite the ledger or the index in between.
const (
	keyBatch      = 'B'
	keyCodes      = 'P'
	keyRun        = 'R'
	keyEntry      = 'j'
	keyCheckpoint = 'k'
	keyManifest   = 'm'
	keyStates     = 's'
	keyLeases     = 'l'
	keyShares     = 'q'
	keyCursors    = 'n'
	keySession    = 'p'
	keySequences  = 'o'

	partDirectory = 'd'
	partFilter    = 'f'
	partPostings  = 'i'
)

// entryKeyLen tells a ledger entry from a part of the index in the same range.
const entryKeyLen = 9

func key1(kind byte, a uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, a)
}

func key2(kind byte, a, b uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(append(make([]byte, 0, 9), kind), a), b)
}

func entryKey(number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 18), keyEntry), number)
}

// key returns the key of a part of an index run.
func (r *indexRun) key(part byte, page int) []byte {
	k := append(entryKey(r.Last), part)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(k, r.ID), uint32(page))
}

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// sealInPlace puts the checksum of key and value[4:] into the first four bytes.
func sealInPlace(key, value []byte) {
	binary.LittleEndian.PutUint32(value, checksum(key, value[4:]))
}

// seal returns payload behind its checksum.
func seal(key, payload []byte) []byte {
	v := make([]byte, 4+len(payload))
	copy(v[4:], payload)
	sealInPlace(key, v)
	return v
}

// unseal checks a value and returns its payload, which aliases it.
func unseal(key, value []byte) ([]byte, error) {
	if !wellFormed(key) {
		return nil, corrupt(key, "there is no such key")
	}
	if len(value) < 4 {
		return nil, corrupt(key, "value is too short")
	}
	if binary.LittleEndian.Uint32(value) != checksum(key, value[4:]) {
		return nil, corrupt(key, "checksum does not match")
	}
	return value[4:], nil
}

// sumOf returns the checksum that a sealed value has in front.
func sumOf(value []byte) uint32 { return binary.LittleEndian.Uint32(value) }

// shareOf is what a pair adds to a sum that binds pairs to another one. Checksum 0
// stands for a pair that does not exist.
func shareOf(key []byte, sum uint32) uint64 {
	if sum == 0 {
		return 0
	}
	return xxhash.Sum64(binary.LittleEndian.AppendUint32(slices.Clone(key), sum))
}

func checksum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, payload)
}

// wellFormed reports whether key has the form of its kind.
func wellFormed(key []byte) bool {
	if len(key) == 0 {
		return false
	}
	switch rest := len(key) - 1; key[0] {
	case keyBatch, keyRun:
		return rest == 4
	case keyCodes, keyStates:
		return rest == 8
	case keyEntry:
		return len(key) == entryKeyLen || rest == 17 && (key[9] == partDirectory || key[9] == partFilter || key[9] == partPostings)
	case keyLeases, keyShares:
		return rest == 12
	case keySession:
		return rest == 8
	case keyCheckpoint, keyManifest, keyCursors, keySequences:
		return rest == 0
	}
	return false
}

var keyNames = map[byte]string{
	keyBatch: "batch", keyRun: "run", keyCodes: "code page", keyStates: "state page", keyEntry: "ledger entry",
	keyCheckpoint: "checkpoint", keyManifest: "index manifest", keyLeases: "lease page", keyShares: "share page", keyCursors: "cursors", keySession: "session", keySequences: "sequences",
}

// corrupt names the record at key in words.
func corrupt(key []byte, why string) error {
	what := "record"
	if len(key) > 0 {
		what = keyNames[key[0]]
		switch rest := key[1:]; {
		case len(rest) == 4:
			what = fmt.Sprintf("%s %d", what, binary.BigEndian.Uint32(rest))
		case key[0] == keyEntry && len(key) == entryKeyLen:
			what = fmt.Sprintf("%s %d", what, binary.BigEndian.Uint64(rest))
		case key[0] == keyEntry && len(rest) == 17:
			what = fmt.Sprintf("index run %d, part %c %d", binary.BigEndian.Uint32(rest[9:]), rest[8], binary.BigEndian.Uint32(rest[13:]))
		case len(rest) == 8 && key[0] != keySession:
			what = fmt.Sprintf("%s %d.%d", what, binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:]))
		}
	}
	return &CorruptError{What: what, Why: why}
}
