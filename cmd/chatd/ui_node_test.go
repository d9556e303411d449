package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// nodeScript uses the SDK as a program would: it reads what is there, posts, and
// loses no word when the server is killed while it does. Its last line is what
// it saw.
const nodeScript = `
import {Room} from "./sdk/room.js";
import {createInterface} from "node:readline";
const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]();
const room = new Room("lobby", {src: process.argv[2], name: "Node"});
const seen = new Map();
room.addEventListener("message", ({detail}) => seen.set(detail.message.seq, detail.message.message));
await room.join();
for (const [id, more] of [["nope", {}], ["lobby", {token: "bad"}], ["lobby", {history: 201}]]) {
  await new Room(id, {src: process.argv[2], ...more}).join().catch((refusal) => console.log(refusal.code + ", " + refusal.message));
}
const first = await room.send("one");
console.log("ready");
await lines.next(); // the server was killed
const waits = room.send("two");
console.log("written");
await lines.next(); // and is back
room.wake();
const second = await waits;
await room.edit(first.seq, "one, edited");
const {messages} = await room.history();
while (seen.get(first.seq) !== "one, edited" || !seen.has(second.seq)) await new Promise((done) => room.addEventListener("message", done, {once: true}));
console.log(JSON.stringify([[...seen.values()], messages.map((m) => m.message), room.outbox.length]));
room.leave();
`

// TestSDKInNode runs the SDK in Node, from 22 on, which has WebSockets.
func TestSDKInNode(t *testing.T) {
	t.Parallel()
	node := findNode(t)
	dir := scriptDir(t, nodeScript)
	server := serveIn(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "main.js", server.URL)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	says := lineReader(t, out)
	says(`room_not_found, there is no room "nope"`)
	says("unauthorized, the token is not known here")
	says("invalid, history must be 0 to 200")
	says("ready")
	server.kill()
	writeLine(t, in)
	says("written")
	serveIn(t, dir, "--listen", strings.TrimPrefix(server.URL, "http://"))
	writeLine(t, in)
	says(`[["one, edited","two"],["one, edited","two"],0]`)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil { // it ends by itself: nothing of the SDK's keeps it
		t.Error(err)
	}
}

// scriptDir is a directory with the SDK and a script main.js beside it.
func scriptDir(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	// Modules that Node takes from files must say that they are modules.
	if err := os.CopyFS(filepath.Join(dir, "sdk"), os.DirFS("../../web/sdk")); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"package.json": `{"type": "module"}`, "main.js": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// renewScript stays in a room for longer than its tokens last.
const renewScript = `
import {createHmac} from "node:crypto";
import {Room} from "./sdk/room.js";
const [src, secret] = process.argv.slice(2);
const part = (o) => Buffer.from(JSON.stringify(o)).toString("base64url");
let made = 0;
const getToken = async () => {
  const exp = Math.floor(Date.now() / 1000) + 2 + made++;
  const token = part({alg: "HS256"}) + "." + part({sub: "ana", exp, rooms: {"*": made > 1 ? ["read", "post"] : ["read"]}});
  return token + "." + createHmac("sha256", secret).update(token).digest("base64url");
};
const room = new Room("lobby", {src, getToken});
const seen = [];
room.addEventListener("state", (e) => seen.push(e.detail.state));
room.addEventListener("you", (e) => {
  seen.push(e.detail.may.join());
  if (made < 3) return;
  room.leave();
  console.log(JSON.stringify(seen));
});
await room.join();
`

// The SDK goes on with a fresh token before the old one ends, on the same
// connection.
func TestSDKRenewsInNode(t *testing.T) {
	t.Parallel()
	node := findNode(t)
	const secret = "the secret of this test's operator"
	server := serveProcess(t, "--jwt-secret", secret)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "main.js", server.URL, secret)
	cmd.Dir = scriptDir(t, renewScript)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := `["connecting","open","read,post","read,post","idle"]`; strings.TrimSpace(string(out)) != want {
		t.Errorf("it saw %s, not %s", out, want)
	}
}

// findNode is a Node that is new enough: the one that NODE names, or the one in
// the path.
func findNode(t *testing.T) string {
	t.Helper()
	name := os.Getenv("NODE")
	if name == "" {
		name = "node"
	}
	version, err := exec.CommandContext(t.Context(), name, "--version").Output()
	m := regexp.MustCompile(`^v(\d+)`).FindSubmatch(version)
	if err == nil && m != nil {
		if major, _ := strconv.Atoi(string(m[1])); major >= 22 {
			return name
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is no Node from 22 on (%s, %v), and CI is set", name, version, err)
	}
	t.Skipf("%s is no Node from 22 on (%s, %v): npm install node@22, and let NODE name its binary", name, version, err)
	return ""
}

// lineReader returns a function that waits for a line.
func lineReader(t *testing.T, r io.Reader) func(want string) {
	lines := bufio.NewScanner(r)
	return func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("said is %s, not %s (%v)", lines.Text(), want, lines.Err())
		}
	}
}

func writeLine(t *testing.T, w io.Writer) {
	t.Helper()
	if _, err := io.WriteString(w, "\n"); err != nil {
		t.Fatal(err)
	}
}
