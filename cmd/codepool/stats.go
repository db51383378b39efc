package main

import (
	"context"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

// statsView adds to the store's figures what they come to for one code.
type statsView struct {
	store.Stats
	Paused        int     `json:"batches_paused"`
	Revoked       int     `json:"batches_revoked"`
	Retired       int     `json:"batches_retired"`
	MemoryPerCode float64 `json:"memory_bytes_per_code"`
	DiskPerCode   float64 `json:"disk_bytes_per_code"`
}

func viewStats(s store.Stats, batches []store.BatchInfo) statsView {
	v := statsView{Stats: s}
	for _, b := range batches {
		if b.Retired {
			v.Retired++
		}
		switch {
		case b.Revoked:
			v.Revoked++
		case b.Paused:
			v.Paused++
		}
	}
	if n := s.Codes.Minted; n > 0 {
		v.MemoryPerCode = float64(s.PoolBytes+s.GateBytes) / float64(n)
		v.DiskPerCode = float64(s.DiskBytes) / float64(n)
	}
	return v
}

func (a *app) statsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "stats",
		Short:             "Show how much the store holds and what it costs",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.does(cmd, func(_ context.Context, _ []string) error {
		return a.withStore(false, func(s *store.Store) error {
			v := viewStats(s.Stats(), s.Batches())
			return a.show(v, func(w io.Writer) { statsFacts(v).write(w) })
		})
	})
}

func statsFacts(v statsView) *facts {
	f, c := newFacts(), v.Codes
	f.add("directory", "%s", v.Dir)
	batches := many(v.Batches)
	if v.Paused > 0 {
		batches += fmt.Sprintf(", %s paused", many(v.Paused))
	}
	if v.Revoked > 0 {
		batches += fmt.Sprintf(", %s revoked", many(v.Revoked))
	}
	if v.Retired > 0 {
		batches += fmt.Sprintf(", %s retired", many(v.Retired))
	}
	f.add("batches", "%s", batches)
	f.add("codes", "%s", many(c.Minted))
	f.add("in stock", "%s", many(c.Available))
	f.add("leased", "%s", many(c.Leased))
	f.add("reserved", "%s", many(c.Reserved))
	f.add("issued", "%s", many(c.Issued))
	f.add("redeemed", "%s", many(c.Redeemed))
	f.add("revoked", "%s", many(c.Revoked))
	f.add("ledger", "%s, %s on disk", plural(v.Ledger, "record"), many(v.Durable))
	f.add("memory", "%s for codes, %s for the gate: %.1f B a code", size(v.PoolBytes), size(v.GateBytes), v.MemoryPerCode)
	f.add("disk", "%s, %.1f B a code; %s free, writes need %s", size(v.DiskBytes), v.DiskPerCode, size(v.DiskFree), size(v.DiskNeeded))
	f.add("writes refused", "%s", v.Failure)
	return f
}
