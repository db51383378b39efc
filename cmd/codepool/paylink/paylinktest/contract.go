// Package paylinktest tests whether a paylink.Backend keeps its contract.
package paylinktest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"codepool/cmd/codepool/paylink"
	"codepool/gen"
)

// Opened is a backend with some links.
type Opened struct {
	paylink.Backend
	// Reopen ends the backend and returns what a new process finds of it; nil if it forgets.
	Reopen func() paylink.Backend
}

// reopen lets what comes next be seen by a new process.
func (o *Opened) reopen() {
	if o.Reopen != nil {
		o.Backend = o.Reopen()
	}
}

// Contract tests the backends that open returns, each of which must have those links and no
// order.
func Contract(t *testing.T, open func(t *testing.T, links ...paylink.Link) Opened) {
	cny, err := gen.CurrencyOf("CNY")
	if err != nil {
		t.Fatal(err)
	}
	tea := paylink.Link{ID: "tea", Goods: `Tea "for" <two>, 两杯茶`, Amount: 1234, Currency: cny}
	seat := paylink.Link{ID: "Seat-7_b", Goods: "Seat 7", Amount: 1, Currency: cny, Once: true}
	for name, test := range map[string]func(*contract){
		"links": links, "orders": orders, "once": once, "pay": pay, "refused": refused,
		"race of a session": raceSession, "race of sessions": raceOnce, "race of payments": racePay,
	} {
		t.Run(name, func(t *testing.T) {
			test(&contract{T: t, Opened: open(t, tea, seat), tea: tea, seat: seat})
		})
	}
}

// contract is a test of one backend.
type contract struct {
	*testing.T
	Opened
	tea, seat paylink.Link
}

// order is Order, which must make or find one.
func (c *contract) order(link, session string, w paylink.Wallet) paylink.Order {
	c.Helper()
	o, err := c.Order(c.Context(), link, session, w)
	if err != nil {
		c.Fatalf("order of %s for %s: %v", session, link, err)
	}
	return o
}

// paid is Pay, which must be done.
func (c *contract) paid(order, payment string) paylink.Order {
	c.Helper()
	o, err := c.Pay(c.Context(), order, payment)
	if err != nil {
		c.Fatalf("pay %s by %s: %v", order, payment, err)
	}
	return o
}

// same checks that an order is what it was.
func (c *contract) same(got, want paylink.Order) {
	c.Helper()
	if !got.CreatedAt.Equal(want.CreatedAt) || !got.PaidAt.Equal(want.PaidAt) {
		c.Fatalf("order %+v, want %+v", got, want)
	}
	got.CreatedAt, got.PaidAt = want.CreatedAt, want.PaidAt
	if got != want {
		c.Fatalf("order %+v, want %+v", got, want)
	}
}

// fails checks an error.
func (c *contract) fails(what string, got, want error) {
	c.Helper()
	if !errors.Is(got, want) {
		c.Errorf("%s: %v, want %v", what, got, want)
	}
}

func links(c *contract) {
	for range 2 {
		for _, want := range []paylink.Link{c.tea, c.seat} {
			if got, err := c.Link(c.Context(), want.ID); err != nil || got != want {
				c.Errorf("link %+v, %v, want %+v", got, err, want)
			}
		}
		for _, id := range []string{"none", "TEA", "seat-7_b", "Seat7_b", "te", "teaa"} {
			_, err := c.Link(c.Context(), id)
			c.fails("link "+id, err, paylink.ErrUnknownLink)
			_, err = c.Order(c.Context(), id, "ann", paylink.QQ)
			c.fails("order of link "+id, err, paylink.ErrUnknownLink)
		}
		c.order("tea", "ann", paylink.QQ)
		c.order("Seat-7_b", "ann", paylink.QQ)
		c.reopen()
	}
}

func orders(c *contract) {
	ann := c.order("tea", "ann", paylink.WeChat)
	if ann.Number == "" || ann.Link != "tea" || ann.Session != "ann" || ann.Wallet != paylink.WeChat || ann.Paid() || ann.Payment != "" || ann.CreatedAt.IsZero() {
		c.Fatalf("order %+v", ann)
	}
	ben := c.order("tea", "ben", paylink.Alipay)
	seat := c.order("Seat-7_b", "ann", paylink.WeChat)
	if ann.Number == ben.Number || ann.Number == seat.Number || ben.Number == seat.Number {
		c.Fatalf("numbers %s, %s, %s", ann.Number, ben.Number, seat.Number)
	}
	for range 2 {
		c.same(c.order("tea", "ann", paylink.JD), ann)
		c.same(c.order("tea", "ben", paylink.Other), ben)
		c.same(c.order("Seat-7_b", "ann", paylink.QQ), seat)
		c.reopen()
	}
	if cho := c.order("tea", "cho", paylink.WeChat); cho.Number == ann.Number || cho.Number == ben.Number || cho.Number == seat.Number {
		c.Fatalf("number %s again", cho.Number)
	}
}

func once(c *contract) {
	ann := c.order("Seat-7_b", "ann", paylink.WeChat)
	for range 2 {
		_, err := c.Order(c.Context(), "Seat-7_b", "ben", paylink.WeChat)
		c.fails("another session", err, paylink.ErrLinkUsed)
		c.same(c.order("Seat-7_b", "ann", paylink.WeChat), ann)
		c.reopen()
	}
	ann = c.paid(ann.Number, "wx-1")
	c.same(c.order("Seat-7_b", "ann", paylink.WeChat), ann)
	_, err := c.Order(c.Context(), "Seat-7_b", "ben", paylink.WeChat)
	c.fails("another session after it is paid", err, paylink.ErrLinkUsed)
}

func pay(c *contract) {
	ann, ben := c.order("tea", "ann", paylink.WeChat), c.order("tea", "ben", paylink.Alipay)
	got := c.paid(ann.Number, "wx-1")
	if !got.Paid() || got.Payment != "wx-1" {
		c.Fatalf("paid order %+v", got)
	}
	want := ann
	want.Payment, want.PaidAt = got.Payment, got.PaidAt
	c.same(got, want)
	for range 2 {
		c.same(c.paid(ann.Number, "wx-1"), want)
		_, err := c.Pay(c.Context(), ann.Number, "wx-2")
		c.fails("another payment", err, paylink.ErrAlreadyPaid)
		_, err = c.Pay(c.Context(), ben.Number, "wx-1")
		c.fails("a payment of another order", err, paylink.ErrPaymentUsed)
		c.same(c.order("tea", "ann", paylink.WeChat), want)
		c.same(c.order("tea", "ben", paylink.WeChat), ben)
		c.reopen()
	}
	c.paid(ben.Number, "wx-2")
}

func refused(c *contract) {
	ann := c.order("tea", "ann", paylink.WeChat)
	wrong := []byte(ann.Number)
	wrong[len(wrong)/2] = '0' + (wrong[len(wrong)/2]-'0'+1)%10
	for range 2 {
		for _, number := range []string{"", "none", string(wrong), ann.Number + "0", ann.Number[1:], "tea", "ann", "\n"} {
			_, err := c.Pay(c.Context(), number, "wx-1")
			c.fails(fmt.Sprintf("order %q", number), err, paylink.ErrUnknownOrder)
		}
		_, err := c.Pay(c.Context(), ann.Number, "")
		c.fails("no payment", err, paylink.ErrInvalid)
		c.same(c.order("tea", "ann", paylink.WeChat), ann)
		c.reopen()
	}
	c.paid(ann.Number, "wx-1") // which no refusal has used up
}

// at runs n calls at once.
func at(n int, call func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { call(i) })
	}
	wg.Wait()
}

func raceSession(c *contract) {
	const sessions = 4
	got := make([]paylink.Order, 100)
	at(len(got), func(i int) {
		o, err := c.Order(c.Context(), "tea", fmt.Sprint(i%sessions), paylink.QQ)
		if err != nil {
			c.Errorf("session %d: %v", i%sessions, err)
		}
		got[i] = o
	})
	numbers := map[string]bool{}
	for i, o := range got {
		c.same(o, got[i%sessions])
		numbers[o.Number] = true
	}
	if len(numbers) != sessions {
		c.Fatalf("%d orders of %d sessions", len(numbers), sessions)
	}
	c.reopen()
	for i := range sessions {
		c.same(c.order("tea", fmt.Sprint(i), paylink.QQ), got[i])
	}
}

func raceOnce(c *contract) {
	got := make([]paylink.Order, 60)
	at(len(got), func(i int) {
		o, err := c.Order(c.Context(), "Seat-7_b", fmt.Sprint(i/2), paylink.QQ) // each session twice
		if err != nil && !errors.Is(err, paylink.ErrLinkUsed) {
			c.Errorf("session %d: %v", i/2, err)
		}
		got[i] = o
	})
	first := -1
	for i, o := range got {
		switch {
		case o.Number == "":
		case first < 0:
			first = i
		default:
			c.same(o, got[first])
		}
	}
	if first < 0 {
		c.Fatal("nobody has it")
	}
	c.reopen()
	c.same(c.order("Seat-7_b", fmt.Sprint(first/2), paylink.QQ), got[first])
}

func racePay(c *contract) {
	o := c.order("tea", "ann", paylink.QQ)
	const payments = 10
	var mu sync.Mutex
	winners := map[string]paylink.Order{}
	at(5*payments, func(i int) {
		payment := fmt.Sprint("wx-", i%payments)
		got, err := c.Pay(c.Context(), o.Number, payment)
		if err != nil {
			c.fails(payment, err, paylink.ErrAlreadyPaid)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		winners[payment] = got
	})
	if len(winners) != 1 {
		c.Fatalf("payments %v", winners)
	}
	for _, won := range winners {
		c.reopen()
		c.same(c.order("tea", "ann", paylink.QQ), won)
	}
}
