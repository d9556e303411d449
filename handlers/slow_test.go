package handlers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
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

// Whoever sends somebody out does so for all rooms of the node: it must not wait
// for a reader that takes nothing.
func TestNobodyWaitsForAStreamToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, ours := net.Pipe()
		streams := make(chan *eventStream, 1)
		server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := newEventStream(w, linesFraming{})
			streams <- s
			s.hold(r.Context(), time.Time{}, nil)
		})}
		listener := oneConn{make(chan net.Conn, 1)}
		listener.conns <- ours
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		_, _ = io.WriteString(peer, "GET / HTTP/1.1\r\nHost: chat\r\n\r\n")
		s := <-streams
		began := time.Now()
		s.Close(rooms.Errorf(rooms.CodeKicked, "you were removed from this room"))
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
		// Who reads all the same is told why.
		answer, err := http.ReadResponse(bufio.NewReader(peer), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if told, err := io.ReadAll(answer.Body); err != nil || !bytes.Contains(told, []byte(rooms.CodeKicked)) {
			t.Errorf("the stream ends with %q, %v", told, err)
		}
	})
}

// A stream that is closed says why, over HTTP/2 as well: its deadlines end a
// stream for good.
func TestAStreamOfHTTP2SaysWhyItEnds(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := newEventStream(w, linesFraming{})
		s.Close(rooms.Errorf(rooms.CodeKicked, "you were removed from this room"))
		s.hold(r.Context(), time.Time{}, nil)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if told, err := io.ReadAll(answer.Body); err != nil || answer.ProtoMajor != 2 || !bytes.Contains(told, []byte(rooms.CodeKicked)) {
		t.Errorf("%s: the stream ends with %q, %v", answer.Proto, told, err)
	}
}

// oneConn is a listener of the connections that are put into it.
type oneConn struct{ conns chan net.Conn }

func (l oneConn) Accept() (net.Conn, error) {
	if c, open := <-l.conns; open {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l oneConn) Close() error {
	close(l.conns)
	return nil
}

func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }
