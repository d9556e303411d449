package rooms_test

import (
	"testing"

	"chatd/rooms"
)

// What is of all rooms is for whoever may manage "*". A pattern that happens to
// match that string is of some rooms.
func TestManagesAll(t *testing.T) {
	for pattern, want := range map[string]bool{"*": true, "?": false, "?*": false, "[*]": false, "ops-*": false} {
		who := rooms.Identity{Base: rooms.All, Grants: []rooms.Grant{{Pattern: pattern, Allow: rooms.Manage}}}
		if got := who.ManagesAll(); got != want {
			t.Errorf("%q: %v", pattern, got)
		}
	}
	if who := (rooms.Identity{Grants: []rooms.Grant{{Pattern: "*", Allow: rooms.Read | rooms.Moderate}}}); who.ManagesAll() {
		t.Error("a moderator of all rooms manages them")
	}
}
