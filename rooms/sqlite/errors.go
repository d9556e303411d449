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
	ErrFull     = errors.New("no room is left on the disk")
)

// known adds to an error of SQLite's what it means.
func known(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	meaning := error(nil)
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		meaning = ErrDamaged
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		meaning = ErrReadOnly
	case sqlite3.SQLITE_FULL:
		meaning = ErrFull
	}
	if meaning == nil || errors.Is(err, meaning) {
		return err
	}
	return fmt.Errorf("%w: %w", meaning, err)
}
