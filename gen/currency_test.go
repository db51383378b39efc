package gen_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"codepool/gen"
)

func currencyOf(tb testing.TB, code string) gen.Currency {
	tb.Helper()
	c, err := gen.CurrencyOf(code)
	if err != nil || c.String() != code {
		tb.Fatalf("%s: %v, %v", code, c, err)
	}
	return c
}

// Of all texts of three capitals 165 are codes: 17, 139, 7 and 2 with 0, 2, 3 and 4 digits.
func TestCurrencyOf(t *testing.T) {
	var byDigits [5]int
	var code [3]byte
	for i := range 26 * 26 * 26 {
		code = [3]byte{byte('A' + i/26/26), byte('A' + i/26%26), byte('A' + i%26)}
		if c, err := gen.CurrencyOf(string(code[:])); err == nil {
			byDigits[c.Digits()]++
		}
	}
	if byDigits != [5]int{17, 0, 139, 7, 2} {
		t.Errorf("codes by digits: %v", byDigits)
	}
	for code, digits := range map[string]int{
		"CNY": 2, "USD": 2, "EUR": 2, "HKD": 2, "XCG": 2, "ZWG": 2, "MGA": 2, "IDR": 2, "HUF": 2, "UYU": 2,
		"JPY": 0, "KRW": 0, "VND": 0, "ISK": 0, "UYI": 0, "XOF": 0, "KWD": 3, "TND": 3, "CLF": 4, "UYW": 4,
	} {
		if c := currencyOf(t, code); c.Digits() != digits {
			t.Errorf("%s has %d digits, want %d", code, c.Digits(), digits)
		}
	}
	for _, code := range []string{"", "cny", "CN", "CNYY", "CNY ", "XAU", "XXX", "XTS", "XDR", "BGN", "HRK", "RMB", "156", strings.Repeat("C", 1000)} {
		c, err := gen.CurrencyOf(code)
		if !errors.Is(err, gen.ErrCurrency) || c != (gen.Currency{}) || len(err.Error()) > 200 {
			t.Errorf("%q: %v, %v", code, c, err)
		}
	}
}

func TestCurrencyText(t *testing.T) {
	type price struct{ In gen.Currency }
	for _, want := range []string{`{"In":"CNY"}`, `{"In":""}`} {
		p := price{currencyOf(t, "JPY")}
		if err := json.Unmarshal([]byte(want), &p); err != nil {
			t.Error(err)
		}
		if text, err := json.Marshal(p); err != nil || string(text) != want {
			t.Errorf("%s became %s, %v", want, text, err)
		}
	}
	p := price{currencyOf(t, "JPY")}
	if err := json.Unmarshal([]byte(`{"In":"YEN"}`), &p); !errors.Is(err, gen.ErrCurrency) || p.In.String() != "JPY" {
		t.Errorf("YEN: %v, %v", p, err)
	}
}

func TestFormatAmount(t *testing.T) {
	for _, tt := range []struct {
		amount     int64
		code, want string
	}{
		{1234, "CNY", "12.34 CNY"}, {0, "CNY", "0.00 CNY"}, {5, "CNY", "0.05 CNY"}, {50, "CNY", "0.50 CNY"},
		{100, "CNY", "1.00 CNY"}, {-5, "EUR", "-0.05 EUR"}, {-12345, "EUR", "-123.45 EUR"},
		{1234, "JPY", "1234 JPY"}, {0, "JPY", "0 JPY"}, {-1, "JPY", "-1 JPY"},
		{1, "KWD", "0.001 KWD"}, {1234, "KWD", "1.234 KWD"}, {1234, "CLF", "0.1234 CLF"},
		{math.MaxInt64, "CNY", "92233720368547758.07 CNY"}, {math.MinInt64, "CNY", "-92233720368547758.08 CNY"},
		{math.MinInt64, "JPY", "-9223372036854775808 JPY"},
	} {
		if got := currencyOf(t, tt.code).Format(tt.amount); got != tt.want {
			t.Errorf("%d: %q, want %q", tt.amount, got, tt.want)
		}
	}
	if got := (gen.Currency{}).Format(12); got != "12" {
		t.Errorf("without a currency: %q", got)
	}
}

func TestParseAmount(t *testing.T) {
	for _, tt := range []struct {
		text, code string
		want       int64
	}{
		{"12.34", "CNY", 1234}, {"12.3", "CNY", 1230}, {"12", "CNY", 1200}, {"0.01", "CNY", 1}, {"0", "CNY", 0},
		{"007.00", "CNY", 700}, {"12", "JPY", 12}, {"1.234", "KWD", 1234}, {"1.2", "CLF", 12_000},
		{"92233720368547758.07", "CNY", math.MaxInt64}, {"9223372036854775807", "JPY", math.MaxInt64},
		{strings.Repeat("0", 63) + "1", "JPY", 1},
	} {
		if got, err := gen.ParseAmount(tt.text, currencyOf(t, tt.code)); err != nil || got != tt.want {
			t.Errorf("%s %s: %d, %v, want %d", tt.text, tt.code, got, err, tt.want)
		}
	}
	for _, tt := range []struct{ text, code, want string }{
		{"", "CNY", "such as 123.45"}, {".", "CNY", "such as"}, {".5", "CNY", "such as"}, {"5.", "CNY", "such as"}, {"5.", "JPY", "such as 12345"},
		{"1.234", "CNY", "has 3 decimals, CNY has 2"}, {"1.000", "CNY", "3 decimals"}, {"1.0", "JPY", "JPY has 0: write it as 12345"},
		{"1.23456", "CLF", "CLF has 4: write it as 1.2345"}, {"1.2.3", "CLF", "no digit"},
		{"-1", "CNY", "no digit"}, {"+1", "CNY", "no digit"}, {"1.-1", "CNY", "no digit"}, {" 1", "CNY", "no digit"}, {"1 CNY", "CNY", "no digit"},
		{"1,000", "CNY", "no digit"}, {"1e3", "CNY", "no digit"}, {"0x10", "CNY", "no digit"}, {"1_0", "CNY", "no digit"}, {"１２", "CNY", "no digit"}, {"NaN", "CNY", "no digit"},
		{"92233720368547758.08", "CNY", "write at most 92233720368547758.07 CNY"}, {"92233720368547759", "CNY", "too large"},
		{"9223372036854775808", "JPY", "too large"}, {"18446744073709551617", "JPY", "too large"}, {"922337203685478", "CLF", "too large"},
		{strings.Repeat("0", 65), "CNY", "longer than 64 bytes"},
	} {
		got, err := gen.ParseAmount(tt.text, currencyOf(t, tt.code))
		if !errors.Is(err, gen.ErrAmount) || got != 0 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %s: %d, %v, want %q", tt.text, tt.code, got, err, tt.want)
		}
	}
	if _, err := gen.ParseAmount("1", gen.Currency{}); !errors.Is(err, gen.ErrCurrency) {
		t.Errorf("without a currency: %v", err)
	}
}

// What Format writes is read back, for amounts of every size.
func TestAmountsComeBack(t *testing.T) {
	r := fixed()
	for _, code := range []string{"JPY", "CNY", "KWD", "CLF"} {
		c := currencyOf(t, code)
		for range 2000 {
			amount := r.Int64() >> r.IntN(63)
			text := strings.TrimSuffix(c.Format(amount), " "+code)
			if got, err := gen.ParseAmount(text, c); err != nil || got != amount {
				t.Fatalf("%d %s: %q is read as %d, %v", amount, code, text, got, err)
			}
		}
	}
}
