package handlers

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"
)

func TestAReaderIsGivenUpOnlyWhenItTakesNothing(t *testing.T) {
	const size, bite, rest = 32 << 10, 100, 20 * time.Second
	tests := map[string]struct {
		bites int // that the reader takes, with a rest before each
		lasts time.Duration
		slow  bool
	}{
		"takes nothing":           {0, noProgress, true},
		"takes little, and stops": {1, 2 * noProgress, true},
		"takes little, and all":   {328, 328 * rest, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer, ours := net.Pipe()
				defer peer.Close()
				defer ours.Close()
				go func() {
					for range test.bites {
						time.Sleep(rest) // the clock of the bubble
						_, _ = io.CopyN(io.Discard, peer, bite)
					}
				}()
				s := &session{out: newConn(ours)}
				began := time.Now()
				err := s.Write(make([]byte, size))
				if took := time.Since(began); took != test.lasts {
					t.Errorf("it took %v, not %v", took, test.lasts)
				}
				if (err != nil) != test.slow {
					t.Fatalf("the end is %v", err)
				}
				if reason, _ := errors.AsType[*rooms.Error](err); test.slow && (reason == nil || codeClose(reason.Code) != wire.CloseTooSlow) {
					t.Errorf("the end is %v", err)
				}
			})
		})
	}
}

func TestAQuietStreamIsKeptAlive(t *testing.T) {
	for name, test := range map[string]struct {
		framing streamFraming
		says    string
	}{
		"events": {eventStreamFraming{}, ":\n\n:\n\n"},
		"lines":  {linesFraming{}, "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := httptest.NewRecorder()
				ctx, leave := context.WithCancel(t.Context())
				time.AfterFunc(2*heartbeat+time.Second, leave)
				newEventStream(w, test.framing).hold(ctx, time.Time{}, nil)
				if got := w.Body.String(); got != test.says {
					t.Errorf("it said %q, not %q", got, test.says)
				}
			})
		})
	}
}
