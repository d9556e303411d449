package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks the file as chatd's ("chat" in ASCII), for file(1) and
// against opening somebody else's database.
const applicationID = 0x63686174

// migrationNames lists the migrations; the n-th brings the schema to version n.
// One that databases have seen is never changed: another is added.
func migrationNames() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		var n int
		if _, err := fmt.Sscanf(name, "migrations/%04d_", &n); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
	}
	return names, nil
}

// checkVersion refuses a database that this chatd does not understand, without
// changing a byte of it.
func checkVersion(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	name, err := source(path, url.Values{"mode": {"ro"}})
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // nothing was written
	var id, version, tables int
	err = db.QueryRowContext(ctx, `SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id a, pragma_user_version v`).Scan(&id, &version, &tables)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, known(err))
	}
	names, err := migrationNames()
	if err != nil {
		return err
	}
	if id != applicationID && tables > 0 {
		return fmt.Errorf("%s is %w", path, ErrForeign)
	}
	if version > len(names) {
		return fmt.Errorf("%s was %w: its schema is version %d, this chatd knows %d; nothing was changed",
			path, ErrNewer, version, len(names))
	}
	return nil
}

// migrate brings the schema to the newest version, each step in a transaction
// of its own.
func migrate(ctx context.Context, c *conn) error {
	var version int
	if err := c.sql.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	names, err := migrationNames()
	if err != nil {
		return err
	}
	for i := version; i < len(names); i++ {
		script, err := migrations.ReadFile(names[i])
		if err != nil {
			return err
		}
		script = fmt.Appendf([]byte("BEGIN IMMEDIATE;\n"), "%s\nPRAGMA application_id=%d;\nPRAGMA user_version=%d;\nCOMMIT;",
			script, applicationID, i+1)
		if _, err := c.sql.ExecContext(ctx, string(script)); err != nil {
			_, _ = c.sql.ExecContext(ctx, "ROLLBACK") // fails when the error ended the transaction
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
	}
	return nil
}
