package gen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Currency is a currency of ISO 4217: a code of three letters and how many decimal digits
// its minor unit has. Amounts are integers of minor units. It is plain data, to be
// compared with ==. The zero Currency is none: its code is empty and no text is an
// amount of it.
type Currency struct {
	code   string
	digits int
}

// minorUnits has the codes of list one of ISO 4217 as published on 2026-09-17, by the digits of
// their minor unit. The 13 that have none are left out: no amount of them can be
// written as an integer (XAG, XAU, XBA, XBB, XBC, XBD, XDR, XPD, XPT, XSU, XTS, XUA, XXX).
// See https://www.six-group.com/en/products-services/financial-information/market-reference-data/data-standards.html.
var minorUnits = [...]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF " +
		"CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD " +
		"GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL " +
		"MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR " +
		"PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP " +
		"TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
	3: "BHD IQD JOD KWD LYD OMR TND",
	4: "CLF UYW",
}

// currencies is minorUnits by code.
var currencies = func() map[string]Currency {
	m := make(map[string]Currency)
	for digits, codes := range minorUnits {
		for _, code := range strings.Fields(codes) {
			m[code] = Currency{code, digits}
		}
	}
	return m
}()

// CurrencyOf returns the currency of an active ISO 4217 code in capitals, such as "CNY". For
// any other text, and for codes without a minor unit such as XAU, it returns
// ErrCurrency.
func CurrencyOf(code string) (Currency, error) {
	c, ok := currencies[code]
	if !ok {
		return Currency{}, fmt.Errorf("%w: %.12q: write the three capitals of an active ISO 4217 code, such as CNY", ErrCurrency, code)
	}
	return c, nil
}

// String returns the code, such as "CNY".
func (c Currency) String() string { return c.code }

// Digits returns how many decimal digits the minor unit has: 2 for CNY, 0 for JPY.
func (c Currency) Digits() int { return c.digits }

// MarshalText returns the code. The zero Currency has an empty one.
func (c Currency) MarshalText() ([]byte, error) { return []byte(c.code), nil }

// UnmarshalText sets c from a code, like CurrencyOf; an empty text is the zero Currency. On
// error it leaves c alone.
func (c *Currency) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = Currency{}
		return nil
	}
	parsed, err := CurrencyOf(string(text))
	if err == nil {
		*c = parsed
	}
	return err
}

// Format writes an amount of minor units with all its decimals and the code:
// "12.34 CNY", "1234 JPY", "-0.05 EUR".
func (c Currency) Format(amount int64) string {
	sign, minor := "", uint64(amount)
	if amount < 0 {
		sign, minor = "-", -minor
	}
	s := strconv.FormatUint(minor, 10)
	if c.digits > 0 {
		if missing := c.digits + 1 - len(s); missing > 0 {
			s = strings.Repeat("0", missing) + s
		}
		whole := len(s) - c.digits
		s = s[:whole] + "." + s[whole:]
	}
	return strings.TrimSuffix(sign+s+" "+c.code, " ")
}

// ParseAmount reads an amount of c as people write it, "12", "12.3" or "12.34", and returns it
// in minor units, exactly. It takes ASCII digits and one point between digits, and
// nothing else: no sign, no space, no comma, no code. It returns ErrAmount for any other
// text, for more decimals than c has, even zeros, and for an amount beyond int64.
// For the zero Currency it returns ErrCurrency.
func ParseAmount(text string, c Currency) (int64, error) {
	if c.code == "" {
		return 0, fmt.Errorf("%w: no currency for an amount: take one from CurrencyOf", ErrCurrency)
	}
	if len(text) > MaxInput {
		return 0, fmt.Errorf("%w: it is longer than %d bytes: write it with fewer digits", ErrAmount, MaxInput)
	}
	whole, decimals, point := strings.Cut(text, ".")
	if whole == "" || point && decimals == "" {
		return 0, fmt.Errorf("%w: %q: write digits, and if there are decimals a point between them, such as %s",
			ErrAmount, text, c.example())
	}
	if len(decimals) > c.digits {
		return 0, fmt.Errorf("%w: %q has %d decimals, %v has %d: write it as %s",
			ErrAmount, text, len(decimals), c, c.digits, c.example())
	}
	digits := whole + decimals + strings.Repeat("0", c.digits-len(decimals))
	amount := int64(0)
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return 0, fmt.Errorf("%w: %q has a character that is no digit: write it as %s", ErrAmount, text, c.example())
		}
		if amount > (math.MaxInt64-int64(d-'0'))/10 {
			return 0, fmt.Errorf("%w: %q is too large: write at most %s", ErrAmount, text, c.Format(math.MaxInt64))
		}
		amount = 10*amount + int64(d-'0')
	}
	return amount, nil
}

// example returns an amount of c as ParseAmount reads it.
func (c Currency) example() string {
	return "12345"[:5-c.digits] + strings.TrimSuffix("."+"12345"[5-c.digits:], ".")
}
