package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const secret = "a secret of at least thirty-two bytes"

// ask identifies the bearer of token.
func ask(t *testing.T, a *Authenticator, token string) (rooms.Identity, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/rooms", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return a.Identify(r)
}

func wantCode(t *testing.T, err error, want rooms.Code) {
	t.Helper()
	if e, ok := errors.AsType[*rooms.Error](err); !ok || e.Code != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func newAuth(t *testing.T, cfg Config) *Authenticator {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func sign(t *testing.T, method jwt.SigningMethod, key any, kid string, c jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokenClaims(t *testing.T) {
	now := time.Now()
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	a := newAuth(t, Config{JWTSecret: secret})
	strict := newAuth(t, Config{JWTSecret: secret, Issuer: "https://id.example", Audience: "team"})

	for name, tt := range map[string]struct {
		a      *Authenticator
		claims jwt.MapClaims
		says   string // of the refusal; "" is none
	}{
		"plain":                {a, jwt.MapClaims{"sub": "ana"}, ""},
		"valid":                {a, jwt.MapClaims{"sub": "ana", "exp": in(time.Minute), "nbf": in(-time.Minute)}, ""},
		"expired":              {a, jwt.MapClaims{"sub": "ana", "exp": in(-time.Minute)}, "expired"},
		"just expired":         {a, jwt.MapClaims{"sub": "ana", "exp": in(-2 * time.Second)}, "expired"},
		"not yet":              {a, jwt.MapClaims{"sub": "ana", "nbf": in(time.Minute)}, "not valid yet"},
		"clocks differ":        {a, jwt.MapClaims{"sub": "ana", "nbf": in(3 * time.Second)}, ""},
		"no subject":           {a, jwt.MapClaims{"name": "Ana"}, "sub"},
		"long subject":         {a, jwt.MapClaims{"sub": strings.Repeat("x", maxSubject+1)}, "sub"},
		"log injection":        {a, jwt.MapClaims{"sub": "ana\nadmin"}, "sub"},
		"a named guest's":      {a, jwt.MapClaims{"sub": "guest:Ana"}, "sub"},
		"a signed guest's":     {a, jwt.MapClaims{"sub": "guest#00"}, "sub"},
		"the admin's":          {a, jwt.MapClaims{"sub": "chatd:admin"}, "sub"},
		"bad name":             {a, jwt.MapClaims{"sub": "ana", "name": "\u202eanA"}, "name"},
		"subject is a number":  {a, jwt.MapClaims{"sub": 7}, unknownToken},
		"exp is a string":      {a, jwt.MapClaims{"sub": "ana", "exp": "tomorrow"}, unknownToken},
		"rooms is a list":      {a, jwt.MapClaims{"sub": "ana", "rooms": []string{"ops"}}, unknownToken},
		"unknown permission":   {a, jwt.MapClaims{"sub": "ana", "rooms": map[string]any{"*": []string{"fly"}}}, "fly"},
		"broken pattern":       {a, jwt.MapClaims{"sub": "ana", "rooms": map[string]any{"[": []string{"read"}}}, "pattern"},
		"for us":               {a, jwt.MapClaims{"sub": "ana", "aud": []string{"wiki", "chatd"}}, ""},
		"for somebody else":    {a, jwt.MapClaims{"sub": "ana", "aud": "wiki"}, "somebody else"},
		"strict":               {strict, jwt.MapClaims{"sub": "ana", "aud": "team", "iss": "https://id.example"}, ""},
		"strict, no audience":  {strict, jwt.MapClaims{"sub": "ana", "iss": "https://id.example"}, "the token is"},
		"strict, other":        {strict, jwt.MapClaims{"sub": "ana", "iss": "https://id.example", "aud": "chatd"}, "somebody else"},
		"strict, other issuer": {strict, jwt.MapClaims{"sub": "ana", "iss": "https://evil.example", "aud": "team"}, "issuer"},
		"strict, no issuer":    {strict, jwt.MapClaims{"sub": "ana", "aud": "team"}, "the token is"},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := ask(t, tt.a, sign(t, jwt.SigningMethodHS256, []byte(secret), "", tt.claims))
			if tt.says == "" {
				if err != nil || who.Subject != "ana" || who.Guest {
					t.Errorf("got %+v, %v", who, err)
				}
				return
			}
			code := rooms.Code(wire.CodeUnauthorized)
			if tt.says == "expired" {
				code = wire.CodeTokenExpired
			}
			wantCode(t, err, code)
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
		})
	}
}

func TestTokenPermissions(t *testing.T) {
	a := newAuth(t, Config{JWTSecret: secret, Guests: GuestsOff})
	mint := func(r map[string][]string) rooms.Identity {
		token, err := Mint(secret, Claims{Subject: "ana", Name: "Ana", Rooms: r, Lasts: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		who, err := ask(t, a, token)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(who.Expires); left < 59*time.Minute || left > time.Hour {
			t.Errorf("the token expires in %v", left)
		}
		return who
	}
	for _, tt := range []struct {
		rooms map[string][]string
		want  rooms.Permission
		room  string
		v     rooms.Visibility
		can   bool
	}{
		{nil, rooms.Read | rooms.Post, "lobby", rooms.Public, true},
		{nil, rooms.Moderate, "lobby", rooms.Public, false},
		{nil, rooms.Read, "secret", rooms.Private, false},
		{map[string][]string{"ops-*": {"read", "post"}}, rooms.Read | rooms.Post, "ops-1", rooms.Private, true},
		{map[string][]string{"ops-*": {"read", "post"}}, rooms.Moderate, "ops-1", rooms.Private, false},
		{map[string][]string{"ops-*": {"read", "post"}}, rooms.Read, "lobby", rooms.Public, false},
		{map[string][]string{"*": {"read"}, "ops": {"moderate"}}, rooms.Read | rooms.Moderate, "ops", rooms.Private, true},
		{map[string][]string{"*": {"manage"}}, rooms.Manage, "new", rooms.Public, true},
		{map[string][]string{"*": {"admin"}}, rooms.All, "any", rooms.Private, true},
		{map[string][]string{}, rooms.Read, "lobby", rooms.Public, false},
	} {
		if got := mint(tt.rooms).Can(tt.want, tt.room, tt.v); got != tt.can {
			t.Errorf("%v: may do %b in the %s room %s: %v", tt.rooms, tt.want, tt.v, tt.room, got)
		}
	}
}

func TestMintRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		secret string
		c      Claims
	}{
		"short secret": {secret[:minSecret-1], Claims{Subject: "ana"}},
		"no subject":   {secret, Claims{}},
		"a guest":      {secret, Claims{Subject: "guest:Ana"}},
		"bad word":     {secret, Claims{Subject: "ana", Rooms: map[string][]string{"*": {"fly"}}}},
	} {
		if token, err := Mint(tt.secret, tt.c); err == nil {
			t.Errorf("%s: minted %s", name, token)
		}
	}
}

// keys are one of each kind.
type keys struct {
	rsa     *rsa.PrivateKey
	ecdsa   *ecdsa.PrivateKey
	ed25519 ed25519.PrivateKey
}

func makeKeys(t *testing.T) keys {
	t.Helper()
	r, err1 := rsa.GenerateKey(rand.Reader, 2048)
	e, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, d, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return keys{r, e, d}
}

func jwkOf(t *testing.T, public crypto.PublicKey, kid string, alg jwkset.ALG) jwkset.JWKMarshal {
	t.Helper()
	jwk, err := jwkset.NewJWKFromKey(public, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid, ALG: alg}})
	if err != nil {
		t.Fatal(err)
	}
	return jwk.Marshal()
}

func jwks(t *testing.T, list ...jwkset.JWKMarshal) []byte {
	t.Helper()
	raw, err := json.Marshal(jwkset.JWKSMarshal{Keys: list})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (k keys) set(t *testing.T) []byte {
	return jwks(t,
		jwkOf(t, k.rsa.Public(), "r", "RS256"),
		jwkOf(t, k.ecdsa.Public(), "e", ""),
		jwkOf(t, k.ed25519.Public(), "d", "EdDSA"),
		jwkset.JWKMarshal{KTY: "unheard-of", KID: "x"},
		jwkset.JWKMarshal{KTY: jwkset.KtyOct, KID: "o", K: base64.RawURLEncoding.EncodeToString([]byte(secret))},
	)
}

func TestTokenKeys(t *testing.T) {
	ours, theirs := makeKeys(t), makeKeys(t)
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, ours.set(t), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newAuth(t, Config{JWTKeys: file})
	both := newAuth(t, Config{JWTKeys: file, JWTSecret: secret})

	c := jwt.MapClaims{"sub": "ana"}
	der, err := x509.MarshalPKIXPublicKey(ours.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", c)
	good := sign(t, jwt.SigningMethodEdDSA, ours.ed25519, "d", c)
	parts := strings.Split(good, ".")
	other := strings.Split(sign(t, jwt.SigningMethodEdDSA, ours.ed25519, "d", jwt.MapClaims{"sub": "eve"}), ".")

	for name, tt := range map[string]struct {
		token  string
		good   bool
		secret bool // it is signed with the secret, and good where that is configured
	}{
		"RS256":                        {sign(t, jwt.SigningMethodRS256, ours.rsa, "r", c), true, false},
		"ES256":                        {sign(t, jwt.SigningMethodES256, ours.ecdsa, "e", c), true, false},
		"EdDSA":                        {good, true, false},
		"without kid":                  {sign(t, jwt.SigningMethodES256, ours.ecdsa, "", c), true, false},
		"other RSA key":                {sign(t, jwt.SigningMethodRS256, theirs.rsa, "r", c), false, false},
		"other EC key":                 {sign(t, jwt.SigningMethodES256, theirs.ecdsa, "e", c), false, false},
		"other Ed25519 key":            {sign(t, jwt.SigningMethodEdDSA, theirs.ed25519, "d", c), false, false},
		"other key without kid":        {sign(t, jwt.SigningMethodRS256, theirs.rsa, "", c), false, false},
		"kid of another key":           {sign(t, jwt.SigningMethodRS256, ours.rsa, "e", c), false, false},
		"unknown kid":                  {sign(t, jwt.SigningMethodRS256, ours.rsa, "zz", c), false, false},
		"RS512 by an RS256 key":        {sign(t, jwt.SigningMethodRS512, ours.rsa, "r", c), false, false},
		"PS256 by an RS256 key":        {sign(t, jwt.SigningMethodPS256, ours.rsa, "r", c), false, false},
		"HS256 by the public key":      {sign(t, jwt.SigningMethodHS256, der, "r", c), false, false},
		"HS256 by a key of the set":    {sign(t, jwt.SigningMethodHS256, []byte(secret), "o", c), false, true},
		"none":                         {none, false, false},
		"none, written otherwise":      {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"nOnE"}`)) + none[strings.Index(none, "."):], false, false},
		"no signature":                 {parts[0] + "." + parts[1] + ".", false, false},
		"another's claims":             {parts[0] + "." + other[1] + "." + parts[2], false, false},
		"no dots":                      {"abc", false, false},
		"five parts":                   {good + ".a.b", false, false},
		"signature in another writing": {good + "=", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := ask(t, a, tt.token)
			if tt.good {
				if err != nil || who.Subject != "ana" {
					t.Errorf("got %+v, %v", who, err)
				}
				return
			}
			wantCode(t, err, wire.CodeUnauthorized)
			if _, err = ask(t, both, tt.token); !tt.secret {
				wantCode(t, err, wire.CodeUnauthorized)
			}
		})
	}

	// With both configured, both count, each for its own algorithms.
	if _, err := ask(t, both, sign(t, jwt.SigningMethodHS256, []byte(secret), "", c)); err != nil {
		t.Error(err)
	}
	_, err = ask(t, newAuth(t, Config{JWTSecret: secret}), good)
	wantCode(t, err, wire.CodeUnauthorized)
}

func TestKeysThatCannotBe(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no weak keys: ", err)
	}
	ours := makeKeys(t)
	for name, set := range map[string][]byte{
		"not JSON":         []byte("-----BEGIN PUBLIC KEY-----"),
		"empty":            []byte(`{"keys":[]}`),
		"weak":             jwks(t, jwkOf(t, small.Public(), "", "")),
		"other algorithm":  jwks(t, jwkOf(t, ours.rsa.Public(), "", "RS512")),
		"symmetric":        jwks(t, jwkset.JWKMarshal{KTY: jwkset.KtyOct, K: "AAAA"}),
		"not for signing":  jwks(t, func() jwkset.JWKMarshal { k := jwkOf(t, ours.rsa.Public(), "", ""); k.USE = jwkset.UseEnc; return k }()),
		"missing the file": nil,
	} {
		file := filepath.Join(t.TempDir(), "jwks.json")
		if set != nil {
			if err := os.WriteFile(file, set, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := New(Config{JWTKeys: file}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, u := range []string{"http://id.example/jwks", "https://", "ftp://id.example/jwks"} {
		if _, err := New(Config{JWTKeys: u}); err == nil {
			t.Errorf("%s: no error", u)
		}
	}
}

// Keys at a URL are fetched when a token needs them, rotated keys are found,
// keys that were taken out count no more, and a set that cannot be fetched
// leaves the old keys in place.
func TestKeyRotation(t *testing.T) {
	first, second := makeKeys(t), makeKeys(t)
	var set atomic.Pointer[[]byte]
	var fetched atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		if s := set.Load(); s != nil {
			_, _ = w.Write(*s)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer server.Close()
	serve := func(s []byte) { set.Store(&s) }

	a := newAuth(t, Config{JWTKeys: server.URL})
	ring := a.tokens.keys
	again := func() { // lets the rest between two tries be over
		ring.mu.Lock()
		ring.tried = time.Time{}
		ring.mu.Unlock()
	}
	c := jwt.MapClaims{"sub": "ana"}
	one := sign(t, jwt.SigningMethodES256, first.ecdsa, "1", c)
	two := sign(t, jwt.SigningMethodES256, second.ecdsa, "2", c)

	_, err := ask(t, a, one)
	wantCode(t, err, rooms.CodeUnavailable)

	serve(jwks(t, jwkOf(t, first.ecdsa.Public(), "1", "")))
	again()
	if _, err := ask(t, a, one); err != nil {
		t.Fatal(err)
	}
	before := fetched.Load()
	for range 10 {
		_, err := ask(t, a, two)
		wantCode(t, err, wire.CodeUnauthorized)
	}
	if n := fetched.Load() - before; n > 1 {
		t.Errorf("ten tokens of an unknown key made %d fetches", n)
	}

	serve(jwks(t, jwkOf(t, first.ecdsa.Public(), "1", ""), jwkOf(t, second.ecdsa.Public(), "2", "")))
	again()
	if _, err := ask(t, a, two); err != nil {
		t.Errorf("a rotated key is not found: %v", err)
	}

	set.Store(nil)
	ring.reload(t.Context(), 0)
	if _, err := ask(t, a, one); err != nil {
		t.Errorf("a failed fetch took the keys away: %v", err)
	}

	serve(jwks(t, jwkOf(t, second.ecdsa.Public(), "2", "")))
	ring.reload(t.Context(), 0)
	_, err = ask(t, a, one)
	wantCode(t, err, wire.CodeUnauthorized)
}

// Whoever goes away while the keys are fetched because of its token does not keep
// them from everybody else until the next try.
func TestKeysAreFetchedThoughWhoAskedIsGone(t *testing.T) {
	keys := makeKeys(t)
	ctx, leave := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		leave()
		_, _ = w.Write(jwks(t, jwkOf(t, keys.ecdsa.Public(), "1", "")))
	}))
	defer server.Close()
	a := newAuth(t, Config{JWTKeys: server.URL})
	token := sign(t, jwt.SigningMethodES256, keys.ecdsa, "1", jwt.MapClaims{"sub": "ana"})
	_, _ = a.Bearer(ctx, token, "")
	if _, err := ask(t, a, token); err != nil {
		t.Errorf("somebody else's token: %v", err)
	}
}

// Public keys in PEM will do, as openssl writes them; the private ones mint.
func TestKeysInPEM(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherCurve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	public := func(key crypto.Signer) []byte {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	file := filepath.Join(t.TempDir(), "keys.pem")
	write := func(content []byte) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(slices.Concat(public(rsaKey), public(ecKey), public(edKey)))
	a := newAuth(t, Config{JWTKeys: file})
	for alg, key := range map[string]crypto.Signer{"RS256": rsaKey, "ES256": ecKey, "EdDSA": edKey} {
		token, err := MintWith(private(key), Claims{Subject: "ana", Rooms: map[string][]string{"ops": {"read"}}, Lasts: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{}); err != nil || parsed.Method.Alg() != alg {
			t.Errorf("%s: signed with %v, %v", alg, parsed.Method, err)
		}
		if who, err := ask(t, a, token); err != nil || who.Subject != "ana" {
			t.Errorf("%s: %+v, %v", alg, who, err)
		}
		// A public key is no secret to sign with.
		_, err = ask(t, a, sign(t, jwt.SigningMethodHS256, public(key), "", jwt.MapClaims{"sub": "ana"}))
		wantCode(t, err, wire.CodeUnauthorized)
	}
	if _, err := MintWith(private(otherCurve), Claims{Subject: "ana"}); err == nil {
		t.Error("a key of P-384 mints")
	}
	if _, err := MintWith(public(edKey), Claims{Subject: "ana"}); err == nil {
		t.Error("a public key mints")
	}
	for name, content := range map[string][]byte{"a private key": private(edKey), "P-384": public(otherCurve), "broken": []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")} {
		write(content)
		if _, err := New(Config{JWTKeys: file}); err == nil {
			t.Errorf("%s is taken for public keys", name)
		}
	}
}
