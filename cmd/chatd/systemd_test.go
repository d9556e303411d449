//go:build linux

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSystemd starts chatd as systemd does, with an open socket and another to
// tell it when it is ready.
func TestSystemd(t *testing.T) {
	address, socket := openSocket(t, "127.0.0.1:0")
	url := "http://" + address

	dir := t.TempDir()
	path := filepath.Join(dir, "notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	if err := notify.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	told := func(want string) {
		t.Helper()
		buf := make([]byte, 256)
		n, err := notify.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("was told %q, %v; want %q", buf[:n], err, want)
		}
	}

	cmd := activate(t, dir, socket, "NOTIFY_SOCKET="+path)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = socket.Close()
	told("READY=1")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/readyz answers %s", resp.Status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("chatd ended with %v", err)
	}
}

// TestSystemdSocketIsChecked holds that a socket which others can reach is refused
// as such an address is.
func TestSystemdSocketIsChecked(t *testing.T) {
	_, socket := openSocket(t, "0.0.0.0:0")
	defer socket.Close()
	out, err := activate(t, t.TempDir(), socket).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "would let anybody") {
		t.Errorf("chatd ended with %v and said:\n%s", err, out)
	}
}

// openSocket opens a socket as systemd does.
func openSocket(t *testing.T, at string) (address string, socket *os.File) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // the file keeps it open
	if socket, err = ln.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String(), socket
}

// activate is a chatd that is handed a socket.
func activate(t *testing.T, dir string, socket *os.File, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "LISTEN_PID=$$ exec chatd --data data")
	cmd.Dir, cmd.ExtraFiles = dir, []*os.File{socket}
	cmd.Env = append(append(os.Environ(), "LISTEN_FDS=1"), env...)
	return cmd
}
