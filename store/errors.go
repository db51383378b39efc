package store

import (
	"errors"
	"fmt"

	"codepool/gen"
	"codepool/store/internal/journal"
)

// The errors of this package; test for them with errors.Is. A call that returns
// one of them has changed nothing, except where ErrOutcomeUnknown says that it may
// have.
var (
	// ErrUnknownCode is returned when no such code was ever minted in the namespace,
	// or the text cannot be a code at all (empty, too long, not UTF-8, foreign letters).
	ErrUnknownCode = errors.New("unknown code")
	// ErrNotIssued is returned when a code is still in stock and its batch does not
	// allow redeeming straight from stock.
	ErrNotIssued = errors.New("code has not been issued")
	// ErrAlreadyRedeemed is returned when a code has been redeemed by another request.
	ErrAlreadyRedeemed = errors.New("code is already redeemed")
	// ErrNotRedeemed is returned when there is no redemption to undo.
	ErrNotRedeemed = errors.New("code is not redeemed")
	// ErrNotYetValid is returned before the start of the batch's window.
	ErrNotYetValid = errors.New("code is not yet valid")
	// ErrExpired is returned from the end of the batch's window on.
	ErrExpired = errors.New("code has expired")
	// ErrUserLimit is returned when the user has redeemed as many codes of the batch as one
	// user can (Batch.PerUser).
	ErrUserLimit = errors.New("user has reached the limit")
	// ErrNoUser is returned when a redemption names no user and its batch has a limit.
	ErrNoUser = errors.New("user is not named")
	// ErrNoKey is returned when a redemption has no idempotency key and its batch is reusable.
	ErrNoKey = errors.New("idempotency key is missing")
	// ErrPaused is returned while a batch is paused.
	ErrPaused = errors.New("batch is paused")
	// ErrRetired is returned when something is asked of a batch that was retired
	// (Store.Retire), or of one of its codes, for which the code would have to be in memory.
	ErrRetired = errors.New("batch was retired")
	// ErrNotFinished is returned when a batch cannot be retired yet: codes of it may still be used.
	ErrNotFinished = errors.New("batch is not finished")
	// ErrReserved is returned when a code is reserved for another request (Store.Reserve).
	ErrReserved = errors.New("code is reserved")
	// ErrNotOwner is returned when an account exports from another account's batch.
	ErrNotOwner = errors.New("account does not own the batch")
	// ErrForged is returned, with ErrUnknownCode, when a code has the form of a signed one and
	// nobody who has a key made it.
	ErrForged = gen.ErrForged
	// ErrBeyondBatch is returned, with ErrUnknownCode, when a signed code has a serial that its
	// batch has not.
	ErrBeyondBatch = errors.New("serial is beyond the batch")
	// ErrSignKey is returned by Mint when there is no key to sign with, and by Open when the
	// key of a signed batch is not among Options.SignKeys.
	ErrSignKey = gen.ErrSignKey
	// ErrTaken is returned when a token is taken (Store.Share).
	ErrTaken = errors.New("token is taken")
	// ErrNoToken is returned when no random token of the format is free in the room.
	ErrNoToken = errors.New("no token is free")
	// ErrSoldOut is returned when no share of a shared batch is left.
	ErrSoldOut = errors.New("no share is left")
	// ErrOwnShare is returned when the sender claims a share that is for others.
	ErrOwnShare = errors.New("the sender may not claim")
	// ErrNotMember is returned when a user claims who is not a member of the room.
	ErrNotMember = errors.New("user is not a member of the room")
	// ErrNotSender is returned when somebody else than the sender looks at what only the sender
	// may look at.
	ErrNotSender = errors.New("only the sender may look at it")
	// ErrShareEnded is returned when a shared batch was ended before its time was over.
	ErrShareEnded = errors.New("shared batch was ended")
	// ErrNotEnded is returned when a split is to be revealed while shares can be claimed.
	ErrNotEnded = errors.New("shares can be claimed yet")
	// ErrNotClaimed is returned when there is no claim of that number to take back.
	ErrNotClaimed = errors.New("there is no such claim")
	// ErrBeyond is returned when a cursor is moved beyond the end of the ledger.
	ErrBeyond = errors.New("number is beyond the ledger")
	// ErrUnknownLease is returned when no lease, or no reservation, has that number.
	ErrUnknownLease = errors.New("unknown lease or reservation")
	// ErrLeaseEnded is returned when a lease or reservation has ended already: it was
	// acknowledged, confirmed, given back or cancelled, or its time was over.
	ErrLeaseEnded = errors.New("lease or reservation has ended")
	// ErrLeaseOver is returned when the time of a lease or reservation is over.
	ErrLeaseOver = errors.New("time of the lease or reservation is over")
	// ErrRevoked is returned when a code, or its whole batch, was withdrawn.
	ErrRevoked = errors.New("code was revoked")
	// ErrEmpty is returned when a batch has fewer codes in stock than were asked for.
	ErrEmpty = errors.New("not enough codes in stock")
	// ErrKeyConflict is returned when an idempotency key was used before with other content.
	ErrKeyConflict = errors.New("idempotency key was used for another request")
	// ErrOutcomeUnknown is returned when a request was decided but its durability is
	// not known: the commit failed, or the caller stopped waiting. Repeat the request
	// with the same key (after reopening, if the store failed) to learn the truth.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrFailed is returned by every write after a commit has failed. Close and reopen.
	ErrFailed = errors.New("store stopped after a failed commit; close and reopen it")
	// ErrDiskFull is returned when less is free than writes need (Options.DiskReserve,
	// Stats.DiskNeeded), and by Open when it needs more. Reads go on; writes resume by
	// themselves when there is room.
	ErrDiskFull = journal.ErrDiskFull
	// ErrClosed is returned when the store was closed.
	ErrClosed = journal.ErrClosed
	// ErrLocked is returned by Open when another process, or another Store of this
	// process, has the directory open.
	ErrLocked = errors.New("store is locked")
	// ErrReadOnly is returned by Open when this process may not write to the directory:
	// its permissions or its file system forbid it.
	ErrReadOnly = errors.New("data directory is read-only")
	// ErrUsedUp is returned when a sequence, or a day of order numbers, has no number left.
	ErrUsedUp = errors.New("numbers are used up")
	// ErrDayClosed is returned when the clock has gone back to a day so far behind others
	// that its order numbers are no longer counted.
	ErrDayClosed = errors.New("day is closed for order numbers")
	// ErrOtherOrders is returned when a day has order numbers of another layout or secret: two
	// of them could give the same number.
	ErrOtherOrders = errors.New("day has order numbers of another layout or secret")
	// ErrUnknownBatch is returned when there is no batch of that number or name.
	ErrUnknownBatch = errors.New("unknown batch")
	// ErrBatchExists is returned when the batch's name is taken: by a finished batch,
	// or by one with another definition.
	ErrBatchExists = errors.New("batch exists")
	// ErrInvalid is returned when an argument breaks a rule; the text names them all.
	ErrInvalid = errors.New("invalid argument")
	// ErrSpace is returned when a format's space cannot hold the batch.
	ErrSpace = errors.New("format has too few codes")
	// ErrGuessable is returned when Options.RefuseGuessable is set and the batch's
	// codes are too likely to be hit by guessing.
	ErrGuessable = errors.New("codes are too easy to guess")
	// ErrBadLine is returned, inside a *LineError, when a line of an import is malformed.
	ErrBadLine = errors.New("malformed line")
	// ErrFormat is returned by Open and Restore when data is of an unknown format or version.
	ErrFormat = errors.New("unknown data format")
	// ErrCorrupt is returned when stored data contradicts its checksum, its count or
	// itself. It is always a *CorruptError.
	ErrCorrupt = journal.ErrCorrupt
	// ErrNotEmpty is returned by Restore when the target directory holds something.
	ErrNotEmpty = errors.New("directory is not empty")
)

// worded is one of the errors above in the words of the case at hand.
type worded struct {
	kind error
	text string
}

func (e *worded) Error() string { return e.text }

// Unwrap lets errors.Is find the kind.
func (e *worded) Unwrap() error { return e.kind }

// inWords says what a kind of error means here.
func inWords(kind error, format string, args ...any) error {
	return &worded{kind, fmt.Sprintf(format, args...)}
}

// LineError is an import line that cannot be read; the import changed nothing.
type LineError struct {
	Line int // counted from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap lets errors.Is find ErrBadLine and the reason.
func (e *LineError) Unwrap() []error { return []error{ErrBadLine, e.Err} }

// CorruptError says what is damaged: What names the record or file, Why the reason.
// errors.Is(err, ErrCorrupt) is true for it.
type CorruptError = journal.CorruptError

// LockError says who holds the directory.
type LockError struct {
	Dir    string
	Holder string // "pid 4711 on host since …", empty if unknown
}

func (e *LockError) Error() string {
	if e.Holder == "" {
		return fmt.Sprintf("store %s is locked by another process", e.Dir)
	}
	return fmt.Sprintf("store %s is locked by %s", e.Dir, e.Holder)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockError) Is(target error) bool { return target == ErrLocked }

// invalid wraps ErrInvalid with the reason.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
