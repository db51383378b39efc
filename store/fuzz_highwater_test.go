package store

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// highWaterAt opens the high-water file of a directory, and marks numbers if it can.
func highWaterAt(t *testing.T, dir string, marks ...uint64) (uint64, error) {
	t.Helper()
	d := &directory{path: dir, clock: func() time.Time { return time.Time{} }}
	high, err := d.openHighWater()
	if err == nil {
		for _, n := range marks {
			d.mark(n)
		}
		if failed := d.markError.Load(); failed != nil {
			t.Fatal(*failed)
		}
	}
	if cerr := d.highWater.Close(); cerr != nil {
		t.Fatal(cerr)
	}
	return high, err
}

// slowHighWater is the greatest number in a sound slot; bad is how many slots hold
// something that is not sound.
func slowHighWater(file []byte) (high uint64, sound, bad int) {
	for _, at := range []int{0, slotDistance} {
		if len(file) < at+slotSize {
			continue
		}
		slot := file[at:][:slotSize]
		number := binary.LittleEndian.Uint64(slot[8:])
		switch magic := binary.LittleEndian.Uint64(slot); {
		case magic == 0 && number == 0: // never written
		case magic == slotMagic && binary.LittleEndian.Uint32(slot[16:]) == checksum(slot[:8], slot[8:16]):
			high, sound = max(high, number), sound+1
		default:
			bad++
		}
	}
	return high, sound, bad
}

// tornMark marks a number, spoils the slot that was written for it, expects the mark before
// and puts the file back.
func tornMark(t *testing.T, dir, path string, number, before uint64) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
	}()
	if _, err := highWaterAt(t, dir, number); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := append(bytes.Clone(old), make([]byte, max(0, len(file)-len(old)))...)
	at := 0
	for at < len(file) && file[at] == whole[at] {
		at++
	}
	if at == len(file) {
		return // both slots held the number
	}
	file[at/slotDistance*slotDistance+slotSize-6] ^= 1
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if high, err := highWaterAt(t, dir); high != before || err != nil {
		t.Fatalf("the mark %d was torn: %d, %v, want %d", number, high, err, before)
	}
}

// FuzzHighWater reads high-water files of any content, then marks numbers as a store
// does and spoils one slot: the mark before must survive. The fuzzed bytes stand at both
// slots; with seal their checksums are put right.
func FuzzHighWater(f *testing.F) {
	slot := func(magic, number uint64) []byte {
		b := binary.LittleEndian.AppendUint64(nil, magic)
		return binary.LittleEndian.AppendUint64(b, number)
	}
	f.Add(slot(slotMagic, 7), slot(slotMagic, 8), true, uint16(slotDistance+slotSize), uint64(1), uint64(2), byte(3))
	f.Add(slot(slotMagic, 1<<64-1), []byte{}, true, uint16(slotDistance+slotSize), uint64(0), uint64(0), byte(30))
	f.Add(slot(0, 0), slot(slotMagic, 9), true, uint16(slotDistance+slotSize), uint64(5), uint64(5), byte(17))
	f.Add(slot(slotMagic, 9), slot(slotMagic, 9), true, uint16(slotSize), uint64(5), uint64(5), byte(17))
	f.Add(slot(slotMagic, 9), slot(slotMagic, 9), false, uint16(10), uint64(1), uint64(1), byte(0))
	f.Fuzz(func(t *testing.T, a, b []byte, sealed bool, size uint16, up, more uint64, spoil byte) {
		file := make([]byte, slotDistance+slotSize)
		for i, content := range [][]byte{a, b} {
			s := file[i*slotDistance:][:slotSize]
			copy(s, content)
			if sealed {
				binary.LittleEndian.PutUint32(s[16:], checksum(s[:8], s[8:16]))
			}
		}
		file = file[:min(int(size), len(file))]
		dir := t.TempDir()
		path := filepath.Join(dir, highWaterFile)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		want, sound, bad := slowHighWater(file)
		high, err := highWaterAt(t, dir)
		if sound == 0 && bad > 0 {
			refused(t, "high-water mark", err)
			return
		}
		if high != want || err != nil {
			t.Fatalf("mark %d, %v, want %d", high, err, want)
		}
		if high > 1<<62 {
			return // no ledger is that long
		}
		// A store goes on from there. If its first mark is torn, the one before stands.
		first := high + up%(1<<40)
		if sound > 0 {
			tornMark(t, dir, path, first, high)
		}
		second := first + more%(1<<40)
		if high, err = highWaterAt(t, dir, first, second); high != want || err != nil {
			t.Fatalf("opened again the mark is %d, %v, want %d", high, err, want)
		}
		if high, err = highWaterAt(t, dir); high != second || err != nil {
			t.Fatalf("mark %d, %v, want %d", high, err, second)
		}
		if file, err = os.ReadFile(path); err != nil || len(file) != slotDistance+slotSize {
			t.Fatalf("%d bytes, %v", len(file), err)
		}
		// A torn write of the next mark spoils a byte of one slot, whichever it is.
		file[int(spoil)%2*slotDistance+int(spoil/2)%20] ^= 1 << (spoil % 7)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if high, err = highWaterAt(t, dir); high != first && high != second || err != nil {
			t.Fatalf("with a slot spoiled the mark is %d, %v, want %d or %d", high, err, first, second)
		}
	})
}
