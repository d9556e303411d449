package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
)

// indexName is the search index's file. It may be deleted while nobody has it
// open: it is made again from the messages.
const indexName = "search.db"

// indexVersion changes with the schema below and with what indexed does to a
// text; an index of another version is made again.
const indexVersion = 2

// indexSchema keeps no texts, only where each word is. A message's place is its
// row: newest first is the order of the index itself. Its room and sender are
// words in tags.
const indexSchema = `
CREATE VIRTUAL TABLE texts USING fts5 (text, tags, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
CREATE TABLE state (identity TEXT NOT NULL, row INTEGER NOT NULL, touched INTEGER NOT NULL) STRICT;`

// index is the search index. It follows the messages behind the commits.
type index struct {
	db           *sql.DB
	writer       *conn
	readers      *pool
	row, touched atomic.Int64 // how far it has followed
	pruned       int64        // of the touched, the newest that was removed
}

// progress says how far a database has come, and which one.
type progress struct {
	identity     string
	row, touched int64
}

// openIndex opens the index in dir, and makes a new one if there is none that
// belongs to the database at this progress.
func openIndex(ctx context.Context, dir string, at progress) (*index, error) {
	path := filepath.Join(dir, indexName)
	x, err := openIndexFile(ctx, path, at)
	if err == nil {
		return x, nil
	}
	if !errors.Is(err, errNoIndex) {
		slog.WarnContext(ctx, "the search index is made again", "path", path, "err", err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if err := makeIndexFile(ctx, path, at.identity); err != nil {
		return nil, fmt.Errorf("make search index: %w", err)
	}
	return openIndexFile(ctx, path, at)
}

var errNoIndex = errors.New("there is none yet")

func openIndexFile(ctx context.Context, path string, at progress) (_ *index, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, errNoIndex
	}
	x := new(index)
	defer func() {
		if err != nil {
			err = errors.Join(err, x.close())
		}
	}()
	db, conns, err := openConns(ctx, path, 1, following)
	if err != nil {
		return nil, err
	}
	x.db, x.writer = db, conns[0]
	var version int
	if _, err := x.writer.get(ctx, "PRAGMA user_version", nil, &version); err != nil {
		return nil, err
	}
	if version != indexVersion {
		return nil, fmt.Errorf("it is of version %d", version)
	}
	var have progress
	if _, err := x.writer.get(ctx, "SELECT identity, row, touched FROM state", nil, &have.identity, &have.row, &have.touched); err != nil {
		return nil, err
	}
	if have.identity != at.identity || have.row > at.row || have.touched > at.touched {
		return nil, errors.New("it belongs to another database")
	}
	x.row.Store(have.row)
	x.touched.Store(have.touched)
	x.readers, err = openPool(ctx, path, 2)
	return x, err
}

func makeIndexFile(ctx context.Context, path, identity string) error {
	db, conns, err := openConns(ctx, path, 1, following)
	if err != nil {
		return err
	}
	_, err = conns[0].sql.ExecContext(ctx, fmt.Sprintf("BEGIN; %s INSERT INTO state VALUES ('%s', 0, 0); PRAGMA user_version = %d; COMMIT;",
		indexSchema, identity, indexVersion))
	return errors.Join(err, closeConns(db, conns))
}

func (x *index) close() error {
	var errs []error
	if x.readers != nil {
		errs = append(errs, x.readers.close())
	}
	if x.db != nil {
		errs = append(errs, closeConns(x.db, []*conn{x.writer}))
	}
	return errors.Join(errs...)
}

// Bounds of what is indexed in one transaction.
const (
	feedMessages = 5000
	feedBytes    = 4 << 20
	// pruneAfter is how many touched messages are forgotten at a time.
	pruneAfter = 1000
)

// document is a message as the index has to have it.
type document struct {
	row, number  int64
	sender, text string
	gone         bool
	n            int64 // of touched
}

// feedIndex takes the next messages, and those touched, into the index. It
// tells whether there are more.
func (s *Store) feedIndex(ctx context.Context) (more bool, err error) {
	x := s.index
	at := progress{row: s.row.Load(), touched: x.touched.Load()}
	var fresh, touched []document
	err = s.snapshot(ctx, func(ctx context.Context, c *conn) error {
		var err error
		fresh, more, err = c.documents(ctx, `SELECT row, room, sender, text, deleted, 0 FROM messages
			WHERE row > ? ORDER BY row LIMIT ?`, x.row.Load())
		if err != nil {
			return err
		}
		if more {
			at.row = fresh[len(fresh)-1].row
		}
		var moreTouched bool
		touched, moreTouched, err = c.documents(ctx, `SELECT touched.row, ifnull(room, 0), ifnull(sender, ''), ifnull(text, ''), ifnull(deleted, 1), n
			FROM touched LEFT JOIN messages USING (row) WHERE n > ? ORDER BY n LIMIT ?`, at.touched)
		more = more || moreTouched
		return err
	})
	if err != nil {
		return false, err
	}
	if len(fresh)+len(touched) == 0 {
		x.row.Store(max(x.row.Load(), at.row)) // the rows between were removed before they were seen
		return false, nil
	}
	if len(fresh) > 0 {
		at.row = max(at.row, fresh[len(fresh)-1].row)
	}
	if len(touched) > 0 {
		at.touched = touched[len(touched)-1].n
	}
	if err := x.take(ctx, fresh, touched, at); err != nil {
		return false, err
	}
	x.row.Store(at.row)
	x.touched.Store(at.touched)
	if at.touched-x.pruned >= pruneAfter {
		err = s.pruneTouched(ctx, at.touched)
	}
	return more, err
}

// pruneTouched forgets which messages were touched up to n. Before, what the
// index has made of them must be as durable as the forgetting.
func (s *Store) pruneTouched(ctx context.Context, n int64) error {
	var busy, frames, done int
	if _, err := s.index.writer.get(ctx, "PRAGMA wal_checkpoint(PASSIVE)", nil, &busy, &frames, &done); err != nil || busy != 0 {
		return err
	}
	err := s.write(ctx, func(c *conn) error {
		_, err := c.exec(ctx, "DELETE FROM touched WHERE n <= ?", n)
		return err
	}, func() {})
	if err == nil {
		s.index.pruned = n
	}
	return err
}

var errEnough = errors.New("enough for one transaction")

// documents reads what query selects after a number, and tells whether there
// may be more.
func (c *conn) documents(ctx context.Context, query string, after int64) (list []document, more bool, err error) {
	size := 0
	err = c.each(ctx, query, []any{after, feedMessages}, func(rows *sql.Rows) error {
		var d document
		if err := rows.Scan(&d.row, &d.number, &d.sender, &d.text, &d.gone, &d.n); err != nil {
			return err
		}
		list = append(list, d)
		if size += len(d.text); size > feedBytes {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return list, true, nil
	}
	return list, len(list) == feedMessages, err
}

// take indexes documents, and notes that the index is now at a progress.
func (x *index) take(ctx context.Context, fresh, touched []document, at progress) error {
	c := x.writer
	if _, err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := x.takeAll(ctx, fresh, touched, at)
	if err == nil {
		_, err = c.exec(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = c.exec(ctx, "ROLLBACK") // fails when the error ended the transaction
	}
	return err
}

func (x *index) takeAll(ctx context.Context, fresh, touched []document, at progress) error {
	c := x.writer
	add := func(d *document) error {
		if d.gone {
			return nil
		}
		_, err := c.exec(ctx, "INSERT INTO texts (rowid, text, tags) VALUES (?, ?, ?)",
			d.row, indexed(d.text), roomTag(d.number)+" "+senderTag(d.sender))
		return err
	}
	for i := range fresh {
		if err := add(&fresh[i]); err != nil {
			return err
		}
	}
	// The index takes rows cheaply only in ascending order. Of a row touched
	// twice, both show its newest state.
	slices.SortFunc(touched, func(a, b document) int { return int(a.row - b.row) })
	touched = slices.CompactFunc(touched, func(a, b document) bool { return a.row == b.row })
	for i := range touched {
		d := &touched[i]
		if d.row > at.row {
			continue // comes as it is now when it is its turn
		}
		if _, err := c.exec(ctx, "DELETE FROM texts WHERE rowid = ?", d.row); err != nil {
			return err
		}
		if err := add(d); err != nil {
			return err
		}
	}
	_, err := c.exec(ctx, "UPDATE state SET row = ?, touched = ?", at.row, at.touched)
	return err
}

func roomTag(number int64) string { return fmt.Sprintf("r%d", number) }

// senderTag is a word for a subject. Two subjects may share it.
func senderTag(subject string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(subject)) // never fails
	return fmt.Sprintf("u%x", h.Sum64())
}
