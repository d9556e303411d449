package rooms_test

import (
	"testing"

	"chatd/rooms"
)

func TestRoomIDFromName(t *testing.T) {
	for name, want := range map[string]string{
		"Release party!":      "release-party",
		" -- 2nd  floor -- ":  "2nd-floor",
		"Zürich Büro":         "zurich-buro",
		"Zu\u0308rich":        "zurich",
		"Straße des 17. Juni": "strasse-des-17-juni",
		"ŁÓDŹ":                "lodz",
		"İstanbul":            "istanbul",
		"Hà Nội":              "ha-noi",
		"你好":                  "",
		"Café 你好":             "cafe",
	} {
		if got := rooms.RoomIDFromName(name); got != want {
			t.Errorf("%q becomes %q, not %q", name, got, want)
		}
	}
}
