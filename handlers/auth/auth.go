package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"chatd/handlers/wire"
	"chatd/rooms"
)

// MaxName is the longest name that somebody may choose, in characters.
const MaxName = 100

// DefaultName is the name of guests who choose none.
const DefaultName = "guest"

// Guests says what whoever shows no credential may do in public rooms.
type Guests string

// The policies for guests.
const (
	GuestsOff  Guests = "off"  // nothing: a credential is needed
	GuestsRead Guests = "read" // read
	GuestsPost Guests = "post" // read and post
)

// Config is what an Authenticator is made of.
type Config struct {
	// AdminToken, as a bearer token, opens everything. "" is none.
	AdminToken string
	// JWTSecret is the HS256 secret of tokens, at least 32 bytes. "" is none.
	JWTSecret string
	// JWTKeys is the file or the https URL of a JWK Set, whose keys sign tokens
	// with RS256, ES256 or EdDSA. The file may hold public keys in PEM instead.
	// "" is none.
	JWTKeys string
	// Issuer must be the tokens' iss. "" takes any.
	Issuer string
	// Audience must be in the tokens' aud. "" takes tokens for nobody in
	// particular, and those for "chatd".
	Audience string
	// Guests is the policy for guests; "" is GuestsPost.
	Guests Guests
	// GuestKey signs guests, so that each is the same person next time; see
	// [GuestKey]. Nil leaves them with their names.
	GuestKey []byte
	Log      *slog.Logger // nil is slog.Default()
}

// Authenticator finds out who sends a request. It is safe for any number of
// goroutines.
type Authenticator struct {
	admin  *[sha256.Size]byte // of the admin token; nil is none
	tokens *tokens            // nil is none
	guests *guests            // nil is none: guests have names only
	base   rooms.Permission   // what guests may do in public rooms
	open   bool               // nothing is configured: guests may do everything, everywhere
	closed bool               // there are no guests
}

// New makes an Authenticator. With no token and no key configured, chatd is
// open: every guest who may post may do everything. A file of keys must be
// there; keys at a URL are fetched by Run, or when the first token needs them.
func New(cfg Config) (_ *Authenticator, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	a := &Authenticator{}
	if cfg.AdminToken != "" {
		sum := sha256.Sum256([]byte(cfg.AdminToken))
		a.admin = &sum
	}
	if cfg.JWTSecret != "" || cfg.JWTKeys != "" {
		if a.tokens, err = newTokens(cfg); err != nil {
			return nil, err
		}
	}
	if cfg.GuestKey != nil {
		if a.guests, err = newGuests(cfg.GuestKey); err != nil {
			return nil, err
		}
	}
	switch cfg.Guests {
	case GuestsOff:
		a.closed = true
	case GuestsRead:
		a.base = rooms.Read
	case GuestsPost, "":
		a.base = rooms.Read | rooms.Post
		a.open = a.admin == nil && a.tokens == nil
	default:
		return nil, fmt.Errorf("guests must be off, read or post, not %q", cfg.Guests)
	}
	return a, nil
}

// Run follows the changes of the keys that tokens are signed with, until ctx is
// done.
func (a *Authenticator) Run(ctx context.Context) {
	if a.tokens != nil && a.tokens.keys != nil {
		a.tokens.keys.run(ctx)
	}
}

// Open tells whether every guest may do everything.
func (a *Authenticator) Open() bool { return a.open }

// Identify tells who sends r: the bearer of its token, or a guest. Guests and
// the admin are called what the query's name asks for. The errors are
// *rooms.Error: unauthorized for a credential that is bad, or missing where one
// is needed; invalid for a name that cannot be one; unavailable when the keys of
// tokens cannot be had.
func (a *Authenticator) Identify(r *http.Request) (rooms.Identity, error) {
	token, shown := bearer(r)
	if shown && token == "" {
		return rooms.Identity{}, unauthorized("a credential must be \"Bearer\" and a token")
	}
	name, err := chosenName(r)
	if err != nil {
		return rooms.Identity{}, err
	}
	if shown {
		return a.Bearer(r.Context(), token, name)
	}
	if a.closed {
		return rooms.Identity{}, unauthorized("guests may not enter; send a token as \"Authorization: Bearer …\"")
	}
	name = cmp.Or(name, DefaultName)
	return a.guest(namedGuest+name, name), nil
}

// Bearer tells who bears a token. Guests and the admin are called what name
// asks for, "" is nothing. The errors are those of Identify.
func (a *Authenticator) Bearer(ctx context.Context, token, name string) (rooms.Identity, error) {
	switch {
	case a.isAdmin(token):
		return rooms.Identity{Subject: ourOwn + "admin", Name: cmp.Or(name, "admin"), Base: rooms.All, Grants: everywhere}, nil
	case a.guests != nil && a.guests.bears(token):
		subject, signed, err := a.guests.open(token)
		if err != nil {
			return rooms.Identity{}, err
		}
		if a.closed {
			return rooms.Identity{}, unauthorized("guests may not enter")
		}
		return a.guest(subject, cmp.Or(name, signed)), nil
	case a.tokens != nil:
		return a.tokens.identify(ctx, token)
	}
	return rooms.Identity{}, unauthorized(unknownToken)
}

func (a *Authenticator) guest(subject, name string) rooms.Identity {
	who := rooms.Identity{Subject: subject, Name: name, Guest: true, Base: a.base}
	if a.open {
		who.Base = rooms.All
		who.Grants = everywhere
	}
	return who
}

var everywhere = []rooms.Grant{{Pattern: "*", Allow: rooms.All}}

// isAdmin compares digests, so that neither the token's content nor its length
// shows in the time that it takes.
func (a *Authenticator) isAdmin(token string) bool {
	if a.admin == nil {
		return false
	}
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], a.admin[:]) == 1
}

// Shown tells whether r shows a credential, good or bad.
func Shown(r *http.Request) bool {
	_, shown := bearer(r)
	return shown
}

// bearer is the token that r shows: in its Authorization header (as the password
// of a Basic one, for programs that know no more than https://x:TOKEN@host), or as a
// subprotocol "bearer.<token>", which is all that a browser's WebSocket can
// send. It is "" for what is shown and no bearer token.
func bearer(r *http.Request) (token string, shown bool) {
	if h := r.Header.Get("Authorization"); h != "" {
		if _, password, ok := r.BasicAuth(); ok {
			return password, true
		}
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", true
		}
		return strings.TrimSpace(token), true
	}
	for _, h := range r.Header.Values("Sec-Websocket-Protocol") {
		for p := range strings.SplitSeq(h, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(p), wire.BearerPrefix); ok {
				return token, true
			}
		}
	}
	return "", false
}

// chosenName is the name that r asks for, "" for none.
func chosenName(r *http.Request) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", rooms.Errorf(wire.CodeMalformed, "the query is not URL-encoded")
	}
	name := query.Get("name")
	if !rooms.ValidLine(name, MaxName) {
		return "", rooms.Invalid("name", "invalid", "must have at most %d characters, none of them a control character", MaxName)
	}
	// A copy, for a name may be kept long, and the URL that it is a part of not.
	return strings.Clone(strings.Join(strings.Fields(name), " ")), nil
}

func unauthorized(detail string) *rooms.Error {
	return rooms.Errorf(wire.CodeUnauthorized, "%s", detail)
}
