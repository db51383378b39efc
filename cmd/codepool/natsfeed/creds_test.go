package natsfeed_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"codepool/cmd/codepool/natsfeed"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// identity is a key of an operator, an account or a user, and what is public of it.
type identity struct {
	nkeys.KeyPair
	name string
}

func newIdentity(t *testing.T, create func() (nkeys.KeyPair, error)) identity {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	name, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return identity{key, name}
}

// signed is what the signer says of somebody.
func signed(t *testing.T, c jwt.Claims, by identity) string {
	t.Helper()
	text, err := c.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// credentials writes the file of a new user of an account.
func credentials(t *testing.T, account identity) string {
	t.Helper()
	user := newIdentity(t, nkeys.CreateUser)
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(signed(t, jwt.NewUserClaims(user.name), account), seed)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "feed.creds")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The credentials of a file let in whom the server knows, and nobody else.
func TestCredentials(t *testing.T) {
	operator, system, account := newIdentity(t, nkeys.CreateOperator), newIdentity(t, nkeys.CreateAccount), newIdentity(t, nkeys.CreateAccount)
	claims := jwt.NewAccountClaims(account.name)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	w := newWorld(t, "-c", configFile(t, fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }",
		signed(t, jwt.NewOperatorClaims(operator.name), operator), system.name,
		system.name, signed(t, jwt.NewAccountClaims(system.name), operator), account.name, signed(t, claims, operator))))
	w.redeem(10)

	if nc, err := natsfeed.Dial(w.server.URL, credentials(t, newIdentity(t, nkeys.CreateAccount))); err == nil {
		nc.Close()
		t.Error("a user of an unknown account is let in")
	} else {
		w.mustFail(err, natsfeed.ErrConnect)
	}
	nc, err := natsfeed.Dial(w.server.URL, credentials(t, account))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := natsfeed.Run(t.Context(), w.s, nc, config()); err != nil {
		t.Fatal(err)
	}
	w.mustBeAt(config())
}
