package media

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Damages to a file or a stream, as devices and half-done copies make them.
const (
	damFlip   = "flip"    // some bits
	damZero   = "zero"    // a stretch reads as zeros
	damCut    = "cut"     // the end is missing
	damCopy   = "copy"    // a block stands in the place of another
	damDouble = "double"  // a block stands there twice and moves the rest
	damDrop   = "drop"    // a block is missing and moves the rest
	damBefore = "before"  // the file, or a block of it, is as it was some time ago
	damOther  = "another" // another file of its kind stands in its place, in part or whole
	damDelete = "delete"  // the file is missing
	damJoint  = "joint"   // a byte where the parts of a table meet
)

var fileDamages = []string{damFlip, damZero, damCut, damCopy, damDouble, damDrop, damBefore, damOther, damDelete}

// stretch draws a place and a length in n bytes: any, or blocks of a device.
func stretch(r *rand.Rand, n int) (at, length int) {
	at, length = r.IntN(n), 1<<r.IntN(14)
	if r.IntN(2) == 0 {
		at, length = at&^511, max(length&^511, 512)
	}
	return at, min(length, n-at)
}

// damageBytes damages the bytes of a file, at a place if that is not negative. It returns
// what it did.
func damageBytes(r *rand.Rand, damage string, b []byte, place int) ([]byte, string) {
	if len(b) == 0 {
		return []byte{1}, "a byte in an empty file"
	}
	b = slices.Clone(b)
	at, n := stretch(r, len(b))
	if place >= 0 {
		at, n = place, min(n, 8, len(b)-place)
	}
	switch damage {
	case damFlip:
		if place < 0 {
			at = r.IntN(len(b))
		}
		was := b[at]
		b[at] ^= 1 << r.IntN(8)
		if r.IntN(4) == 0 {
			b[at] = byte(r.Uint32())
		}
		return b, fmt.Sprintf("byte %d of %d was %02x and is %02x", at, len(b), was, b[at])
	case damZero:
		clear(b[at : at+n])
		return b, fmt.Sprintf("zeros at %d+%d of %d", at, n, len(b))
	case damCut:
		return b[:at], fmt.Sprintf("cut to %d of %d", at, len(b))
	case damCopy:
		to := r.IntN(len(b))
		copy(b[to:], b[at:at+n])
		return b, fmt.Sprintf("%d+%d copied to %d of %d", at, n, to, len(b))
	case damDouble:
		return slices.Insert(b, at, b[at:at+n]...), fmt.Sprintf("%d+%d of %d doubled", at, n, len(b))
	default: // damDrop
		return slices.Delete(b, at, at+n), fmt.Sprintf("%d+%d of %d dropped", at, n, len(b))
	}
}

// damageFile damages one file of a kind in a tree. before is the tree as it was some time
// ago, other that of another store. It returns the name of the file and what it did.
func damageFile(r *rand.Rand, kind, damage string, t, before, other tree) (damaged tree, name, what string) {
	damaged = maps.Clone(t)
	names := t.ofKind(kind)
	name = names[r.IntN(len(names))]
	b := t[name]
	say := func(format string, args ...any) (tree, string, string) {
		return damaged, name, fmt.Sprintf("%s, %s: ", name, damage) + fmt.Sprintf(format, args...)
	}
	switch damage {
	case damDelete:
		delete(damaged, name)
		return say("missing")
	case damBefore:
		if gone := slices.DeleteFunc(before.ofKind(kind), func(n string) bool { _, there := t[n]; return there }); len(gone) > 0 && r.IntN(2) == 0 {
			name = gone[r.IntN(len(gone))]
			damaged[name] = before[name]
			return say("it is back")
		}
		return damaged, name, fmt.Sprintf("%s, %s: ", name, damage) + replace(r, damaged, name, before[name], r.IntN(2) == 0)
	case damOther:
		others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
		if len(others) > 0 && r.IntN(2) == 0 {
			from := others[r.IntN(len(others))]
			return damaged, name, fmt.Sprintf("%s, %s: %s, ", name, damage, from) + replace(r, damaged, name, t[from], r.IntN(2) == 0)
		}
		if others = other.ofKind(kind); len(others) == 0 {
			return say("no other store has one")
		}
		from := others[r.IntN(len(others))]
		// What has no table yet is all in its log: with another store's it is that store, and
		// nothing tells.
		whole := r.IntN(2) == 0 && (kind != kindLog || len(t.ofKind(kindTable)) > 0)
		return damaged, name, fmt.Sprintf("%s, %s: %s of another store, ", name, damage, from) + replace(r, damaged, name, other[from], whole)
	}
	// Beyond what is used of a file there are zeros, which damage may hit too.
	whole := b.Used
	if tail := b.Size - int64(len(b.Used)); tail > 0 && r.IntN(4) == 0 {
		whole = append(slices.Clone(whole), make([]byte, min(tail, int64(len(whole))+4096))...)
	}
	place := -1
	if damage == damJoint {
		damage, place = damFlip, tableJoint(r, whole)
	}
	bad, what := damageBytes(r, damage, whole, place)
	size := max(b.Size, int64(len(bad)))
	if damage == damCut {
		size = int64(len(bad))
	}
	damaged[name] = blob{bad, size}
	return say("%s", what)
}

// tableJoint draws a place where the parts of a table meet: the end of its last block,
// its index, and what stands behind that. Little of a table is there, and the engine
// trusts it.
func tableJoint(r *rand.Rand, b []byte) int {
	end := len(b)
	for range 2 { // checksum and index: each with its length behind it
		if end < 4 || end > len(b) {
			return -1
		}
		end -= 4 + int(binary.BigEndian.Uint32(b[end-4:]))
	}
	const behindBlock = 18 // number of entries, checksum and its length
	if end < behindBlock || end >= len(b) {
		return -1
	}
	if r.IntN(3) > 0 {
		return end - 1 - r.IntN(behindBlock)
	}
	return end + r.IntN(len(b)-end)
}

// replace puts another file's bytes in a file's place: all with whole, else a block of
// them.
func replace(r *rand.Rand, t tree, name string, from blob, whole bool) string {
	b := t[name]
	if len(b.Used) == 0 || len(from.Used) == 0 || whole {
		t[name] = from
		return fmt.Sprintf("whole, %d bytes", from.Size)
	}
	at, n := stretch(r, min(len(b.Used), len(from.Used)))
	bad := slices.Clone(b.Used)
	copy(bad[at:at+n], from.Used[at:])
	t[name] = blob{bad, b.Size}
	return fmt.Sprintf("%d+%d of %d", at, n, len(bad))
}
