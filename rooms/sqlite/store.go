package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"

	"chatd/rooms"
)

// FileName is the database's name in its data directory.
const FileName = "chatd.db"

// Store is a [rooms.Store] on one data directory. Make it with [Open].
type Store struct {
	path string
	lock *flock.Flock

	// writing is held for a transaction that writes.
	writing  sync.Mutex
	writerDB *sql.DB
	writer   *conn

	readers *pool
	index   *index

	// mu guards the rooms and the seals, which only Apply changes, after its
	// commit.
	mu    sync.RWMutex
	seals seals
	rooms map[string]*room
	ids   []string // of rooms, sorted

	identity string
	row      atomic.Int64 // of the newest message
	touched  atomic.Int64 // the newest n of that table

	// Each holds a value when there may be work.
	buried, unindexed chan struct{}

	withoutLobby bool
}

var _ rooms.Store = (*Store)(nil)

// room is a room and its number in the tables. One that a map holds is never
// changed, but replaced.
type room struct {
	number int64
	rooms.Room
	sanctions *rooms.Sanctions
	webhooks  []rooms.Webhook // ascending by ID
}

// Option changes how a store is opened.
type Option func(*Store)

// WithoutLobby leaves it to the journal to make the lobby: the nodes of a
// cluster must agree on one, and each making its own would not.
func WithoutLobby() Option { return func(s *Store) { s.withoutLobby = true } }

// Open opens the store in dir, making the directory and the database if there
// are none. It fails with ErrInUse, ErrNewer, ErrForeign, ErrDamaged, ErrReadOnly
// or ErrFull when that is why.
func Open(ctx context.Context, dir string, options ...Option) (_ *Store, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, buried: make(chan struct{}, 1), unindexed: make(chan struct{}, 1)}
	for _, option := range options {
		option(s)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open store: %w", known(err)), s.Close())
		}
	}()
	path := filepath.Join(dir, FileName)
	s.path = path
	if err := checkVersion(ctx, path); err != nil {
		return nil, err
	}
	var conns []*conn
	if s.writerDB, conns, err = openConns(ctx, path, 1, writing); err != nil {
		return nil, err
	}
	s.writer = conns[0]
	if err := migrate(ctx, s.writer); err != nil {
		return nil, err
	}
	// SQLite opens a file that it may not write as one to read, and says nothing.
	if _, err := s.writer.sql.ExecContext(ctx, "BEGIN IMMEDIATE; PRAGMA user_version=0; ROLLBACK"); err != nil {
		return nil, fmt.Errorf("write to %s: %w", path, err)
	}
	// Few readers: more would only take the writer's share of the processors.
	if s.readers, err = openPool(ctx, path, max(2, min(8, runtime.GOMAXPROCS(0)/2))); err != nil {
		return nil, err
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	if s.index, err = openIndex(ctx, dir, progress{s.identity, s.row.Load(), s.touched.Load()}); err != nil {
		return nil, err
	}
	if s.withoutLobby {
		return s, nil
	}
	return s, s.makeLobby(ctx)
}

// load reads the rooms, with their heads, into memory.
func (s *Store) load(ctx context.Context) error {
	s.rooms = make(map[string]*room)
	byNumber := make(map[int64]*room)
	err := s.writer.each(ctx, `SELECT `+roomColumns+`, max(head, rev,
			ifnull((SELECT max(seq) FROM messages WHERE room = number), 0),
			ifnull((SELECT max(rev) FROM messages WHERE room = number AND rev <> seq), 0))
		FROM rooms ORDER BY id`, nil, func(rows *sql.Rows) error {
		r := new(room)
		var head uint64
		if err := scanRoom(rows, r, &head); err != nil {
			return err
		}
		r.Head = head
		s.rooms[r.ID] = r
		byNumber[r.number] = r
		s.ids = append(s.ids, r.ID)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load rooms: %w", err)
	}
	if err := s.loadSanctions(ctx, byNumber); err != nil {
		return fmt.Errorf("load sanctions: %w", err)
	}
	if err := s.loadWebhooks(ctx, byNumber); err != nil {
		return fmt.Errorf("load webhooks: %w", err)
	}
	var journal uint64
	var row, touched int64
	if _, err := s.writer.get(ctx, `SELECT identity, journal, seal, max(row, ifnull((SELECT max(row) FROM messages), 0)),
			ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'touched'), 0) FROM state`,
		nil, &s.identity, &journal, &s.seals.newest.Sum, &row, &touched); err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	s.touched.Store(touched)
	s.seals.newest.At = journal
	s.row.Store(row)
	return nil
}

// makeLobby makes the room that always exists, once.
func (s *Store) makeLobby(ctx context.Context) error {
	if _, ok := s.rooms[rooms.Lobby]; ok {
		return nil
	}
	outcomes, err := s.Apply(ctx, []rooms.Entry{rooms.NewLobby()})
	if err != nil {
		return err
	}
	return outcomes[0].Err
}

// Close implements [rooms.Store].
func (s *Store) Close() error {
	var errs []error
	if s.index != nil {
		errs = append(errs, s.index.close())
	}
	if s.readers != nil {
		errs = append(errs, s.readers.close())
	}
	if s.writerDB != nil {
		errs = append(errs, closeConns(s.writerDB, []*conn{s.writer}))
	}
	return errors.Join(append(errs, s.lock.Unlock())...)
}

// JournalAt implements [rooms.Store].
func (s *Store) JournalAt() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.seals.newest.At
}

// find returns a committed room.
func (s *Store) find(id string) (*room, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r, ok := s.rooms[id]; ok {
		return r, nil
	}
	return nil, noRoom(id)
}

func noRoom(id string) *rooms.Error {
	return rooms.Errorf(rooms.CodeRoomNotFound, "there is no room %q", id)
}

// commit makes what a committed batch did visible. A room that is nil is a
// deleted one.
func (s *Store) commit(touched map[string]*room, newest rooms.Seal, round []rooms.Seal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seals.add(newest, round)
	for id, r := range touched {
		i, known := slices.BinarySearch(s.ids, id)
		switch {
		case r == nil && known:
			delete(s.rooms, id)
			s.ids = slices.Delete(s.ids, i, i+1)
		case r != nil:
			s.rooms[id] = r
			if !known {
				s.ids = slices.Insert(s.ids, i, id)
			}
		}
	}
}
