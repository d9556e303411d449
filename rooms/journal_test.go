package rooms_test

import (
	"testing"

	"chatd/rooms"
	"chatd/rooms/roomstest"
)

func TestLocalJournal(t *testing.T) {
	roomstest.TestJournal(t, roomstest.Journals{
		New: func(*testing.T) rooms.Journal { return rooms.NewLocalJournal() },
	})
}
