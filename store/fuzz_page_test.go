package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
	"testing"

	"codepool/gen"
	"codepool/shard"
	"codepool/store/internal/journal"
)

// FuzzRunHeader gives the decoder of run headers a key and a payload.
func FuzzRunHeader(f *testing.F) {
	payloads(storedPairs(f), keyRun, func(key, p []byte) { f.Add(key[1:], p) })
	for _, initial := range []shard.State{shard.Leased, shard.Redeemed, shard.Void} {
		f.Add([]byte{0, 0, 0, 1}, []byte{1, 0, 0, 0, 1, 0, 0, 0, byte(initial), 0, 1, 2, 3, 4, 5, 6, 7, 8, 0})
	}
	f.Add([]byte{0, 0, 0, 1}, []byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F})
	seeded := slices.Concat([]byte{1, 0, 0, 0, 2, 0, 0, 0, byte(shard.Available), 4, 1, 2, 3, 4, 5, 6, 7, 8, 0}, make([]byte, 32))
	f.Add([]byte{0, 0, 0, 1}, append(slices.Clone(seeded), 3, 1, 2))
	f.Add([]byte{0, 0, 0, 1}, append(slices.Clone(seeded), 1, 0))
	f.Add([]byte{0, 0, 0, 1}, append(slices.Clone(seeded), 0x81, 0x80, 0x80, 0x01, 0)) // more than a run has
	f.Fuzz(func(t *testing.T, place, payload []byte) {
		key := append([]byte{keyRun}, place...)
		var h runHeader
		var err error
		spends(t, len(payload), func() { h, err = decodeRunHeader(key, seal(key, payload)) })
		if err != nil {
			refused(t, "header", err)
			return
		}
		if h.ID == 0 || h.Count == 0 || h.Initial != shard.Available && h.Initial != shard.Issued {
			t.Fatalf("%+v is no run", h)
		}
		again, err := decodeRunHeader(h.pair().Key, h.pair().Value)
		h.sum = again.sum // the fuzzer's payload may be written in another way
		if again != h || err != nil || !bytes.Equal(h.pair().Key, key) {
			t.Fatalf("%+v is written as %q and read as %+v, %v", h, h.pair(), again, err)
		}
	})
}

// FuzzCheckpointRecord gives the decoder of the checkpoint record a payload.
func FuzzCheckpointRecord(f *testing.F) {
	payloads(storedPairs(f), keyCheckpoint, func(_, p []byte) { f.Add(p) })
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var c checkpointRecord
		err := c.load(memEngine{}.put([]byte{keyCheckpoint}, payload))
		if err != nil {
			refused(t, "checkpoint", err)
			return
		}
		if p := c.pair(); string(p.Key) != string([]byte{keyCheckpoint}) || !bytes.Equal(p.Value[4:], payload) {
			t.Fatalf("%x is read as %+v and written as %x", payload, c, p.Value[4:])
		}
	})
}

// slowKeys reads a page of codes by the book: with mixed a length and a text or, for
// length 0, a packed code; else packed codes. ok is false if it is malformed or has not
// as many codes as it should have. What order they are in is not looked at.
func slowKeys(body []byte, mixed bool, count int, space uint32) (keys []shard.Key, ok bool) {
	s := slowReader{Reader: *bytes.NewReader(body)}
	for range count {
		length := byte(0)
		if mixed {
			length = s.byte()
		}
		if length > 0 {
			text := string(s.fixed(uint64(length)))
			keys = append(keys, shard.WideKey(space, text))
			s.bad = s.bad || length > gen.MaxCode
		} else {
			word := uint64(s.uint32())
			word |= uint64(s.uint32()) << 32
			s.bad = s.bad || word >= shard.WideMark
			keys = append(keys, shard.PackedKey(space, word))
		}
		if s.bad {
			return keys[:len(keys)-1], false
		}
	}
	return keys, s.Len() == 0
}

// encodeKeys is the page of the keys, by the book.
func encodeKeys(keys []shard.Key, mixed bool) (body []byte) {
	for _, k := range keys {
		switch {
		case k.Word >= shard.WideMark:
			body = append(append(body, byte(len(k.Wide))), k.Wide...)
			continue
		case mixed:
			body = append(body, 0)
		}
		body = binary.LittleEndian.AppendUint64(body, k.Word)
	}
	return body
}

// fullPage is a first page with all its codes, and some codes for the next one.
func fullPage(space uint32) (keys []shard.Key, next []shard.Key) {
	for i := range uint64(pageCodes + 64) {
		keys = append(keys, shard.PackedKey(space, i))
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].Hash < keys[j].Hash })
	return keys[:pageCodes], keys[pageCodes:]
}

// FuzzCodePages gives the reader of a run's codes a page. With order the target brings
// what the page holds into the order that a run has; with second there is a full page
// before it.
func FuzzCodePages(f *testing.F) {
	const space = 3
	page, rest := fullPage(space)
	pairs := storedPairs(f)
	payloads(pairs, keyCodes, func(_, p []byte) {
		f.Add(p, false, true, false, uint8(len(p)/8))
		f.Add(p, true, true, false, uint8(2))
	})
	f.Add(encodeKeys(rest, false), false, false, true, uint8(len(rest)))
	f.Add(encodeKeys(rest, true), true, false, true, uint8(len(rest)))
	f.Add(encodeKeys([]shard.Key{{Word: shard.WideMark, Wide: "CARD-1"}, {Word: 7}, {Word: shard.WideMark, Wide: "x"}}, true), true, true, false, uint8(3))
	f.Add(binary.LittleEndian.AppendUint64(nil, shard.WideMark|5), false, true, false, uint8(1))
	f.Fuzz(func(t *testing.T, body []byte, mixed, order, second bool, count uint8) {
		if count == 0 {
			return // no header has it
		}
		keys, lawful := slowKeys(body, mixed, int(count), space)
		if order && lawful {
			slices.SortStableFunc(keys, func(a, b shard.Key) int {
				if a.Hash < b.Hash {
					return -1
				}
				return 1
			})
			body = encodeKeys(keys, mixed)
		}
		h := runHeader{ID: 1, Batch: 1, Count: uint32(count), Mixed: mixed}
		eng, number := memEngine{}, uint32(0)
		if second {
			eng.put(key2(keyCodes, 1, 0), encodeKeys(page, mixed))
			h.Count, number = h.Count+pageCodes, 1
			keys = append(slices.Clone(page), keys...)
		}
		eng.put(key2(keyCodes, 1, number), body)
		h.Codes = eng.codesOf(1)
		lawful = lawful && sort.SliceIsSorted(keys, func(i, j int) bool { return keys[i].Hash < keys[j].Hash })
		var c *runCodes
		var err error
		spends(t, 16*int(h.Count)+len(body), func() { c, err = readPages(eng, h, space) })
		if lawful != (err == nil) {
			t.Fatalf("lawful is %v, the reader says %v", lawful, err)
		}
		if err != nil {
			refused(t, "code page", err)
			return
		}
		again := memEngine{}
		if err := c.pages(1, func(p journal.Pair) error { return again.Write([]journal.Pair{p}) }); err != nil {
			t.Fatal(err)
		}
		for k, v := range eng {
			if !bytes.Equal(again[k], v) {
				t.Fatalf("page %q\n%x\nis written again as\n%x", k, v, again[k])
			}
		}
		addToPool(t, c, keys, space)
	})
}

// addToPool adds the codes to a pool; each text is there once and found.
func addToPool(t *testing.T, c *runCodes, keys []shard.Key, space uint32) {
	t.Helper()
	pool, err := shard.New(4)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	run := pool.NewRun(1, 1, space)
	_, n, err := c.addTo(run)
	if err != nil {
		t.Fatal(err)
	}
	different := map[shard.Key]bool{}
	for _, k := range keys {
		different[k] = true
	}
	if n != len(different) {
		t.Fatalf("%d codes of %d different ones were added", n, len(different))
	}
	run.Activate(shard.Available, nil)
	for k := range different {
		sh := pool.Lock(pool.Route(k.Hash))
		pos, seg, ok := sh.Find(&k)
		if !ok || sh.KeyAt(pos, seg) != k {
			t.Fatalf("%+v is not found again", k)
		}
		sh.Unlock()
	}
}

// FuzzStatePages gives the reader of a run's states a page. With fit the target gives
// the page the length that its place asks for, by repeating it.
func FuzzStatePages(f *testing.F) {
	payloads(storedPairs(f), keyStates, func(key, p []byte) {
		f.Add(key[5:], p, uint32(len(p)*2), true, false)
		f.Add(key[5:], p, uint32(len(p)*2-1), false, false)
	})
	stamped := func(states ...byte) []byte { return append(make([]byte, stampLen), states...) }
	f.Add([]byte{0, 0, 0, 1}, stamped(0x21, 0x43), uint32(statePage+3), false, false)
	f.Add([]byte{0, 0, 0, 2}, stamped(0x13), uint32(2*statePage+9), true, true)
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF}, stamped(0x13), uint32(1), true, true)
	f.Add([]byte{0, 0, 0, 0}, stamped()[1:], uint32(1), true, false)
	f.Fuzz(func(t *testing.T, place, payload []byte, count uint32, issued, fit bool) {
		stamp, body := payload[:min(stampLen, len(payload))], payload[min(stampLen, len(payload)):]
		const most = 3 * statePage
		h := runHeader{ID: 7, Batch: 1, Count: count%most + 1, Initial: shard.Available}
		if issued {
			h.Initial = shard.Issued
		}
		from, known := uint64(1)<<60, len(place) == 4
		if known {
			from = uint64(binary.BigEndian.Uint32(place)) * statePage
		}
		want := 0 // bytes
		if from < uint64(h.Count) {
			want = (min(statePage, int(h.Count)-int(from)) + 1) / 2
		}
		if fit && len(body) > 0 {
			body = bytes.Repeat(body, want/len(body)+1)[:want]
		}
		lawful := want > 0 && len(stamp) == stampLen && len(body) == want
		for _, b := range body {
			lawful = lawful && stateOnDisk(b&15) && stateOnDisk(b>>4)
		}
		eng := memEngine{}.put(append(key1(keyStates, 7), place...), slices.Concat(stamp, body))
		var states []byte
		var pages map[statePageID]pageStamp
		var err error
		spends(t, int(h.Count), func() { states, pages, err = readStates(eng, h) })
		if lawful != (err == nil) {
			t.Fatalf("lawful is %v, the reader says %v", lawful, err)
		}
		if err != nil {
			refused(t, "state page", err)
			return
		}
		st, there := pages[statePageID{7, uint32(from / statePage)}]
		if !there || len(pages) != 1 || st.by != binary.LittleEndian.Uint64(stamp) || st.before != binary.LittleEndian.Uint32(stamp[8:]) {
			t.Fatalf("pages %+v", pages)
		}
		for o := range h.Count {
			st := h.Initial
			if i := uint64(o) - from; uint64(o) >= from && i < 2*uint64(len(body)) {
				st = shard.State(body[i/2]>>(i%2*4)) & 15
			}
			if got := get4(states, o); got != st {
				t.Fatalf("code %d is %v, want %v", o, got, st)
			}
		}
	})
}

// stateOnDisk is what format.md says of states.
func stateOnDisk(b byte) bool { return b <= 5 || b == 8 }
