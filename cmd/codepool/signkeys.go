package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

// The keys of signed batches are in a file of the user's, never in the store: whoever has
// the directory, or a backup, can make no code. A line is an id and a secret in
// hexadecimal; the first one signs new batches.

// maxKeyFile is how much of a file of keys is read.
const maxKeyFile = 64 << 10

// readSignKeys reads the file that --sign-keys names, if there is one.
func (a *app) readSignKeys() error {
	if a.signKeys == "" {
		return nil
	}
	f, err := os.Open(a.signKeys)
	if err != nil {
		return &failure{doing: "read the signing keys", err: err}
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxKeyFile))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		k, err := parseSignKey(text)
		if err != nil { // never with the line: it is a secret
			return &failure{err: fmt.Errorf("%w: %s, line %d: %w", errUsage, a.signKeys, n, err), try: "codepool signkey, which prints such a line"}
		}
		a.keys = append(a.keys, k)
	}
	if err := lines.Err(); err != nil {
		return &failure{doing: "read the signing keys", err: err}
	}
	if len(a.keys) == 0 {
		return &failure{err: fmt.Errorf("%w: %s has no signing key", errUsage, a.signKeys), try: "codepool signkey >> " + shellQuote(a.signKeys)}
	}
	return nil
}

func parseSignKey(line string) (k gen.SignKey, err error) {
	id, secret, ok := strings.Cut(line, " ")
	if !ok {
		return k, errors.New("want an id and a secret in hexadecimal, with a space between them")
	}
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return k, errors.New("the id is not a number up to 4294967295")
	}
	if k.Secret, err = hex.DecodeString(strings.TrimSpace(secret)); err != nil {
		return k, errors.New("the secret is not hexadecimal")
	}
	if len(k.Secret) < gen.MinSecret {
		return k, fmt.Errorf("the secret has %d bytes, and %d are the least", len(k.Secret), gen.MinSecret)
	}
	k.ID = uint32(n)
	return k, nil
}

func (a *app) signKeyCmd() *cobra.Command {
	var id uint32
	cmd := &cobra.Command{
		Use:   "signkey",
		Short: "Make a key that signs the codes of signed batches",
		Long: `Signkey prints a new signing key, a line for the file that --sign-keys names. The
first key of that file signs new batches; each older one must stay in it as long as the
codes that it signed are to be read. Keep the file away from the store and its backups.`,
		Example: `  codepool signkey >> keys
  codepool signkey --id 2 | cat - keys > new && mv new keys
  codepool mint --name coupons --count 10M --signed --sign-keys keys`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().Uint32Var(&id, "id", 1, "`number` of the key, unique in its file")
	onlyTyped(cmd, "id")
	return a.does(cmd, func(context.Context, []string) error {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
		line := fmt.Sprintf("%d %x", id, secret)
		return a.show(struct {
			ID   uint32 `json:"id"`
			Line string `json:"line"`
		}{id, line}, func(w io.Writer) { fmt.Fprintln(w, line) })
	})
}

// layoutFlag is how codes are signed; the zero one is not at all.
type layoutFlag struct{ gen.Layout }

const layoutHelp = "codes that are computed, not stored, under the first of --sign-keys: default, article, or PLAN/SERIAL/TAG bits"

func (l *layoutFlag) Type() string { return "layout" }

func (l *layoutFlag) String() string {
	if l.Layout == (gen.Layout{}) {
		return ""
	}
	return layoutText(l.Layout)
}

// Set reads default, article, or three or four numbers of bits: plan, serial, tag, key id.
func (l *layoutFlag) Set(text string) error {
	switch text {
	case "default":
		l.Layout = gen.DefaultLayout()
		return nil
	case "article":
		l.Layout = gen.ArticleLayout()
		return nil
	}
	parts := strings.Split(text, "/")
	if len(parts) < 3 || len(parts) > 4 {
		return fmt.Errorf("%q is no layout: write default, article, or bits such as 16/30/34", text)
	}
	out := gen.Layout{Class: gen.Crockford32, Group: 4}
	bits := 0
	for i, field := range []*int{&out.PlanBits, &out.SerialBits, &out.TagBits, &out.KeyBits}[:len(parts)] {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 || n > 128 {
			return fmt.Errorf("%q is no number of bits", parts[i])
		}
		*field = n
		bits += n
	}
	out.Length = int(math.Ceil(float64(bits) / 5))
	if err := out.Validate(); err != nil {
		return err
	}
	l.Layout = out
	return nil
}

// layoutText says how codes are signed.
func layoutText(l gen.Layout) string {
	text := fmt.Sprintf("%d bits of plan, %d of serial, %d of tag", l.PlanBits, l.SerialBits, l.TagBits)
	if l.KeyBits > 0 {
		text += fmt.Sprintf(", %d of key id", l.KeyBits)
	}
	return text
}

// signedText says of a signed batch how its codes are made.
func signedText(b store.Batch) string {
	return fmt.Sprintf("%s, by key %d; a guess passes with odds of 1 in %.0f", layoutText(b.Signed), b.SignedBy.ID, 1/b.Signed.ForgeryOdds(1))
}
