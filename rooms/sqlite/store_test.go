package sqlite_test

import (
	"testing"

	"chatd/rooms"
	"chatd/rooms/roomstest"
	"chatd/rooms/sqlite"
)

func open(t testing.TB, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func TestStore(t *testing.T) {
	roomstest.TestStore(t, func(t *testing.T, dir string) rooms.Store { return open(t, dir) })
}

func TestStoreModel(t *testing.T) {
	roomstest.TestStoreModel(t, func(t *testing.T, dir string) rooms.Store { return open(t, dir) })
}
