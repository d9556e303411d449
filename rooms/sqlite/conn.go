package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// busyTimeout is how long a statement waits for a lock, in milliseconds. Only
// programs beside chatd hold any for long.
const busyTimeout = 10_000

// conn is one connection and its prepared statements. It is used by one
// goroutine at a time.
type conn struct {
	sql        *sql.Conn
	statements map[string]prepared
}

// prepared is a statement that is closed with its connection.
type prepared struct{ *sql.Stmt }

// source is the driver's name for the file at path.
func source(path string, params url.Values) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(abs), RawQuery: params.Encode()}
	return u.String(), nil
}

// role is what a connection is for.
type role struct {
	queryOnly   string // 1: it cannot write
	synchronous string // 2, FULL: a commit is on the disk; 1, NORMAL: it may be lost with the power, in order
	cache       string // negative: KiB
}

var (
	writing   = role{"0", "2", "-16000"}
	reading   = role{"1", "2", "-4000"}
	following = role{"0", "1", "-16000"} // of a file that can be made again
)

// openConns opens n connections to the database at path, each with the
// settings that durability and speed rest on.
func openConns(ctx context.Context, path string, n int, r role) (*sql.DB, []*conn, error) {
	name, err := source(path, nil)
	if err != nil {
		return nil, nil, err
	}
	// SQLite would let everybody read the file that it makes. Those beside it
	// get its mode.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, nil, err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(n)
	var conns []*conn
	for range n {
		c, err := newConn(ctx, db, r)
		if err != nil {
			return nil, nil, errors.Join(err, closeConns(db, conns))
		}
		conns = append(conns, c)
	}
	return db, conns, nil
}

func newConn(ctx context.Context, db *sql.DB, r role) (*conn, error) {
	raw, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{sql: raw, statements: make(map[string]prepared)}
	settings := []struct{ name, value string }{
		{"busy_timeout", fmt.Sprint(busyTimeout)},
		{"journal_mode", "wal"},
		{"synchronous", r.synchronous},
		{"foreign_keys", "1"},
		// Pages. A checkpoint beside the commits was measured: the slowest commits
		// were as slow, for the disk is one, and the log grew to four times the size.
		{"wal_autocheckpoint", "4000"},
		{"cache_size", r.cache},
		{"query_only", r.queryOnly},
	}
	// Drivers' defaults differ and a pragma that fails says nothing: what
	// counts is what the connection answers afterwards.
	for _, s := range settings {
		if err := c.pragma(ctx, s.name, s.value); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

func (c *conn) pragma(ctx context.Context, name, value string) error {
	if _, err := c.sql.ExecContext(ctx, "PRAGMA "+name+"="+value); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	var got string
	if err := c.sql.QueryRowContext(ctx, "PRAGMA "+name).Scan(&got); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if got != value {
		return fmt.Errorf("%s is %s, not %s", name, got, value)
	}
	return nil
}

// prepare returns the statement for query, which it keeps.
func (c *conn) prepare(ctx context.Context, query string) (prepared, error) {
	if stmt, ok := c.statements[query]; ok {
		return stmt, nil
	}
	stmt, err := c.sql.PrepareContext(ctx, query)
	if err != nil {
		return prepared{}, fmt.Errorf("prepare %q: %w", query, err)
	}
	c.statements[query] = prepared{stmt}
	return prepared{stmt}, nil
}

// exec runs query and returns how many rows it changed.
func (c *conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := c.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// get scans the one row of query into dest, and tells whether there was one.
func (c *conn) get(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	stmt, err := c.prepare(ctx, query)
	if err != nil {
		return false, err
	}
	switch err := stmt.QueryRowContext(ctx, args...).Scan(dest...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// each calls scan for every row of query.
func (c *conn) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := c.prepare(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells what went wrong
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (c *conn) close() error {
	var errs []error
	for _, stmt := range c.statements {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, c.sql.Close())...)
}

func closeConns(db *sql.DB, conns []*conn) error {
	var errs []error
	for _, c := range conns {
		errs = append(errs, c.close())
	}
	return errors.Join(append(errs, db.Close())...)
}
