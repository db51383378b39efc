package store_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store/storetest"
)

// The order numbers of system D, a test for each rule.

// someOrders takes n numbers of two types in turn, each as a customer would get it.
func someOrders(t *testing.T, n int) (*gen.OrderCodec, []gen.Order) {
	t.Helper()
	o, _ := timed()
	s := storetest.Open(t, o)
	orders, all := orderNumbers(t, s, 2, 9, nil), make([]gen.Order, n)
	for i := range all {
		var err error
		if all[i], err = orders.New(t.Context(), 10+i%2); err != nil {
			t.Fatal(err)
		}
	}
	return orderCodec(t, 2, 9, orderSecret), all
}

// TestSystemDOrderReadable: date and type can be read, the rest are digits, all fit an int64
// and have one length.
func TestSystemDOrderReadable(t *testing.T) {
	c, all := someOrders(t, 1000)
	for i, o := range all {
		text := c.Text(o.Number)
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n != o.Number || len(text) != 18 || text[:8] != fmt.Sprint("260301", 10+i%2) {
			t.Fatalf("%s: %v", text, err)
		}
		if o.Day.Time() != time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) {
			t.Fatalf("%s is of %v", text, o.Day)
		}
	}
}

// TestSystemDOrderNoVolume: who sees numbers learns neither how many there are nor which of
// two was first: a day of few looks like a day of many.
func TestSystemDOrderNoVolume(t *testing.T) {
	_, all := someOrders(t, 4000)
	greatest, rising := int64(0), 0
	for i, o := range all {
		tail := o.Number / 10 % 1e9
		if i < 100 {
			greatest = max(greatest, tail)
		}
		if i > 1 && tail > all[i-2].Number/10%1e9 { // the one before of its type
			rising++
		}
	}
	if greatest < 9e8 {
		t.Errorf("the greatest of a hundred is %d of a billion: it grows with their number", greatest)
	}
	if math.Abs(float64(rising)/4000-0.5) > 0.05 {
		t.Errorf("%d of 4000 are above the one before", rising)
	}
}

// TestSystemDOrderTypos: no change of one character and no swap of two neighbours makes a
// valid number of another.
func TestSystemDOrderTypos(t *testing.T) {
	c, all := someOrders(t, 300)
	for _, o := range all {
		text := []byte(c.Text(o.Number))
		for at, was := range text {
			for d := byte('0'); d <= '9'; d++ {
				text[at] = d
				if _, err := c.Parse(string(text)); (err == nil) != (d == was) {
					t.Fatalf("%s for %s: %v", text, c.Text(o.Number), err)
				}
			}
			if text[at] = was; at > 0 && text[at-1] != was {
				text[at-1], text[at] = text[at], text[at-1]
				if _, err := c.Parse(string(text)); err == nil {
					t.Fatalf("%s for %s", text, c.Text(o.Number))
				}
				text[at-1], text[at] = text[at], text[at-1]
			}
		}
	}
}
