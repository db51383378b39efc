package gen

// crockfordAlphabet is Douglas Crockford's base 32: digits and letters without I,
// L, O and U. A character's place is its value.
const crockfordAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// crockfordValues has the 5-bit values of canonical characters; typedValues has
// those of all characters that fold to one. All other bytes are negative:
// sign extension then makes whatever they are joined with negative, so that one
// check covers a whole text.
var crockfordValues, typedValues = func() (canon, typed [256]int8) {
	for c := range canon {
		canon[c], typed[c] = -1, -1
	}
	for i := range len(crockfordAlphabet) {
		canon[crockfordAlphabet[i]] = int8(i)
	}
	for c, folded := range foldTables[Crockford] {
		if folded > byteDrop {
			typed[c] = canon[folded]
		}
	}
	return canon, typed
}()

// PackCrockford canonicalises and packs the typed text of a code of the default
// format in one pass. ok is true only if text folds, under Crockford, to exactly
// 12 characters; v is then what Pack gives for the canonical form.
func PackCrockford(text string) (v uint64, ok bool) {
	// As printed, and as scanned; whatever else was typed takes the long way.
	t, joined := &typedValues, int64(-1)
	switch {
	case len(text) == 14 && text[4] == '-' && text[9] == '-':
		joined = join4(t, text[0], text[1], text[2], text[3])<<40 |
			join4(t, text[5], text[6], text[7], text[8])<<20 |
			join4(t, text[10], text[11], text[12], text[13])
	case len(text) == 12:
		joined = join4(t, text[0], text[1], text[2], text[3])<<40 |
			join4(t, text[4], text[5], text[6], text[7])<<20 |
			join4(t, text[8], text[9], text[10], text[11])
	}
	if joined >= 0 {
		return uint64(joined), true
	}
	var buf [MaxCode]byte
	canon, err := AppendCanonical(buf[:0], text, Crockford)
	if err != nil || len(canon) != packedLen {
		return 0, false
	}
	return pack12((*[packedLen]byte)(canon))
}

// pack12 packs a text of the first kind. Not ok: it is none.
func pack12(c *[packedLen]byte) (v uint64, ok bool) {
	t := &crockfordValues
	joined := join4(t, c[0], c[1], c[2], c[3])<<40 |
		join4(t, c[4], c[5], c[6], c[7])<<20 |
		join4(t, c[8], c[9], c[10], c[11])
	return uint64(joined), joined >= 0
}

// join4 joins the values of four characters, the first most significant. It does
// not branch on them; the result is negative if one has no value.
func join4(values *[256]int8, a, b, c, d byte) int64 {
	return int64(values[a])<<15 | int64(values[b])<<10 | int64(values[c])<<5 | int64(values[d])
}

// appendUnpacked12 is the inverse of pack12 for v < 1<<60.
func appendUnpacked12(dst []byte, v uint64) []byte {
	const a = crockfordAlphabet
	return append(dst,
		a[v>>55&31], a[v>>50&31], a[v>>45&31], a[v>>40&31],
		a[v>>35&31], a[v>>30&31], a[v>>25&31], a[v>>20&31],
		a[v>>15&31], a[v>>10&31], a[v>>5&31], a[v&31])
}
