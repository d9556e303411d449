package auth

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chatd/rooms"

	"github.com/golang-jwt/jwt/v5"
)

// Subjects that no operator's token may have: a guest is named by its name
// alone, or, once it bears a token of ours, by an id. The two cannot meet.
const (
	namedGuest  = "guest:"
	signedGuest = "guest#"
	ourOwn      = "chatd:"
)

func reserved(subject string) bool {
	for _, prefix := range []string{namedGuest, signedGuest, ourOwn} {
		if strings.HasPrefix(subject, prefix) {
			return true
		}
	}
	return false
}

const (
	guestKeyID = "chatd-guest" // the kid of our own tokens
	guestLasts = 400 * 24 * time.Hour
	keySize    = 32
	keyFile    = "guest.key"
)

// guests signs and checks the tokens that make a guest the same person again.
// Their key is chatd's own: it signs nothing else, and nothing else signs them.
type guests struct {
	key    []byte
	parser *jwt.Parser
}

func newGuests(key []byte) (*guests, error) {
	if len(key) < keySize {
		return nil, fmt.Errorf("the guests' key has %d bytes, and must have %d at least", len(key), keySize)
	}
	return &guests{key: key, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(guestKeyID), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway),
	)}, nil
}

// bears tells whether a token says that it is one of ours, which is not yet to
// believe it.
func (g *guests) bears(token string) bool {
	parsed, _, err := g.parser.ParseUnverified(token, &claims{})
	return err == nil && parsed.Header["kid"] == guestKeyID
}

// open returns subject and name of a guest's token.
func (g *guests) open(token string) (subject, name string, err error) {
	var c claims
	if _, err := g.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return g.key, nil }); err != nil {
		return "", "", badToken(err)
	}
	if !strings.HasPrefix(c.Subject, signedGuest) {
		return "", "", unauthorized(unknownToken)
	}
	return c.Subject, c.Name, nil
}

func (g *guests) sign(subject, name string) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{Name: name, RegisteredClaims: jwt.RegisteredClaims{
		Subject: subject, Issuer: guestKeyID,
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(guestLasts)),
	}})
	token.Header["kid"] = guestKeyID
	return token.SignedString(g.key)
}

// Settle makes a guest that is known by its name alone somebody of its own, whom
// nobody else can be by taking the name. Everybody else stays who it is, and so
// do all where no key for guests is configured.
func (a *Authenticator) Settle(who rooms.Identity) rooms.Identity {
	if a.guests != nil && who.Guest && !strings.HasPrefix(who.Subject, signedGuest) {
		var id [10]byte
		_, _ = rand.Read(id[:]) // never fails, see crypto/rand.Read
		who.Subject = signedGuest + hex.EncodeToString(id[:])
	}
	return who
}

// GuestToken is the credential with which a settled guest is the same person
// next time; "" for everybody else.
func (a *Authenticator) GuestToken(who rooms.Identity) string {
	if a.guests == nil || !strings.HasPrefix(who.Subject, signedGuest) {
		return ""
	}
	token, err := a.guests.sign(who.Subject, who.Name)
	if err != nil {
		return "" // HS256 signs whatever it is given
	}
	return token
}

// GuestKey returns the key with which the guests of the data directory dir are
// signed. It is made when there is none.
func GuestKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, keyFile)
	saved, err := os.ReadFile(path)
	if err == nil && len(saved) != keySize {
		return nil, fmt.Errorf("%s has %d bytes, not %d: restore it, or remove it, and all guests are strangers", path, len(saved), keySize)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return saved, err
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key)
	// Written aside first: a crash leaves no half of a key.
	if err := os.WriteFile(path+".new", key, 0o600); err != nil {
		return nil, err
	}
	return key, os.Rename(path+".new", path)
}
