package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"chatd/rooms/roomstest"
)

var deployIdle = flag.Duration("deploy.idle", 100*time.Millisecond, "how long TestProxies leaves a connection silent; 80s is longer than the proxies' timeouts")

// TestProxies has the doctor examine chatd through the proxies whose
// configuration is in docs/deploy: upgrades, a page's origin, streams, large
// frames and bodies, and silence get through, and chatd is told who it is that
// talks to it.
func TestProxies(t *testing.T) {
	t.Run("nginx", func(t *testing.T) {
		nginx := proxyBinary(t, "nginx")
		dir := t.TempDir()
		testProxy(t, func(address, upstream string) (*exec.Cmd, error) {
			site := deployFile(t, "nginx.conf", map[string]string{
				`listen 443 ssl;`:          "listen " + address + ";",
				`\n\s+ssl_certificate.*`:   "",
				`server 127\.0\.0\.1:8080`: "server " + upstream,
			})
			main := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr; events {} http { access_log off;", dir)
			for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				main += fmt.Sprintf(" %s_temp_path %s/%s;", kind, dir, kind)
			}
			if os.Getuid() == 0 { // its workers would be somebody who may not write here
				main = "user root; " + main
			}
			conf := filepath.Join(dir, "nginx.conf")
			return exec.CommandContext(t.Context(), nginx, "-c", conf, "-p", dir),
				os.WriteFile(conf, []byte(main+"\n"+site+"\n}\n"), 0o600)
		})
	})
	t.Run("caddy", func(t *testing.T) {
		caddy := proxyBinary(t, "caddy")
		dir := t.TempDir()
		testProxy(t, func(address, upstream string) (*exec.Cmd, error) {
			site := deployFile(t, "Caddyfile", map[string]string{
				`(?m)^chat\.example\.com`: "http://" + address,
				`127\.0\.0\.1:8080`:       upstream,
			})
			conf := filepath.Join(dir, "Caddyfile")
			cmd := exec.CommandContext(t.Context(), caddy, "run", "--config", conf, "--adapter", "caddyfile")
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
			return cmd, os.WriteFile(conf, []byte("{\n\tadmin off\n\tgrace_period 10ms\n}\n"+site), 0o600)
		})
	})
}

// proxyBinary finds a proxy. Without it the test is skipped, and under CI fails.
func proxyBinary(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed, and CI is set", name)
	}
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// deployFile is a file of docs/deploy in which each pattern, which it must have,
// is replaced.
func deployFile(t *testing.T, name string, replace map[string]string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../docs/deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for pattern, with := range replace {
		re := regexp.MustCompile(pattern)
		if !re.MatchString(text) {
			t.Fatalf("%s has no %q", name, pattern)
		}
		text = re.ReplaceAllString(text, with)
	}
	return text
}

// testProxy examines chatd through a proxy; command tells how to start it.
func testProxy(t *testing.T, command func(address, upstream string) (*exec.Cmd, error)) {
	p := serveProcess(t, "--trusted-proxy", "127.0.0.1")
	address := roomstest.FreeAddresses(t, 1)[0]
	cmd, err := command(address, strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt) // those that it started end with it
		_ = cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+*deployIdle)
	defer cancel()
	url := "http://" + address
	status := func(client *http.Client, path string) int {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		if err != nil {
			return 0
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	await(ctx, t, "the proxy to answer", func() bool { return status(http.DefaultClient, "/healthz") == http.StatusOK })
	var out bytes.Buffer
	if err := runDoctor(ctx, []string{url, "--quiet", deployIdle.String()}, console{out: &out, err: &out}); err != nil {
		t.Errorf("the doctor says: %v\n%s", err, out.String())
	}

	if runtime.GOOS != "linux" { // others have not all of 127/8
		return
	}
	neighbour := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}}
	defer neighbour.CloseIdleConnections()
	if got := status(neighbour, "/rooms/nowhere/events"); got != http.StatusNotFound {
		t.Errorf("a room that is not there is answered with %d", got)
	}
	await(ctx, t, "chatd to name the client's address", func() bool {
		return strings.Contains(p.log(), "code=room_not_found address=127.0.0.2")
	})
}
