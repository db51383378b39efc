package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codepool/cmd/codepool/internal/natstest"
)

// certificate writes a certificate for the loopback that signs itself, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	terms := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, terms, terms, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, body []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: body}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", signed), write("key.pem", "PRIVATE KEY", secret)
}

// A URL that begins with tls:// encrypts, to a server whose certificate is trusted and to no
// other.
func TestFeedTLS(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	redeemed(t, data, 10)
	cert, key := certificate(t)
	server := natstest.Start(t, "--tls", "--tlscert", cert, "--tlskey", key)
	args := []string{"feed", "--nats", strings.Replace(server.URL, "nats://", "tls://", 1), "--data", data, "--create"}
	cmd, stderr := program(t, args...)
	if err := cmd.Run(); err == nil || !strings.Contains(stderr.String(), "certificate signed by unknown authority") {
		t.Fatalf("%v, %s", err, stderr)
	}
	cmd, stderr = program(t, args...)
	cmd.Env = append(cmd.Env, fmt.Sprint("SSL_CERT_FILE=", cert))
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "10 receipts") {
		t.Fatalf("%s, %v, %s", out, err, stderr)
	}
}
