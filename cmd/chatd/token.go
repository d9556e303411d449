package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"chatd/handlers/auth"
)

type tokenConfig struct {
	Secret   secret        `flag:"jwt-secret" arg:"SECRET" help:"the secret that the server has too"`
	Key      string        `flag:"jwt-key" arg:"FILE" help:"instead of a secret, a private key (PEM, PKCS #8) for RS256, ES256 or EdDSA; the server has its public key by --jwt-keys"`
	Issuer   string        `flag:"jwt-issuer" arg:"ISSUER" help:"who issues it (iss), where the server asks for that"`
	Audience string        `flag:"jwt-audience" arg:"NAME" help:"whom it is for (aud), where the server asks for that"`
	Name     string        `flag:"name" arg:"NAME" help:"what others see; the subject if there is none"`
	Grant    []string      `flag:"grant" arg:"PATTERN=WORDS" help:"what it may do where, such as ops-*=read+post+moderate; may be given more than once; without it, read and post in public rooms"`
	Lasts    time.Duration `flag:"lasts" arg:"DURATION" default:"24h" help:"how long it is good; 0s is for ever"`
}

// runToken prints a token.
func runToken(_ context.Context, args []string, c console) error {
	var cfg tokenConfig
	rest, err := parse("token", &cfg, args, c, 1, 1)
	if err != nil {
		return err
	}
	if cfg.Secret == "" && cfg.Key == "" {
		return usagef("--jwt-secret (CHATD_JWT_SECRET), the same that the server has, or --jwt-key (CHATD_JWT_KEY): one of them is needed")
	}
	claims := auth.Claims{Subject: rest[0], Name: cfg.Name, Issuer: cfg.Issuer, Audience: cfg.Audience, Lasts: cfg.Lasts}
	for _, grant := range cfg.Grant {
		pattern, words, ok := strings.Cut(grant, "=")
		if !ok {
			return usagef("--grant: %q is not PATTERN=WORDS, such as ops-*=read+post", grant)
		}
		if claims.Rooms == nil {
			claims.Rooms = make(map[string][]string)
		}
		claims.Rooms[pattern] = strings.Split(words, "+")
	}
	token, err := cfg.mint(claims)
	if err != nil {
		return usagef("%v", err)
	}
	fmt.Fprintln(c.out, token)
	return nil
}

func (cfg *tokenConfig) mint(claims auth.Claims) (string, error) {
	if cfg.Key == "" {
		return auth.Mint(string(cfg.Secret), claims)
	}
	private, err := os.ReadFile(cfg.Key)
	if err != nil {
		return "", err
	}
	token, err := auth.MintWith(private, claims)
	if err != nil {
		return "", fmt.Errorf("%s: %w", cfg.Key, err)
	}
	return token, nil
}
