package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes a snapshot of the database in dir to file, which must not exist
// yet. The database may be in use, by this process or another: the snapshot is
// one committed state. Once Backup returns, the file is whole and durable. The
// search index is not part of it.
func Backup(ctx context.Context, dir, file string) error {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database to back up: %w", err)
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists already", file)
	}
	if err := checkVersion(ctx, path); err != nil {
		return err
	}
	return produce(file, func(temporary string) error {
		db, conns, err := openConns(ctx, path, 1, writing)
		if err != nil {
			return err
		}
		_, err = conns[0].sql.ExecContext(ctx, "VACUUM INTO ?", temporary)
		if err != nil {
			err = fmt.Errorf("write %s: %w", file, known(err))
		}
		return errors.Join(err, closeConns(db, conns))
	})
}

// Restore begins a data directory with the snapshot in file. dir must not hold
// a database. Every room gets a new epoch: what happened after the snapshot is
// lost, and a client that saw it must not resume as if it were not.
func Restore(ctx context.Context, file, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	path := filepath.Join(dir, FileName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already: move it away, or name another directory", path)
	}
	if _, err := os.Stat(file); err != nil {
		return err
	}
	if err := checkVersion(ctx, file); err != nil {
		return err
	}
	// What an older database left behind would be taken for this one's.
	for _, name := range []string{path + "-wal", path + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return produce(path, func(temporary string) error {
		if err := copyFile(temporary, file); err != nil {
			return err
		}
		return renew(ctx, temporary)
	})
}

// renew makes a copied database one of its own.
func renew(ctx context.Context, path string) (err error) {
	db, conns, err := openConns(ctx, path, 1, writing)
	if err != nil {
		return err
	}
	c := conns[0]
	defer func() { err = errors.Join(err, closeConns(db, conns)) }()
	var health string
	var id int
	if err := c.sql.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&health); err != nil {
		return err
	}
	if health != "ok" {
		return fmt.Errorf("the snapshot is %w: %s", ErrDamaged, health)
	}
	if err := c.sql.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return fmt.Errorf("the snapshot is %w", ErrForeign)
	}
	if err := migrate(ctx, c); err != nil {
		return err
	}
	_, err = c.sql.ExecContext(ctx, `BEGIN;
		UPDATE rooms SET epoch = lower(hex(randomblob(10)));
		UPDATE state SET identity = lower(hex(randomblob(16))), journal = 0, seal = '';
		COMMIT;`)
	return err
}

// produce has make write a file beside the one at path, and gives it that name
// when it is whole and durable. Nothing stays of one that fails.
func produce(path string, make func(temporary string) error) (err error) {
	// Only its owner reads what people said.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	temporary := f.Name()
	defer func() {
		if err != nil {
			for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
				_ = os.Remove(temporary + suffix) // most are not there
			}
		}
	}()
	if err := f.Close(); err != nil {
		return err
	}
	if err := make(temporary); err != nil {
		return err
	}
	if err := syncFile(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
