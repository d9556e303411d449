package rooms_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"chatd/rooms"
)

// Mentions are names as they are compared, each once, and found in the text.
func FuzzMentions(f *testing.F) {
	for _, seed := range []string{"@Ana hello", "a@b.c @Ben, @ben.", "@你好，@李_雷", "@@@", strings.Repeat("@x ", 100), "@\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		seen := make(map[string]bool)
		for _, name := range rooms.Mentions(text) {
			if name == "" || seen[name] || name != rooms.FoldName(name) {
				t.Fatalf("%q mentions %q", text, name)
			}
			seen[name] = true
		}
		if len(seen) > rooms.MaxMentions {
			t.Fatalf("%d mentions", len(seen))
		}
	})
}

// An id made of a name is a valid one, or none.
func FuzzRoomIDFromName(f *testing.F) {
	for _, seed := range []string{"Release party!", "你好", "---", strings.Repeat("ab ", 50), "İstanbul", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if id := rooms.RoomIDFromName(name); id != "" && !rooms.ValidRoomID(id) {
			t.Fatalf("%q becomes %q", name, id)
		}
		if rooms.ValidLine(name, rooms.MaxRoomName) && (!utf8.ValidString(name) || strings.ContainsAny(name, "\n\r\x00\u202e\u2028")) {
			t.Fatalf("%q is taken for a line", name)
		}
	})
}
