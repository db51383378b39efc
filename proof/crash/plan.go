package crash

import (
	"strings"

	"github.com/cespare/xxhash/v2"
)

// plan is what a child does with a code after it has drawn it. It follows from the code,
// so that the auditor knows what may have been under way when the child ended.
type plan uint8

const (
	redeem      plan = iota // burn it: the usual life
	race                    // two burn it at the same time
	redeemAgain             // burn it, undo that, burn it again
	undone                  // burn it, undo that
	released                // give it back to the stock, or keep it
	kept                    // leave it issued
	withdrawn               // revoke it
)

// plans has every plan as often as it is followed among sixteen codes.
var plans = [16]plan{redeem, redeem, redeem, redeem, redeem, withdrawn, race, race, race, race, redeemAgain, redeemAgain, undone, released, kept, kept}

// planOf returns the plan of a code in canonical form.
func planOf(code string) plan { return plans[xxhash.Sum64String(code)%16] }

// undoes tells whether a redemption of the code may be taken back.
func (p plan) undoes() bool { return p == redeemAgain || p == undone }

// canon is the canonical form of a code as it is printed.
func canon(code string) string { return strings.ReplaceAll(code, "-", "") }

// The kinds of lines that a child writes. Each begins with one, and blanks part the rest.
const (
	lineIssued   = "I" // reference, codes…
	lineRedeemed = "R" // number, code, user, key
	lineRefused  = "D" // code: it is redeemed already
	lineUndone   = "U" // number, code
	lineReleased = "L" // number, code
	lineRevoked  = "V" // number, code
	lineStepped  = "S" // how many steps the desk has made (desk.go)
	linePaused   = "P" // how many it had made before somebody was told that its batch is paused
	lineMinted   = "M" // batch, count
	lineControl  = "C" // number: appended and synced without the store
	lineFailed   = "F" // a call that got the unknown outcome, or was refused after one
	lineWrong    = "X" // what no child should see, in words
	lineReady    = "O" // the store is open
)

// noKey stands for an empty key.
const noKey = "-"
