package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"chatd/handlers/client"
)

// TestBackup takes a backup while members post, and starts another server from
// it: that one has the beginning of each room, whole, and no client resumes
// there as if nothing had been lost.
func TestBackup(t *testing.T) {
	t.Parallel()
	crowd := newCrowd(t)
	crowd.hear(t, 100)
	file, data := filepath.Join(t.TempDir(), "backup.db"), filepath.Join(t.TempDir(), "restored")
	before := make(map[string]int) // what each room surely has
	api := &client.API{URL: crowd.url}
	for _, room := range crowdRooms {
		before[room] = len(wholeRoom(crowd.ctx, t, api, room))
	}
	chatd(t, "backup", file, "--data", filepath.Join(crowd.data, "chatd-data"))
	crowd.hear(t, 100)
	crowd.finish(t)
	crowd.restart(t)

	chatd(t, "restore", file, "--data", data)
	restored := serveProcess(t, "--data", data)
	for _, room := range crowdRooms {
		all := wholeRoom(crowd.ctx, t, api, room)
		part := wholeRoom(crowd.ctx, t, &client.API{URL: restored.URL}, room)
		if len(part) < before[room] || len(part) >= len(all) {
			t.Errorf("%s: the backup has %d messages; there were %d before it, and %d at the end", room, len(part), before[room], len(all))
		}
		for i, m := range part[:min(len(part), len(all))] {
			if m.Seq != all[i].Seq || m.ID != all[i].ID || m.Message != all[i].Message {
				t.Errorf("%s: %d %q was restored where there was %d %q", room, m.Seq, m.Message, all[i].Seq, all[i].Message)
				break
			}
		}
	}
	cursor := crowd.members[0].live.Cursor()
	s := join(crowd.ctx, t, restored.URL, client.Options{Room: crowd.members[0].room, After: cursor})
	if s.Welcome.Recovered {
		t.Errorf("%s resumed into a history that was rolled back", cursor)
	}
}

// chatd runs a command that must go well.
func chatd(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "chatd", args...).CombinedOutput(); err != nil {
		t.Fatalf("chatd %v: %v\n%s", args, err, out)
	}
}
