package store

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
	"testing"

	"codepool/store/internal/journal"
)

// FuzzPostings gives the decoder of postings pages a payload.
func FuzzPostings(f *testing.F) {
	payloads(storedPairs(f), keyEntry, func(key, p []byte) {
		if len(key) > entryKeyLen && key[entryKeyLen] == partPostings {
			f.Add(uint64(1), p)
		}
	})
	f.Add(uint64(1)<<63, appendPostings(nil, []posting{{1, 1 << 63}, {1, 1<<63 + 5}, {1 << 39, 1<<64 - 1}}, 1<<63)[4:])
	f.Add(uint64(0), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0})
	f.Fuzz(func(t *testing.T, base uint64, payload []byte) {
		s := slowReader{Reader: *bytes.NewReader(payload)}
		var want []posting
		hash := uint64(0)
		for n := s.number(); n > 0 && !s.bad; n-- {
			hash += s.number()
			if p := (posting{hash, base + s.number()}); !s.bad {
				want = append(want, p)
			}
		}
		key := (&indexRun{ID: 1, First: 1, Last: 9}).key(partPostings, 0)
		var got []posting
		var err error
		spends(t, len(payload), func() {
			err = decodePostings(key, seal(key, payload), base, func(h, n uint64) bool { got = append(got, posting{h, n}); return true })
		})
		if (err == nil) == s.bad {
			t.Fatalf("lawful is %v, the decoder says %v", !s.bad, err)
		}
		if err != nil {
			refused(t, "postings", err)
			return
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		value := appendPostings(nil, got, base)
		sealInPlace(key, value)
		got = nil
		if err := decodePostings(key, value, base, func(h, n uint64) bool { got = append(got, posting{h, n}); return true }); err != nil || !slices.Equal(got, want) {
			t.Fatalf("written again %v, %v, want %v", got, err, want)
		}
	})
}

// FuzzIndex loads an index whose manifest, directories, filters and postings are the
// fuzzer's, and looks codes and keys up in it. Each run that the manifest names gets the
// same directory, filter and postings; pages says how many of these. edits, two bytes each,
// change numbers in the manifest.
func FuzzIndex(f *testing.F) {
	pairs := storedPairs(f)
	var dir, filter, page, manifest []byte
	payloads(pairs, keyManifest, func(_, p []byte) { manifest = p })
	payloads(pairs, keyEntry, func(key, p []byte) {
		switch {
		case len(key) == entryKeyLen:
		case key[entryKeyLen] == partDirectory:
			dir = p
		case key[entryKeyLen] == partFilter:
			filter = p
		case key[entryKeyLen] == partPostings:
			page = p
		}
	})
	f.Add(manifest, dir, filter, page, uint8(1), uint64(1)<<40, []byte{})
	f.Add(manifest, dir, filter, page, uint8(0), uint64(1)<<40, []byte{})
	f.Add([]byte(`{"upto":9,"next":4,"runs":[{"ID":1,"Level":1,"First":1,"Last":8,"Count":1500},{"ID":2,"First":9,"Last":9,"Count":1}]}`),
		make([]byte, 16), []byte{}, page, uint8(2), uint64(7), []byte{3, 2})
	f.Add([]byte(`{"upto":18446744073709551615,"runs":[]}`), []byte{}, []byte{}, []byte{}, uint8(0), uint64(0), []byte{})
	f.Add([]byte(`{"upto":8,"next":3,"runs":[{"ID":1,"First":1,"Last":8,"Count":-1,"Keys":-3}]}`), make([]byte, 0), filter, page, uint8(0), uint64(7), []byte{})
	f.Fuzz(func(t *testing.T, manifestText, dir, filter, page []byte, pages uint8, hash uint64, edits []byte) {
		for e := range slices.Chunk(edits[:min(len(edits), 8)/2*2], 2) {
			manifestText = otherNumber(manifestText, int(e[0]), uint32(e[1]))
		}
		eng := memEngine{}.put([]byte{keyManifest}, manifestText)
		var m manifestRuns
		if json.Unmarshal(manifestText, &m) == nil {
			for _, r := range m.Runs {
				if r == nil {
					continue
				}
				eng.put(r.key(partDirectory, 0), dir).put(r.key(partFilter, 0), filter)
				for p := range int(pages) {
					eng.put(r.key(partPostings, p), page)
				}
			}
		}
		x := &index{eng: &journal.Fuse{Engine: eng}, com: &committer{}}
		var err error
		spends(t, len(manifestText)+len(dir)+len(filter), func() { err = x.load(eng) })
		if err != nil {
			refused(t, "index", err)
			return
		}
		// Whatever ledger is behind it: nothing is left to catch up with.
		x.com.durableRecord.Store(x.tail.upto)
		for _, r := range *x.runs.Load() {
			if !sort.SliceIsSorted(r.fences, func(i, j int) bool { return r.fences[i] < r.fences[j] }) {
				return // binary search promises nothing then
			}
		}
		for _, h := range []uint64{hash, 0, 1<<64 - 1} {
			if _, err := x.findKey(h, nil); err != nil {
				refused(t, "key", err)
			}
			if _, err := x.findCode(t.Context(), h); err != nil {
				refused(t, "code", err)
			}
		}
		for _, r := range *x.runs.Load() {
			c := &runCursor{x: x, r: r}
			for range len(r.fences) + 1 {
				if _, err := c.fill(); err != nil {
					refused(t, "cursor", err)
					break
				}
				c.page = nil
			}
		}
	})
}

// manifestRuns is what the target has to know of a manifest.
type manifestRuns struct {
	Runs []*indexRun `json:"runs"`
}
