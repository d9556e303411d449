package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the scripts in testdata. Beyond testscript's own commands
// they have:
//
//	start NAME [ARGS…]              runs chatd serve until it is ready; its URL is $NAME
//	stop NAME                       asks it to end, which must go well; its log is on stdout
//	until FILE REGEXP               waits until the file has a match
//	http STATUS METHOD URL [BODY]   sends a request; its answer is on stdout
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Values["servers"] = map[string]*process{}
			e.Defer(func() {
				for _, p := range e.Values["servers"].(map[string]*process) {
					p.kill()
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": scriptStart,
			"stop":  scriptStop,
			"until": scriptUntil,
			"http":  scriptHTTP,
		},
	})
}

func started(ts *testscript.TestScript) map[string]*process {
	return ts.Value("servers").(map[string]*process)
}

func scriptStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: start NAME [ARGS…]")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	serve := append([]string{"serve", "--listen", "127.0.0.1:0"}, args[1:]...)
	var env []string
	for _, s := range settingsOf(&Config{}) {
		env = append(env, s.Env+"="+ts.Getenv(s.Env))
	}
	p, err := startProcess(ctx, ts.Getenv("WORK"), env, serve...)
	if err != nil {
		ts.Fatalf("chatd did not start: %v\n%s", err, p.log())
	}
	started(ts)[args[0]] = p
	ts.Setenv(args[0], p.URL)
}

func scriptStop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stop NAME")
	}
	p := started(ts)[args[0]]
	if code := p.stop(); code != exitOK {
		ts.Fatalf("chatd exited with %d:\n%s", code, p.log())
	}
	_, err := ts.Stdout().Write([]byte(p.log()))
	ts.Check(err)
}

func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until FILE REGEXP")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for {
		// The file is made by whoever writes it.
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && want.Match(text) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			ts.Fatalf("%s has no match of %q", args[0], args[1])
		}
	}
}

func scriptHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: http STATUS METHOD URL [BODY]")
	}
	body := ""
	if len(args) == 4 {
		body = args[3]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, args[1], args[2], strings.NewReader(body))
	ts.Check(err)
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := ts.Getenv("TOKEN"); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(answer)
	ts.Check(err)
	if strconv.Itoa(resp.StatusCode) != args[0] {
		ts.Fatalf("status %d, want %s", resp.StatusCode, args[0])
	}
}
