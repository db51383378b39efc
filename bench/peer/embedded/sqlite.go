package embedded

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"codepool/bench/peer"
)

// sqliteStore keeps a row for each code: its state, the reference it was drawn for and
// the user who redeemed it. That is a receipt of a kind, without a number. SQLite has one
// writer at a time, so there is one connection behind a mutex: callers that wait in Go
// cost less than connections that wait for the file's lock.
type sqliteStore struct {
	db *sql.DB

	mu struct {
		sync.Mutex
		conn         *sql.Conn
		draw, redeem *sql.Stmt
		next         string // codes up to here were taken from the stock
		draws        int    // numbers the references of draws
	}
}

// sqliteSetup makes every commit durable: the log is synced at each. Codes are random,
// so almost each row is on a page of its own, and the log takes whole pages: pages of 1 KiB
// instead of 4 redeem a third to twice as many codes. The log is copied to the
// file when it has 64 MiB instead of 4, so that more commits share one copy of a page.
// Rows are in the key's own tree, which measured better than a table and an index beside
// it. States are 0 available, 1 issued, 2 redeemed.
var sqliteSetup = []string{
	"PRAGMA busy_timeout = 5000",
	"PRAGMA page_size = 1024", // before the log: it holds for a new file only
	"PRAGMA journal_mode = WAL",
	"PRAGMA synchronous = FULL",
	"PRAGMA wal_autocheckpoint = 65536", // pages
	"PRAGMA cache_size = -262144",       // KiB
	`CREATE TABLE IF NOT EXISTS codes (
		code TEXT PRIMARY KEY, state INTEGER NOT NULL, ref TEXT, user TEXT
	) WITHOUT ROWID`,
}

const (
	sqliteDraw = `UPDATE codes SET state = 1, ref = ?1 WHERE code IN (
		SELECT code FROM codes WHERE code > ?2 AND state = 0 ORDER BY code LIMIT ?3
	) RETURNING code`
	sqliteRedeem = `UPDATE codes SET state = 2, user = ?1 WHERE code = ?2 AND state = 1`

	sqliteMint = 20_000 // rows a transaction
	sqliteRows = 100    // rows an INSERT
	sqliteHand = 10_000 // rows an UPDATE of HandOut
)

func openSQLite(driver, dir string) (_ peer.System, err error) {
	db, err := sql.Open(driver, filepath.Join(dir, "codes.sqlite"))
	if err != nil {
		return nil, err
	}
	s := &sqliteStore{db: db}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	ctx := context.Background()
	if s.mu.conn, err = db.Conn(ctx); err != nil {
		return nil, err
	}
	for _, q := range sqliteSetup {
		if err := s.execLocked(ctx, q); err != nil {
			return nil, err
		}
	}
	if s.mu.draw, err = s.mu.conn.PrepareContext(ctx, sqliteDraw); err != nil {
		return nil, err
	}
	s.mu.redeem, err = s.mu.conn.PrepareContext(ctx, sqliteRedeem)
	return s, err
}

// execLocked runs a statement on the connection.
func (s *sqliteStore) execLocked(ctx context.Context, query string, args ...any) error {
	_, err := s.mu.conn.ExecContext(ctx, query, args...)
	return err
}

// writeLocked runs f in a transaction, which is rolled back if f fails.
func (s *sqliteStore) writeLocked(f func() error) error {
	ctx := context.Background() // a transaction is not left half done
	if err := s.execLocked(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = s.execLocked(ctx, "COMMIT")
	}
	if err != nil { // the rollback's own error only says that SQLite has done it already
		_ = s.execLocked(ctx, "ROLLBACK")
	}
	return err
}

// Mint inserts n random codes in key order, many rows a statement, from the one connection.
func (s *sqliteStore) Mint(ctx context.Context, n int) error {
	codes, err := sortedCodes(ctx, n)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(codes, sqliteMint) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.insert(part); err != nil {
			return err
		}
	}
	return nil
}

// insert adds rows in one transaction.
func (s *sqliteStore) insert(codes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := func(rows int) string {
		return "INSERT INTO codes (code, state) VALUES (?, 0)" + strings.Repeat(", (?, 0)", rows-1)
	}
	full, err := s.mu.conn.PrepareContext(context.Background(), text(sqliteRows))
	if err != nil {
		return err
	}
	err = s.writeLocked(func() error {
		args := make([]any, 0, sqliteRows)
		for rows := range slices.Chunk(codes, sqliteRows) {
			args = args[:0]
			for _, code := range rows {
				args = append(args, code)
			}
			var err error
			if len(rows) == sqliteRows {
				_, err = full.Exec(args...)
			} else {
				err = s.execLocked(context.Background(), text(len(rows)), args...)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, full.Close())
}

// HandOut marks k codes as issued, without a reference.
func (s *sqliteStore) HandOut(ctx context.Context, k int, each func(string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(k, sqliteHand)
		err := s.writeLocked(func() error { return s.takeLocked(nil, n, each) })
		if err != nil {
			return err
		}
		k -= n
	}
	return nil
}

// Draw marks the next k codes as issued to a reference of their own: one statement.
func (s *sqliteStore) Draw(_ context.Context, k int, dst []string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.draws++
	ref, start := "order-"+strconv.Itoa(s.mu.draws), len(dst)
	take := func() error {
		return s.takeLocked(ref, k, func(code string) { dst = append(dst, code) })
	}
	var err error
	if k == 1 { // nothing to roll back if there is none
		err = take()
	} else {
		err = s.writeLocked(take)
	}
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// takeLocked issues the next k codes of the stock and passes them to each, or fewer and
// ErrStock. Keys are random, so any run of them is a random draw; the place is kept, so
// that no draw walks the rows of those before.
func (s *sqliteStore) takeLocked(ref any, k int, each func(string)) (err error) {
	rows, err := s.mu.draw.Query(ref, s.mu.next, k)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	next := s.mu.next
	for ; rows.Next(); k-- {
		var code string
		if err := rows.Scan(&code); err != nil {
			return err
		}
		next = max(next, code)
		each(code)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if k > 0 {
		return peer.ErrStock
	}
	s.mu.next = next
	return nil
}

// RedeemOne updates one row by a statement of its own.
func (s *sqliteStore) RedeemOne(_ context.Context, code, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.redeemLocked(code, user)
}

// RedeemMany updates the rows in one transaction: all or none.
func (s *sqliteStore) RedeemMany(_ context.Context, rs []peer.Redemption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeLocked(func() error {
		for i := range rs {
			if err := s.redeemLocked(rs[i].Code, rs[i].User); err != nil {
				return err
			}
		}
		return nil
	})
}

// redeemLocked updates the row of an issued code, or returns errRefused if there is none.
func (s *sqliteStore) redeemLocked(code, user string) error {
	result, err := s.mu.redeem.Exec(user, code)
	if err != nil {
		return err
	}
	switch n, err := result.RowsAffected(); {
	case err != nil:
		return err
	case n == 0:
		return errRefused
	}
	return nil
}

// Refuse tries the codes in one transaction.
func (s *sqliteStore) Refuse(_ context.Context, codes []string) (refused int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.writeLocked(func() error {
		for _, code := range codes {
			switch err := s.redeemLocked(code, "somebody"); err {
			case nil:
			case errRefused:
				refused++
			default:
				return err
			}
		}
		return nil
	})
	return refused, err
}

// Audit counts the rows of each state.
func (s *sqliteStore) Audit(ctx context.Context, want peer.Ledger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var minted, issued, redeemed int64
	err := s.mu.conn.QueryRowContext(ctx,
		"SELECT count(*), count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2) FROM codes",
	).Scan(&minted, &issued, &redeemed)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range []struct {
		what      string
		got, want int64
	}{
		{"minted", minted, want.Minted},
		{"issued", issued, want.HandedOut + want.Drawn - want.Redeemed},
		{"redeemed", redeemed, want.Redeemed},
	} {
		if t.got != t.want {
			errs = append(errs, peer.Mismatch(t.what, t.got, t.want))
		}
	}
	return errors.Join(errs...)
}

// Close closes the connection, which copies the log to the file.
func (s *sqliteStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range []*sql.Stmt{s.mu.draw, s.mu.redeem} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	if s.mu.conn != nil {
		errs = append(errs, s.mu.conn.Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}
