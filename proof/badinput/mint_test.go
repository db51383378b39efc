package badinput

import (
	"math"
	"time"

	"codepool/gen"
	"codepool/store"
)

// of is a batch of n codes of a format, with nothing wrong but what the case means.
func of(n int64, f gen.Format) func(*world) error {
	return mint(store.Batch{Name: "new", Count: n, Format: f})
}

// within is a batch with a window.
func within(from, until time.Time) func(*world) error {
	return mint(store.Batch{Name: "new", Count: 1, NotBefore: from, NotAfter: until})
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

var mintCases = []apiCase{
	{"count 0", of(0, gen.Format{}), store.ErrInvalid, `batch "new": count is 0: want 1 to 4294967296`},
	{"count -1", of(-1, gen.Format{}), store.ErrInvalid, "count is -1"},
	{"the least count", of(math.MinInt64, gen.Format{}), store.ErrInvalid, "count is -9223372036854775808"},
	{"one more than in a batch", of(store.MaxBatch+1, gen.Format{}), store.ErrInvalid, "count is 4294967297"},
	{"the greatest count", of(math.MaxInt64, gen.Format{}), store.ErrInvalid, "count is 9223372036854775807"},
	{"more than half of 10", of(6, gen.Format{Class: gen.Digits, Length: 1}), store.ErrSpace, "digits:1 has 10 codes and at most half of them can be minted: 6 is too many"},
	{"more than half of 32", of(17, gen.Format{Length: 1}), store.ErrSpace, "crockford:1 has 32 codes … 17 is too many"},
	{"more than half of 62", of(32, gen.Format{Class: gen.AlnumCase, Length: 1}), store.ErrSpace, "62 codes"},
	{"more than half of 26 with a prefix", of(14, gen.Format{Class: gen.Letters, Length: 1, Prefix: "VIP"}), store.ErrSpace, "26 codes"},
	{"more than half of the default digits", of(5001, gen.Format{Class: gen.Digits}), store.ErrSpace, "digits:4 has 10000"},
	{"all there can be, of few", of(store.MaxBatch, gen.Format{Class: gen.Digits, Length: 9}), store.ErrSpace, "4294967296 is too many"},

	{"format of an unknown class", of(1, gen.Format{Class: gen.Any + 1, Length: 8}), store.ErrInvalid, "unknown class 8"},
	{"format of given codes", of(1, gen.Format{Class: gen.Any}), store.ErrInvalid, `format "any" is for imported codes and cannot be minted`},
	{"format of 65 characters", of(1, gen.Format{Length: 65}), gen.ErrFormat, "64 in all"},
	{"format of -1 characters", of(1, gen.Format{Length: -1}), store.ErrInvalid, "length -1"},
	{"format with groups that are too long", of(1, gen.Format{Length: 12, Group: 13}), store.ErrInvalid, "group 13"},
	{"format with groups where case matters", of(1, gen.Format{Class: gen.LettersCase, Length: 8, Group: 4}), store.ErrInvalid, "keeps hyphens"},
	{"format with a prefix in small letters", of(1, gen.Format{Class: gen.Digits, Length: 8, Prefix: "vip"}), store.ErrInvalid, `write it so`},
	{"format with a prefix of a line", of(1, gen.Format{Class: gen.AlnumCase, Length: 8, Prefix: "a\nb"}), store.ErrInvalid, "printable"},
	{"format with a prefix that is not UTF-8", of(1, gen.Format{Class: gen.AlnumCase, Length: 8, Prefix: "\xff"}), gen.ErrNotUTF8, "prefix"},

	{"window reversed by a second", within(day(2030, 1, 1).Add(time.Second), day(2030, 1, 1)), store.ErrInvalid, "window ends at 2030-01-01T00:00:00Z, not after its start 2030-01-01T00:00:01Z"},
	{"window reversed by a nanosecond", within(day(2030, 1, 1).Add(1), day(2030, 1, 1)), store.ErrInvalid, "window ends"},
	{"window without length", within(day(2030, 1, 1), day(2030, 1, 1)), store.ErrInvalid, "window ends"},
	{"window without length in two places", within(day(2030, 1, 1), day(2030, 1, 1).In(time.FixedZone("east", 3600))), store.ErrInvalid, "window ends"},
	{"window before the first year", within(time.Time{}, day(0, 1, 1)), store.ErrInvalid, "(open)"},
	{"window from before the first year", within(day(0, 12, 31), time.Time{}), store.ErrInvalid, "window reaches year 0: want 1 to 9999"},
	{"window from year 10000", within(day(10000, 1, 1), time.Time{}), store.ErrInvalid, "year 10000"},
	{"window until year 10000", within(time.Time{}, day(10000, 1, 1)), store.ErrInvalid, "year 10000"},
	{"window until year 10000 in another place", within(time.Time{}, time.Date(9999, 12, 31, 23, 30, 0, 0, time.FixedZone("west", -3600))), store.ErrInvalid, "year 10000"},
	{"window until the greatest time", within(time.Time{}, time.Unix(math.MaxInt64>>1, 0)), store.ErrInvalid, "window reaches year"},

	{"name with a blank before it", mint(store.Batch{Name: " new", Count: 1}), store.ErrInvalid, "name begins or ends with white space"},
	{"name with a no-break space behind it", mint(store.Batch{Name: "new\u00a0", Count: 1}), store.ErrInvalid, "white space"},
	{"name of an ideographic space", mint(store.Batch{Name: "\u3000", Count: 1}), store.ErrInvalid, "white space"},
	{"name of a complete batch", mint(store.Batch{Name: "launch", Count: 12, Reward: "coins:5"}), store.ErrBatchExists, `"launch" is batch 1 and complete`},
	{"name of a complete batch, to extend it", mint(store.Batch{Name: "launch", Count: 20, Reward: "coins:5"}), store.ErrBatchExists, "complete"},
	{"name of an import", mint(store.Batch{Name: "given", Count: 1}), store.ErrBatchExists, `"given" is batch 3 with other terms`},
	{"a batch that was cut off, with a greater count", mint(store.Batch{Name: "cut", Count: 6}), store.ErrBatchExists, `"cut" is batch 8 and was begun with count 5`},
	{"a batch that was cut off, with a smaller count", mint(store.Batch{Name: "cut", Count: 4}), store.ErrBatchExists, "begun with count 5"},
	{"several things at once", mint(store.Batch{Name: " ", Count: -1, Owner: "\xff", Remark: tooLong, NotBefore: day(2030, 1, 1), NotAfter: day(2029, 1, 1), Format: gen.Format{Length: -1}}),
		store.ErrInvalid, "Owner is not valid … Remark has 1025 … white space … window ends … length -1 … count is -1"},
	{"a namespace that is full", mint(store.Batch{Name: "new", Namespace: "small", Count: 1, Format: digits1}), store.ErrSpace, "full"},
}

// termCases try each text of a batch with each thing that can be wrong with it, and each
// term of a batch that was cut off with another value.
var termCases = append(textCases(), []apiCase{
	{"cut off, other namespace", mint(store.Batch{Name: "cut", Count: 5, Namespace: "n"}), store.ErrBatchExists, `"cut" is batch 8 with other terms`},
	{"cut off, other kind", mint(store.Batch{Name: "cut", Count: 5, Kind: "k"}), store.ErrBatchExists, "other terms"},
	{"cut off, other kind number", mint(store.Batch{Name: "cut", Count: 5, KindNo: "k"}), store.ErrBatchExists, "other terms"},
	{"cut off, other reward", mint(store.Batch{Name: "cut", Count: 5, Reward: "r"}), store.ErrBatchExists, "other terms"},
	{"cut off, other owner", mint(store.Batch{Name: "cut", Count: 5, Owner: "o"}), store.ErrBatchExists, "other terms"},
	{"cut off, other remark", mint(store.Batch{Name: "cut", Count: 5, Remark: "r"}), store.ErrBatchExists, "other terms"},
	{"cut off, other class", mint(store.Batch{Name: "cut", Count: 5, Format: gen.Format{Class: gen.Alnum, Length: 12, Group: 4}}), store.ErrBatchExists, "other terms"},
	{"cut off, other length", mint(store.Batch{Name: "cut", Count: 5, Format: gen.Format{Length: 16, Group: 4}}), store.ErrBatchExists, "other terms"},
	{"cut off, other groups", mint(store.Batch{Name: "cut", Count: 5, Format: gen.Format{Length: 12}}), store.ErrBatchExists, "other terms"},
	{"cut off, other prefix", mint(store.Batch{Name: "cut", Count: 5, Format: gen.Format{Length: 12, Group: 4, Prefix: "V"}}), store.ErrBatchExists, "other terms"},
	{"cut off, with a start", mint(store.Batch{Name: "cut", Count: 5, NotBefore: day(2020, 1, 1)}), store.ErrBatchExists, "other terms"},
	{"cut off, with an end", mint(store.Batch{Name: "cut", Count: 5, NotAfter: day(2999, 1, 1)}), store.ErrBatchExists, "other terms"},
	{"cut off, from stock", mint(store.Batch{Name: "cut", Count: 5, FromStock: true}), store.ErrBatchExists, "other terms"},
	{"import with another reward", importText(store.Batch{Name: "given", Reward: "r"}, "NEW", store.ImportOptions{}), store.ErrBatchExists, `"given" is batch 3 with other terms`},
	{"import with another format", importText(store.Batch{Name: "given", Format: gen.Format{Class: gen.Digits, Length: 3}}, "123", store.ImportOptions{}), store.ErrBatchExists, "other terms"},
	{"import into another namespace", importText(store.Batch{Name: "given", Namespace: "n"}, "NEW", store.ImportOptions{}), store.ErrBatchExists, "other terms"},
	{"import with another window", importText(store.Batch{Name: "past", NotAfter: day(2020, 1, 2)}, "NEW", store.ImportOptions{}), store.ErrBatchExists, "other terms"},
	{"import into what was minted", importText(store.Batch{Name: "launch", Reward: "coins:5", Format: gen.DefaultFormat()}, "7KQF2M9XT4WC", store.ImportOptions{}), store.ErrBatchExists, `"launch" is batch 1 with other terms`},
	{"import into what was cut off", importText(store.Batch{Name: "cut", Format: gen.DefaultFormat()}, "7KQF2M9XT4WC", store.ImportOptions{}), store.ErrBatchExists, `"cut" is batch 8`},
	{"a window within a microsecond", within(day(2030, 1, 1).Add(1), day(2030, 1, 1).Add(2)), store.ErrInvalid, "window"},
}...)

// textCases sets each text of a batch, in its own field, to each kind of wrong text.
func textCases() (cases []apiCase) {
	for _, f := range []struct {
		name string
		of   func(*store.Batch) *string
	}{
		{"Name", func(b *store.Batch) *string { return &b.Name }},
		{"Namespace", func(b *store.Batch) *string { return &b.Namespace }},
		{"Kind", func(b *store.Batch) *string { return &b.Kind }},
		{"KindNo", func(b *store.Batch) *string { return &b.KindNo }},
		{"Reward", func(b *store.Batch) *string { return &b.Reward }},
		{"Owner", func(b *store.Batch) *string { return &b.Owner }},
		{"Remark", func(b *store.Batch) *string { return &b.Remark }},
	} {
		for _, wrong := range []struct{ name, text, says string }{
			{"of 1025 bytes", tooLong, " has 1025 bytes: at most 1024 are allowed"},
			{"that is not UTF-8", "a\xffb", " is not valid UTF-8"},
			{"with a control character", "a\x01b", " holds a control character"},
		} {
			b := store.Batch{Name: "new", Count: 1}
			*f.of(&b) = wrong.text
			cases = append(cases, apiCase{f.name + " " + wrong.name, mint(b), store.ErrInvalid, f.name + wrong.says})
		}
	}
	return cases
}
