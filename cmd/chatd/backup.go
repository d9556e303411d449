package main

import (
	"context"
	"fmt"

	"chatd/rooms/sqlite"
)

type dataConfig struct {
	Data string `flag:"data" arg:"DIR" default:"./chatd-data" help:"directory of the database"`
}

// runBackup writes a snapshot of the database, whether it is in use or not.
func runBackup(ctx context.Context, args []string, c console) error {
	var cfg dataConfig
	rest, err := parse("backup", &cfg, args, c, 1, 1)
	if err != nil {
		return err
	}
	if err := sqlite.Backup(ctx, cfg.Data, rest[0]); err != nil {
		return remedy(err)
	}
	fmt.Fprintf(c.out, "%s holds what was acknowledged up to now; restore it with: chatd restore %s --data NEW-DIR\n", rest[0], rest[0])
	return nil
}

// runRestore begins a data directory with a snapshot.
func runRestore(ctx context.Context, args []string, c console) error {
	var cfg dataConfig
	rest, err := parse("restore", &cfg, args, c, 1, 1)
	if err != nil {
		return err
	}
	if err := sqlite.Restore(ctx, rest[0], cfg.Data); err != nil {
		return remedy(err)
	}
	fmt.Fprintf(c.out, "restored to %s; start it with: chatd serve --data %s\n", cfg.Data, cfg.Data)
	return nil
}
