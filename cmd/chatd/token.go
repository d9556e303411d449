package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"chatd/handlers/auth"
)

type tokenConfig struct {
	Secret secret        `flag:"jwt-secret" arg:"SECRET" help:"the secret that the server has too"`
	Name   string        `flag:"name" arg:"NAME" help:"what others see; the subject if there is none"`
	Room   []string      `flag:"room" arg:"PATTERN=WORDS" help:"what it may do where, such as ops-*=read+post+moderate; may be given more than once; without it, read and post in public rooms"`
	Lasts  time.Duration `flag:"lasts" arg:"DURATION" default:"24h" help:"how long it is good; 0s is for ever"`
}

// runToken prints a token.
func runToken(_ context.Context, args []string, c console) error {
	var cfg tokenConfig
	rest, err := parse("token", &cfg, args, c, 1, 1)
	if err != nil {
		return err
	}
	if cfg.Secret == "" {
		return usagef("--jwt-secret (CHATD_JWT_SECRET): is needed, the same that the server has")
	}
	claims := auth.Claims{Subject: rest[0], Name: cfg.Name, Lasts: cfg.Lasts}
	for _, grant := range cfg.Room {
		pattern, words, ok := strings.Cut(grant, "=")
		if !ok {
			return usagef("--room: %q is not PATTERN=WORDS, such as ops-*=read+post", grant)
		}
		if claims.Rooms == nil {
			claims.Rooms = make(map[string][]string)
		}
		claims.Rooms[pattern] = strings.Split(words, "+")
	}
	token, err := auth.Mint(string(cfg.Secret), claims)
	if err != nil {
		return usagef("%v", err)
	}
	fmt.Fprintln(c.out, token)
	return nil
}
