package auth

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/golang-jwt/jwt/v5"
)

func TestSignedGuest(t *testing.T) {
	key, err := GuestKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := newAuth(t, Config{AdminToken: "0123456789abcdef", JWTSecret: secret, GuestKey: key})
	named, err := a.Identify(httptest.NewRequestWithContext(t.Context(), "GET", "/?name=Ana", nil))
	if err != nil {
		t.Fatal(err)
	}
	ana := a.Settle(named)
	token := a.GuestToken(ana)
	if token == "" || ana.Subject == named.Subject || ana.Name != "Ana" || !ana.Guest {
		t.Fatalf("got %+v, %q", ana, token)
	}
	if a.GuestToken(named) != "" {
		t.Error("whoever takes a name gets a token for it")
	}
	if twin := a.Settle(named); twin.Subject == ana.Subject {
		t.Error("two guests of one name are one person")
	}

	r := httptest.NewRequestWithContext(t.Context(), "GET", "/ws", nil)
	r.Header.Set("Sec-WebSocket-Protocol", wire.Subprotocol+", "+wire.BearerPrefix+token)
	back, err := a.Identify(r)
	if err != nil || back.Subject != ana.Subject || back.Name != "Ana" || !back.Guest || back.Base != rooms.Read|rooms.Post {
		t.Errorf("came back as %+v, %v", back, err)
	}
	if again := a.Settle(back); again.Subject != ana.Subject {
		t.Errorf("is now %+v", again)
	}

	r = httptest.NewRequestWithContext(t.Context(), "GET", "/?name=Anne", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if renamed, err := a.Identify(r); err != nil || renamed.Subject != ana.Subject || renamed.Name != "Anne" {
		t.Errorf("renamed to %+v, %v", renamed, err)
	}

	// Whoever chooses another's subject as a name is somebody else still.
	for _, name := range []string{strings.TrimPrefix(ana.Subject, signedGuest), ana.Subject} {
		r = httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		q := r.URL.Query()
		q.Set("name", name)
		r.URL.RawQuery = q.Encode()
		if thief, err := a.Identify(r); err != nil || thief.Subject == ana.Subject {
			t.Errorf("the name %q is %+v, %v", name, thief, err)
		}
	}

	if who := a.Settle(rooms.Identity{Subject: "ana"}); who.Subject != "ana" || a.GuestToken(who) != "" {
		t.Errorf("somebody with a token of an operator's became %+v", who)
	}
}

func TestForgedGuest(t *testing.T) {
	key, other := bytes.Repeat([]byte{1}, keySize), bytes.Repeat([]byte{2}, keySize)
	a := newAuth(t, Config{JWTSecret: secret, GuestKey: key})
	in := func(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(time.Now().Add(d)) }
	valid := claims{RegisteredClaims: jwt.RegisteredClaims{Subject: signedGuest + "1", Issuer: guestKeyID, ExpiresAt: in(time.Hour)}}
	with := func(change func(*claims)) *claims {
		c := valid
		change(&c)
		return &c
	}
	if _, err := ask(t, a, sign(t, jwt.SigningMethodHS256, key, guestKeyID, &valid)); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"another key":         sign(t, jwt.SigningMethodHS256, other, guestKeyID, &valid),
		"the operator's key":  sign(t, jwt.SigningMethodHS256, []byte(secret), guestKeyID, &valid),
		"our key, as theirs":  sign(t, jwt.SigningMethodHS256, key, "", &claims{RegisteredClaims: jwt.RegisteredClaims{Subject: "ana"}}),
		"none":                sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, guestKeyID, &valid),
		"HS512":               sign(t, jwt.SigningMethodHS512, key, guestKeyID, &valid),
		"expired":             sign(t, jwt.SigningMethodHS256, key, guestKeyID, with(func(c *claims) { c.ExpiresAt = in(-time.Hour) })),
		"for ever":            sign(t, jwt.SigningMethodHS256, key, guestKeyID, with(func(c *claims) { c.ExpiresAt = nil })),
		"an operator's":       sign(t, jwt.SigningMethodHS256, key, guestKeyID, with(func(c *claims) { c.Subject = "ana" })),
		"the admin's subject": sign(t, jwt.SigningMethodHS256, key, guestKeyID, with(func(c *claims) { c.Subject = "chatd:admin" })),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, a, token)
			if name == "expired" {
				wantCode(t, err, wire.CodeTokenExpired)
			} else {
				wantCode(t, err, wire.CodeUnauthorized)
			}
		})
	}

	// Where no guests may enter, their tokens open nothing.
	closed := newAuth(t, Config{JWTSecret: secret, GuestKey: key, Guests: GuestsOff})
	_, err := ask(t, closed, sign(t, jwt.SigningMethodHS256, key, guestKeyID, &valid))
	wantCode(t, err, wire.CodeUnauthorized)
}

func TestGuestKey(t *testing.T) {
	dir := t.TempDir()
	key, err := GuestKey(dir)
	if err != nil || len(key) != keySize {
		t.Fatalf("%d bytes, %v", len(key), err)
	}
	if again, err := GuestKey(dir); err != nil || !bytes.Equal(key, again) {
		t.Errorf("another key the second time, %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, keyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := GuestKey(dir); err == nil {
		t.Error("a damaged key is taken")
	}
	if _, err := GuestKey(filepath.Join(dir, "missing")); err == nil {
		t.Error("no error without a directory")
	}
}
