package store

import (
	"encoding/binary"
	"fmt"

	"codepool/gen"
	"codepool/shard"
	"codepool/store/internal/journal"
)

// A run on disk: a header, pages of codes in hash order that are written once unless the
// codes come of a seed (derived.go), and pages of states that checkpoints rewrite. Nothing but the header makes a run
// exist; pages without one are left from a mint that did not finish and are
// overwritten by the next run of that number.

// pageCodes is how many codes share a value: 64 KiB of packed codes, so that the
// engine's overhead of some 50 bytes a key is nothing.
const pageCodes = 8192

// runHeader describes a run.
type runHeader struct {
	ID, Batch, Count uint32
	Initial          shard.State
	Mixed            bool   // pages hold packed and wide codes
	Computed         bool   // its codes are computed (signed.go): it has no pages of them
	Ref              string // to whom an import handed its codes out
	Codes            uint64 // sum of its pages' shares: another page in the place of one is noticed
	From             derivation

	sum uint32 // checksum of the header, once it was written or read
}

// derived reports whether the codes come of a seed.
func (h *runHeader) derived() bool { return h.From.Made > 0 }

func (h *runHeader) pair() journal.Pair {
	b := make([]byte, 4, 80+len(h.Ref)+len(h.From.Without))
	b = binary.LittleEndian.AppendUint32(b, h.Batch)
	b = binary.LittleEndian.AppendUint32(b, h.Count)
	flags := byte(0)
	if h.Mixed {
		flags = 1
	}
	if h.Computed {
		flags |= 2
	}
	if h.derived() {
		flags |= 4
	}
	b = append(b, byte(h.Initial), flags)
	b = binary.LittleEndian.AppendUint64(b, h.Codes)
	b = appendString(b, h.Ref)
	if h.derived() {
		b = binary.AppendUvarint(append(b, h.From.Seed[:]...), uint64(h.From.Made))
		b = appendString(b, h.From.Without)
	}
	k := key1(keyRun, h.ID)
	sealInPlace(k, b)
	h.sum = sumOf(b)
	return journal.Pair{Key: k, Value: b}
}

func decodeRunHeader(key, value []byte) (h runHeader, err error) {
	body, err := unseal(key, value)
	if err != nil {
		return h, err
	}
	d := decoder{b: body}
	h.ID = binary.BigEndian.Uint32(key[1:])
	h.Batch, h.Count = d.uint32(), d.uint32()
	h.Initial = shard.State(d.byte())
	flags := d.byte()
	h.Mixed, h.Computed = flags&1 != 0, flags&2 != 0
	h.Codes, h.sum = d.uint64(), sumOf(value)
	h.Ref = string(d.text())
	if flags&4 != 0 {
		copy(h.From.Seed[:], d.bytes(uint64(len(h.From.Seed))))
		made := d.uvarint()
		h.From.Made, h.From.Without = uint32(made), string(d.text())
		d.bad = d.bad || made < uint64(h.Count) || made > maxMade || flags&3 != 0
	}
	if d.bad || h.ID == 0 || h.Count == 0 || h.Count > mintRound && !h.Computed || h.Initial != shard.Available && h.Initial != shard.Issued {
		return h, corrupt(key, "header makes no sense")
	}
	return h, nil
}

// runCodes is the codes of a run in hash order: packed ones as hashes and words,
// or any as keys.
type runCodes struct {
	hashes, words []uint64
	keys          []shard.Key
	from          derivation // how the words come of a seed
}

// addTo adds the codes to the pool's run, keeps those that were new and returns
// their hashes and number.
func (c *runCodes) addTo(run *shard.Run) (hashes []uint64, n int, err error) {
	if c.keys == nil {
		n, err = run.AddPacked(c.hashes, c.words)
		c.hashes, c.words = c.hashes[:n], c.words[:n]
		return c.hashes, n, err
	}
	n, err = run.AddKeys(c.keys)
	c.keys = c.keys[:n]
	hashes = make([]uint64, n)
	for i := range c.keys {
		hashes[i] = c.keys[i].Hash
	}
	return hashes, n, err
}

// numPages is how many pages the codes fill.
func (c *runCodes) numPages() int { return (c.len() + pageCodes - 1) / pageCodes }

// appendPage appends a page's payload to b.
func (c *runCodes) appendPage(b []byte, page int) []byte {
	from, end := page*pageCodes, min((page+1)*pageCodes, c.len())
	if c.keys == nil {
		for _, w := range c.words[from:end] {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
		return b
	}
	for i := from; i < end; i++ {
		if k := &c.keys[i]; k.Word < shard.WideMark {
			b = append(b, 0)
			b = binary.LittleEndian.AppendUint64(b, k.Word)
		} else {
			b = append(b, byte(len(k.Wide)))
			b = append(b, k.Wide...)
		}
	}
	return b
}

// pages calls put with each page of the run's codes.
func (c *runCodes) pages(run uint32, put func(journal.Pair) error) error {
	for page := range c.numPages() {
		k, b := key2(keyCodes, run, uint32(page)), make([]byte, 4, 4+8*pageCodes)
		b = c.appendPage(b, page)
		sealInPlace(k, b)
		if err := put(journal.Pair{Key: k, Value: b}); err != nil {
			return err
		}
	}
	return nil
}

// readCodes returns the codes of a run, which it checks.
func readCodes(v journal.Reader, h runHeader, b *batch) (*runCodes, error) {
	if h.derived() {
		return deriveCodes(h, b)
	}
	return readPages(v, h, b.space.id)
}

// readPages reads and checks the codes of a run whose pages are on disk.
func readPages(v journal.Reader, h runHeader, space uint32) (*runCodes, error) {
	c := &runCodes{}
	var sum uint64
	if h.Mixed {
		c.keys = make([]shard.Key, 0, h.Count)
	} else {
		c.hashes, c.words = make([]uint64, 0, h.Count), make([]uint64, 0, h.Count)
	}
	for page := uint32(0); page*pageCodes < h.Count; page++ {
		share, err := c.readPage(v, h, page, space)
		if err != nil {
			return nil, err
		}
		sum += share
	}
	if sum != h.Codes {
		return nil, corrupt(key1(keyRun, h.ID), "its codes are not those that it was written with")
	}
	return c, nil
}

// readPage appends the codes of a page, which it checks, and returns the page's share of
// its run's sum.
func (c *runCodes) readPage(v journal.Reader, h runHeader, page, space uint32) (share uint64, err error) {
	key, body, sum, err := getCodes(v, h.ID, page)
	if err != nil {
		return 0, err
	}
	if h.Mixed {
		err = c.readMixed(key, body, h.pageLen(page), space)
	} else {
		err = c.readPacked(key, body, h.pageLen(page), space)
	}
	return shareOf(key, sum), err
}

// codePages is how many pages of codes the run must have, whatever becomes of it.
func (h *runHeader) codePages() uint32 {
	if h.Computed || h.derived() {
		return 0
	}
	return uint32((int(h.Count) + pageCodes - 1) / pageCodes)
}

// pageLen is how many codes a page of the run has.
func (h *runHeader) pageLen(page uint32) int { return min(pageCodes, int(h.Count-page*pageCodes)) }

// getCodes returns a page of a run's codes as it stands on disk, and its checksum.
func getCodes(v journal.Reader, run, page uint32) (key, body []byte, sum uint32, err error) {
	key = key2(keyCodes, run, page)
	value, err := v.Get(key)
	if err != nil {
		return key, nil, 0, err
	}
	if value == nil {
		return key, nil, 0, corrupt(key, "page is missing")
	}
	if body, err = unseal(key, value); err == nil {
		sum = sumOf(value)
	}
	return key, body, sum, err
}

func (c *runCodes) len() int { return max(len(c.words), len(c.keys)) }

func (c *runCodes) hash(i int) uint64 {
	if len(c.keys) > 0 {
		return c.keys[i].Hash
	}
	return c.hashes[i]
}

// key returns a code, of the namespace given.
func (c *runCodes) key(i int, space uint32) shard.Key {
	if len(c.keys) > 0 {
		return c.keys[i]
	}
	return shard.Key{Hash: c.hashes[i], Word: c.words[i], Space: space}
}

func (c *runCodes) readPacked(key, body []byte, want int, space uint32) error {
	if len(body) != 8*want {
		return corrupt(key, fmt.Sprintf("page has %d bytes, want %d", len(body), 8*want))
	}
	before := uint64(0)
	if n := len(c.hashes); n > 0 {
		before = c.hashes[n-1]
	}
	for ; len(body) > 0; body = body[8:] {
		w := binary.LittleEndian.Uint64(body)
		hash := shard.HashPacked(space, w)
		if hash < before || w >= shard.WideMark {
			return corrupt(key, "codes are out of order")
		}
		c.hashes, c.words, before = append(c.hashes, hash), append(c.words, w), hash
	}
	return nil
}

func (c *runCodes) readMixed(key, body []byte, want int, space uint32) error {
	d := decoder{b: body}
	for range want {
		var k shard.Key
		if n := d.byte(); n == 0 {
			k = shard.PackedKey(space, d.uint64())
			if k.Word >= shard.WideMark {
				d.bad = true
			}
		} else {
			k = shard.WideKey(space, string(d.bytes(uint64(n))))
			if n > gen.MaxCode {
				d.bad = true
			}
		}
		if d.bad || len(c.keys) > 0 && k.Hash < c.keys[len(c.keys)-1].Hash {
			return corrupt(key, "codes are out of order or cut off")
		}
		c.keys = append(c.keys, k)
	}
	if len(d.b) > 0 {
		return corrupt(key, "page holds more than its codes")
	}
	return nil
}

// admitHashes lets a run's codes, in hash order, through the gate. room is how many
// codes a shard is expected to hold in all, 0 if that is not known.
func (s *Store) admitHashes(hashes []uint64, room int) {
	for len(hashes) > 0 {
		i, n := s.pool.Route(hashes[0]), 1
		for n < len(hashes) && s.pool.Route(hashes[n]) == i {
			n++
		}
		s.gate.add(i, hashes[:n], room, func(f func(uint64)) bool {
			sh := s.pool.Lock(i)
			if sh == nil {
				return false
			}
			sh.EachHash(f)
			sh.Unlock()
			return s.retiredHashes(i, f)
		})
		hashes = hashes[n:]
	}
}
