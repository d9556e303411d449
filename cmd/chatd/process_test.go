package main

import (
	"bufio"
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this binary answer to the name chatd as well: tests and
// scripts run the real command as a process of its own. Most of the tests wait,
// for an election or a browser, so that more of them run at once than there are
// processors.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(tests{m}, map[string]func(){"chatd": main})
}

// tests are those of this package, and what they share.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer func() { endTheBrowser() }()
	return t.M.Run()
}

// process is a chatd that serves.
type process struct {
	URL string

	cmd    *exec.Cmd
	ended  chan struct{} // closed when it has ended
	err    error         // set before
	mu     sync.Mutex
	stderr []byte
}

var readyLine = regexp.MustCompile(`^  chat +(https?://\S+)`)

// startProcess runs chatd with args and waits until it says that it is ready.
// It returns an error when the process ends before that.
func startProcess(ctx context.Context, dir string, env []string, args ...string) (*process, error) {
	return startCommand(ctx, dir, env, append([]string{"chatd"}, args...)...)
}

// startCommand is startProcess for a command line that ends in chatd's.
func startCommand(ctx context.Context, dir string, env []string, line ...string) (*process, error) {
	p := &process{cmd: exec.Command(line[0], line[1:]...), ended: make(chan struct{})} //nolint:noctx // it is ended by signals, which is what is tested
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stderr = p
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m[1]
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		p.err = p.cmd.Wait()
	}()
	select {
	case p.URL = <-ready:
		return p, nil
	case <-p.ended:
		return p, p.err
	case <-ctx.Done():
		p.kill()
		return p, context.Cause(ctx)
	}
}

// serveProcess is startProcess for a test that cannot go on without it, on a
// port and with a data directory of its own unless args say otherwise.
func serveProcess(t testing.TB, args ...string) *process {
	t.Helper()
	return serveIn(t, t.TempDir(), args...)
}

// serveIn is serveProcess with dir as the working directory, which holds the
// data unless args say otherwise.
func serveIn(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	return serveWith(t, dir, nil, args...)
}

// serveWith is serveIn with more in the environment.
func serveWith(t testing.TB, dir string, env []string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p, err := startProcess(ctx, dir, env, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	if err != nil {
		t.Fatalf("chatd did not start: %v\n%s", err, p.log())
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the log of chatd:\n%s", p.log())
		}
	})
	return p
}

// kill ends the process as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks the process to end and returns what it exited with.
func (p *process) stop() int {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// Write keeps what the process logs.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stderr = append(p.stderr, b...)
	return len(b), nil
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.stderr)
}
