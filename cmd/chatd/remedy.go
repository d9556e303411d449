package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"chatd/rooms/sqlite"
)

// remedy adds to an error of a data directory what to do about it.
func remedy(err error) error {
	for _, r := range []struct {
		cause error
		what  string
	}{
		{sqlite.ErrInUse, "stop that one, or name another directory with --data"},
		{sqlite.ErrNewer, "run that version, or go back to a backup from before it: chatd restore FILE --data NEW-DIR"},
		{sqlite.ErrForeign, "name another directory with --data"},
		{sqlite.ErrDamaged, "keep it for whoever may mend it, and go on from a backup: chatd restore FILE --data NEW-DIR"},
		{sqlite.ErrReadOnly, "make the files this user's (chown -R), or name another directory with --data"},
		{fs.ErrPermission, "this user may not write there: make it this user's (chown -R), or name another place"},
		{syscall.EROFS, "name a place that can be written"},
		{syscall.ENOSPC, "make room, or name another place"},
		{sqlite.ErrFull, "make room, or name another place"},
	} {
		if errors.Is(err, r.cause) {
			return fmt.Errorf("%w\n       → %s", err, r.what)
		}
	}
	return err
}
