package gen_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"codepool/gen"
)

// The encoding is that of Commit's comment; a change would break every commitment that is
// published and not opened yet.
func TestCommitIsAsDocumented(t *testing.T) {
	var salt gen.Salt
	for i := range salt {
		salt[i] = byte(i)
	}
	const want = "72465122f72280db744c5dd8e0fe07a33f42e687b9a416f3c20a1ab10a654038"
	if got := gen.Commit(salt, []int64{1, 256, 1<<63 - 1}); hex.EncodeToString(got[:]) != want {
		t.Errorf("%x, want %s", got, want)
	}
	for _, n := range []int{0, 1, 64, 65, 1000} {
		parts := make([]int64, n)
		text := bytes.NewBufferString("codepool/gen: commitment to a split, 1\n")
		text.Write(salt[:])
		binary.Write(text, binary.BigEndian, int64(n))
		for i := range parts {
			parts[i] = int64(i) * 1e12
			binary.Write(text, binary.BigEndian, parts[i])
		}
		if got := gen.Commit(salt, parts); got != sha256.Sum256(text.Bytes()) {
			t.Errorf("%d parts: %x", n, got)
		}
	}
}

func TestVerifyCommitment(t *testing.T) {
	salt, other := gen.NewSalt(), gen.NewSalt()
	if salt == other || salt == (gen.Salt{}) {
		t.Fatalf("salts %x and %x", salt, other)
	}
	parts := []int64{7, 1, 12, 1, 300}
	commitment := gen.Commit(salt, parts)
	if !gen.VerifyCommitment(commitment, salt, parts) {
		t.Error("the split that was committed to is refused")
	}
	for what, lie := range map[string][]int64{
		"a part changed":     {7, 1, 12, 1, 301},
		"a unit moved":       {8, 1, 11, 1, 300},
		"two parts swapped":  {1, 7, 12, 1, 300},
		"a part taken away":  {7, 1, 12, 1},
		"a part of 0 added":  {7, 1, 12, 1, 300, 0},
		"two parts made one": {7, 1, 12, 301},
		"nothing":            nil,
	} {
		if gen.VerifyCommitment(commitment, salt, lie) {
			t.Errorf("%s: accepted", what)
		}
	}
	if gen.VerifyCommitment(commitment, other, parts) {
		t.Error("another salt is accepted")
	}
	for bit := range 8 * len(commitment) {
		wrong := commitment
		wrong[bit/8] ^= 1 << (bit % 8)
		if gen.VerifyCommitment(wrong, salt, parts) {
			t.Errorf("commitment with bit %d changed is accepted", bit)
		}
	}
	if !slices.Equal(parts, []int64{7, 1, 12, 1, 300}) {
		t.Errorf("the parts became %v", parts)
	}
}

func TestSaltAsText(t *testing.T) {
	salt := gen.NewSalt()
	text, err := json.Marshal(salt)
	if err != nil || len(text) != 66 {
		t.Fatalf("%s, %v", text, err)
	}
	var back gen.Salt
	if err := json.Unmarshal(text, &back); err != nil || back != salt {
		t.Errorf("%s is read as %v, %v", text, back, err)
	}
	for _, bad := range []string{`""`, `"00"`, `"` + strings.Repeat("0", 63) + `"`, `"` + strings.Repeat("0", 65) + `"`, `"` + strings.Repeat("g", 64) + `"`} {
		if err := json.Unmarshal([]byte(bad), &back); !errors.Is(err, gen.ErrSalt) || back != salt {
			t.Errorf("%s: %v, %v", bad, back, err)
		}
	}
}
