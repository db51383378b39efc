package gen

// PackedLimit is above every packed value: the top nibble 0xF is left to the
// store, for references to wide texts.
const PackedLimit uint64 = 0xF << 60

// packedLen is the length of a text of the first kind: 12 characters of 5 bits.
const packedLen = 12

// Where the ranges of the kinds begin, in the order of the package comment. The
// compiler computes the sums. These figures are on disk: never change one.
const (
	upperStart = 1 << 60
	lowerStart = upperStart + sum36
	digitStart = lowerStart + sum36
	mixedStart = digitStart + sum10
	packedEnd  = mixedStart + sum62

	// Texts of base b and lengths 1 to n: b + b² + … + bⁿ = (bⁿ⁺¹ − b) / (b − 1).
	sum36 = (pow36*36 - 36) / 35                                      // lengths 1 to 12
	sum62 = (pow62*62 - 62) / 61                                      // lengths 1 to 10
	sum10 = (pow10*10 - 10_000_000_000_000) / 9                       // lengths 13 to 18
	pow36 = 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36 // 36^12
	pow62 = 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62           // 62^10
	pow10 = 1_000_000_000_000_000_000                                 // 10^18
)

// Does not compile if the ranges reach PackedLimit.
const _ = PackedLimit - packedEnd

// A kind packs texts of some lengths written in some digits.
type kind struct {
	start   uint64     // the range is [start, end)
	end     uint64     //
	base    uint64     // number of digits
	minLen  int        //
	maxLen  int        //
	digits  string     // value to character
	values  *[256]byte // character to value
	offsets [19]uint64 // of the first value of each length
}

// kinds are those after the first, in order.
var kinds = [...]kind{
	newKind(upperStart, lowerStart, 1, 12, digits+upperLetters),
	newKind(lowerStart, digitStart, 1, 12, digits+lowerLetters),
	newKind(digitStart, mixedStart, 13, 18, digits),
	newKind(mixedStart, packedEnd, 1, 10, digits+upperLetters+lowerLetters),
}

func newKind(start, end uint64, minLen, maxLen int, digits string) kind {
	k := kind{
		start: start, end: end, base: uint64(len(digits)),
		minLen: minLen, maxLen: maxLen,
		digits: digits, values: new([256]byte),
	}
	for i := range len(digits) {
		k.values[digits[i]] = byte(i)
	}
	size := uint64(1)
	for range minLen {
		size *= k.base
	}
	for n := minLen; n <= maxLen; n++ {
		k.offsets[n] = start
		start += size
		size *= k.base // overflows after the longest only
	}
	return k
}

// What charTraits says of a byte. The traits of a text are those of its bytes,
// OR-ed.
const (
	hasUpper = 1 << iota // an upper-case ASCII letter
	hasLower             // a lower-case ASCII letter
	hasOther             // neither of these, nor a digit
	notCrock             // outside of Crockford's canonical alphabet
)

var charTraits = func() (t [256]byte) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z':
			t[c] = hasUpper
		case 'a' <= c && c <= 'z':
			t[c] = hasLower
		default:
			t[c] = hasOther
		}
		if crockfordValues[c] < 0 {
			t[c] |= notCrock
		}
	}
	return t
}()

// traits returns the traits of a text's bytes.
func traits[T string | []byte](text T) (t byte) {
	for i := 0; i < len(text); i++ {
		t |= charTraits[text[i]]
	}
	return t
}

// kindOf returns the kind, as an index into kinds, of all texts of length n whose
// traits are among t; -1 is the first kind. Not ok: they do not all pack. A text
// with exactly these traits packs as this kind.
func kindOf(t byte, n int) (k int, ok bool) {
	switch {
	case n == packedLen && t&notCrock == 0:
		return -1, true
	case n < 1 || t&hasOther != 0:
		return 0, false
	case n <= 12 && t&hasLower == 0:
		return 0, true
	case n <= 12 && t&hasUpper == 0:
		return 1, true
	case n >= 13 && n <= 18 && t&(hasUpper|hasLower) == 0:
		return 2, true
	case n <= 10:
		return 3, true
	}
	return 0, false
}

// Pack maps canonical text to 64 bits. It is a function of the text alone, and two
// different texts never share a value: the package comment has the table. Every
// value is below PackedLimit. ok is false when the text is wide, that is,
// in none of the kinds that pack.
func Pack(canon []byte) (v uint64, ok bool) {
	if len(canon) == packedLen {
		if v, ok := pack12((*[packedLen]byte)(canon)); ok {
			return v, true
		}
	}
	i, ok := kindOf(traits(canon), len(canon))
	if !ok {
		return 0, false
	}
	k := &kinds[i] // not the first kind: pack12 has taken those
	for _, c := range canon {
		v = v*k.base + uint64(k.values[c])
	}
	return v + k.offsets[len(canon)], true
}

// AppendUnpacked appends the text that packs to v, and is the exact inverse of
// Pack. For a value that Pack never returns, dst comes back unchanged and ok
// is false.
func AppendUnpacked(dst []byte, v uint64) (out []byte, ok bool) {
	if v < upperStart {
		return appendUnpacked12(dst, v), true
	}
	for i := range kinds {
		k := &kinds[i]
		if v >= k.end {
			continue
		}
		n := k.maxLen
		for v < k.offsets[n] {
			n--
		}
		v -= k.offsets[n]
		var buf [18]byte
		for j := n - 1; j >= 0; j-- {
			buf[j] = k.digits[v%k.base]
			v /= k.base
		}
		// A text of an earlier kind packs there, so its value here is never made.
		text := buf[:n]
		if first, _ := kindOf(traits(text), n); first != i {
			return dst, false
		}
		return append(dst, text...), true
	}
	return dst, false
}
