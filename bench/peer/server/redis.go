//go:build !race

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"codepool/bench/peer"

	"github.com/redis/rueidis"
)

// redisConnections are those of redisSingle. With 1024 callers, 64 to 256 are as fast, 32
// and 512 slower.
const redisConnections = 128

// The sets: a code is in one of them, and in none when it is redeemed.
const (
	stockKey  = "stock"
	issuedKey = "issued"
)

// redisForm is how a server is used.
type redisForm struct {
	sync   string // appendfsync
	single bool   // a command a round trip
}

// redis keeps the codes in two sets, minted ones in stock and drawn ones in issued, and
// nothing else: there are no receipts, users and references are not stored.
type redis struct {
	server *redisServer
	client rueidis.Client
}

func openRedis(places []string, dir string, form redisForm) (*redis, error) {
	server, err := startRedis(places, dir, form.sync)
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{server.socket()},
		DialCtxFn: func(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
		ForceSingleClient:     true,
		DisableCache:          true,
		DisableAutoPipelining: form.single,
		BlockingPoolSize:      redisConnections,
		// Two connections, and a moment for more to join what is sent: of 2, 1 and 4
		// connections with 0, 20 and 100 µs the most that 1024 callers got, at no cost to one
		// or 64 of them.
		PipelineMultiplex: 1,
		MaxFlushDelay:     20 * time.Microsecond,
	})
	if err != nil {
		return nil, errors.Join(err, server.stop())
	}
	return &redis{server, client}, nil
}

// Mint adds n codes to the stock, MintBatch a SADD, which are pipelined.
func (r *redis) Mint(ctx context.Context, n int) error {
	return mint(n, func(n int, s *source) error {
		for n > 0 {
			codes := make([]string, min(n, peer.MintBatch))
			for i := range codes {
				var err error
				if codes[i], err = s.next(); err != nil {
					return err
				}
			}
			added, err := r.client.Do(ctx, r.client.B().Sadd().Key(stockKey).Member(codes...).Build()).AsInt64()
			if err != nil {
				return err
			}
			if added != int64(len(codes)) {
				return fmt.Errorf("%d of %d codes were in stock before", int64(len(codes))-added, len(codes))
			}
			n -= len(codes)
		}
		return nil
	})
}

// draw moves codes from stock to issued. It is a script because what SPOP takes must be
// known to the SADD that follows, which MULTI cannot do; and as in MULTI, what both did is
// written to the file as one, so that no crash parts them. Lua's stack bounds the
// members of a SADD.
var draw = rueidis.NewLuaScript(`
local k = tonumber(ARGV[1])
if redis.call('SCARD', KEYS[1]) < k then return false end
local codes = redis.call('SPOP', KEYS[1], k)
for i = 1, k, 4000 do
	redis.call('SADD', KEYS[2], unpack(codes, i, math.min(i + 3999, k)))
end
return codes`)

// Draw moves k random codes from stock to issued.
func (r *redis) Draw(ctx context.Context, k int, dst []string) ([]string, error) {
	answer, err := draw.Exec(ctx, r.client, []string{stockKey, issuedKey}, []string{strconv.Itoa(k)}).ToArray()
	if rueidis.IsRedisNil(err) {
		return dst, peer.ErrStock
	}
	if err != nil {
		return dst, err
	}
	start := len(dst)
	for i := range answer {
		code, err := answer[i].ToString()
		if err != nil {
			return dst[:start], err
		}
		dst = append(dst, code)
	}
	return dst, nil
}

// HandOut draws k codes.
func (r *redis) HandOut(ctx context.Context, k int, each func(string)) error {
	return handOut(ctx, r, k, each)
}

// RedeemOne removes the code from issued.
func (r *redis) RedeemOne(ctx context.Context, code, _ string) error {
	removed, err := r.client.Do(ctx, r.client.B().Srem().Key(issuedKey).Member(code).Build()).AsInt64()
	if err == nil && removed != 1 {
		err = refuse([]string{code})
	}
	return err
}

// Audit counts both sets.
func (r *redis) Audit(ctx context.Context, want peer.Ledger) error {
	var errs []error
	for _, set := range []struct {
		key  string
		want int64
	}{
		{stockKey, want.Minted - want.HandedOut - want.Drawn},
		{issuedKey, want.HandedOut + want.Drawn - want.Redeemed},
	} {
		got, err := r.client.Do(ctx, r.client.B().Scard().Key(set.key).Build()).AsInt64()
		if err == nil && got != set.want {
			err = peer.Mismatch(set.key, got, set.want)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// MemoryUse weighs the server.
func (r *redis) MemoryUse() (int64, error) { return memory(r.server.os.Pid) }

// Close ends the client, then the server.
func (r *redis) Close() error {
	r.client.Close()
	return r.server.stop()
}

// redisSingle is the form of a client that does not pipeline: each call has one of a pool of
// connections for itself.
type redisSingle struct{ *redis }

// Refuse asks for one after the other.
func (r *redisSingle) Refuse(ctx context.Context, codes []string) (int, error) {
	var refused []string
	for _, code := range codes {
		err := r.RedeemOne(ctx, code, "")
		var bad *RefusedError
		if err != nil && !errors.As(err, &bad) {
			return len(refused), err
		}
		if err != nil {
			refused = append(refused, code)
		}
	}
	return countRefused(len(codes), refuse(refused))
}

// redisPipelined is the form of a client that sends what its callers ask for in one
// stream: what arrives together is synced together.
type redisPipelined struct{ *redis }

// RedeemMany removes the codes by one SREM. Its answer is only how many there were, so
// SMISMEMBER asks for each of them before, in one transaction. That is twice as fast as a
// SREM a code, pipelined or in a script.
func (r *redisPipelined) RedeemMany(ctx context.Context, rs []peer.Redemption) error {
	codes := make([]string, len(rs))
	for i := range rs {
		codes[i] = rs[i].Code
	}
	return r.redeem(ctx, codes)
}

func (r *redisPipelined) redeem(ctx context.Context, codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	b := r.client.B()
	answers := r.client.DoMulti(ctx, b.Multi().Build(),
		b.Smismember().Key(issuedKey).Member(codes...).Build(),
		b.Srem().Key(issuedKey).Member(codes...).Build(),
		b.Exec().Build())
	both, err := answers[3].ToArray()
	if err != nil {
		return err
	}
	if len(both) != 2 {
		return fmt.Errorf("EXEC has %d answers, want 2", len(both))
	}
	removed, err := both[1].AsInt64()
	if err != nil || removed == int64(len(codes)) {
		return err
	}
	was, err := both[0].AsIntSlice()
	if err != nil {
		return err
	}
	if len(was) != len(codes) {
		return fmt.Errorf("SMISMEMBER has %d answers, want %d", len(was), len(codes))
	}
	var refused []string
	seen := make(map[string]bool, len(codes))
	for i, code := range codes {
		if was[i] == 0 || seen[code] {
			refused = append(refused, code)
		}
		seen[code] = true
	}
	return refuse(refused)
}

// Refuse asks for all of them in one call.
func (r *redisPipelined) Refuse(ctx context.Context, codes []string) (int, error) {
	return countRefused(len(codes), r.redeem(ctx, codes))
}
