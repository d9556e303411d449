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
	"strings"
	"testing"
	"time"
)

var deployIdle = flag.Duration("deploy.idle", 100*time.Millisecond, "how long TestNginx leaves a connection silent; 80s is longer than nginx' timeout")

// TestNginx has the doctor examine chatd through nginx with the configuration of
// docs/deploy: upgrades, streams, large frames and silence get through.
func TestNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	site, err := os.ReadFile("../../docs/deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	p := serveProcess(t, "--trusted-proxy", "127.0.0.1")
	address := freeAddress(t)
	text := string(site)
	for pattern, with := range map[string]string{
		`listen 443 ssl;`:          "listen " + address + ";",
		`\n\s+ssl_certificate.*`:   "",
		`server 127\.0\.0\.1:8080`: "server " + strings.TrimPrefix(p.URL, "http://"),
	} {
		re := regexp.MustCompile(pattern)
		if !re.MatchString(text) {
			t.Fatalf("nginx.conf has no %q", pattern)
		}
		text = re.ReplaceAllString(text, with)
	}
	dir := t.TempDir()
	main := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr; events {} http { access_log off;", dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += fmt.Sprintf(" %s_temp_path %s/%s;", kind, dir, kind)
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(main+"\n"+text+"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+*deployIdle)
	defer cancel()
	cmd := exec.CommandContext(ctx, nginx, "-c", conf, "-p", dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // its workers end with it
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	url := "http://" + address
	await(ctx, t, "nginx to answer", func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	var out bytes.Buffer
	err = runDoctor(ctx, []string{url, "--idle", deployIdle.String()}, console{out: &out, err: &out})
	if err != nil {
		t.Errorf("the doctor says: %v\n%s", err, out.String())
	}
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
