package crash

import (
	"context"

	"codepool/gen"
	"codepool/store"
)

// Order numbers are given out in small lists, each from a block of its own that was leased
// for it: no number is ever given twice.

const listed = 5

func orderCodec() (*gen.OrderCodec, error) {
	return gen.NewOrderCodec(gen.OrderLayout{}, []byte("the secret of the crash proofs"))
}

func (c *child) numbers(ctx context.Context) {
	codec, err := orderCodec()
	if err != nil {
		say(lineWrong, err.Error())
		return
	}
	for i, ok := 0, true; ok; i++ {
		before := c.failed.Load()
		orders, err := c.s.Orders(codec, nil)
		list := make([]gen.Order, listed)
		if err == nil {
			err = orders.Fill(ctx, i%3, list)
		}
		if err != nil {
			ok = c.fails("order numbers", err, before)
			continue
		}
		texts := make([]string, listed)
		for i, o := range list {
			texts[i] = codec.Text(o.Number)
		}
		say(lineOrdered, texts...)
	}
}

// noteOrdered takes in that order numbers were given out.
func (a *auditor) noteOrdered(texts []string) {
	for _, text := range texts {
		n := int64(number(text))
		if a.ordered[n] {
			a.wrong("order number %s was given out twice", text)
		}
		a.ordered[n] = true
	}
}

// auditNumbers judges that the store goes on behind what it gave out, with numbers that can
// be read.
func (a *auditor) auditNumbers(ctx context.Context, s *store.Store) {
	codec, err := orderCodec()
	if err != nil {
		a.wrong("%v", err)
		return
	}
	orders, err := s.Orders(codec, nil)
	if err != nil {
		a.wrong("order numbers: %v", err)
		return
	}
	o, err := orders.New(ctx, 0)
	if err != nil {
		a.wrong("an order number after the crash: %v", err)
		return
	}
	text := codec.Text(o.Number)
	if got, err := codec.Parse(text); err != nil || got != o {
		a.wrong("order number %s is read as %+v, %v", text, got, err)
	}
	if a.ordered[o.Number] { // it is not noted: this may be a copy of the store that goes on
		a.wrong("order number %s is given out again after the crash", text)
	}
}
