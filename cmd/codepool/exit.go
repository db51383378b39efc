package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"codepool/cmd/codepool/natsfeed"
	"codepool/cmd/codepool/paylink"
	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

// The exit codes: scripts depend on them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitUnknownCode = 3
	exitRedeemed    = 4
	exitEmpty       = 5
	exitLocked      = 6
	exitRefused     = 7 // by a rule: not issued, not the owner, window, limit, reserved, paused, revoked, retired, taken, ended, key conflict
	exitInterrupted = 130
)

// Errors of the command line itself.
var (
	errUsage    = errors.New("wrong usage")
	errNoStore  = errors.New("no store there")
	errBadLine  = errors.New("malformed line")
	errBroken   = errors.New("a promise is broken")
	errExists   = errors.New("file exists")
	errNotYes   = errors.New("not confirmed")
	errFolder   = errors.New("is a directory")
	errNoCursor = errors.New("there is no such cursor")
	errNoSecret = errors.New("no secret for order numbers")
	errNoRef    = errors.New("nothing was ever drawn for this reference")
	errNoReveal = errors.New("that is no reveal of a split")
	// errOtherSplit is that a split is not the one that was committed to.
	errOtherSplit = errors.New("the commitment is not that of the split")
)

// kinds says of every error what a machine calls it, how the program exits and which
// command to try next; the first match counts. {code}, {batch} and {user} stand for what the
// failed command was about; of a token codepool show is that of its own command.
var kinds = []struct {
	err    error
	reason string
	exit   int
	try    string
}{
	{errInterrupted, "interrupted", exitInterrupted, ""},
	{errUsage, "usage", exitUsage, ""},
	{errNoStore, "no_store", exitFailure, "codepool mint --name BATCH --count N"},
	{errBroken, "broken_promise", exitFailure, ""},
	{errExists, "file_exists", exitFailure, "the same with --force, or with another file"},
	{errNotYes, "not_confirmed", exitFailure, "the same with --force"},
	{errBadLine, "bad_line", exitFailure, ""},
	{store.ErrForged, "forged", exitUnknownCode, ""},
	{gen.ErrUnknownKey, "unknown_key", exitUnknownCode, "the same with the --sign-keys that signed it"},
	{store.ErrBeyondBatch, "beyond_batch", exitUnknownCode, "codepool batches"},
	{store.ErrUnknownCode, "unknown_code", exitUnknownCode, "codepool batches"},
	{store.ErrAlreadyRedeemed, "already_redeemed", exitRedeemed, "codepool show {code}"},
	{store.ErrEmpty, "empty", exitEmpty, "codepool batches"},
	{store.ErrLocked, "locked", exitLocked, "the same when that process has ended, or with another --data"},
	{store.ErrReadOnly, "read_only", exitFailure, "the same as a user who may write there, or with another --data"},
	{store.ErrNotOwner, "not_owner", exitRefused, "codepool batches {batch}, which names the owner; then the same with its --account, or with --override"},
	{store.ErrNotIssued, "not_issued", exitRefused, "codepool issue {batch} 1"},
	{store.ErrNotRedeemed, "not_redeemed", exitRefused, "codepool show {code}"},
	{store.ErrNotYetValid, "not_yet_valid", exitRefused, "codepool show {code}"},
	{store.ErrExpired, "expired", exitRefused, "codepool show {code}"},
	{store.ErrPaused, "paused", exitRefused, "codepool resume {batch}"},
	{store.ErrRetired, "retired", exitRefused, "codepool show {code}"},
	{store.ErrNotFinished, "not_finished", exitRefused, "codepool batches {batch}"},
	{store.ErrUserLimit, "user_limit", exitRefused, "codepool receipts --user {user}"},
	{store.ErrNoUser, "no_user", exitRefused, "the same with --user"},
	{store.ErrNoKey, "no_key", exitRefused, "the same with --key: a reusable code must know a late repetition from a new redemption"},
	{store.ErrReserved, "reserved", exitRefused, "codepool show {code}"},
	{store.ErrUnknownLease, "unknown_lease", exitFailure, "the same with the number that issue --lease or reserve printed"},
	{store.ErrLeaseEnded, "lease_ended", exitRefused, "codepool show {code}, of a code that it had; or the same with the --key of the first call"},
	{store.ErrLeaseOver, "lease_over", exitRefused, "codepool show {code}, of a code that it had"},
	{store.ErrTaken, "taken", exitRefused, "the same with another token, or without one, which gets a random one"},
	{store.ErrNoToken, "no_token", exitEmpty, "the same with a longer --format, such as crockford:12:4"},
	{store.ErrSoldOut, "sold_out", exitEmpty, "codepool show {code}"},
	{store.ErrOwnShare, "own_share", exitRefused, "the same with another --user"},
	{store.ErrNotMember, "not_member", exitRefused, "the same with a --user of the room"},
	{store.ErrNotSender, "not_sender", exitRefused, "the same with --as SENDER"},
	{store.ErrShareEnded, "ended", exitRefused, "codepool show {code}"},
	{store.ErrNotEnded, "not_ended", exitRefused, "codepool show {code}, which says until when; or codepool packet end"},
	{store.ErrNotClaimed, "not_claimed", exitRefused, "codepool receipts, which has the numbers of claims; or the same with the --key of the first call"},
	{store.ErrBeyond, "beyond", exitRefused, "codepool stats, which says where the ledger ends; then a number up to there"},
	{store.ErrRevoked, "revoked", exitRefused, "codepool show {code}"},
	{store.ErrKeyConflict, "key_conflict", exitRefused, "the same with a new key, or with what the key was first used for"},
	{store.ErrGuessable, "guessable", exitRefused, "the same with a longer --format, such as crockford:16:4"},
	{store.ErrOutcomeUnknown, "outcome_unknown", exitFailure, "the same again with the same key: it gives the answer that was lost"},
	{store.ErrFailed, "failed", exitFailure, "codepool verify"},
	{store.ErrDiskFull, "disk_full", exitFailure, "the same when there is room on the disk"},
	{syscall.ENOSPC, "disk_full", exitFailure, "the same when there is room on the disk"},
	{store.ErrUnknownBatch, "unknown_batch", exitFailure, "codepool batches"},
	{store.ErrSignKey, "sign_key", exitFailure, "the same with --sign-keys and a file that has the key; codepool signkey makes a new one"},
	{store.ErrBatchExists, "batch_exists", exitFailure, "codepool batches; a new batch needs a --name of its own"},
	{store.ErrSpace, "space", exitUsage, "the same with a longer --format, such as crockford:16:4"},
	{store.ErrBadLine, "bad_line", exitFailure, "the same when that line is corrected; nothing was imported"},
	{store.ErrNotEmpty, "not_empty", exitFailure, "the same with another --data"},
	{store.ErrFormat, "unknown_format", exitFailure, "the same with the --data of a store, or with the program that made this one"},
	{store.ErrCorrupt, "corrupt", exitFailure, "codepool restore BACKUP, into another --data"},
	{store.ErrInvalid, "invalid", exitUsage, ""},
	{gen.ErrFormat, "invalid", exitUsage, ""},
	{errNoRef, "unknown_ref", exitFailure, "the same with the reference that was given to issue, export or import --handed-out"},
	{errNoReveal, "no_reveal", exitFailure, "the same with what codepool packet reveal --json printed"},
	{errOtherSplit, "other_split", exitFailure, ""},
	{errNoCursor, "unknown_cursor", exitFailure, "codepool cursor"},
	{store.ErrUsedUp, "used_up", exitEmpty, "the same tomorrow"},
	{store.ErrDayClosed, "day_closed", exitFailure, "the same when the clock is right"},
	{store.ErrOtherOrders, "other_orders", exitRefused, "the same with the --secret of the day's first numbers, or tomorrow"},
	{gen.ErrOrderRange, "invalid", exitUsage, ""},
	{gen.ErrOrderLayout, "no_secret", exitFailure, "the same with the --secret that codepool order secret made"},
	{errNoSecret, "no_secret", exitFailure, "codepool order secret"},
	{paylink.ErrUnknownLink, "unknown_link", exitUnknownCode, "the same with the link that codepool pay create printed"},
	{paylink.ErrInvalid, "invalid", exitUsage, ""},
	{natsfeed.ErrConnect, "no_connection", exitFailure, "the same when the server is there and lets this user in, or with another --nats"},
	{natsfeed.ErrStream, "stream", exitFailure, "the same with another --stream or --subject, or with --create if there is no such stream"},
	{natsfeed.ErrForeign, "foreign_subject", exitFailure, "the same with a --subject that is of this store alone"},
	{natsfeed.ErrRefused, "server_refused", exitFailure, "the same when the server allows it"},
	{errFolder, "failure", exitFailure, "the same with a file, not a folder"},
	{fs.ErrNotExist, "no_file", exitFailure, "the same with a file or a folder that is there"},
	{fs.ErrPermission, "no_permission", exitFailure, "the same as a user who may do that, or with another file"},
	{syscall.ENOTDIR, "failure", exitFailure, "the same with a file or a folder that is there"},
	{syscall.ENAMETOOLONG, "failure", exitFailure, "the same with a shorter name"},
}

// failure says what was being done when err came up, and to which code, token or batch.
type failure struct {
	doing       string
	err         error
	code, batch string
	namespace   string // of the code
	of, room    string // of a token: the command that shows it, and where it is known
	user        string
	try         string // this and the next two: instead of what kinds has
	exit        int
	reason      string
}

func (f *failure) Error() string {
	if f.doing == "" {
		return f.err.Error()
	}
	return f.doing + ": " + f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// asFailure says what was being done, unless err says so already.
func asFailure(doing string, err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	return &failure{doing: doing, err: err}
}

// usage returns an error about the command line.
func usage(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errUsage}, args...)...)
}

// reason returns what a machine calls the error: the same word in every command.
func reason(err error) string {
	if f, ok := errors.AsType[*failure](err); ok && f.reason != "" {
		return f.reason
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.reason
		}
	}
	return "failure"
}

// exitCode returns the exit code that an error stands for.
func exitCode(err error) int {
	if f, ok := errors.AsType[*failure](err); ok && f.exit != 0 {
		return f.exit
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.exit
		}
	}
	return exitFailure
}

// advice returns what to try next, or "".
func (a *app) advice(err error) string {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = &failure{}
	}
	try := f.try
	for _, k := range kinds {
		if try == "" && errors.Is(err, k.err) {
			try = k.try
			break
		}
	}
	if !strings.HasPrefix(try, "codepool ") {
		return try
	}
	fill := func(name, value string) {
		if value == "" {
			value = strings.ToUpper(name)
		}
		try = strings.ReplaceAll(try, "{"+name+"}", shellQuote(value))
	}
	if f.of != "" {
		try = strings.ReplaceAll(try, "codepool show {code}", "codepool "+f.of+" show {code}")
	}
	if f.room != "" {
		try = strings.ReplaceAll(try, "{code}", "{code} --room "+shellQuote(f.room))
	}
	if f.namespace != "" {
		try = strings.ReplaceAll(try, "{code}", "{code} --namespace "+shellQuote(f.namespace))
	}
	fill("code", f.code)
	fill("batch", f.batch)
	fill("user", f.user)
	if a.data != defaultData && !strings.Contains(try, "another --data") {
		command, remark := try, ""
		if i := strings.IndexAny(try, ",;"); i >= 0 {
			command, remark = try[:i], try[i:]
		}
		try = command + " --data " + shellQuote(a.data) + remark
	}
	return try
}

// report tells standard error what failed, why and what to try next, and returns the
// exit code.
func (a *app) report(ctx context.Context, cmd *cobra.Command, err error) int {
	if interrupted(ctx) && !errors.Is(err, errInterrupted) && (errors.Is(err, context.Canceled) || errors.Is(err, store.ErrOutcomeUnknown)) {
		err = fmt.Errorf("%w: %w", errInterrupted, err)
	}
	if !a.ran && !errors.Is(err, errUsage) {
		err = fmt.Errorf("%w: %w", errUsage, err)
	}
	exit, try := exitCode(err), a.advice(err)
	if exit == exitUsage && try == "" {
		try = cmd.CommandPath() + " --help"
	}
	if a.json {
		a.writeJSON(a.errw, struct {
			Error  string `json:"error"`
			Reason string `json:"reason"`
			Exit   int    `json:"exit"`
			Try    string `json:"try,omitempty"`
		}{err.Error(), reason(err), exit, try})
		return exit
	}
	fmt.Fprintf(a.errw, "%s %s\n", a.paint(red, "error:"), indent(err.Error()))
	if try != "" {
		fmt.Fprintf(a.errw, "%s %s\n", a.paint(bold, "try:  "), clean(try))
	}
	return exit
}

// indent keeps the lines of a joined error under its first.
func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n       ")
}

// shellQuote writes a word so that a shell reads it back.
func shellQuote(word string) string {
	special := func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("-_./:,+@%=", r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
