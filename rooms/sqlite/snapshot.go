package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Snapshot writes the store, as it is at one moment, to file, which must not
// exist yet, and tells how far the journal was applied then. The search index is
// not part of it. It may take long, and holds up nobody.
func (s *Store) Snapshot(ctx context.Context, file string) (at uint64, err error) {
	db, conns, err := openConns(ctx, s.path, 1, writing)
	if err != nil {
		return 0, err
	}
	_, err = conns[0].sql.ExecContext(ctx, "VACUUM INTO ?", file)
	if err = errors.Join(err, closeConns(db, conns)); err != nil {
		return 0, fmt.Errorf("write snapshot: %w", err)
	}
	if db, conns, err = openConns(ctx, file, 1, reading); err != nil {
		return 0, err
	}
	_, err = conns[0].get(ctx, "SELECT journal FROM state", nil, &at)
	return at, errors.Join(err, closeConns(db, conns))
}

// replacedName is where Replace leaves the database that was there before.
const replacedName = "chatd.db.replaced"

// Replace makes the snapshot in file, which another node of the same cluster
// wrote, the database in dir. The one that was there is kept beside it until
// the next one is replaced.
func Replace(ctx context.Context, dir, file string) (err error) {
	if err := checkVersion(ctx, file); err != nil {
		return err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	path := filepath.Join(dir, FileName)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Rename(path+suffix, filepath.Join(dir, replacedName)+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(file, path)
}
