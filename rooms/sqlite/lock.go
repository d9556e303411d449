package sqlite

import (
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockDir makes this process the only chatd on dir. The lock is the kernel's
// and ends with the process, however that ends; the file stays and means
// nothing. It is a file of its own, so that a backup may read the database.
func lockDir(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, "chatd.lock"), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	if !held {
		return nil, fmt.Errorf("%s is %w", dir, ErrInUse)
	}
	return lock, nil
}
