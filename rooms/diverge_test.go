package rooms

import (
	"fmt"
	"slices"
	"testing"
)

// What differs is named as closely as the places allow that were compared.
func TestWhereDiffers(t *testing.T) {
	var r Registry
	for at := uint64(1); at <= 5000; at++ {
		r.nodes.trail.add([]Entry{{JournalAt: at, Room: fmt.Sprint("room-", at)}})
	}
	mine := map[uint64]string{4990: "same", 4993: "mine", 4995: "mine"}
	var c claims
	c.add([]Seal{{4995, "theirs"}, {4990, "same"}, {4992, "not known here"}, {4993, "theirs"}})
	c.compare(mine, 4995)
	if c.agrees != 4990 || c.differs != 4993 || len(c.open) != 0 {
		t.Fatalf("what is compared comes to %+v", c)
	}
	where := fmt.Sprint(r.whereDiffers(&c))
	if want := fmt.Sprint([]any{"after", 4990, "upto", 4993, "rooms", []string{"room-4991", "room-4992", "room-4993"}}); where != want {
		t.Errorf("what differs is %s, not %s", where, want)
	}
	if ids, whole := r.nodes.trail.rooms(4000, 5000); !whole || len(ids) != 1000 || !slices.Contains(ids, "room-4001") {
		t.Errorf("of 1000 entries %d rooms are known, all: %t", len(ids), whole)
	}
	if _, whole := r.nodes.trail.rooms(1, 5000); whole {
		t.Error("what was too long ago counts as known")
	}
}
