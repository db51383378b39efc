package paylink

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

const (
	secretSize = 16 // bytes: 128 bits

	cookieName = "codepool_pay"
	// hostPrefix makes browsers refuse the cookie from anywhere but this host over TLS.
	hostPrefix = "__Host-"
	// sessionAge is how long a browser keeps its orders, in seconds: a wallet may be closed
	// and opened again in between.
	sessionAge = 24 * 60 * 60
)

// session is a browser's secret.
type session [secretSize]byte

func newSession() (s session) {
	rand.Read(s[:]) // does not fail: it ends the process before it gives less
	return s
}

// mac is what the session says of a purpose and its parts, none of which has a zero byte.
func (s session) mac(purpose ...string) string {
	h := hmac.New(sha256.New, s[:])
	h.Write([]byte(strings.Join(purpose, "\x00")))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:secretSize])
}

// id is what others may know of the session.
func (s session) id() string { return s.mac("session") }

// allows reports whether a form's token is that of a purpose.
func (s session) allows(token string, purpose ...string) bool {
	return hmac.Equal([]byte(token), []byte(s.mac(purpose...)))
}

// cookieOf returns the name of the cookie.
func cookieOf(secure bool) string {
	if secure {
		return hostPrefix + cookieName
	}
	return cookieName
}

// readSession returns the session of a request, if it has one.
func readSession(r *http.Request, secure bool) (s session, ok bool) {
	c, err := r.Cookie(cookieOf(secure))
	if err != nil || len(c.Value) != base64.RawURLEncoding.EncodedLen(secretSize) {
		return s, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(s[:], []byte(c.Value))
	return s, err == nil && n == secretSize
}

// setSession gives a browser its session.
func setSession(w http.ResponseWriter, s session, secure bool) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieOf(secure), Value: base64.RawURLEncoding.EncodeToString(s[:]), Path: "/", MaxAge: sessionAge,
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
