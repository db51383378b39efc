package gen

import (
	"fmt"
	"time"
)

// Day is a day of the calendar, in no time zone, counted from 1970-01-01. It is written as
// "2026-11-26".
type Day int64

const secondsADay = 24 * 60 * 60

// DayOf returns the day that t is in, by the clocks of t's location.
func DayOf(t time.Time) Day {
	_, offset := t.Zone()
	at := t.Unix() + int64(offset)
	day := at / secondsADay
	if at%secondsADay < 0 {
		day--
	}
	return Day(day)
}

// Time returns midnight UTC of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsADay, 0).UTC() }

func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText writes the day as String does.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes of a year of four digits.
func (d *Day) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("gen: %.40q is no day: want one such as 2026-11-26", text)
	}
	*d = DayOf(t)
	return nil
}
