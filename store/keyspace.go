package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The engine's keys: one byte of kind, then big-endian numbers, so that they sort.
//
//	'b' batch                 definition of a batch, JSON
//	'r' run                   header of a run
//	'p' run page              codes of a run, pageCodes each, in hash order
//	's' run page              states of a run, statePage each
//	'j' number                ledger entry
//	'c'                       checkpoint
//	'm'                       index manifest
//	'd' index-run             index directory
//	'i' index-run page        index postings
//	'f' index-run page        index key filter
const (
	keyBatch      = 'b'
	keyRun        = 'r'
	keyCodes      = 'p'
	keyStates     = 's'
	keyEntry      = 'j'
	keyCheckpoint = 'c'
	keyManifest   = 'm'
	keyDirectory  = 'd'
	keyPostings   = 'i'
	keyFilter     = 'f'
)

func key1(kind byte, a uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, a)
}

func key2(kind byte, a, b uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(append(make([]byte, 0, 9), kind), a), b)
}

func entryKey(number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), keyEntry), number)
}

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
	if len(value) < 4 {
		return nil, corrupt(key, "value is too short")
	}
	if binary.LittleEndian.Uint32(value) != checksum(key, value[4:]) {
		return nil, corrupt(key, "checksum does not match")
	}
	return value[4:], nil
}

func checksum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, payload)
}

var keyNames = map[byte]string{
	keyBatch: "batch", keyRun: "run", keyCodes: "code page", keyStates: "state page", keyEntry: "ledger entry",
	keyCheckpoint: "checkpoint", keyManifest: "index manifest", keyDirectory: "index directory",
	keyPostings: "index page", keyFilter: "index filter",
}

// corrupt names the record at key in words.
func corrupt(key []byte, why string) error {
	what := "record"
	if len(key) > 0 {
		what = keyNames[key[0]]
		switch rest := key[1:]; len(rest) {
		case 4:
			what = fmt.Sprintf("%s %d", what, binary.BigEndian.Uint32(rest))
		case 8:
			if key[0] == keyEntry {
				what = fmt.Sprintf("%s %d", what, binary.BigEndian.Uint64(rest))
			} else {
				what = fmt.Sprintf("%s %d.%d", what, binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:]))
			}
		}
	}
	return &CorruptError{What: what, Why: why}
}
