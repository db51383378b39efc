package paylink

import "context"

// Backend keeps links and orders. The handler calls it from many goroutines at once, and
// whatever it returns must be durable before it does.
//
// Errors are told apart by the sentinels of this package; any other is shown to people as a
// fault of ours, or, if it is a context's, as one that passes.
type Backend interface {
	// Link returns the link of an id, which must be one that passes Link.Check and must be the
	// same for ever. It must return ErrUnknownLink if there is none. A link of one
	// order that has its order must be returned like any other.
	Link(ctx context.Context, id string) (Link, error)

	// Order returns the order of a session for a link, and must make it if there is none, in
	// wallet w, not paid, with a number that is no other order's. However many calls come at once,
	// a session must have at most one order for a link. The order that is there
	// must be returned as it is, paid or not, whatever w is.
	//
	// It must return ErrUnknownLink if there is no such link, and ErrLinkUsed if the link is for
	// one order and another session has it.
	Order(ctx context.Context, id, session string, w Wallet) (Order, error)

	// Pay marks an order paid by a payment, which is a wallet's reference, and must do it once:
	// the same payment again must return the order as it is, and another payment must change nothing
	// and return ErrAlreadyPaid. A payment that has paid another order must change nothing either and
	// return ErrPaymentUsed. It must return ErrUnknownOrder if there is no such order, and ErrInvalid
	// if payment is empty.
	Pay(ctx context.Context, order, payment string) (Order, error)
}
