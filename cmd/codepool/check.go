package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) checkCmd() *cobra.Command {
	var r store.Redemption
	cmd := &cobra.Command{
		Use:   "check CODE",
		Short: "Tell whether a code would redeem now",
		Long: `Check tells whether redeeming the code would succeed now, and if not, why; the exit
code says the same. It changes nothing, and does not look whether the key was used. For
a universal code (codepool share) it must know the --user.`,
		Example:           `  codepool check 7KQF-2M9X-T4WC && echo good`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&r.User, "user", "", "`user` who would redeem it")
	cmd.Flags().StringVar(&r.Key, "key", "", "idempotency `key` it would have: a reusable code needs one")
	cmd.Flags().StringVar(&r.Namespace, "namespace", "", "`scope` of the code")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		r.Code = args[0]
		return a.withStore(false, func(s *store.Store) error { return a.check(ctx, s, r) })
	})
}

func (a *app) check(ctx context.Context, s *store.Store, r store.Redemption) error {
	err := s.Check(ctx, r)
	answer := struct {
		Code    string `json:"code"`
		Redeems bool   `json:"redeems"`
		Reason  string `json:"reason,omitempty"`
	}{Code: r.Code, Redeems: err == nil}
	if err != nil {
		answer.Reason = reason(err)
	}
	if werr := a.show(answer, func(w io.Writer) {
		if err == nil {
			fmt.Fprintln(w, "redeems")
		}
	}); werr != nil {
		return werr
	}
	if err == nil {
		return nil
	}
	return aboutCode(ctx, s, r, "check", err)
}

// aboutCode says what err is about, so that the advice that comes with it can be typed
// as it is.
func aboutCode(ctx context.Context, s *store.Store, r store.Redemption, doing string, err error) *failure {
	f := &failure{doing: doing + " " + r.Code, err: err, code: r.Code, namespace: r.Namespace, user: r.User}
	if info, lerr := s.Lookup(ctx, r.Namespace, r.Code); lerr == nil {
		f.batch = info.BatchName
	} else if _, lerr := s.LookupShared(ctx, store.SharedRef{Token: r.Code, Namespace: r.Namespace}, ""); lerr == nil || errors.Is(lerr, store.ErrNotSender) {
		if f.of = shareNoun.name; errors.Is(err, store.ErrUnknownCode) {
			f.try = "codepool share show {code}, as it is a token and no code of a batch"
		}
	}
	return f
}
