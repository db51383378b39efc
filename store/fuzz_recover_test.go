package store

import (
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"testing"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// pack writes pairs as a backup's frame does, but without their checksums.
func pack(pairs []journal.Pair) (b []byte) {
	for _, p := range pairs {
		b = binary.AppendUvarint(b, uint64(len(p.Key)))
		b = append(b, p.Key...)
		b = binary.AppendUvarint(b, uint64(len(p.Value)-4))
		b = append(b, p.Value[4:]...)
	}
	return b
}

// unpack is the reverse of pack, with right checksums; what is malformed ends it.
func unpack(b []byte) (pairs []journal.Pair) {
	d := decoder{b: b}
	for len(d.b) > 0 {
		key, payload := d.text(), d.text()
		if d.bad || len(key) == 0 || keyNames[key[0]] == "" {
			break
		}
		pairs = append(pairs, journal.Pair{Key: key, Value: seal(key, payload)})
	}
	return pairs
}

// recovered is a store that stands on an engine in memory, without its goroutines.
func recovered(t testing.TB, eng memEngine) (*Store, error) {
	t.Helper()
	s := &Store{opt: Options{Shards: 4}.withDefaults(), eng: &journal.Fuse{Engine: eng}, statePages: map[statePageID]pageStamp{}, keys: new(keyTable), users: new(keyTable), leases: newLeaseTable(), shares: newShareTable(make(chan struct{}, 1)), gate: newGate(4)}
	s.spaces.Store(&map[string]*space{})
	s.batches.Store(&[]*batch{nil})
	s.mu.byName = map[string]*batch{}
	s.mu.runs = make([]runHeader, 1)
	s.mu.staged = map[uint32]struct{}{}
	s.index = &index{eng: s.eng}
	var err error
	if s.pool, err = shard.New(4); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.pool.Close)
	return s, s.recover(0)
}

var jsonNumber = regexp.MustCompile(`-?[0-9]+`)

// otherNumber puts another number in the place of one that a text holds.
func otherNumber(text []byte, at int, v uint32) []byte {
	numbers := []string{"0", "1", "-1", "2000", "4294967295", "-9223372036854775808", "9223372036854775807", "18446744073709551615", "null", "2.5"}
	found := jsonNumber.FindAllIndex(text, -1)
	if len(found) == 0 {
		return text
	}
	m := found[at%len(found)]
	return slices.Concat(text[:m[0]], []byte(numbers[int(v)%len(numbers)]), text[m[1]:])
}

// edit changes pairs as the script says, seven bytes a change. Bytes alone would hardly
// ever reach the numbers that matter and leave the rest as it is.
func edit(pairs []journal.Pair, s script) []journal.Pair {
	const most = 16
	for range min(len(s)/7, most) {
		if len(pairs) == 0 {
			break
		}
		i, op, at, v := int(s.byte())%len(pairs), s.byte()%10, int(s.byte()), s.uint32()
		p := journal.Pair{Key: slices.Clone(pairs[i].Key), Value: slices.Clone(pairs[i].Value[4:])}
		j := int(v) % len(pairs)
		switch n := len(p.Value); {
		case op == 0 && n > 0:
			p.Value[at%n] = byte(v)
		case op == 1 && n >= 4:
			binary.LittleEndian.PutUint32(p.Value[at%(n-3):], v)
		case op == 2:
			p.Value = p.Value[:min(at, n)]
		case op == 3:
			p.Value = binary.LittleEndian.AppendUint32(p.Value, v)
		case op == 4 && len(p.Key) >= 5: // another run or batch, or half of a ledger number
			binary.BigEndian.PutUint32(p.Key[1:], v)
		case op == 5 && len(p.Key) >= 9: // another page
			binary.BigEndian.PutUint32(p.Key[len(p.Key)-4:], v)
		case op == 6: // what stands elsewhere
			p.Value = slices.Clone(pairs[j].Value[4:])
		case op == 7:
			p.Value = otherNumber(p.Value, at, v)
		case op == 8:
			pairs = slices.Delete(slices.Clone(pairs), i, i+1)
			continue
		case op == 9: // the pair stays and its copy goes elsewhere
			if len(p.Key) >= 5 {
				binary.BigEndian.PutUint32(p.Key[len(p.Key)-4:], v)
			}
			pairs = append(slices.Clone(pairs), journal.Pair{Key: p.Key, Value: seal(p.Key, p.Value)})
			continue
		}
		pairs = slices.Clone(pairs)
		pairs[i] = journal.Pair{Key: p.Key, Value: seal(p.Key, p.Value)}
	}
	return pairs
}

// codesOf is what the header of a run holds of the code pages that are there.
func (m memEngine) codesOf(run uint32) (sum uint64) {
	for _, k := range m.ofKind(keyCodes) {
		if strings.HasPrefix(k, string(key1(keyCodes, run))) {
			sum += shareOf([]byte(k), sumOf(m[k]))
		}
	}
	return sum
}

// bind makes run headers and checkpoint record of what is there, if it can be read.
func (m memEngine) bind() {
	var c checkpointRecord
	if c.load(m) != nil || c.Number == 0 {
		return
	}
	c.States, c.Added = 0, 0
	for _, k := range m.ofKind(keyRun) {
		if h, err := decodeRunHeader([]byte(k), m[k]); err == nil {
			h.Codes = m.codesOf(h.ID)
			_ = m.Write([]journal.Pair{h.pair()})
		}
	}
	for _, k := range append(m.ofKind(keyBatch), m.ofKind(keyRun)...) {
		if wellFormed([]byte(k)) && c.covers(k[0], be32([]byte(k[1:]))) {
			c.Added += shareOf([]byte(k), sumOf(m[k]))
		}
	}
	err := m.Scan([]byte{keyStates}, nil, func(key, value []byte) error {
		p, st, _, err := decodeStatePage(key, value)
		if err != nil {
			return err
		}
		share, err := c.share(p, st)
		c.States += share
		return err
	})
	if err == nil {
		_ = m.Write([]journal.Pair{c.pair()})
	}
}

// FuzzRecover opens a store whose stored pairs are the fuzzer's and edited by its script,
// each with a right checksum and, if the script has an odd length, bound to the
// checkpoint, and reads all of it in every way. What a store has written stands for no
// data, and must be found in order.
func FuzzRecover(f *testing.F) {
	limitMemory(f)
	pairs := storedPairs(f)
	whole := pack(pairs)
	f.Add(whole, []byte{})
	for i := range pairs {
		for op := range byte(10) {
			f.Add([]byte{}, []byte{byte(i), op, 8, 0, 0, 0, 3})
		}
	}
	f.Add([]byte{}, []byte{4, 4, 8, 0, 16, 0, 3}) // a run whose number is far from the one before
	for _, without := range []byte{keyBatch, keyCodes, keyRun, keyEntry, keyCheckpoint, keyManifest, keyStates} {
		var some []journal.Pair
		for _, p := range pairs {
			if p.Key[0] != without {
				some = append(some, p)
			}
		}
		f.Add(pack(some), []byte{})
	}
	f.Fuzz(func(t *testing.T, data, edits []byte) {
		if len(data) == 0 {
			data = whole
		}
		eng := memEngine{}
		if err := eng.Write(edit(unpack(data), edits)); err != nil {
			t.Fatal(err)
		}
		if len(edits)%2 == 1 {
			eng.bind()
		}
		var s *Store
		var err error
		const most = 256 << 20 // a number of a run or batch may be far from the one before
		spendsAtMost(t, most, func() { s, err = recovered(t, eng) })
		sound := string(data) == string(whole) && len(edits) < 7
		if err != nil {
			if refused(t, "store", err); sound {
				t.Fatalf("what a store has written does not open: %v", err)
			}
			return
		}
		rep, err := s.Verify(t.Context())
		if err != nil {
			refused(t, "verify", err)
		}
		if sound && (err != nil || !rep.OK() || rep.Codes != 8 || rep.Redemptions != 5) {
			t.Fatalf("what a store has written verifies as %+v, %v", rep, err)
		}
		readAll(t, s, eng)
	})
}

// readAll reads a recovered store in every way that reads its data.
func readAll(t *testing.T, s *Store, eng memEngine) {
	t.Helper()
	for _, b := range s.Batches() {
		if c := b.Counts; c.Minted != c.Available+c.Leased+c.Reserved+c.Issued+c.Redeemed+c.Revoked {
			t.Fatalf("batch %d: %+v", b.ID, c)
		}
	}
	for r, err := range s.Receipts(t.Context(), 0) {
		if err != nil {
			refused(t, "receipts", err)
			break
		}
		if _, err := s.Lookup(t.Context(), "", r.Code); err != nil && err != ErrUnknownCode {
			refused(t, "lookup", err)
		}
	}
	for _, kind := range []byte{keyRedeem, keyIssue, keyRelease, keyUndo} {
		for _, key := range []string{"k", "ik", "uk"} {
			var seen keyView
			if err := s.lookupKey(t.Context(), kind, key, &seen, func(*record) error { return nil }); err != nil {
				refused(t, "key", err)
			}
		}
	}
	var inv inventory
	err := inv.open(eng)
	if err == nil {
		err = eng.Scan(nil, nil, func(key, value []byte) error { _, err := inv.add(key, value); return err })
	}
	if err == nil {
		err = inv.check(s.com.durableRecord.Load())
	}
	if err != nil {
		refused(t, "inventory", err)
	}
}
