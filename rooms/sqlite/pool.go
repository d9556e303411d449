package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// pool is a fixed number of connections that read.
type pool struct {
	db   *sql.DB
	idle chan *conn
}

func openPool(ctx context.Context, path string, n int) (*pool, error) {
	db, conns, err := openConns(ctx, path, n, reading)
	if err != nil {
		return nil, err
	}
	p := &pool{db: db, idle: make(chan *conn, n)}
	for _, c := range conns {
		p.idle <- c
	}
	return p, nil
}

// use calls read with a connection, as soon as one is idle.
func (p *pool) use(ctx context.Context, read func(*conn) error) error {
	var c *conn
	select {
	case c = <-p.idle:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { p.idle <- c }()
	return read(c)
}

// close waits until all connections are idle.
func (p *pool) close() error {
	var conns []*conn
	for range cap(p.idle) {
		conns = append(conns, <-p.idle)
	}
	return closeConns(p.db, conns)
}

// snapshot calls read with a connection that sees one state of the database
// from the first statement to the last. read must be short.
func (s *Store) snapshot(ctx context.Context, read func(ctx context.Context, c *conn) error) error {
	return s.readers.use(ctx, func(c *conn) error {
		// A page is read faster than a reading can be called off.
		ctx := context.WithoutCancel(ctx)
		if _, err := c.exec(ctx, "BEGIN"); err != nil {
			return err
		}
		err := read(ctx, c)
		_, end := c.exec(ctx, "ROLLBACK") // nothing was written
		return errors.Join(err, end)
	})
}
