package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// amount is a flag for a number of codes: "1000000", "1_000_000", "1000k" or "1M".
type amount int64

func (n *amount) Set(text string) error {
	v, err := parseAmount(text)
	if err == nil {
		*n = amount(v)
	}
	return err
}

func (n *amount) String() string { return strconv.FormatInt(int64(*n), 10) }
func (n *amount) Type() string   { return "N" }

// parseAmount reads a whole number above 0, with underscores between digits and
// k (thousand) or M (million) behind it, if at all.
func parseAmount(text string) (int64, error) {
	digits, unit := text, int64(1)
	switch {
	case strings.HasSuffix(text, "k"), strings.HasSuffix(text, "K"):
		digits, unit = text[:len(text)-1], 1e3
	case strings.HasSuffix(text, "m"), strings.HasSuffix(text, "M"):
		digits, unit = text[:len(text)-1], 1e6
	}
	plain := strings.ReplaceAll(digits, "_", "")
	odd := strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__")
	v, err := strconv.ParseInt(plain, 10, 64)
	if !odd && v > 0 && (errors.Is(err, strconv.ErrRange) || v > (1<<62)/unit) {
		return 0, fmt.Errorf("%q is too large: a batch has at most %s codes", text, many(int64(store.MaxBatch)))
	}
	if err != nil || odd || v < 1 {
		return 0, fmt.Errorf("%q is not a number of codes: write a whole number above 0, such as 500, 10k or 1_000_000", text)
	}
	return v * unit, nil
}

// instant is a flag for a point in time: RFC 3339, or a date, which is its first
// moment in UTC.
type instant struct{ time.Time }

func (t *instant) Set(text string) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if v, err := time.Parse(layout, text); err == nil {
			if v.IsZero() { // which stands for no time at all
				return fmt.Errorf("%q is too early: leave the flag out, or write a later time", text)
			}
			t.Time = v.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is not a time: write 2027-01-31 or 2027-01-31T18:00:00+01:00", text)
}

func (t *instant) String() string { return instantText(t.Time) }
func (t *instant) Type() string   { return "time" }

// span is a flag for a length of time: "10m", "1h30m", or whole days, "7d".
type span struct{ time.Duration }

const day = 24 * time.Hour

func (d *span) Set(text string) error {
	v, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		if n, err = strconv.ParseUint(days, 10, 64); err == nil && n > uint64(math.MaxInt64/day) {
			err = strconv.ErrRange
		}
		v = time.Duration(n) * day
	}
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is not a length of time: write one above 0, such as 90s, 10m, 36h or 7d", text)
	}
	d.Duration = v
	return nil
}

func (d *span) String() string { return spanText(d.Duration) }
func (d *span) Type() string   { return "duration" }

// formatValue is a flag for the format of codes.
type formatValue struct{ *gen.Format }

func (formatValue) Type() string { return "format" }

// checkText refuses what the store would refuse of a text that goes with every code of
// many, before any of them is touched.
func checkText(name, text string) error {
	switch {
	case len(text) > store.MaxText:
		return fmt.Errorf("%w: %s has %d bytes: at most %d are allowed", store.ErrInvalid, name, len(text), store.MaxText)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: %s is not valid UTF-8", store.ErrInvalid, name)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%w: %s holds a control character", store.ErrInvalid, name)
	}
	return nil
}

// terms are the flags that say what a batch is; mint and import share them.
type terms struct {
	batch     store.Batch
	notBefore instant
	notAfter  instant
	rest      span
}

func (t *terms) flags(cmd *cobra.Command) {
	f, b := cmd.Flags(), &t.batch
	f.StringVar(&b.Name, "name", "", "`name` of the batch, unique in the store")
	f.StringVar(&b.Namespace, "namespace", "", "`scope` in which the codes are unique")
	f.StringVar(&b.Kind, "kind", "", "what the codes are good for, such as membership")
	f.StringVar(&b.KindNo, "kind-no", "", "which one of that kind, such as SVIP")
	f.StringVar(&b.Reward, "reward", "", "`text` that comes back with every receipt, such as svip:30d")
	f.StringVar(&b.Owner, "owner", "", "`account` that the batch belongs to: only it may export (default CODEPOOL_ACCOUNT)")
	shares(cmd, "owner", accountSetting)
	f.StringVar(&b.Remark, "remark", "", "`text` for people")
	f.Var(&t.notBefore, "not-before", "valid from this time on (a date is its first moment in UTC)")
	f.Var(&t.notAfter, "not-after", "valid until just before this time")
	f.BoolVar(&b.FromStock, "from-stock", false, "codes can be redeemed without being issued first")
	f.IntVar(&b.PerUser, "per-user", 0, "how `many` codes of the batch one user can redeem; 0 is any number")
	f.BoolVar(&b.Reusable, "reusable", false, "a code goes back to stock when it is redeemed; each redemption needs a key")
	f.Var(&t.rest, "quarantine", "how long a reusable code rests before it is in stock again, such as 36h or 7d")
	f.Var(formatValue{&b.Format}, "format", "class:length[:group[:prefix]], such as crockford:12:4 or alnum:10:5:VIP")
	cobra.CheckErr(cmd.MarkFlagRequired("name"))
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("format", fixed(
		"crockford:12:4", "crockford:16:4", "digits:16:4", "letters:14:0", "letters-case:12", "alnum:12:4", "alnum-case:12")))
	for _, name := range []string{"name", "namespace", "kind", "kind-no", "reward", "owner", "remark", "not-before", "not-after", "per-user", "quarantine"} {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
}

// value returns the batch that the flags describe.
func (t *terms) value() store.Batch {
	b := t.batch
	b.NotBefore, b.NotAfter, b.Quarantine = t.notBefore.Time, t.notAfter.Time, t.rest.Duration
	return b
}

func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

var (
	_ pflag.Value = (*amount)(nil)
	_ pflag.Value = (*instant)(nil)
	_ pflag.Value = (*span)(nil)
	_ pflag.Value = formatValue{}
)
