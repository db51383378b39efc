package crash

import (
	"strings"
	"time"

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
	bought                  // reserve it, confirm that
	dropped                 // reserve it, cancel that
	forgotten               // reserve it for a moment
)

// plans has every plan as often as it is followed among sixteen codes.
var plans = [16]plan{redeem, redeem, redeem, withdrawn, race, race, race, redeemAgain, redeemAgain, undone, released, kept, bought, bought, dropped, forgotten}

// planOf returns the plan of a code in canonical form.
func planOf(code string) plan { return plans[xxhash.Sum64String(code)%16] }

// undoes tells whether a redemption of the code may be taken back.
func (p plan) undoes() bool { return p == redeemAgain || p == undone }

// reserves tells whether the code is reserved at some time.
func (p plan) reserves() bool { return p == bought || p == dropped || p == forgotten }

// way is how a child draws codes. It follows from the reference, as a plan does from a code.
type way uint8

const (
	issued   way = iota // for good
	leased              // for a time, and acknowledges that
	returned            // for a time, and gives them back
	lapsed              // for a moment, and lets that pass
	taken               // and redeems them in the same step
)

// ways has every way as often as it is gone among sixteen draws.
var ways = [16]way{issued, issued, issued, issued, issued, issued, issued, issued, issued, leased, leased, leased, returned, lapsed, taken, taken}

// wayOf returns the way of a draw for a reference.
func wayOf(ref string) way { return ways[xxhash.Sum64String(ref)%16] }

// How long a lease or a reservation holds: until long after every proof, or for a moment.
const (
	long   = 1000 * time.Hour
	moment = 3 * time.Millisecond
)

// canon is the canonical form of a code as it is printed.
func canon(code string) string { return strings.ReplaceAll(code, "-", "") }

// The kinds of lines that a child writes. Each begins with one, and blanks part the rest.
const (
	lineIssued    = "I" // reference, codes…
	lineLeased    = "E" // number, reference, codes…
	lineAcked     = "A" // number, lease
	lineReturned  = "G" // number, lease
	lineTaken     = "T" // reference, and of each code its number and itself
	lineRedeemed  = "R" // number, code, user, key
	lineRefused   = "D" // code: it is redeemed already
	lineReserved  = "H" // number, code
	lineDropped   = "N" // number, code
	lineUndone    = "U" // number, code
	lineReleased  = "L" // number, code
	lineRevoked   = "V" // number, code
	lineStepped   = "S" // how many steps the desk has made (desk.go)
	linePaused    = "P" // how many it had made before somebody was told that its batch is paused
	lineEaten     = "Q" // user, number: of a batch with a limit (ration.go)
	lineLimited   = "K" // user: has reached the limit
	lineLived     = "Y" // number, code, key: of a reusable batch (library.go)
	lineExported  = "B" // batch, ID, asked for, codes… (shelf.go)
	lineBulk      = "J" // batch, sum: asked for, and answered if there is a sum
	lineRetired   = "W" // batch, codes, redeemed ones (archive.go)
	linePacket    = "s" // name, token, number of its creation (packets.go)
	lineClaimed   = "c" // name of the packet, number, user, place and worth of the share
	lineSoldOut   = "o" // name of the packet: no share is left
	lineUnclaimed = "u" // name of the packet, number of the claim that is taken back
	linePacketEnd = "e" // name of the packet, key, number, shares and their worth
	lineAdvanced  = "Z" // number to which the cursor was moved (feed.go)
	lineOrdered   = "#" // order numbers (numbers.go)
	lineMinted    = "M" // batch, count
	lineControl   = "C" // number: appended and synced without the store
	lineFailed    = "F" // a call that got the unknown outcome, or was refused after one
	lineWrong     = "X" // what no child should see, in words
	lineReady     = "O" // the store is open
)

// noKey stands for an empty key.
const noKey = "-"
