package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Why a data directory or a snapshot cannot be used.
var (
	ErrInUse    = errors.New("in use by another chatd")
	ErrNewer    = errors.New("written by a newer chatd")
	ErrForeign  = errors.New("not chatd's")
	ErrDamaged  = errors.New("damaged")
	ErrReadOnly = errors.New("not to be written by this user")
)

// known adds to an error of SQLite's what it means.
func known(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok || errors.Is(err, ErrDamaged) || errors.Is(err, ErrReadOnly) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}
