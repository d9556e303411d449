package sqlite

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"chatd/rooms"
)

func TestIndexed(t *testing.T) {
	for text, want := range map[string]string{
		"":           "",
		"plain Text": "plain Text",
		"in 上海市!":    "in 上海 海市 市",
		"a市b":        "a 市 b",
		"ok👍":        "ok x1f44d",
		"ＡＢ":         "AB",
		"ที่นี่":     "ทน น",
	} {
		if got := strings.Join(strings.Fields(indexed(text)), " "); got != want {
			t.Errorf("%q is indexed as %q, want %q", text, got, want)
		}
	}
}

// FuzzSearch holds that whatever somebody looks for is a valid expression, that
// a text is found by itself, and by any part of a run of dense characters.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{
		"hello world", `"a phrase" b* -c`, "我买了iPhone手机!", "東京タワー", "ที่นี่", "é\u0301", "👍🏽x", `" * ^ ( ) : NEAR AND OR NOT -`,
		"\x00a\x00", "＂ａ＂", "text:a", "a* b", "- - -", "a \U000e9a40b", "ﷺ", "각각",
	} {
		f.Add(seed)
	}
	x, err := openIndex(f.Context(), f.TempDir(), progress{identity: "fuzz", row: 1 << 40})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = x.close() })
	row := int64(0)
	f.Fuzz(func(t *testing.T, text string) {
		find := func(query string) bool {
			expression, err := match(query)
			if err != nil {
				return false
			}
			rows, err := x.find(t.Context(), &finder{expression: expression, above: row - 1, below: row + 1, q: rooms.SearchQuery{Limit: 1}})
			if err != nil {
				t.Fatalf("search %q is %q: %v", query, expression, err)
			}
			return len(rows) == 1
		}
		find(text)
		text = strings.ReplaceAll(text, `"`, " ")
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > rooms.MaxSearch/4 {
			return
		}
		row++
		if err := x.take(t.Context(), []document{{row: row, text: text}}, nil, progress{row: row}); err != nil {
			t.Fatal(err)
		}
		known := func(c rune) bool { return dense(c) || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
		if strings.ContainsFunc(text, known) && !find(`"`+text+`"`) {
			t.Errorf("%q is not found by itself: indexed as %q", text, indexed(text))
		}
		for run := range strings.FieldsFuncSeq(text, func(c rune) bool { return !unicode.Is(unicode.Han, c) || c < 0x3400 || c > 0x9fff }) {
			part := []rune(run)
			for i := range part {
				for j := i + 1; j <= len(part); j++ {
					if !find(string(part[i:j])) {
						t.Fatalf("%q is not found in %q", string(part[i:j]), text)
					}
				}
			}
		}
	})
}

// TestTouchedIsForgotten holds that the list of what the index has to look at
// again does not grow for ever, and is not forgotten before it was looked at.
func TestTouchedIsForgotten(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ana := rooms.Sender{ID: "guest:Ana", Name: "Ana"}
	entries := []rooms.Entry{{Kind: rooms.EntryPost, Room: rooms.Lobby, ID: "p", Message: rooms.KindChat, Text: "first", From: ana}}
	for i := range pruneAfter + 5 {
		entries = append(entries, rooms.Entry{Kind: rooms.EntryEdit, Room: rooms.Lobby, ID: strconv.Itoa(i), Seq: 1, Text: "edit" + strconv.Itoa(i), From: ana})
	}
	left := func() (n int) {
		t.Helper()
		if _, err := s.writer.get(t.Context(), "SELECT count(*) FROM touched", nil, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for len(entries) > 0 {
		n := min(len(entries), pruneAfter/2)
		if _, err := s.Apply(t.Context(), entries[:n]); err != nil {
			t.Fatal(err)
		}
		entries = entries[n:]
		before := left()
		if before == 0 {
			t.Error("forgotten before it was looked at")
		}
		if _, err := s.feedIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := left(); len(entries) == 0 && after != 0 || len(entries) > 0 && after != before {
			t.Errorf("%d of %d are left, with %d entries to come", after, before, len(entries))
		}
	}
	for text, want := range map[string]int{"first": 0, "edit3": 0, "edit" + strconv.Itoa(pruneAfter+4): 1} {
		page, err := s.Search(t.Context(), rooms.SearchQuery{Text: text, Public: true})
		if err != nil || len(page.Messages) != want || page.Behind != 0 {
			t.Errorf("search %q: %+v, %v; want %d", text, page, err, want)
		}
	}
}

// TestIndexIsMadeAgain holds that the index's file is worth nothing: lost,
// damaged or another database's, it is made again.
func TestIndexIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	post := func(s *Store, id string) {
		t.Helper()
		if _, err := s.Apply(t.Context(), []rooms.Entry{{
			Kind: rooms.EntryPost, Room: rooms.Lobby, ID: id, Message: rooms.KindChat, Text: "needle", From: rooms.Sender{ID: "a"},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(t.TempDir())
	for _, spoil := range []func(path string){
		func(string) {},
		func(path string) { remove(t, path) },
		func(path string) {
			write(t, path, []byte("this is no database, and longer than its header has to be to count as one: "+strings.Repeat("x", 200)))
		},
		func(path string) { write(t, path, nil) },
		func(path string) {
			s, err := Open(t.Context(), other)
			if err != nil {
				t.Fatal(err)
			}
			post(s, "elsewhere")
			if _, err := s.feedIndex(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			write(t, path, read(t, filepath.Join(other, indexName)))
		},
	} {
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		post(s, "once")
		if _, err := s.feedIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		spoil(filepath.Join(dir, indexName))
		if s, err = Open(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if _, err := s.feedIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := s.Search(t.Context(), rooms.SearchQuery{Text: "needle", Public: true})
		if err != nil || len(page.Messages) != 1 || page.Behind != 0 {
			t.Errorf("found %+v, %v", page, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
