// Package pay keeps pay links and their orders in a store: a paylink.Backend that a crash
// cannot make forget an order, or count a payment twice.
//
// All of it is shared batches of one namespace, in rooms, so that Redeem and the tokens of
// others never meet them:
//
//	room   token    its claims are                  user     key
//	links  the id   orders of the link              session  pay/number/NUMBER/WALLET
//	books  orders   numbers and whose they are      number   pay/order/LINK/SESSION
//	books  paid     payments of orders              number   pay/payment/PAYMENT
//
// A user has one claim of each batch, and the store has one record of each key. So
//
//   - a session has one order for a link; a link of one order has one share;
//   - an order has one payment, and a payment is of one order.
//
// # An order
//
//	find the session's claim of the link ── there is one ──┐
//	  │ none                                               │
//	  ▼                                                    │
//	take an order number ─► claim the link: key = number ──┤
//	                          │ the session has one: again ┘
//	                          ▼
//	                        claim the number in "orders": key = link and session ─► answer
//
// The claim of the link decides: its key carries the number. A crash before it skips a number,
// which nobody has seen; a crash behind it leaves an order that is in no book yet, and its
// session has not been answered. Whoever asks next for that session finds the claim, its
// number in it, and makes the entry that is missing. No payment can come between: only what
// is in the book can be paid, and nobody knows a number that is not.
//
// Rejected: the entry in the book first. Of two calls at once each would enter a number of
// its own, and the key would tell the second that it is late, but not which number is first.
//
// # Limits
//
// Nothing here takes an order or a payment back: a claim of these tokens that is undone in the
// store by hand is still shown as what it was. Orders are kept for ever.
package pay
