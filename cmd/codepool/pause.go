package main

import (
	"context"
	"errors"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) pauseCmd() *cobra.Command {
	var c store.BatchChange
	cmd := &cobra.Command{
		Use:   "pause BATCH",
		Short: "Stop drawing and redeeming the codes of a batch for a while",
		Long: `Pause stops drawing codes of a batch (its name, or its number) and redeeming them, until
codepool resume. Nothing else changes: codes can still be released, undone and revoked.
Pausing a batch that is paused does nothing.`,
		Example:           `  codepool pause launch --by ann --reason 'shop is down'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeBatch,
	}
	changeFlags(cmd, &c.By, &c.Reason)
	return a.does(cmd, func(ctx context.Context, args []string) error {
		return a.changeBatch("pause", args[0], func(s *store.Store, b store.BatchInfo) error {
			if b.Paused {
				a.note("batch %s is paused already", clean(b.Name))
			}
			return s.Pause(ctx, b.ID, c)
		})
	})
}

func (a *app) resumeCmd() *cobra.Command {
	var c store.BatchChange
	cmd := &cobra.Command{
		Use:   "resume BATCH",
		Short: "Let the codes of a paused batch be drawn and redeemed again",
		Long: `Resume ends a pause of a batch (its name, or its number). On a batch that is not paused
it does nothing.`,
		Example:           `  codepool resume launch --by ann`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeBatch,
	}
	changeFlags(cmd, &c.By, &c.Reason)
	return a.does(cmd, func(ctx context.Context, args []string) error {
		return a.changeBatch("resume", args[0], func(s *store.Store, b store.BatchInfo) error {
			if !b.Paused {
				a.note("batch %s is not paused", clean(b.Name))
			}
			return s.Resume(ctx, b.ID, c)
		})
	})
}

// changeFlags adds the flags that say for the ledger who changes something and why.
func changeFlags(cmd *cobra.Command, by, reason *string) {
	byFlag(cmd, by)
	cmd.Flags().StringVar(reason, "reason", "", "`why`, for the ledger")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions))
}

func byFlag(cmd *cobra.Command, by *string) {
	cmd.Flags().StringVar(by, "by", "", "`who` asks for it, for the ledger")
	shares(cmd, "by", bySetting)
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("by", cobra.NoFileCompletions))
}

// changeBatch changes the batch that was typed and shows it as it is then.
func (a *app) changeBatch(verb, typed string, change func(*store.Store, store.BatchInfo) error) error {
	return a.withStore(false, func(s *store.Store) error {
		b, err := batch(s, typed)
		if err != nil {
			return &failure{doing: verb, err: err, batch: typed}
		}
		if err := change(s, b); err != nil {
			return asBatchFailure(verb, b, err)
		}
		if b, err = s.Batch(b.ID); err != nil {
			return err
		}
		return a.show(b, batchFacts(b).write)
	})
}

// asBatchFailure says what to try after a change of a batch, where the kind of its error
// speaks of a code or a key.
func asBatchFailure(verb string, b store.BatchInfo, err error) error {
	if _, ok := errors.AsType[*failure](err); ok || errors.Is(err, errUsage) || errors.Is(err, errNotYes) {
		return err
	}
	f := &failure{doing: verb + " " + b.Name, err: err, batch: b.Name}
	switch {
	case errors.Is(err, store.ErrRevoked), errors.Is(err, store.ErrRetired):
		f.try = "codepool batches {batch}"
	case errors.Is(err, store.ErrOutcomeUnknown), errors.Is(err, errInterrupted):
		f.try = "codepool batches {batch}, to see whether it is done; then the same again, if not"
	}
	return f
}
