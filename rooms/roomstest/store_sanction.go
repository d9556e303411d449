package roomstest

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"chatd/rooms"
)

var (
	mod   = rooms.Sender{ID: "mod", Name: "Mod"}
	chief = rooms.Sender{ID: "chief", Name: "Chief"}
)

// by makes e a moderator's, or a manager's.
func by(who rooms.Sender, e rooms.Entry) rooms.Entry {
	e.From, e.Moderator, e.Manager = who, true, who == chief
	return e
}

func (s *fixture) ban(who rooms.Sender, until time.Time) rooms.Sanction {
	s.Helper()
	o := s.must(by(mod, rooms.Entry{Kind: rooms.EntryBan, Sanction: &rooms.Sanction{Kind: rooms.Ban, Who: who, Until: until, Reason: "spam"}}))
	if o.Change != nil || o.Receipt.Rev != 0 || o.Receipt.Sanction == nil {
		s.Fatalf("a ban came to %+v", o)
	}
	return *o.Receipt.Sanction
}

func (s *fixture) banned(who rooms.Sender, network string, rank rooms.Rank) bool {
	var n netip.Prefix
	if network != "" {
		n = netip.MustParsePrefix(network)
	}
	return s.Sanctions(rooms.Lobby).Holding(rooms.Ban, who.ID, n, rank, s.now) != nil
}

func testBans(t *testing.T, s *fixture) {
	head := s.head(rooms.Lobby)
	first := s.ban(ben, time.Time{})
	if first.By != mod || first.At.IsZero() || first.Manager || s.head(rooms.Lobby) != head {
		t.Errorf("the ban is %+v, and the head moved from %d to %d", first, head, s.head(rooms.Lobby))
	}
	if !s.banned(ben, "", rooms.RankMember) || s.banned(ben, "", rooms.RankModerator) || s.banned(ana, "", rooms.RankMember) {
		t.Error("a ban holds its subject, if that is no moderator, and nobody else")
	}

	// The next one of the same takes its place, unless a higher rank laid it.
	second := s.ban(ben, s.now.Add(time.Hour))
	if list := s.Sanctions(rooms.Lobby).List(); len(list) != 1 || list[0].ID != second.ID || second.ID <= first.ID {
		t.Errorf("after two bans of one there are %+v", list)
	}
	s.refused(rooms.CodeNoSanction, by(mod, rooms.Entry{Kind: rooms.EntryLift, Sanction: &rooms.Sanction{ID: first.ID, Kind: rooms.Ban}}))
	s.refused(rooms.CodeNoSanction, by(mod, rooms.Entry{Kind: rooms.EntryLift, Sanction: &rooms.Sanction{ID: second.ID, Kind: rooms.Mute}}))
	third := s.must(by(chief, rooms.Entry{Kind: rooms.EntryBan, Sanction: &rooms.Sanction{Kind: rooms.Ban, Who: ben}})).Receipt.Sanction
	if !s.banned(ben, "", rooms.RankModerator) || s.banned(ben, "", rooms.RankManager) {
		t.Error("a manager's ban holds moderators, and no manager")
	}
	s.refused(rooms.CodeForbidden, by(mod, rooms.Entry{Kind: rooms.EntryBan, Sanction: &rooms.Sanction{Kind: rooms.Ban, Who: ben}}))
	s.refused(rooms.CodeForbidden, by(mod, rooms.Entry{Kind: rooms.EntryLift, Sanction: &rooms.Sanction{ID: third.ID, Kind: rooms.Ban}}))

	// Networks, of a ban or alone.
	s.must(rooms.Entry{Kind: rooms.EntryTrace, Sanction: &rooms.Sanction{ID: third.ID, Networks: []string{"203.0.113.7/32"}}})
	s.must(by(mod, rooms.Entry{Kind: rooms.EntryBan, Sanction: &rooms.Sanction{Kind: rooms.Ban, Networks: []string{"2001:db8::/32"}}}))
	check := func() {
		s.Helper()
		for network, want := range map[string]bool{
			"203.0.113.7/32": true, "203.0.113.8/32": false, "2001:db8:1:2::/64": true, "2001:db9::/64": false,
		} {
			if s.banned(ana, network, rooms.RankMember) != want {
				t.Errorf("from %s, banned is not %t", network, want)
			}
		}
	}
	check()
	s.reopen()
	check()
	if list := s.Sanctions(rooms.Lobby).List(); len(list) != 2 || list[0].Until != third.Until || !slices.Equal(list[0].Networks, []string{"203.0.113.7/32"}) || list[0].At != third.At {
		t.Errorf("opened anew, the bans are %+v", list)
	}

	// The same entry once more is no other ban, and lifting it twice neither.
	e := by(chief, rooms.Entry{Kind: rooms.EntryLift, ID: "lift", Sanction: &rooms.Sanction{ID: third.ID, Kind: rooms.Ban}})
	if got := s.must(e).Receipt; got.Sanction == nil || got.Sanction.ID != third.ID || got.Duplicate {
		t.Errorf("lifting answers %+v", got)
	}
	if got := s.must(e).Receipt; !got.Duplicate {
		t.Errorf("lifting again answers %+v", got)
	}
	if s.banned(ben, "203.0.113.7/32", rooms.RankMember) {
		t.Error("a ban that was lifted holds")
	}
	again := by(mod, rooms.Entry{Kind: rooms.EntryBan, ID: "ban", Sanction: &rooms.Sanction{Kind: rooms.Ban, Who: ben, Until: s.now.Add(time.Minute)}})
	one, two := s.must(again).Receipt, s.must(again).Receipt
	if !two.Duplicate || one.Sanction.ID != two.Sanction.ID {
		t.Errorf("the same ban twice answers %+v and %+v", one, two)
	}

	// What has ended holds nobody, and is gone with the next ban.
	s.now = s.now.Add(2 * time.Minute)
	if s.banned(ben, "", rooms.RankMember) {
		t.Error("a ban that has ended holds")
	}
	s.ban(ana, time.Time{})
	if list := s.Sanctions(rooms.Lobby).List(); len(list) != 2 {
		t.Errorf("what has ended is still there: %+v", list)
	}
}

func testMutes(t *testing.T, s *fixture) {
	seq := s.post("before").Receipt.Seq
	until := s.now.Add(time.Minute)
	s.must(by(mod, rooms.Entry{Kind: rooms.EntryMute, Sanction: &rooms.Sanction{Kind: rooms.Mute, Who: ana, Until: until}}))
	refusal := s.refused(rooms.CodeMuted, rooms.Entry{Kind: rooms.EntryPost, Text: "after", At: until.Add(-time.Second)})
	if !refusal.Until.Equal(until) || refusal.RetryAfter != time.Second {
		t.Errorf("refused until %v and for %v, a second before the mute ends at %v", refusal.Until, refusal.RetryAfter, until)
	}
	s.refused(rooms.CodeMuted, rooms.Entry{Kind: rooms.EntryEdit, Seq: seq, Text: "after"})
	s.refused(rooms.CodeMuted, rooms.Entry{Kind: rooms.EntryReact, Seq: seq, Emoji: "👍", On: true})
	s.must(rooms.Entry{Kind: rooms.EntryPost, Text: "as a moderator", Moderator: true})
	s.must(rooms.Entry{Kind: rooms.EntryPost, Text: "others", From: ben})
	if s.banned(ana, "", rooms.RankMember) {
		t.Error("a mute keeps out")
	}
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: seq})
	s.must(rooms.Entry{Kind: rooms.EntryPost, Text: "later", At: until})

	s.must(by(chief, rooms.Entry{Kind: rooms.EntryMute, Sanction: &rooms.Sanction{Kind: rooms.Mute, Who: ana}}))
	if r := s.refused(rooms.CodeMuted, rooms.Entry{Kind: rooms.EntryPost, Text: "x", Moderator: true}); r.RetryAfter != 0 {
		t.Errorf("a mute without an end is to be over in %v", r.RetryAfter)
	}
}

func testClear(t *testing.T, s *fixture) {
	var seqs []uint64
	for range 5 {
		seqs = append(seqs, s.post("spam").Receipt.Seq)
	}
	other := s.must(rooms.Entry{Kind: rooms.EntryPost, Text: "ham", From: ben}).Receipt.Seq
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: seqs[1]})
	written, err := s.Written(s.Context(), rooms.Lobby, ana.ID, seqs[0], seqs[4])
	if want := []uint64{seqs[0], seqs[2], seqs[3]}; err != nil || !slices.Equal(written, want) {
		t.Errorf("written is %v, %v; want %v", written, err, want)
	}

	head := s.head(rooms.Lobby)
	e := by(mod, rooms.Entry{Kind: rooms.EntryClear, ID: "clear", Sanction: &rooms.Sanction{Who: rooms.Sender{ID: ana.ID}}, Seqs: append(seqs, other, 99_999)})
	o := s.must(e)
	changes := append([]*rooms.Change{o.Change}, o.More...)
	if len(changes) != 4 || s.head(rooms.Lobby) != head+4 {
		t.Fatalf("clearing four made %d changes, and the head %d of %d", len(changes), s.head(rooms.Lobby), head)
	}
	for i, c := range changes {
		if c.Kind != rooms.ChangeDelete || c.Rev != head+1+uint64(i) || c.Message.Rev != c.Rev || !c.Message.Deleted || c.Message.Text != "" || c.By != mod {
			t.Errorf("change %d is %+v of %+v", i, c, c.Message)
		}
	}
	if m := s.message(other, ""); m.Deleted {
		t.Error("somebody else's message is deleted")
	}
	if o := s.must(e); !o.Receipt.Duplicate || o.Change != nil {
		t.Errorf("the same again came to %+v", o)
	}
}

func testAudit(t *testing.T, s *fixture) {
	seq := s.post("x").Receipt.Seq
	s.must(by(mod, rooms.Entry{Kind: rooms.EntryDelete, Seq: seq}))
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Seq: s.post("my own").Receipt.Seq})
	s.must(by(mod, rooms.Entry{Kind: rooms.EntryKick, Sanction: &rooms.Sanction{Kind: rooms.Kick, Who: ben, Reason: "enough"}}))
	until := s.now.Add(time.Hour)
	ban := s.ban(ben, until)
	s.must(by(mod, rooms.Entry{Kind: rooms.EntryLift, Sanction: &rooms.Sanction{ID: ban.ID, Kind: rooms.Ban}}))
	topic := "news"
	s.must(by(chief, rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Topic: &topic}}))
	s.must(by(chief, rooms.Entry{Kind: rooms.EntryCreateRoom, Room: "ops", Epoch: "e", Create: rooms.Settings{Name: "Ops"}}))
	s.must(by(chief, rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"}))
	s.reopen()

	list, err := s.Audit(s.Context(), rooms.AuditQuery{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	want := []rooms.AuditRecord{
		{Room: "ops", By: chief, Action: rooms.ActionDeleteRoom},
		{Room: "ops", By: chief, Action: rooms.ActionCreateRoom},
		{Room: rooms.Lobby, By: chief, Action: rooms.ActionUpdateRoom, Detail: "topic=news"},
		{Room: rooms.Lobby, By: mod, Action: rooms.ActionUnban, Who: ben},
		{Room: rooms.Lobby, By: mod, Action: rooms.ActionBan, Who: ben, Until: until, Reason: "spam"},
		{Room: rooms.Lobby, By: mod, Action: rooms.ActionKick, Who: ben, Reason: "enough"},
		{Room: rooms.Lobby, By: mod, Action: rooms.ActionDelete, Who: ana, Seq: seq},
	}
	if len(list) != len(want) {
		t.Fatalf("%d records, want %d: %+v", len(list), len(want), list)
	}
	for i, got := range list {
		if got.At.IsZero() || i > 0 && got.N >= list[i-1].N {
			t.Errorf("record %d is of %v, number %d", i, got.At, got.N)
		}
		n := got.N
		got.N, got.At = 0, time.Time{}
		if got != want[i] {
			t.Errorf("record %d is %+v, want %+v", n, got, want[i])
		}
	}
	page, err := s.Audit(s.Context(), rooms.AuditQuery{Room: rooms.Lobby, Before: list[3].N, Limit: 2})
	if err != nil || len(page) != 2 || page[0] != list[4] || page[1] != list[5] {
		t.Errorf("a page is %+v, %v", page, err)
	}
}
