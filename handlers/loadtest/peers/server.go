package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"chatd/handlers/loadtest"
)

// server is something to play with.
type server struct {
	name     string
	about    string
	envelope loadtest.Envelope
	handler  func(context.Context) (http.Handler, error) // nil is the chatd binary
}

var servers = []server{
	{name: "chatd", about: "this repository's, posts durable in SQLite"},
	{name: "unstored", about: "chatd without the storing of posts", handler: newUnstored},
	{name: "floor", about: "one write() for each frame and socket", handler: plain(&floor{})},
	{name: "classic", about: "gorilla's chat example: goroutine and channel for each client", handler: plain(&classic{})},
	{name: "prepared", about: "the same with PreparedMessage", handler: plain(&classic{prepared: true})},
	{name: "melody", about: "melody 1.1.4, one Melody for each room", handler: plain(&melodies{})},
	{name: "gws", about: "gws 1.8.9, its Broadcaster", handler: plain(newGWS())},
	{name: "centrifuge", about: "centrifuge 0.40.1, broker in memory", envelope: centrifugeEnvelope, handler: centrifugeHandler(0)},
	{name: "centrifuge-5ms", about: "the same with WriteDelay of 5 ms", envelope: centrifugeEnvelope, handler: centrifugeHandler(5 * time.Millisecond)},
}

func plain(h http.Handler) func(context.Context) (http.Handler, error) {
	return func(context.Context) (http.Handler, error) { return h, nil }
}

func centrifugeHandler(delay time.Duration) func(context.Context) (http.Handler, error) {
	return func(context.Context) (http.Handler, error) { return newCentrifuge(delay) }
}

// serve is a peer's process: it prints its address, and serves until it is told
// to end.
func serve(ctx context.Context, name string) error {
	one, err := chosen(servers, name, func(s server) string { return s.name })
	if err != nil {
		return err
	}
	h, err := one[0].handler(ctx)
	if err != nil {
		return err
	}
	if name != "unstored" {
		mux := http.NewServeMux()
		mux.Handle("GET /ws/{room}", h)
		h = mux
	}
	lc := net.ListenConfig{KeepAlive: -1} // as chatd has it
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", ln.Addr())
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// build builds the repository's chatd.
func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, "./cmd/chatd")
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// process is a server that runs.
type process struct {
	cmd *exec.Cmd
	url string
}

// start starts a server's process and waits until it can be reached.
func (s server) start(ctx context.Context, binary, dir string) (*process, error) {
	var args []string
	if s.handler == nil {
		data, err := os.MkdirTemp(dir, "data-")
		if err != nil {
			return nil, err
		}
		args = []string{"serve", "--listen", "127.0.0.1:0", "--data", data}
	} else {
		var err error
		if binary, err = os.Executable(); err != nil {
			return nil, err
		}
		args = []string{"serve", s.name}
	}
	p, err := begin(ctx, binary, args...)
	if err != nil {
		return nil, fmt.Errorf("%s did not start: %w", s.name, err)
	}
	return p, nil
}

// begin starts a process and waits for the first line that has a URL.
func begin(ctx context.Context, binary string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, binary, args...)}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for p.url == "" && lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "http://"); ok {
			host, _, _ := strings.Cut(rest, " ")
			p.url = "http://" + host
		}
	}
	if p.url == "" {
		p.stop()
		return nil, fmt.Errorf("it ended without telling its address: %w", cmp.Or(lines.Err(), io.EOF))
	}
	return p, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// makeRooms makes rooms where the server wants them made.
func (p *process) makeRooms(ctx context.Context, names []string) error {
	for _, id := range names {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/rooms", strings.NewReader(fmt.Sprintf(`{"id":%q,"name":"Peers"}`, id)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		switch res.StatusCode {
		case http.StatusCreated:
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			return nil // a peer: its rooms make themselves
		default:
			return fmt.Errorf("room %s cannot be made: %s", id, res.Status)
		}
	}
	return nil
}
