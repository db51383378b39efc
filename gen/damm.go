package gen

// damm is the totally anti-symmetric quasigroup of order 10 from H. Michael Damm, "Total
// anti-symmetrische Quasigruppen", dissertation, Philipps-Universität Marburg, 2004. For
// all c, x ≠ y: damm[c][x] ≠ damm[c][y], damm[x][c] ≠ damm[y][c], and
// damm[damm[c][x]][y] ≠ damm[damm[c][y]][x]. Its diagonal is 0.
var damm = [10][10]uint8{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

// dammPairs takes two digits at once.
var dammPairs = func() (t [10][100]uint8) {
	for state := range t {
		for two := range t[state] {
			t[state][two] = damm[damm[state][two/10]][two%10]
		}
	}
	return t
}()

// dammOf runs the check over the digits of a number of that many digits, leading zeros
// included, from the state that those before it have left, 0 at first. The last state of a
// number without its check digit is that digit; with it, 0 says that the number is valid. The
// three laws above carry over to whole numbers: of two that differ in one digit, or by a
// swap of two neighbours, the check digit among them, at most one is valid.
func dammOf(state uint8, number uint64, digits int) uint8 {
	var pairs [maxOrderDigits / 2]uint8
	n := digits / 2
	for i := n - 1; i >= 0; i-- {
		pairs[i] = uint8(number % 100)
		number /= 100
	}
	if digits%2 == 1 {
		state = damm[state][number]
	}
	for _, two := range pairs[:n] {
		state = dammPairs[state][two]
	}
	return state
}
