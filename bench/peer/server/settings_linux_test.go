//go:build !race

package server

import (
	"context"
	"strings"
	"testing"

	"codepool/bench/peer"
)

// The servers run as durable as their kinds say.
func TestSettings(t *testing.T) {
	each(t, func(t *testing.T, k peer.Kind) {
		s := open(t, k, t.TempDir())
		want := map[string]string{"appendonly": "yes", "appendfsync": "always", "save": "", "port": "0"}
		setting := func(name string) (string, error) { return "", nil }
		switch s := s.(type) {
		case *redisPipelined:
			setting = s.setting
		case *redisSingle:
			setting = s.setting
		case *postgres:
			want = map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": ""}
			setting = func(name string) (value string, err error) {
				err = s.pool.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value)
				return value, err
			}
		}
		if k.Durability == peer.Soon {
			want["appendfsync"] = "everysec"
		}
		for name, value := range want {
			if got, err := setting(name); err != nil || got != value {
				t.Errorf("%s is %q, %v, want %q", name, got, err, value)
			}
		}
	})
}

func (r *redis) setting(name string) (string, error) {
	all, err := r.client.Do(context.Background(), r.client.B().ConfigGet().Parameter(name).Build()).AsStrMap()
	return all[name], err
}

// Draws and redemptions write rows in place and find them by place and key, also before
// the server knows how large the table is.
func TestPostgresUpdatesInPlace(t *testing.T) {
	const n = 20_000
	dir := t.TempDir()
	k := kinds(usualPlaces())[3]
	s, codes := issued(t, k, dir, n)
	p := s.(*postgres)
	for _, q := range []struct {
		sql, args string
		want      []string
	}{
		{drawCodes, "'(0,0)', 10, 'order'", []string{"Tid Range Scan", "Tid Scan"}},
		{marking.one, "'a', 'b'", []string{"Index Scan using codes_pkey"}},
		{marking.many, "'{a}', '{b}'", []string{"Index Scan using codes_pkey", "Nested Loop"}},
		{deleting.one, "'a'", []string{"Index Scan using codes_pkey"}},
		{deleting.many, "'{a}'", []string{"Index Scan using codes_pkey", "Nested Loop"}},
	} {
		plan := explain(t, p, q.sql, q.args)
		for _, want := range q.want {
			if !strings.Contains(plan, want) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("no %s, or a Seq Scan, in\n%s", want, plan)
			}
		}
	}
	if got := redeem(t, s, codes); len(got) != n {
		t.Fatalf("%d redeemed", len(got))
	}
	if err := s.Close(); err != nil { // counts what the connections have not told
		t.Fatal(err)
	}
	var all, inPlace int
	err := open(t, k, dir).(*postgres).pool.QueryRow(t.Context(),
		"SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'codes'").Scan(&all, &inPlace)
	if err != nil || all != 2*n || inPlace < all*99/100 {
		t.Errorf("%d of %d updates in place, %v", inPlace, all, err)
	}
}

func explain(t *testing.T, p *postgres, sql, args string) string {
	t.Helper()
	conn, err := p.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), "PREPARE q AS "+sql); err != nil {
		t.Fatal(err)
	}
	defer conn.Exec(context.Background(), "DEALLOCATE q")
	rows, err := conn.Query(t.Context(), "EXPLAIN EXECUTE q("+args+")")
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
