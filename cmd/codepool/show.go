package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"codepool/cmd/codepool/internal/receipts"
	"codepool/shard"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) showCmd() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "show CODE",
		Short: "Show all about a code",
		Long: `Show tells the state of a code, its batch, whom it was issued to, the lease or
reservation that has it, the receipt of its redemption and how the last one was undone. A
code that is in stock or revoked is shown masked.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&namespace, "namespace", "", "`scope` of the code")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		return a.withStore(false, func(s *store.Store) error {
			info, err := s.Lookup(ctx, namespace, args[0])
			if err != nil {
				return aboutCode(ctx, s, store.Redemption{Code: args[0], Namespace: namespace}, "show", err)
			}
			b, err := s.Batch(info.BatchID)
			if err != nil {
				return err
			}
			return a.showCode(info, b)
		})
	})
}

// codeView is a code as it is shown.
type codeView struct {
	Code     string         `json:"code"`
	State    string         `json:"state"`
	Batch    string         `json:"batch"`
	BatchID  store.BatchID  `json:"batch_id"`
	Paused   bool           `json:"paused,omitempty"`  // the batch
	Retired  bool           `json:"retired,omitempty"` // it, too
	Kind     string         `json:"kind,omitempty"`
	KindNo   string         `json:"kind_no,omitempty"`
	Reward   string         `json:"reward,omitempty"`
	PerUser  int            `json:"per_user,omitempty"`
	Reusable bool           `json:"reusable,omitempty"`
	Rest     time.Duration  `json:"quarantine,omitempty"`
	From     string         `json:"not_before,omitempty"`
	Until    string         `json:"not_after,omitempty"`
	Ref      string         `json:"ref,omitempty"`
	IssuedAt string         `json:"issued_at,omitempty"`
	Lease    uint64         `json:"lease,omitempty"`
	Ends     string         `json:"until,omitempty"`
	Receipt  *store.Receipt `json:"receipt,omitempty"`
	Undone   *store.Changed `json:"undone,omitempty"`
}

func (a *app) showCode(info store.CodeInfo, b store.BatchInfo) error {
	v := codeView{
		Code: receipts.Text(info.State.String(), info.Code, info.Printed), State: info.State.String(), Batch: b.Name, BatchID: b.ID, Paused: b.Paused, Retired: b.Retired,
		Kind: b.Kind, KindNo: b.KindNo, Reward: b.Reward, PerUser: b.PerUser, Reusable: b.Reusable, Rest: b.Quarantine,
		From: instantText(b.NotBefore), Until: instantText(b.NotAfter),
		Ref: info.Ref, IssuedAt: instantText(info.IssuedAt), Lease: info.Lease, Ends: instantText(info.Until), Receipt: info.Receipt, Undone: info.Undone,
	}
	return a.show(v, func(w io.Writer) {
		f := newFacts()
		f.add("code", "%s", v.Code)
		f.add("state", "%s", strings.Replace(v.State, "available", "available (in stock)", 1))
		f.add("batch", "%s (number %d)%s", v.Batch, v.BatchID, map[bool]string{true: ", paused"}[v.Paused]+map[bool]string{true: ", retired"}[v.Retired])
		f.add("kind", "%s", join(v.Kind, v.KindNo))
		f.add("reward", "%s", v.Reward)
		f.add("valid", "%s", windowText(b.NotBefore, b.NotAfter))
		if v.PerUser > 0 {
			f.add("per user", "%s", plural(v.PerUser, "code"))
		}
		if v.Reusable {
			f.add("reusable", "%s", reuseText(b.Batch))
		}
		f.add("issued to", "%s", v.Ref)
		f.add("issued at", "%s", v.IssuedAt)
		if v.Lease > 0 {
			f.add(map[bool]string{true: "reservation", false: "lease"}[info.State == shard.Held], "%d", v.Lease)
		}
		f.add("until", "%s", v.Ends)
		if r := v.Receipt; r != nil {
			f.add("receipt", "%d", r.Number)
			f.add("redeemed by", "%s", r.User)
			f.add("redeemed at", "%s", instantText(r.At))
			f.add("key", "%s", r.Key)
		}
		if u := v.Undone; u != nil {
			f.add("undone", "%d", u.Number)
			f.add("undone by", "%s", u.By)
			f.add("undone at", "%s", instantText(u.At))
			f.add("reason", "%s", u.Reason)
		}
		f.write(w)
	})
}

// receiptFacts lists all about one redemption, or one claim of a share.
func receiptFacts(r store.Receipt, batch string) *facts {
	f := newFacts()
	f.add("receipt", "%d", r.Number)
	f.add("code", "%s", r.Code)
	f.add("namespace", "%s", r.Namespace)
	if r.Share == nil {
		f.add("batch", "%s", strings.TrimSpace(fmt.Sprintf("%s (number %d)", batch, r.Batch)))
	} else {
		f.add("room", "%s", r.Share.Room)
		f.add("shared", "%d", r.Share.ID)
		f.add("amount", "%s", moneyText(r.Share.Amount, r.Share.Currency))
	}
	f.add("reward", "%s", r.Reward)
	f.add("user", "%s", r.User)
	f.add("key", "%s", r.Key)
	f.add("at", "%s", instantText(r.At))
	return f
}
