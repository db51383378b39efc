package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

func orderCodec(t testing.TB, typeDigits, sequenceDigits int, secret string) *gen.OrderCodec {
	t.Helper()
	c, err := gen.NewOrderCodec(gen.OrderLayout{TypeDigits: typeDigits, SequenceDigits: sequenceDigits}, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const orderSecret = "a secret of tests"

func orderNumbers(t testing.TB, s *store.Store, typeDigits, sequenceDigits int, zone *time.Location) *store.Orders {
	t.Helper()
	o, err := s.Orders(orderCodec(t, typeDigits, sequenceDigits, orderSecret), zone)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// orderBook notes order numbers and holds them to what they say.
type orderBook struct {
	mu   sync.Mutex
	seen map[int64]bool
}

func (b *orderBook) add(t testing.TB, c *gen.OrderCodec, typ int, orders ...gen.Order) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range orders {
		if b.seen[o.Number] {
			t.Errorf("%s came twice", c.Text(o.Number))
		}
		b.seen[o.Number] = true
		if got, err := c.Parse(c.Text(o.Number)); err != nil || got != o || o.Type != typ {
			t.Errorf("%s is read as %+v, %v, want %+v", c.Text(o.Number), got, err, o)
		}
	}
}

// TestOrderNumbers gives out numbers from many goroutines, singly and many at once, while the
// clock goes forth and back by days, over lives that are closed and lives that crash: none
// comes twice.
func TestOrderNumbers(t *testing.T) {
	o, clk := timed()
	start := clk.Now()
	dir := t.TempDir()
	s := open(t, dir, o)
	c := orderCodec(t, 2, 9, orderSecret)
	book := orderBook{seen: map[int64]bool{}}
	for life := range 4 {
		one, two := orderNumbers(t, s, 2, 9, nil), orderNumbers(t, s, 2, 9, nil)
		var wg sync.WaitGroup
		for g := range 6 {
			from := one
			if g == 5 {
				from = two
			}
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(life), uint64(g)))
				for range fewer(30, 10) {
					clk.set(start.Add(time.Duration(r.IntN(6)-3) * 12 * time.Hour))
					typ := r.IntN(3)
					n, err := from.New(t.Context(), typ)
					many := make([]gen.Order, r.IntN(200))
					if err == nil {
						err = from.Fill(t.Context(), typ, many)
					}
					if err != nil {
						t.Error(err)
						return
					}
					book.add(t, c, typ, append(many, n)...)
				}
			})
		}
		wg.Wait()
		s = reopened(t, s, dir, o, life%2 == 0)
		dir = s.Stats().Dir
	}
	days := map[gen.Day]int{}
	for n := range book.seen {
		got, _ := c.ParseNumber(n)
		days[got.Day]++
	}
	if len(book.seen) < fewer(40_000, 12_000) || len(days) != 3 {
		t.Errorf("%d numbers of %v", len(book.seen), days)
	}
}

// TestOrderNumbersClockBack turns the clock back over midnight and forth: each day goes on
// behind what it has had, also after a crash in between.
func TestOrderNumbersClockBack(t *testing.T) {
	o, clk := timed()
	first, second := clk.Now(), clk.Now().Add(24*time.Hour)
	for _, clean := range []bool{true, false} {
		dir := t.TempDir()
		s := open(t, dir, o)
		last := map[gen.Day]uint64{}
		for i := range 20 {
			at := first
			if i%2 == 1 {
				at = second
			}
			clk.set(at)
			n, err := orderNumbers(t, s, 2, 9, nil).New(t.Context(), 5)
			if err != nil || n.Day != gen.DayOf(at) {
				t.Fatalf("%+v, %v", n, err)
			}
			if was, again := last[n.Day]; again && n.Sequence <= was {
				t.Errorf("sequence number %d of %v came behind %d", n.Sequence, n.Day, was)
			}
			last[n.Day] = n.Sequence
			if i%8 == 7 {
				s = reopened(t, s, dir, o, clean)
				dir = s.Stats().Dir
			}
		}
	}
}

// Days begin and end by the clocks of the zone, to the microsecond, also where they are put
// forward or back.
func TestOrderNumbersZone(t *testing.T) {
	o, clk := timed()
	s := storetest.Open(t, o)
	for _, name := range []string{"UTC", "Asia/Shanghai", "America/New_York", "America/Sao_Paulo", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Skipf("no time zones here: %v", err)
		}
		orders := orderNumbers(t, s, 2, 9, zone)
		check := func(at time.Time) {
			clk.set(at)
			n, err := orders.New(t.Context(), 0)
			if want := at.In(zone).Format(time.DateOnly); err != nil || n.Day.String() != want {
				t.Errorf("%s at %v: %v, %v", name, at.In(zone), n.Day, err)
			}
		}
		for _, month := range []time.Month{2, 3, 10, 11, 12} { // the last of December 2011 Apia left out a day
			for at := time.Date(2011, month, 1, 0, 0, 0, 0, time.UTC); at.Month() == month; at = at.Add(6 * time.Hour) {
				check(at)
				check(at.Add(-time.Microsecond))
				_, offset := at.In(zone).Zone()
				midnight := at.Add(-time.Duration(offset) * time.Second)
				check(midnight.Add(-time.Microsecond))
				check(midnight)
			}
		}
	}
}

// TestOrderNumbersUsedUp exhausts small days: each number is given out once, then none, and
// the next day has its own.
func TestOrderNumbersUsedUp(t *testing.T) {
	for _, digits := range []int{1, 2, 4} {
		o, clk := timed()
		s := storetest.Open(t, o)
		c, orders := orderCodec(t, 1, digits, orderSecret), orderNumbers(t, s, 1, digits, nil)
		want := int(c.Layout().PerDay())
		for range 2 {
			book := orderBook{seen: map[int64]bool{}}
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for {
						n, err := orders.New(t.Context(), g)
						if err != nil {
							wantErr(t, "used up", err, store.ErrUsedUp)
							return
						}
						book.add(t, c, g, n)
					}
				})
			}
			wg.Wait()
			if len(book.seen) != want {
				t.Errorf("%d numbers of %d", len(book.seen), want)
			}
			err := orders.Fill(t.Context(), 0, make([]gen.Order, 1))
			if wantErr(t, "again", err, store.ErrUsedUp); err != nil && !strings.Contains(err.Error(), fmt.Sprintf("has had its %d order numbers", want)) {
				t.Errorf("%v", err)
			}
			clk.set(clk.Now().Add(24 * time.Hour))
		}
		clk.set(clk.Now().Add(-24 * time.Hour))
		_, err := orders.New(t.Context(), 0)
		wantErr(t, "back at the first day", err, store.ErrUsedUp)
	}
}

// Opening again and again skips no more than a 256th of a day each time.
func TestOrderNumbersSkips(t *testing.T) {
	o, _ := timed()
	dir := t.TempDir()
	for life := range uint64(6) {
		s := open(t, dir, o)
		n, err := orderNumbers(t, s, 1, 3, nil).New(t.Context(), 0)
		if err != nil || n.Sequence > 3*life {
			t.Errorf("the first number of life %d is %d, %v", life, n.Sequence, err)
		}
		mustClose(t, s)
	}
}

// A clock that goes back by more days than are counted is refused, and nothing else is.
func TestOrderNumbersDayClosed(t *testing.T) {
	o, clk := timed()
	start := clk.Now()
	dir := t.TempDir()
	s := open(t, dir, o)
	orders := orderNumbers(t, s, 2, 9, nil)
	const days = 405
	for i := range days {
		clk.set(start.Add(time.Duration(i) * 24 * time.Hour))
		if _, err := orders.New(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, clean := range []bool{false, true} {
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
		orders = orderNumbers(t, s, 2, 9, nil)
		for day, want := range map[int]error{-1: store.ErrDayClosed, 0: store.ErrDayClosed, 4: store.ErrDayClosed, 5: nil, 6: nil, days - 1: nil} {
			clk.set(start.Add(time.Duration(day) * 24 * time.Hour))
			n, err := orders.New(t.Context(), 0)
			wantErr(t, fmt.Sprint("day ", day), err, want)
			if err == nil && n.Sequence == 0 {
				t.Errorf("day %d begins again", day)
			}
		}
	}
}

// Two secrets or two layouts never give out numbers of one day.
func TestOtherOrders(t *testing.T) {
	o, clk := timed()
	dir := t.TempDir()
	s := open(t, dir, o)
	if _, err := orderNumbers(t, s, 2, 9, nil).New(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for _, clean := range []bool{false, true} {
		for what, c := range map[string]*gen.OrderCodec{"another secret": orderCodec(t, 2, 9, "another secret of tests"), "another layout": orderCodec(t, 1, 10, orderSecret)} {
			other, err := s.Orders(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = other.New(t.Context(), 0)
			wantErr(t, what, err, store.ErrOtherOrders)
			tomorrow := clk.Now()
			if what == "another secret" {
				tomorrow = tomorrow.Add(24 * time.Hour)
			} else {
				tomorrow = tomorrow.Add(-24 * time.Hour)
			}
			today := clk.Now()
			clk.set(tomorrow)
			_, err = other.New(t.Context(), 0)
			wantErr(t, what+" on another day", err, nil)
			clk.set(today)
		}
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
	}
}

func TestOrderNumbersBadInput(t *testing.T) {
	o, clk := timed()
	s := storetest.Open(t, o)
	_, err := s.Orders(nil, nil)
	wantErr(t, "no codec", err, store.ErrInvalid)
	orders := orderNumbers(t, s, 1, 4, nil)
	for _, typ := range []int{-1, 10, 1 << 30} {
		_, err := orders.New(t.Context(), typ)
		wantErr(t, fmt.Sprint("type ", typ), err, store.ErrInvalid)
		wantErr(t, fmt.Sprint("type ", typ), err, gen.ErrOrderRange)
	}
	now := clk.Now()
	for _, year := range []int{1, 1970, 1999, 2100, 9999, 100_000} {
		clk.set(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC))
		_, err := orders.New(t.Context(), 0)
		wantErr(t, fmt.Sprint("year ", year), err, store.ErrInvalid)
	}
	clk.set(now)
	wantErr(t, "no numbers", orders.Fill(t.Context(), 0, nil), nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errGone)
	_, err = orders.New(ctx, 0)
	wantErr(t, "cancelled", err, errGone)
	if n, err := orders.New(t.Context(), 0); err != nil || n.Sequence != 0 {
		t.Errorf("%+v, %v: refusals took numbers", n, err)
	}
	mustClose(t, s)
	_, err = orders.New(t.Context(), 0)
	wantErr(t, "closed", err, store.ErrClosed)
	_, err = orders.New(t.Context(), -1)
	wantErr(t, "closed, and a bad type", err, store.ErrClosed)
}

var errGone = errors.New("gone")

// Close beside those who take numbers: each gets one or ErrClosed, and none comes again.
func TestOrderNumbersClose(t *testing.T) {
	dir := t.TempDir()
	c := orderCodec(t, 2, 9, orderSecret)
	book := orderBook{seen: map[int64]bool{}}
	for range fewer(10, 4) {
		s := open(t, dir, weak())
		orders := orderNumbers(t, s, 2, 9, nil)
		var wg, begun sync.WaitGroup
		begun.Add(4)
		for g := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					many := make([]gen.Order, 10)
					err := orders.Fill(context.Background(), g, many)
					if i == 10 || err != nil && i < 10 {
						begun.Done()
					}
					if err != nil {
						wantErr(t, "while it closes", err, store.ErrClosed)
						return
					}
					book.add(t, c, g, many...)
				}
			})
		}
		begun.Wait()
		mustClose(t, s)
		wg.Wait()
	}
}

// BenchmarkOrderNumbers gives out order numbers of a store that syncs its leases.
func BenchmarkOrderNumbers(b *testing.B) {
	for name, run := range map[string]func(b *testing.B, o *store.Orders){
		"callers=1/many=1": func(b *testing.B, o *store.Orders) {
			for b.Loop() {
				if _, err := o.New(b.Context(), 42); err != nil {
					b.Fatal(err)
				}
			}
		},
		"callers=procs/many=1": func(b *testing.B, o *store.Orders) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := o.New(b.Context(), 42); err != nil {
						b.Error(err)
						return
					}
				}
			})
		},
		"callers=1024/many=1": func(b *testing.B, o *store.Orders) {
			b.SetParallelism(1024)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := o.New(b.Context(), 42); err != nil {
						b.Error(err)
						return
					}
				}
			})
		},
		"callers=1/many=100": func(b *testing.B, o *store.Orders) {
			many := make([]gen.Order, 100)
			for left := b.N; left > 0; left -= len(many) {
				if err := o.Fill(b.Context(), 42, many[:min(left, len(many))]); err != nil {
					b.Fatal(err)
				}
			}
		},
		"callers=procs/many=100": func(b *testing.B, o *store.Orders) {
			b.RunParallel(func(pb *testing.PB) {
				many := make([]gen.Order, 100)
				for n := 0; ; n = 0 {
					for n < len(many) && pb.Next() {
						n++
					}
					if n == 0 {
						return
					}
					if err := o.Fill(b.Context(), 42, many[:n]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b, b.TempDir(), nil)
			defer mustClose(b, s)
			o := orderNumbers(b, s, 2, 9, nil)
			b.ReportAllocs()
			b.ResetTimer()
			run(b, o)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "numbers/s")
		})
	}
}
