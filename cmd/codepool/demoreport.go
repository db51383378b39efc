package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"codepool/store"
)

// demoReport is what the demo measured. All rates are durable: every answer was on
// the disk before it was counted.
type demoReport struct {
	OK               bool   `json:"ok"`
	Seed             uint64 `json:"seed"`
	Minted           int64  `json:"minted"`
	Imported         int64  `json:"imported"`
	ImportDuplicates int64  `json:"import_duplicates"`
	Issued           int64  `json:"issued"`
	Players          int64  `json:"players"`
	RepeatedDraws    int64  `json:"repeated_draws"`
	Redeemed         int64  `json:"redeemed"`
	DoubleRefused    int64  `json:"double_redemptions_refused"`
	ForgedRefused    int64  `json:"forged_refused"`
	Kills            int64  `json:"kills"`
	Acknowledged     int64  `json:"acknowledged_before_kills"`
	Unheard          int64  `json:"redeemed_but_unanswered_at_kills"`
	Lost             int64  `json:"acknowledged_lost"`
	RedeemedTwice    int64  `json:"redeemed_twice"`
	DrawnTwice       int64  `json:"drawn_twice"`
	Verified         bool   `json:"verified"`
	BrokenPromises   int64  `json:"broken_promises"`

	Rates struct { // a second
		Mint         float64 `json:"mint"`
		Issue        float64 `json:"issue"`
		RedeemSingle float64 `json:"redeem_single"`
		RedeemBatch  float64 `json:"redeem_batch"`
		RedeemFunc   float64 `json:"redeem_callback"`
		Forged       float64 `json:"forged"`
	} `json:"rates"`

	MemoryPerCode          float64 `json:"memory_bytes_per_code"`
	DiskPerCode            float64 `json:"disk_bytes_per_code"`
	OpenSeconds            float64 `json:"open_seconds"`
	ReopenSeconds          float64 `json:"reopen_seconds"`
	ReopenAfterKillSeconds float64 `json:"reopen_after_kill_seconds"`
	VerifySeconds          float64 `json:"verify_seconds"`
	Seconds                float64 `json:"seconds"`

	Broken []string `json:"broken,omitempty"`
}

func (r *demoReport) setStats(s store.Stats) {
	v := viewStats(s, nil)
	r.MemoryPerCode, r.DiskPerCode = v.MemoryPerCode, v.DiskPerCode
}

// write prints the table.
func (r *demoReport) write(w io.Writer) {
	t := newTable("", ">", "")
	row := func(name string, n int64, format string, args ...any) {
		t.row(name, many(n), fmt.Sprintf(format, args...))
	}
	row("codes minted", r.Minted, "%s", perSecond(r.Rates.Mint))
	row("codes imported", r.Imported, "%s in the file", plural(r.ImportDuplicates, "duplicate"))
	row("codes issued", r.Issued, "%s, to %s in draws of %d", perSecond(r.Rates.Issue), plural(r.Players, "player"), codesAPlayer)
	row("codes redeemed", r.Redeemed, "each tried by two players at the same time")
	row("double redemptions refused", r.DoubleRefused, "")
	row("forged codes refused", r.ForgedRefused, "%s", perSecond(r.Rates.Forged))
	row("kill -9 while redeeming", r.Kills, "%s given before, %s not yet", plural(r.Acknowledged, "answer"), many(r.Unheard))
	row("acknowledged answers lost", r.Lost, "")
	row("redeemed twice", r.RedeemedTwice, "")
	row("drawn twice", r.DrawnTwice, "")
	t.row("redeem, one by one", perSecond(r.Rates.RedeemSingle), fmt.Sprintf("tries, %d callers", blockedCallers))
	t.row("redeem, by batch", perSecond(r.Rates.RedeemBatch), fmt.Sprintf("tries, %d callers, %d codes a call", batchCallers, batchSize))
	t.row("redeem, by callback", perSecond(r.Rates.RedeemFunc), fmt.Sprintf("tries, %d in flight", inFlight))
	t.row("memory", bytesEach(r.MemoryPerCode), "all codes and the gate in front of them")
	t.row("disk", bytesEach(r.DiskPerCode), "with all draws and redemptions")
	t.row("reopen after kill -9", seconds(r.ReopenAfterKillSeconds), "the slowest time")
	t.row("reopen after close", seconds(r.ReopenSeconds), "")
	verdict := "everything on disk and in memory agrees"
	if !r.Verified {
		verdict = "FAILED"
	}
	t.row("verify", seconds(r.VerifySeconds), verdict)
	t.row("the whole demo", seconds(r.Seconds), "")
	t.write(w)
}

func bytesEach(b float64) string { return strconv.FormatFloat(b, 'f', 1, 64) + " B/code" }

func seconds(s float64) string { return short(time.Duration(s * float64(time.Second))) }
