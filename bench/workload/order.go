package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"codepool/gen"
)

// Order makes order numbers, in calls of Batch.
type Order struct {
	N, Callers, Batch int
}

// Name returns "order".
func (Order) Name() string { return "order" }

// Run measures codepool.
func (j Order) Run(ctx context.Context, e *Env, emit func(Line)) error {
	if !e.has("codepool") {
		return nil
	}
	t := &trial{line: Line{Job: "order", System: "codepool", N: int64(j.N), Callers: j.Callers, Batch: j.Batch}}
	t.run = func(ctx context.Context) (Sample, error) { return j.round(ctx, e) }
	if err := e.rounds(ctx, e.Rounds, []*trial{t}); err != nil {
		return err
	}
	emit(t.line)
	return nil
}

func (j Order) round(ctx context.Context, e *Env) (sample Sample, err error) {
	pool, done, err := e.sharePool("order")
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, done(ctx)) }()
	codec, err := gen.NewOrderCodec(gen.DefaultOrderLayout(), []byte("a secret for measurements only"))
	if err != nil {
		return sample, err
	}
	orders, err := pool.Orders(codec, nil)
	if err != nil {
		return sample, err
	}
	numbers := make([]gen.Order, j.N/j.Batch*j.Batch)
	sample, _, err = load{callers: j.Callers, calls: j.N / j.Batch, budget: e.Budget, call: func(ctx context.Context, _, i int) (int, error) {
		return j.Batch, orders.Fill(ctx, 42, numbers[i*j.Batch:(i+1)*j.Batch])
	}}.run(ctx)
	if err != nil {
		return sample, err
	}
	made := make([]int64, 0, len(numbers))
	for _, o := range numbers {
		if o.Number != 0 { // the budget may have ended before
			made = append(made, o.Number)
		}
	}
	if slices.Sort(made); len(slices.Compact(made)) != int(sample.Ops) {
		return sample, fmt.Errorf("audit: %d numbers, some of them twice", sample.Ops)
	}
	return sample, nil
}
