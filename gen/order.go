package gen

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// OrderLayout says how order numbers look: the date as yymmdd, the type, the permuted
// sequence number and one check digit, all decimal. The zero OrderLayout is the default.
type OrderLayout struct {
	TypeDigits     int `json:"type_digits"`     // 0: numbers have no type
	SequenceDigits int `json:"sequence_digits"` // a day has 10^SequenceDigits numbers of each type
}

// DefaultOrderLayout returns 18 digits: 261126 42 123456789 0, a hundred types and a
// billion numbers a day.
func DefaultOrderLayout() OrderLayout { return OrderLayout{TypeDigits: 2, SequenceDigits: 9} }

const (
	dateDigits     = 6
	maxOrderDigits = 18 // the most that an int64 always holds
	maxTypeDigits  = 6  // a type has 24 bits of the permutation's tweak

	// MinOrderSecret is the least length of a secret in bytes.
	MinOrderSecret = 16
)

// The days of order numbers, whose years have two digits.
var (
	firstOrderDay = DayOf(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	lastOrderDay  = DayOf(time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC))
)

// WithDefaults returns DefaultOrderLayout for the zero layout, else l.
func (l OrderLayout) WithDefaults() OrderLayout {
	if l == (OrderLayout{}) {
		return DefaultOrderLayout()
	}
	return l
}

// Validate returns nil for a layout that numbers can have, else every violation, joined;
// each is an ErrOrderLayout.
func (l OrderLayout) Validate() error {
	l = l.WithDefaults()
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrOrderLayout}, args...)...))
	}
	const most = maxOrderDigits - dateDigits - 1
	if l.TypeDigits < 0 || l.TypeDigits > maxTypeDigits {
		refuse("%d digits for the type: write 0 to %d", l.TypeDigits, maxTypeDigits)
	}
	if l.SequenceDigits < 1 || l.SequenceDigits > most {
		refuse("%d digits for the sequence: write 1 to %d", l.SequenceDigits, most)
	}
	if errs == nil && l.TypeDigits+l.SequenceDigits > most {
		refuse("%d digits for type and sequence: a number of more than %d does not fit an int64, write %d at most", l.TypeDigits+l.SequenceDigits, maxOrderDigits, most)
	}
	return errors.Join(errs...)
}

// Digits returns how many digits each number has.
func (l OrderLayout) Digits() int {
	l = l.WithDefaults()
	return dateDigits + l.TypeDigits + l.SequenceDigits + 1
}

// PerDay returns how many numbers a day has of each type. REQUIRES: l is valid.
func (l OrderLayout) PerDay() uint64 { return power10(l.WithDefaults().SequenceDigits) }

func power10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// Order is an order number and what it says.
type Order struct {
	Number   int64  `json:"number"`
	Day      Day    `json:"day"`
	Type     int    `json:"type"`
	Sequence uint64 `json:"sequence"` // before it was permuted; not for strangers
}

// OrderCodec makes order numbers and reads them. The date and the type can be read by
// anybody. The sequence number is permuted under a secret, in another way each day and for
// each type, so that nobody else can tell from some numbers how many there are, which was
// first, or what the next one is; below six digits of sequence, who has seen a good part of
// a day's numbers knows what is left. The check digit is Damm's: no number becomes another
// valid one by a change of one character or a swap of two neighbours. It is no secret:
// anybody can write a valid number, so one that Parse takes need not have been given out.
//
// It is safe for use by many goroutines and must not be copied.
type OrderCodec struct {
	layout      OrderLayout
	perm        *permutation
	types       uint64
	limit       uint64 // of all numbers
	fingerprint string
}

// NewOrderCodec returns the codec of a layout under a secret, of which it keeps no copy.
// ErrOrderLayout refuses a layout that is not valid and a secret of fewer than
// MinOrderSecret bytes. Numbers must be read with the layout and the secret
// that made them.
func NewOrderCodec(l OrderLayout, secret []byte) (*OrderCodec, error) {
	err := l.Validate()
	if len(secret) < MinOrderSecret {
		err = errors.Join(err, fmt.Errorf("%w: a secret of %d bytes: take %d random ones or more", ErrOrderLayout, len(secret), MinOrderSecret))
	}
	if err != nil {
		return nil, err
	}
	l = l.WithDefaults()
	derived := func(use string) []byte {
		h := hmac.New(sha256.New, secret)
		fmt.Fprintf(h, "codepool order numbers, %d digits of type, %d of sequence: %s", l.TypeDigits, l.SequenceDigits, use)
		return h.Sum(nil)
	}
	block, err := aes.NewCipher(derived("key")[:16])
	if err != nil {
		return nil, err
	}
	return &OrderCodec{
		layout: l, perm: newPermutation(block, l.PerDay()),
		types: power10(l.TypeDigits), limit: power10(l.Digits()),
		fingerprint: hex.EncodeToString(derived("fingerprint")[:8]),
	}, nil
}

// Layout returns the layout, with its defaults.
func (c *OrderCodec) Layout() OrderLayout { return c.layout }

// Fingerprint returns 16 characters that are the same for codecs of the same layout and secret
// and tell nothing of the secret.
func (c *OrderCodec) Fingerprint() string { return c.fingerprint }

// Fits returns nil if numbers of that day and type can be made, else ErrOrderRange with what
// can be.
func (c *OrderCodec) Fits(day Day, typ int) error {
	if day < firstOrderDay || day > lastOrderDay {
		return fmt.Errorf("%w: day %v: it has two digits for the year, %v to %v", ErrOrderRange, day, firstOrderDay, lastOrderDay)
	}
	if typ < 0 || uint64(typ) >= c.types {
		return fmt.Errorf("%w: type %d: the layout has 0 to %d", ErrOrderRange, typ, c.types-1)
	}
	return nil
}

// Number returns the order number of a day, type and sequence number. Different ones have
// different numbers. ErrOrderRange refuses what has no place in the layout.
func (c *OrderCodec) Number(day Day, typ int, seq uint64) (int64, error) {
	one := [1]Order{{Day: day, Type: typ, Sequence: seq}}
	err := c.Fill(one[:])
	return one[0].Number, err
}

// Fill sets the Number of each order, as Number does, at less cost for many of one day. It
// stops at the first that has no place in the layout.
func (c *OrderCodec) Fill(orders []Order) error {
	f := c.perm.work.Get().(*feistel)
	defer c.perm.work.Put(f)
	var head uint64 // date and type
	var state uint8 // of the check behind them
	for i := range orders {
		o := &orders[i]
		if i == 0 || o.Day != orders[i-1].Day || o.Type != orders[i-1].Type {
			if err := c.Fits(o.Day, o.Type); err != nil {
				return err
			}
			year, month, day := o.Day.Time().Date()
			head = uint64(year%100*10_000+int(month)*100+day)*c.types + uint64(o.Type)
			state = dammOf(0, head, dateDigits+c.layout.TypeDigits)
		}
		if o.Sequence >= c.perm.size {
			return fmt.Errorf("%w: sequence number %d: the layout has 0 to %d", ErrOrderRange, o.Sequence, c.perm.size-1)
		}
		tail := c.perm.of(f, o.tweak(), o.Sequence)
		check := dammOf(state, tail, c.layout.SequenceDigits)
		o.Number = int64((head*c.perm.size+tail)*10 + uint64(check))
	}
	return nil
}

// tweak makes the permutation one of the day and type. REQUIRES: they fit.
func (o *Order) tweak() uint64 { return uint64(o.Day)<<24 | uint64(o.Type) }

// AppendText appends a number as people read it, with leading zeros, always Digits long.
// Numbers above 2^53 must be handed to JavaScript as text.
func (c *OrderCodec) AppendText(dst []byte, number int64) []byte {
	start := len(dst)
	dst = slices.Grow(dst, c.layout.Digits())[:start+c.layout.Digits()]
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = byte('0' + number%10)
		number /= 10
	}
	return dst
}

// Text is AppendText as a string.
func (c *OrderCodec) Text(number int64) string { return string(c.AppendText(nil, number)) }

// Parse reads a number as it was typed: spaces and hyphens do not matter, everything else
// does. It refuses, with the first that applies, what AppendCanonical refuses; ErrAlphabet,
// what is no digit; ErrOrderLength; ErrCheckDigit; ErrOrderDay. What it takes can be made by
// Number, and each number has one text but for spaces and hyphens.
func (c *OrderCodec) Parse(text string) (Order, error) {
	var buf [MaxCode]byte
	digits, err := AppendCanonical(buf[:0], text, Upper)
	if err != nil {
		return Order{}, err
	}
	var n int64
	for i, d := range digits {
		if d < '0' || d > '9' {
			return Order{}, ErrAlphabet
		}
		if i < maxOrderDigits {
			n = n*10 + int64(d-'0')
		}
	}
	if len(digits) != c.layout.Digits() {
		return Order{}, ErrOrderLength
	}
	return c.ParseNumber(n)
}

// ParseNumber is Parse for a number that was kept as one.
func (c *OrderCodec) ParseNumber(number int64) (Order, error) {
	if number < 0 || uint64(number) >= c.limit {
		return Order{}, ErrOrderLength
	}
	if dammOf(0, uint64(number), c.layout.Digits()) != 0 {
		return Order{}, ErrCheckDigit
	}
	head, tail := uint64(number)/10/c.perm.size, uint64(number)/10%c.perm.size
	date := int(head / c.types)
	year, month, day := 2000+date/10_000, date/100%100, date%100
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if y, m, d := t.Date(); y != year || int(m) != month || d != day {
		return Order{}, ErrOrderDay
	}
	o := Order{Number: number, Day: DayOf(t), Type: int(head % c.types)}
	f := c.perm.work.Get().(*feistel)
	o.Sequence = c.perm.inverse(f, o.tweak(), tail)
	c.perm.work.Put(f)
	return o, nil
}
