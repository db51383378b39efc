package paylink

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"codepool/gen"
)

// Link is what a QR code stands for: goods and a price. It never changes.
type Link struct {
	ID       string       `json:"id"`       // 1 to 64 letters, digits, '-' and '_'
	Goods    string       `json:"goods"`    // what people read: 1 to 120 characters
	Amount   int64        `json:"amount"`   // in minor units of the currency, above 0
	Currency gen.Currency `json:"currency"` // as gen.CurrencyOf returns it
	Once     bool         `json:"once"`     // for one order only; else one for each session
}

// Price returns the amount as people read it: "12.34 CNY".
func (l Link) Price() string { return l.Currency.Format(l.Amount) }

// Order is that somebody wants what a link offers, and perhaps has paid for it.
type Order struct {
	Number    string    `json:"number"`
	Link      string    `json:"link"`    // id
	Session   string    `json:"session"` // digest of a browser's cookie
	Wallet    Wallet    `json:"wallet"`  // in which it was made
	Payment   string    `json:"payment"` // reference of the payment, "" before
	CreatedAt time.Time `json:"created_at"`
	PaidAt    time.Time `json:"paid_at,omitzero"` // zero before
}

// Paid reports whether the order is paid.
func (o Order) Paid() bool { return !o.PaidAt.IsZero() }

const (
	maxID    = 64
	maxGoods = 120
)

// Check returns ErrInvalid with all that is wrong with a link. A Backend checks its links
// when they are made.
func (l Link) Check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, invalid(format, args...)) }
	if !validID(l.ID) {
		wrong("id %.80q is not 1 to %d letters, digits, '-' and '_'", l.ID, maxID)
	}
	if why := badGoods(l.Goods); why != "" {
		wrong("goods %.200q %s", l.Goods, why)
	}
	if l.Amount <= 0 {
		wrong("amount %d is not above 0", l.Amount)
	}
	if l.Currency == (gen.Currency{}) {
		wrong("currency is missing: take one from gen.CurrencyOf")
	}
	return errors.Join(errs...)
}

// validID reports whether a text can be the id of a link. An id stands in URLs as it is.
func validID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool {
		return r >= utf8.RuneSelf || !alphanumeric(byte(r)) && r != '-' && r != '_'
	})
}

// badGoods says why a text cannot be goods.
func badGoods(text string) string {
	switch {
	case len(text) > maxGoods*utf8.UTFMax || utf8.RuneCountInString(text) > maxGoods:
		return fmt.Sprintf("is longer than %d characters", maxGoods)
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case strings.TrimSpace(text) == "":
		return "is empty"
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has a character that nobody sees"
	}
	return ""
}
