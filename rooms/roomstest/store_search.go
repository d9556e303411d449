package roomstest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"chatd/rooms"
)

// search waits until everything is searchable, and searches.
func (s *fixture) search(q rooms.SearchQuery) rooms.SearchPage {
	s.Helper()
	if q.Limit == 0 {
		q.Limit = 50
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		page, err := s.Search(s.Context(), q)
		if err != nil {
			s.Fatalf("search %q: %v", q.Text, err)
		}
		if page.Behind == 0 {
			return page
		}
		select {
		case <-tick.C:
		case <-s.Context().Done():
			s.Fatalf("%d messages do not become searchable", page.Behind)
		}
	}
}

// finds holds that a search finds exactly these texts, in any order.
func (s *fixture) finds(q rooms.SearchQuery, want ...string) {
	s.Helper()
	var got []string
	for _, m := range s.search(q).Messages {
		got = append(got, m.Text)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("search %+v: %q, want %q", q, got, want)
	}
}

func testSearch(t *testing.T, s *fixture) {
	const (
		deploy   = "Deploying the API at 15:00, deployment notes follow"
		cafe     = "Le CAFÉ est fermé à l'été"
		resume   = "re\u0301sume\u0301 attached" // accents as marks of their own
		shanghai = "我住在上海市浦东新区"
		japanese = "東京タワーへ行きました、コーヒーを飲む"
		korean   = "저는 학교에서 공부합니다"
		thai     = "ฉันรักภาษาไทย"
		mixed    = "我买了iPhone手机"
		party    = "well done 🎉🎉"
		quoted   = `he said "never again" twice`
		wide     = "ＡＢＣ１２３"
	)
	for _, text := range []string{deploy, cafe, resume, shanghai, japanese, korean, thai, mixed, party, quoted, wide} {
		s.post(text)
	}
	for _, test := range []struct {
		text string
		want []string
	}{
		{"api", []string{deploy}},
		{"API deploying", []string{deploy}},
		{"deploy", nil},
		{"deploy*", []string{deploy}},
		{"cafe ete", []string{cafe}},
		{"café", []string{cafe}},
		{"RÉSUMÉ", []string{resume}},
		{"resume", []string{resume}},
		{"上海", []string{shanghai}},
		{"海市", []string{shanghai}},
		{"浦东新区", []string{shanghai}},
		{"上海新区", nil},
		{"上海 新区", []string{shanghai}},
		{"住", []string{shanghai}},
		{"区", []string{shanghai}},
		{"我", []string{shanghai, mixed}},
		{"京タ", []string{japanese}},
		{"コーヒー", []string{japanese}},
		{"行きました", []string{japanese}},
		{"학교", []string{korean}},
		{"공부", []string{korean}},
		{"ภาษา", []string{thai}},
		{"iphone", []string{mixed}},
		{"手机", []string{mixed}},
		{"iPhone手", []string{mixed}},
		{"买了iPhone手机", []string{mixed}},
		{"手机!", []string{mixed}},
		{"🎉", []string{party}},
		{"done 🎉", []string{party}},
		{`"never again"`, []string{quoted}},
		{`"again never"`, nil},
		{"again never", []string{quoted}},
		{"the -deploying", nil},
		{"的", nil},
		{"abc123", []string{wide}},
		{"l'été", []string{cafe}},
		{"15:00", []string{deploy}},
		{"AND", nil},
		{"text:api", nil},
		{"api OR cafe", nil},
		{"tags r1", nil},
		{`api "unclosed`, nil},
		{`api ( ) ^ + * NEAR`, nil},
		{"api (", []string{deploy}},
	} {
		for _, ranked := range []bool{false, true} {
			s.finds(rooms.SearchQuery{Text: test.text, Public: true, Ranked: ranked}, test.want...)
		}
	}
	s.reopen()
	s.finds(rooms.SearchQuery{Text: "手机", Public: true}, mixed)
	for _, text := range []string{"", "  ", "!!", "-api", `""`, "*", "\xff", strings.Repeat("a", rooms.MaxSearch+1)} {
		if _, err := s.Search(t.Context(), rooms.SearchQuery{Text: text, Public: true, Limit: 1}); code(err) != rooms.CodeInvalid {
			t.Errorf("search %q: %v", text, err)
		}
	}
	for _, cursor := range []string{"x", "n", "nx", "n-1", "r1", "n99999999999999999999"} {
		if _, err := s.Search(t.Context(), rooms.SearchQuery{Text: "api", Public: true, Limit: 1, Cursor: cursor}); code(err) != rooms.CodeInvalid {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

func testSearchPages(t *testing.T, s *fixture) {
	s.create("team", rooms.Settings{Visibility: rooms.Private})
	s.create("ops", rooms.Settings{Visibility: rooms.Public})
	start := s.now
	for i := range 30 {
		room, from := []string{rooms.Lobby, "team", "ops"}[i%3], []rooms.Sender{ana, ben}[i%2]
		s.must(rooms.Entry{
			Kind: rooms.EntryPost, Room: room, From: from, At: start.Add(time.Duration(i) * time.Hour),
			Text: fmt.Sprintf("word %d%s", i, strings.Repeat(" filler", i)),
		})
	}
	s.must(rooms.Entry{Kind: rooms.EntryReact, Room: rooms.Lobby, Seq: 10, Emoji: "👍", On: true}) // on number 27
	all := func(q rooms.SearchQuery) (numbers []int, pages int) {
		t.Helper()
		q.Text = "word"
		for {
			page := s.search(q)
			if len(page.Messages) > q.Limit {
				t.Fatalf("%d messages on a page of %d", len(page.Messages), q.Limit)
			}
			list := make([]int, 0, len(page.Messages))
			for _, m := range page.Messages {
				var n int
				if _, err := fmt.Sscanf(m.Text, "word %d", &n); err != nil {
					t.Fatal(err)
				}
				if want, err := s.Message(t.Context(), m.Room, m.Seq, q.Viewer); err != nil || !reflect.DeepEqual(m, want) {
					t.Errorf("found %+v, %v\nwant  %+v", m, err, want)
				}
				list = append(list, n)
			}
			if !q.Ranked {
				slices.Reverse(list)
			}
			numbers = append(numbers, list...)
			pages++
			if page.Next == "" {
				return numbers, pages
			}
			q.Cursor = page.Next
		}
	}
	// Newest first; a ranked search prefers the short ones, the first.
	from := func(keep func(i int) bool) (list []int) {
		for i := 29; i >= 0; i-- {
			if keep(i) {
				list = append(list, i)
			}
		}
		return list
	}
	everywhere := []string{"*"}
	for _, test := range []struct {
		q    rooms.SearchQuery
		keep func(i int) bool
	}{
		{rooms.SearchQuery{Patterns: everywhere}, func(int) bool { return true }},
		{rooms.SearchQuery{Public: true}, func(i int) bool { return i%3 != 1 }},
		{rooms.SearchQuery{Public: true, Room: "ops"}, func(i int) bool { return i%3 == 2 }},
		{rooms.SearchQuery{Public: true, Room: "team"}, func(int) bool { return false }},
		{rooms.SearchQuery{Patterns: []string{"te*"}}, func(i int) bool { return i%3 == 1 }},
		{rooms.SearchQuery{Patterns: []string{"te*"}, Public: true}, func(int) bool { return true }},
		{rooms.SearchQuery{Public: true, Room: "nowhere"}, func(int) bool { return false }},
		{rooms.SearchQuery{Patterns: everywhere, Sender: ben.ID}, func(i int) bool { return i%2 == 1 }},
		{rooms.SearchQuery{Patterns: everywhere, After: start.Add(7 * time.Hour)}, func(i int) bool { return i > 7 }},
		{rooms.SearchQuery{Patterns: everywhere, Before: start.Add(7 * time.Hour)}, func(i int) bool { return i < 7 }},
		{
			rooms.SearchQuery{Public: true, Sender: ana.ID, After: start.Add(4 * time.Hour), Before: start.Add(20 * time.Hour)},
			func(i int) bool { return i > 4 && i < 20 && i%2 == 0 && i%3 != 1 },
		},
	} {
		want := from(test.keep)
		for _, limit := range []int{4, 50} {
			for _, ranked := range []bool{false, true} {
				test.q.Limit, test.q.Ranked, test.q.Viewer = limit, ranked, ana.ID
				got, pages := all(test.q)
				expect := slices.Clone(want)
				if ranked {
					slices.Reverse(expect)
				}
				if !slices.Equal(got, expect) {
					t.Errorf("%+v finds %v\nwant %v", test.q, got, expect)
				}
				if most := max(1, (len(want)+limit-1)/limit); pages > most {
					t.Errorf("%+v needs %d pages for %d messages", test.q, pages, len(want))
				}
			}
		}
	}
}

func testSearchFollows(t *testing.T, s *fixture) {
	s.create("ops", rooms.Settings{Visibility: rooms.Public})
	first := s.must(rooms.Entry{Kind: rooms.EntryPost, Room: "ops", Text: "the secret is out"}).Receipt.Seq
	s.must(rooms.Entry{Kind: rooms.EntryPost, Room: "ops", Text: "what secret"})
	q := rooms.SearchQuery{Text: "secret", Public: true}
	s.finds(q, "the secret is out", "what secret")
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Room: "ops", Seq: first, Text: "the cat is out"})
	s.finds(q, "what secret")
	s.finds(rooms.SearchQuery{Text: "cat", Public: true}, "the cat is out")
	s.must(rooms.Entry{Kind: rooms.EntryDelete, Room: "ops", Seq: 2})
	if page, err := s.Search(t.Context(), rooms.SearchQuery{Text: "secret", Public: true, Limit: 9}); err != nil || len(page.Messages) != 0 {
		t.Errorf("a deleted text is found: %+v, %v", page.Messages, err)
	}
	s.finds(q)
	private := rooms.Private
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Room: "ops", Patch: rooms.RoomPatch{Visibility: &private}})
	s.finds(rooms.SearchQuery{Text: "cat", Public: true})
	s.finds(rooms.SearchQuery{Text: "cat", Patterns: []string{"ops"}}, "the cat is out")
	// Changed while nobody indexed.
	s.stop()
	s.Store = s.open(t, s.dir)
	s.must(rooms.Entry{Kind: rooms.EntryEdit, Room: "ops", Seq: first, Text: "the dog is out"})
	s.post("a lobby dog")
	s.end = func() error { return nil }
	s.reopen()
	s.finds(rooms.SearchQuery{Text: "dog", Patterns: []string{"*"}}, "the dog is out", "a lobby dog")
	s.finds(rooms.SearchQuery{Text: "cat", Patterns: []string{"*"}})
	s.must(rooms.Entry{Kind: rooms.EntryDeleteRoom, Room: "ops"})
	s.finds(rooms.SearchQuery{Text: "dog", Patterns: []string{"*"}}, "a lobby dog")
	s.must(rooms.Entry{Kind: rooms.EntryUpdateRoom, Patch: rooms.RoomPatch{Retention: &rooms.Retention{Count: 1}}})
	s.post("a young dog")
	s.purge(s.now)
	s.finds(rooms.SearchQuery{Text: "dog", Patterns: []string{"*"}}, "a young dog")
}
