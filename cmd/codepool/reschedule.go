package main

import (
	"context"
	"strings"
	"time"

	"codepool/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// windowEnd is a flag for one end of a window: a time, or "open" for none.
type windowEnd struct {
	instant
	given bool
}

func (e *windowEnd) Set(text string) error {
	switch strings.ToLower(text) {
	case "open", "none":
		e.Time = time.Time{}
	default:
		if err := e.instant.Set(text); err != nil {
			return err
		}
	}
	e.given = true
	return nil
}

// or returns the end, or the present one if none was given.
func (e *windowEnd) or(present time.Time) time.Time {
	if e.given {
		return e.Time
	}
	return present
}

var _ pflag.Value = (*windowEnd)(nil)

func (a *app) rescheduleCmd() *cobra.Command {
	var c store.BatchChange
	var from, until windowEnd
	cmd := &cobra.Command{
		Use:   "reschedule BATCH [--not-before TIME] [--not-after TIME]",
		Short: "Change from when until when the codes of a batch are valid",
		Long: `Reschedule gives a batch (its name, or its number) another window: its codes can be
redeemed from --not-before on, and until just before --not-after. An end that is not
given stays as it is; "open" takes it away.`,
		Example: `  codepool reschedule xmas --not-after 2027-01-31 --reason 'delayed parcels'
  codepool reschedule launch --not-before open --not-after open`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeBatch,
	}
	f := cmd.Flags()
	f.Var(&from, "not-before", "valid from this time on (a date is its first moment in UTC), or open")
	f.Var(&until, "not-after", "valid until just before this time, or open")
	changeFlags(cmd, &c.By, &c.Reason)
	onlyTyped(cmd, "not-before", "not-after")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if !from.given && !until.given {
			return usage("neither --not-before nor --not-after: give one of them, or both")
		}
		return a.changeBatch("reschedule", args[0], func(s *store.Store, b store.BatchInfo) error {
			notBefore, notAfter := from.or(b.NotBefore), until.or(b.NotAfter)
			if notBefore.Equal(b.NotBefore) && notAfter.Equal(b.NotAfter) {
				a.note("batch %s has this window already", clean(b.Name))
			}
			return s.Reschedule(ctx, b.ID, notBefore, notAfter, c)
		})
	})
}
