package paylink

import (
	"errors"
	"fmt"
)

// The errors of this package, and those by which a Backend says what is the matter; test for
// them with errors.Is. A call that returns one of them has changed nothing.
var (
	// ErrUnknownLink is returned when there is no link of that id, or the text cannot be an id.
	ErrUnknownLink = errors.New("unknown pay link")
	// ErrUnknownOrder is returned when there is no order of that number.
	ErrUnknownOrder = errors.New("unknown order")
	// ErrLinkUsed is returned when a link of one order has its order already, of another session.
	ErrLinkUsed = errors.New("pay link is used")
	// ErrAlreadyPaid is returned when an order was paid by another payment.
	ErrAlreadyPaid = errors.New("order is already paid")
	// ErrPaymentUsed is returned when a payment has paid another order.
	ErrPaymentUsed = errors.New("payment has paid another order")
	// ErrUnknownWallet is returned when a text or a number names no wallet.
	ErrUnknownWallet = errors.New("unknown wallet")
	// ErrInvalid is returned when an argument breaks a rule; the text names them all.
	ErrInvalid = errors.New("invalid argument")
)

// invalid wraps ErrInvalid with the reason.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
