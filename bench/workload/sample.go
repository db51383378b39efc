package workload

import (
	"math"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Sample is what one trial measured.
type Sample struct {
	Ops     int64 // codes, or whatever the job counts
	Elapsed time.Duration
	// Percentiles of the latencies of calls; zero if calls were not timed.
	P50, P99, P999 time.Duration
	// Extra are further figures of the round.
	Extra map[string]float64
}

// Rate returns operations per second.
func (s Sample) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Ops) / s.Elapsed.Seconds()
}

// median returns the middle value, the mean of both for an even count, NaN for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	mid := len(v) / 2
	if len(v)%2 == 1 {
		return v[mid]
	}
	return (v[mid-1] + v[mid]) / 2
}

// medianOf is the median of f over samples.
func medianOf(samples []Sample, f func(Sample) float64) float64 {
	v := make([]float64, len(samples))
	for i, s := range samples {
		v[i] = f(s)
	}
	return median(v)
}

// ratio is the median over rounds of f(a) ÷ f(b), taken within each round.
func ratio(a, b []Sample, f func(Sample) float64) float64 {
	v := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		if d := f(b[i]); d > 0 {
			v = append(v, f(a[i])/d)
		}
	}
	return median(v)
}

func p50(s Sample) float64 { return float64(s.P50) }

// summarise fills a line's figures from its samples.
func summarise(l *Line, samples []Sample) {
	l.Samples = samples
	l.Rounds = len(samples)
	if len(samples) == 0 {
		return
	}
	us := func(f func(Sample) time.Duration) float64 {
		return medianOf(samples, func(s Sample) float64 { return float64(f(s)) / 1e3 })
	}
	l.OpsPerS = medianOf(samples, Sample.Rate)
	l.P50us = us(func(s Sample) time.Duration { return s.P50 })
	l.P99us = us(func(s Sample) time.Duration { return s.P99 })
	l.P999us = us(func(s Sample) time.Duration { return s.P999 })
	l.Seconds = medianOf(samples, func(s Sample) float64 { return s.Elapsed.Seconds() })
	l.MinOpsPerS, l.MaxOpsPerS = samples[0].Rate(), samples[0].Rate()
	for _, s := range samples {
		l.MinOpsPerS = min(l.MinOpsPerS, s.Rate())
		l.MaxOpsPerS = max(l.MaxOpsPerS, s.Rate())
	}
	for name := range samples[0].Extra {
		l.set(name, medianOf(samples, func(s Sample) float64 { return s.Extra[name] }))
	}
}

// latencies collects one duration a call. Slots are written by one goroutine each, so
// there is nothing to lock. They are kept in ticks, in half the memory of a Duration; what is
// longer than 68 s counts as that.
type latencies []uint32

const tick = 16 * time.Nanosecond

func (l latencies) put(i int, d time.Duration) { l[i] = uint32(min(d/tick+1, math.MaxUint32)) }

// percentiles fills the sample's through an HDR histogram of three significant digits.
// Slots that hold 0 were not timed.
func (l latencies) percentiles(s *Sample) {
	h := hdr.New(1, math.MaxUint32, 3)
	for _, ticks := range l {
		if ticks > 0 {
			_ = h.RecordValue(int64(ticks)) // within range by its type
		}
	}
	if h.TotalCount() == 0 {
		return
	}
	s.P50 = time.Duration(h.ValueAtQuantile(50)) * tick
	s.P99 = time.Duration(h.ValueAtQuantile(99)) * tick
	s.P999 = time.Duration(h.ValueAtQuantile(99.9)) * tick
}
