package client

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"chatd/handlers/wire"
)

func TestVerdict(t *testing.T) {
	const most = 15 * time.Second
	for _, tt := range []struct {
		name        string
		err         error
		tries       int
		least, most time.Duration
		final       bool
	}{
		{name: "lost at first", err: errors.New("reset"), tries: 1, least: 50 * time.Millisecond, most: 100 * time.Millisecond},
		{name: "lost for long", err: errors.New("reset"), tries: 1000, least: most / 2, most: most},
		{name: "restart spreads its clients", err: &Closed{Code: wire.CloseRestart, Reason: "retry in 4"}, tries: 1, least: 50 * time.Millisecond, most: 4 * time.Second},
		{name: "too slow comes back at once", err: &Closed{Code: wire.CloseTooSlow}, tries: 1},
		{name: "too slow again waits", err: &Closed{Code: wire.CloseTooSlow}, tries: 2, least: 100 * time.Millisecond, most: 200 * time.Millisecond},
		{name: "a gap comes back at once", err: fmt.Errorf("%w: 3", errGap), tries: 1},
		{name: "over capacity backs off", err: &Closed{Code: wire.CloseOverCapacity}, tries: 1, least: 400 * time.Millisecond, most: 800 * time.Millisecond},
		{name: "forbidden is final", err: &Closed{Code: wire.CloseForbidden}, tries: 1, final: true},
		{name: "kicked is final", err: &Closed{Code: wire.CloseKicked}, tries: 1, final: true},
		{name: "no such room is final", err: &Error{Status: http.StatusNotFound, Code: "room_not_found"}, tries: 1, final: true},
		{name: "unavailable waits as told", err: &Error{Status: 503, RetryAfter: 20 * time.Second}, tries: 1, least: 20 * time.Second, most: 20 * time.Second},
		{name: "a proxy's bad gateway is no reason to stop", err: &Error{Status: 502}, tries: 1, least: 50 * time.Millisecond, most: 100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 100 {
				wait, final := verdict(tt.err, tt.tries, most)
				if final != tt.final || wait < tt.least || wait > tt.most {
					t.Fatalf("wait %v, final %t; want %v to %v, %t", wait, final, tt.least, tt.most, tt.final)
				}
			}
		})
	}
}

// A URL that is none is said at once, not tried for ever.
func TestNoURLIsFinal(t *testing.T) {
	for _, base := range []string{"", "localhost:8080", "127.0.0.1:8080", "ftp://x"} {
		if err := NewRoom(base, Options{}).Run(t.Context(), func(Event) {}); !errors.Is(err, errNoURL) {
			t.Errorf("following %q ended with %v", base, err)
		}
	}
}

func TestSpreadOf(t *testing.T) {
	for reason, want := range map[string]time.Duration{
		"":                           0,
		"going away":                 0,
		"retry in 5":                 5 * time.Second,
		"restart, come back in 2.5s": 2500 * time.Millisecond,
		"retry in 99999999999":       time.Minute,
	} {
		if got := spreadOf(reason); got != want {
			t.Errorf("spreadOf(%q) is %v, want %v", reason, got, want)
		}
	}
}

func TestAdvance(t *testing.T) {
	for _, tt := range []struct {
		name            string
		cursor          uint64
		rev, prev, then uint64
		past, gap       bool
	}{
		{name: "the next one", cursor: 4, rev: 5, prev: 4, then: 5},
		{name: "one that overtook others", cursor: 4, rev: 9, prev: 4, then: 9},
		{name: "one that overlaps", cursor: 4, rev: 9, prev: 2, then: 9},
		{name: "a repeat", cursor: 4, rev: 4, prev: 3, then: 4, past: true},
		{name: "a hole", cursor: 4, rev: 6, prev: 5, then: 4, gap: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRoom("http://localhost", Options{After: fmt.Sprintf("e:%d", tt.cursor)})
			past, err := r.advance(tt.rev, tt.prev)
			if past != tt.past || errors.Is(err, errGap) != tt.gap {
				t.Errorf("past %t, error %v; want past %t, gap %t", past, err, tt.past, tt.gap)
			}
			if got, want := r.Cursor(), fmt.Sprintf("e:%d", tt.then); got != want {
				t.Errorf("the cursor is %s, want %s", got, want)
			}
		})
	}
}
