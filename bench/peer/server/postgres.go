//go:build !race

package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"

	"codepool/bench/peer"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresConnections are those of the pool.
const postgresConnections = 64

// The table has a row for each code that was ever minted: state 0 in stock, 1 issued under
// ref, 2 redeemed by user_id. Its pages keep room and no index has what changes, so
// that a draw and a redemption write a new version of the row beside the old one and
// nothing else (a heap-only tuple). An index over the stock would end that.
const createTable = `
CREATE TABLE IF NOT EXISTS codes (
	code    text COLLATE "C" PRIMARY KEY,
	state   smallint NOT NULL DEFAULT 0,
	ref     text,
	user_id text
) WITH (fillfactor = 40)`

const countPages = `SELECT pg_relation_size('codes') / current_setting('block_size')::bigint`

// drawCodes takes the first $2 codes of the stock from place $1 of the table on, and goes on at
// its beginning. Codes are random, so any of them are a random draw; callers that start
// at random places do not meet, and who does passes the rows that others have locked. It takes
// none if there are fewer.
const drawCodes = `
WITH picked AS MATERIALIZED (
	SELECT place FROM (
		(SELECT ctid AS place FROM codes WHERE ctid >= $1::tid AND state = 0 LIMIT $2 FOR UPDATE SKIP LOCKED)
	) AS here
	UNION ALL
	SELECT place FROM (
		(SELECT ctid AS place FROM codes WHERE ctid < $1::tid AND state = 0 LIMIT $2 FOR UPDATE SKIP LOCKED)
	) AS before
	LIMIT $2
)
UPDATE codes SET state = 1, ref = $3
WHERE ctid = ANY (ARRAY(SELECT place FROM picked)) AND (SELECT count(*) FROM picked) = $2
RETURNING code`

// postgresForm is what a redemption does to the row. The statements take codes and, if
// the form has them, users; many works in the order of its arrays and answers with the
// numbers, from 1, of those that were redeemed.
type postgresForm struct {
	one, many string
	users     bool
}

// marking keeps the row, with the user.
var marking = postgresForm{
	users: true,
	one:   `UPDATE codes SET state = 2, user_id = $2 WHERE code = $1 AND state = 1`,
	many: `
UPDATE codes SET state = 2, user_id = r.user_id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (code, user_id, number)
WHERE codes.code = r.code AND codes.state = 1
RETURNING r.number`,
}

// deleting keeps nothing: who redeemed is not stored, nor that it was ever a code.
var deleting = postgresForm{
	one: `DELETE FROM codes WHERE code = $1 AND state = 1`,
	many: `
DELETE FROM codes
USING unnest($1::text[]) WITH ORDINALITY AS r (code, number)
WHERE codes.code = r.code AND codes.state = 1
RETURNING r.number`,
}

// postgres is a table of codes. With the form marking it stores what codepool's receipts
// have but their numbers and times.
type postgres struct {
	form   postgresForm
	server *postgresServer
	pool   *pgxpool.Pool
	pages  atomic.Int64  // of the table
	draws  atomic.Uint64 // numbers the references of draws
}

func openPostgres(places []string, dir string, form postgresForm) (_ *postgres, err error) {
	server, err := startPostgres(places, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.discard())
		}
	}()
	config, err := pgxpool.ParseConfig(server.address(postgresConnections))
	if err != nil {
		return nil, err
	}
	// A statement has one plan, made for any arguments: what is looked up is few rows
	// by their key, in the order of the arguments, however many there are.
	for _, name := range []string{"enable_hashjoin", "enable_mergejoin", "jit"} {
		config.ConnConfig.RuntimeParams[name] = "off"
	}
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	ctx := context.Background()
	p := &postgres{form: form, server: server}
	if p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.pool.Close()
		}
	}()
	if err := server.ready(p.pool.Ping); err != nil {
		return nil, err
	}
	if _, err := p.pool.Exec(ctx, createTable); err != nil {
		return nil, err
	}
	return p, p.measure(ctx)
}

// measure counts the table's pages.
func (p *postgres) measure(ctx context.Context) error {
	var n int64
	err := p.pool.QueryRow(ctx, countPages).Scan(&n)
	p.pages.Store(n)
	return err
}

// Mint copies n codes into the table by one COPY for each of MintCallers.
func (p *postgres) Mint(ctx context.Context, n int) error {
	err := mint(n, func(n int, s *source) error {
		rows := pgx.CopyFromFunc(func() ([]any, error) {
			if n == 0 {
				return nil, nil
			}
			n--
			code, err := s.next()
			return []any{code}, err
		})
		_, err := p.pool.CopyFrom(ctx, pgx.Identifier{"codes"}, []string{"code"}, rows)
		return err
	})
	if err != nil {
		return err
	}
	return p.measure(ctx)
}

// Draw issues k codes under a reference of their own, as an order would.
func (p *postgres) Draw(ctx context.Context, k int, dst []string) ([]string, error) {
	place := pgtype.TID{BlockNumber: uint32(rand.Int64N(max(1, p.pages.Load()))), Valid: true}
	ref := "order-" + strconv.FormatUint(p.draws.Add(1), 10)
	rows, err := p.pool.Query(ctx, drawCodes, place, k, ref)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst, err = pgx.AppendRows(dst, rows, pgx.RowTo[string])
	if err != nil {
		return dst[:start], err
	}
	if len(dst)-start != k {
		return dst[:start], peer.ErrStock
	}
	return dst, nil
}

// HandOut draws k codes.
func (p *postgres) HandOut(ctx context.Context, k int, each func(string)) error {
	return handOut(ctx, p, k, each)
}

// RedeemOne changes one row.
func (p *postgres) RedeemOne(ctx context.Context, code, user string) error {
	args := []any{code, user}
	if !p.form.users {
		args = args[:1]
	}
	tag, err := p.pool.Exec(ctx, p.form.one, args...)
	if err == nil && tag.RowsAffected() != 1 {
		err = refuse([]string{code})
	}
	return err
}

// RedeemMany changes the rows in one statement. All callers lock rows in the order of the
// codes, so that none waits for one who waits for it.
func (p *postgres) RedeemMany(ctx context.Context, rs []peer.Redemption) error {
	sorted := slices.Clone(rs)
	slices.SortFunc(sorted, func(a, b peer.Redemption) int { return cmp.Compare(a.Code, b.Code) })
	codes, users := make([]string, len(sorted)), make([]string, len(sorted))
	for i, r := range sorted {
		codes[i], users[i] = r.Code, r.User
	}
	args := []any{codes, users}
	if !p.form.users {
		args = args[:1]
	}
	rows, err := p.pool.Query(ctx, p.form.many, args...)
	if err != nil {
		return err
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(numbers) == len(codes) {
		return err
	}
	redeemed := make([]bool, len(codes))
	for _, n := range numbers {
		redeemed[n-1] = true
	}
	var refused []string
	for i, code := range codes {
		if !redeemed[i] {
			refused = append(refused, code)
		}
	}
	return refuse(refused)
}

// Refuse asks for all of them in one call.
func (p *postgres) Refuse(ctx context.Context, codes []string) (int, error) {
	rs := make([]peer.Redemption, len(codes))
	for i, code := range codes {
		rs[i].Code = code
	}
	return countRefused(len(codes), p.RedeemMany(ctx, rs))
}

// Audit counts the rows of each state.
func (p *postgres) Audit(ctx context.Context, want peer.Ledger) error {
	var got [3]int64
	err := p.pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1),
		count(*) FILTER (WHERE state = 2) FROM codes`).Scan(&got[0], &got[1], &got[2])
	if err != nil {
		return err
	}
	issued := want.HandedOut + want.Drawn
	var errs []error
	redeemed := want.Redeemed
	if !p.form.users {
		redeemed = 0
	}
	for state, n := range []int64{want.Minted - issued, issued - want.Redeemed, redeemed} {
		if got[state] != n {
			errs = append(errs, peer.Mismatch(fmt.Sprintf("codes of state %d", state), got[state], n))
		}
	}
	return errors.Join(errs...)
}

// MemoryUse weighs the server's processes.
func (p *postgres) MemoryUse() (int64, error) { return memory(p.server.os.Pid) }

// Close ends the client, then the server.
func (p *postgres) Close() error {
	p.pool.Close()
	return p.server.stop()
}
