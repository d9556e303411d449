package auth

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// minSecret is the least length of an HS256 secret in bytes (RFC 7518
	// section 3.2).
	minSecret = 32
	// maxSubject bounds a token's subject, in bytes.
	maxSubject = 200
	// leeway is how far the clocks of those who sign may differ from ours.
	leeway = 10 * time.Second
	// defaultAudience is the audience of tokens that name any.
	defaultAudience = "chatd"
)

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Name  string              `json:"name,omitempty"`
	Rooms map[string][]string `json:"rooms,omitzero"` // room pattern → words for permissions
}

// words are the permissions as tokens name them.
var words = map[string]rooms.Permission{
	"read":     rooms.Read,
	"post":     rooms.Post,
	"moderate": rooms.Moderate,
	"manage":   rooms.Manage,
	"admin":    rooms.All,
}

// tokens checks the tokens of an operator's.
type tokens struct {
	secret   []byte   // for HS256; nil is none
	keys     *keyring // for the others; nil is none
	audience string   // that tokens must name; "" is that they may name none
	parser   *jwt.Parser
}

func newTokens(cfg Config) (*tokens, error) {
	t := &tokens{audience: cfg.Audience}
	var methods []string
	if cfg.JWTSecret != "" {
		if len(cfg.JWTSecret) < minSecret {
			return nil, fmt.Errorf("the JWT secret has %d bytes, and must have %d at least", len(cfg.JWTSecret), minSecret)
		}
		t.secret = []byte(cfg.JWTSecret)
		methods = append(methods, "HS256")
	}
	if cfg.JWTKeys != "" {
		var err error
		if t.keys, err = newKeyring(cfg.JWTKeys, cfg.Log); err != nil {
			return nil, fmt.Errorf("the JWT keys: %w", err)
		}
		methods = append(methods, "RS256", "ES256", "EdDSA")
	}
	options := []jwt.ParserOption{jwt.WithValidMethods(methods), jwt.WithLeeway(leeway)}
	if cfg.Issuer != "" {
		options = append(options, jwt.WithIssuer(cfg.Issuer))
	}
	if cfg.Audience != "" {
		options = append(options, jwt.WithAudience(cfg.Audience))
	}
	t.parser = jwt.NewParser(options...)
	return t, nil
}

// identify tells who bears a token.
func (t *tokens) identify(ctx context.Context, token string) (rooms.Identity, error) {
	var c claims
	_, err := t.parser.ParseWithClaims(token, &c, func(parsed *jwt.Token) (any, error) { return t.key(ctx, parsed) })
	if err != nil {
		return rooms.Identity{}, badToken(err)
	}
	if t.audience == "" && len(c.Audience) > 0 && !slices.Contains(c.Audience, defaultAudience) {
		return rooms.Identity{}, unauthorized("the token is meant for somebody else")
	}
	who, err := c.identity()
	if err != nil {
		return rooms.Identity{}, unauthorized("the token's " + err.Error())
	}
	if who.Expired(time.Now()) { // the leeway is for beginnings
		return rooms.Identity{}, errExpired
	}
	return who, nil
}

// key returns what a token must be signed with. Which key that is follows from
// our keys, never from the token alone: each is for one algorithm.
func (t *tokens) key(ctx context.Context, token *jwt.Token) (any, error) {
	alg := token.Method.Alg()
	if alg == "HS256" {
		return t.secret, nil
	}
	id, _ := token.Header["kid"].(string)
	found, err := t.keys.find(ctx, alg, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("no such key")
	}
	return jwt.VerificationKeySet{Keys: slices.Collect(asKeys(found))}, nil
}

func asKeys(keys []crypto.PublicKey) func(yield func(jwt.VerificationKey) bool) {
	return func(yield func(jwt.VerificationKey) bool) {
		for _, k := range keys {
			if !yield(k) {
				return
			}
		}
	}
}

// badToken is why a token does not count, without a word of it.
func badToken(err error) error {
	switch {
	case errors.Is(err, errNoKeys):
		return rooms.Errorf(rooms.CodeUnavailable, "tokens cannot be checked now: their keys could not be loaded")
	case errors.Is(err, jwt.ErrTokenExpired):
		return errExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return unauthorized("the token is not valid yet")
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return unauthorized("the token is meant for somebody else")
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return unauthorized("the token is not from the issuer that counts here")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return unauthorized("the token is without an issuer (iss) or an audience (aud), which count here")
	}
	return unauthorized(unknownToken)
}

var errExpired = rooms.Errorf(wire.CodeTokenExpired, "the token has expired")

const unknownToken = "the token is not known here"

// identity is who the claims make of somebody. Without rooms, a token stands
// for somebody who reads and posts in public rooms.
func (c *claims) identity() (rooms.Identity, error) {
	switch {
	case c.Subject == "" || len(c.Subject) > maxSubject || !rooms.ValidLine(c.Subject, maxSubject):
		return rooms.Identity{}, fmt.Errorf("sub must have 1 to %d bytes, none of them a control character", maxSubject)
	case reserved(c.Subject):
		return rooms.Identity{}, fmt.Errorf("sub must not begin like that of a guest or of chatd itself")
	case !rooms.ValidLine(c.Name, MaxName):
		return rooms.Identity{}, fmt.Errorf("name must have at most %d characters, none of them a control character", MaxName)
	}
	who := rooms.Identity{Subject: c.Subject, Name: strings.Join(strings.Fields(c.Name), " ")}
	if who.Name == "" {
		who.Name = c.Subject
	}
	if c.ExpiresAt != nil {
		who.Expires = c.ExpiresAt.Time
	}
	if c.Rooms == nil {
		who.Base = rooms.Read | rooms.Post
		return who, nil
	}
	for pattern, list := range c.Rooms {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return rooms.Identity{}, fmt.Errorf("rooms has %q, which is no pattern", pattern)
		}
		grant := rooms.Grant{Pattern: pattern}
		for _, word := range list {
			p, ok := words[word]
			if !ok {
				return rooms.Identity{}, fmt.Errorf("rooms has %q, which is no permission", word)
			}
			grant.Allow |= p
		}
		who.Grants = append(who.Grants, grant)
	}
	return who, nil
}

// Claims are what a minted token says.
type Claims struct {
	Subject  string
	Name     string
	Rooms    map[string][]string // room pattern → read, post, moderate, manage; nil is reading and posting in public rooms
	Audience string              // "" is none
	Issuer   string              // "" is none
	Lasts    time.Duration       // 0 is for ever
}

// Mint signs a token with an HS256 secret. It refuses what no server would
// take.
func Mint(secret string, c Claims) (string, error) {
	if len(secret) < minSecret {
		return "", fmt.Errorf("the secret has %d bytes, and must have %d at least", len(secret), minSecret)
	}
	return c.sign(jwt.SigningMethodHS256, []byte(secret))
}

// MintWith is Mint with a private key (PEM, PKCS #8), by the algorithm that is
// the key's.
func MintWith(private []byte, c Claims) (string, error) {
	block, _ := pem.Decode(private)
	if block == nil || block.Type != "PRIVATE KEY" {
		return "", errors.New("there is no private key (PEM, PKCS #8) in it; openssl genpkey makes one")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return "", errors.New("the key cannot sign")
	}
	alg := algorithm(signer.Public())
	if alg == "" {
		return "", fmt.Errorf("the key is not for RS256 (from %d bits), ES256 or EdDSA", minRSA)
	}
	return c.sign(jwt.GetSigningMethod(alg), signer)
}

func (c Claims) sign(method jwt.SigningMethod, key any) (string, error) {
	now := time.Now()
	says := claims{Name: c.Name, Rooms: c.Rooms, RegisteredClaims: jwt.RegisteredClaims{
		Subject: c.Subject, Issuer: c.Issuer, IssuedAt: jwt.NewNumericDate(now),
	}}
	if c.Audience != "" {
		says.Audience = jwt.ClaimStrings{c.Audience}
	}
	if c.Lasts > 0 {
		says.ExpiresAt = jwt.NewNumericDate(now.Add(c.Lasts))
	}
	if _, err := says.identity(); err != nil {
		return "", err
	}
	return jwt.NewWithClaims(method, &says).SignedString(key)
}
