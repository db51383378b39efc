package main

import (
	"context"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) verifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check everything on disk, and against memory",
		Long: `Verify reads all that is on the disk and checks that every code is accounted for,
that none is redeemed twice and that disk and memory agree. Its exit code is 1 if
anything is wrong.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		return a.withStore(false, func(s *store.Store) error { return a.verify(ctx, s) })
	})
}

func (a *app) verify(ctx context.Context, s *store.Store) error {
	stop := a.follow("verifying", 0, nil)
	report, err := s.Verify(ctx)
	stop()
	if err != nil {
		return &failure{doing: "verify", err: err}
	}
	err = a.show(struct {
		OK bool `json:"ok"`
		store.VerifyReport
	}{report.OK(), report}, func(w io.Writer) {
		f := newFacts()
		f.add("batches", "%s", many(report.Batches))
		f.add("codes", "%s", many(report.Codes))
		f.add("records", "%s", many(report.Records))
		f.add("redemptions", "%s", many(report.Redemptions))
		for _, p := range report.Problems {
			f.add("PROBLEM", "%s", p)
		}
		if report.OK() {
			f.add("result", "everything agrees")
		}
		f.write(w)
	})
	if err != nil || report.OK() {
		return err
	}
	return &failure{err: fmt.Errorf("%w: verify found %s", errBroken, plural(len(report.Problems), "problem")),
		try: "codepool restore BACKUP, into another --data; keep this directory as evidence"}
}
