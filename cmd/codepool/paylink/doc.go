// Package paylink serves one QR code that every wallet can pay: it holds a short link, the
// wallet that scans it says who it is, and gets its own page. A server that keeps links and
// orders somewhere mounts the handler beside its own pages:
//
//	h, err := paylink.Handler(backend, &paylink.Options{Base: "https://pay.example"})
//	mux.Handle("/", h)
//
// The command codepool pay keeps them in a store (codepool/cmd/codepool/internal/pay); package
// paylinktest tests any other backend.
//
// # What is served
//
//	GET  /p/ID          the page of the wallet that asks, the receipt once it is paid, or a
//	                    list of wallets where none can be told
//	GET  /p/ID?wallet=W the page of the wallet that was picked from that list
//	GET  /p/ID/qr.png   the code of the link, also qr.svg; ?size=N pixels
//	POST /p/ID/again    a new order of the same browser for a link that can be used again
//	POST /p/ID/pay      pays the order without any wallet: only with Options.Demo
//	GET  /healthz       200 while the process answers
//
// All paths in the pages are relative, so the handler can also stand below a prefix
// (http.StripPrefix), if Base has the prefix too.
//
// # The path of an order
//
//	scan ─► GET /p/ID ─► WalletOf(User-Agent) ─► session cookie ─► Backend.Order ─► page
//	                          │ none                                   │ paid
//	                          ▼                                        ▼
//	                     list of wallets                            receipt
//	                                                                   ▲
//	        the wallet's notification, or POST /p/ID/pay ─► Backend.Pay ┘
//
// # Promises
//
//	P1  One order a session. However often, and however many times at once, a browser asks
//	    for a link, it has one order for it. The Backend keeps this; the cookie names the session.
//	P2  Paid once. One payment pays an order, and no other order; the same one again is no
//	    error, another one is.
//	P3  A link of one order belongs to the session that opened it first; to others it is gone.
//	P4  Looking is free. No order is made by HEAD, by a QR code, or where no wallet can be
//	    told: a preview of the link in a chat, or a crawler, does not use up a link of one order.
//	P5  Nobody pays for another. A form is answered only with the token of its session, link
//	    and order.
//	P6  What a Backend says of its insides goes to the log, never into a page.
//
// # Sessions
//
// The cookie holds 128 random bits and is known to the browser alone: the Backend gets a
// digest of them, and the tokens of forms are HMACs under them. So what is in the orders, or
// in a log, opens no session, several servers need to share nothing, and a restart ends no session.
// Only the first request has no cookie: a browser that asks twice before it has an answer
// to the first may have two sessions.
//
// # Rejected
//
// An order for whoever loads the page: a link of one order would be lost to the first bot
// that looks at it. Wallets by script (their JavaScript bridges tell for certain who they are):
// the pages work where scripts are off, and the policy of the pages can forbid all of them.
//
// # Limits
//
// A User-Agent is a claim. Whoever forges it sees another wallet's page, and no more.
//
// The package talks to no wallet. Who takes money hears of it in the wallet's notification,
// calls Pay of his Backend there, and the page shows the receipt when it is loaded again.
//
// Timeouts and the number of connections are the http.Server's, and limits of requests a
// client belong in front: each first request with a wallet's User-Agent makes an order.
package paylink
