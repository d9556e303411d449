package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// runProgram runs a program of the system's and fails the test if it fails.
func runProgram(t *testing.T, line ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), line[0], line[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", line, err, out)
	}
}

// networks makes a network of its own for each of n nodes, and a bridge to them
// all. It returns their addresses, their names, and the links that can be cut.
// It skips the test where that is not allowed.
func networks(t *testing.T, n int) (addresses, names, links []string) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil || os.Getuid() != 0 {
		t.Skip("needs the command ip, and to be root")
	}
	id := os.Getpid() % 10000
	bridge := fmt.Sprintf("chb%d", id)
	if out, err := exec.CommandContext(t.Context(), "ip", "link", "add", bridge, "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("this machine lets nobody make networks: %v\n%s", err, out)
	}
	remove := func(line ...string) {
		t.Cleanup(func() {
			if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "ip", line...).CombinedOutput(); err != nil {
				t.Errorf("ip %q: %v\n%s", line, err, out)
			}
		})
	}
	remove("link", "del", bridge)
	subnet := fmt.Sprintf("10.213.%d", id%256)
	runProgram(t, "ip", "addr", "add", subnet+".254/24", "dev", bridge)
	runProgram(t, "ip", "link", "set", bridge, "up")
	for i := range n {
		name, link := fmt.Sprintf("chn%d-%d", id, i), fmt.Sprintf("chv%d-%d", id, i)
		address := fmt.Sprintf("%s.%d", subnet, i+1)
		runProgram(t, "ip", "netns", "add", name)
		remove("netns", "del", name)
		runProgram(t, "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
		runProgram(t, "ip", "link", "set", link, "master", bridge, "up")
		runProgram(t, "ip", "-n", name, "link", "set", "lo", "up")
		runProgram(t, "ip", "-n", name, "addr", "add", address+"/24", "dev", "eth0")
		runProgram(t, "ip", "-n", name, "link", "set", "eth0", "up")
		addresses, names, links = append(addresses, address), append(names, name), append(links, link)
	}
	return addresses, names, links
}

// TestClusterPartition cuts one node after the other from the network. The two
// that see each other go on, the one that does not acknowledges nothing; when it
// is back, all have the same.
func TestClusterPartition(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	if *clusterFaults <= 3 {
		t.Skip("is a part of the long form: -cluster.faults=30")
	}
	addresses, names, links := networks(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c := &trio{ctx: ctx}
	var listen, routes []string
	for _, address := range addresses {
		listen, routes = append(listen, net.JoinHostPort(address, "8080")), append(routes, net.JoinHostPort(address, "6222"))
	}
	c.make(t, listen, routes, func(i int) []string { return []string{"ip", "netns", "exec", names[i]} })
	c.start(t)
	crowd := &crowd{ctx: ctx, url: "http://" + c.address}
	crowd.enter(t)
	for i, n := range c.nodes {
		crowd.hear(t, 100)
		runProgram(t, "ip", "link", "set", links[i], "down")
		n.leave()
		over := time.NewTimer(12 * time.Second)
		crowd.hear(t, 100)
		// Asked from within its network, the node knows that it is cut off, and
		// takes nothing.
		<-over.C
		curl := exec.CommandContext(ctx, "ip", "netns", "exec", names[i], "curl", "-s", "-m", "40", "-o", os.DevNull, "-w", "%{http_code}",
			"-d", "said alone", n.url+"/rooms/lobby/broadcast")
		if out, err := curl.Output(); string(out) != "503" {
			t.Errorf("a node that is cut off answers a post with %q, %v", out, err)
		}
		runProgram(t, "ip", "link", "set", links[i], "up")
		began := time.Now()
		await(ctx, t, "the node that was cut off to be ready", func() bool { return n.ready(ctx) })
		n.enter()
		t.Logf("node %d was cut off, and ready %v after", i, time.Since(began).Round(time.Millisecond))
	}
	crowd.hear(t, 100)
	c.awaitReady(t)
	crowd.leave(t)
	c.checkEqual(t)
	for i, n := range c.nodes {
		if code := n.stop(); code != exitOK {
			t.Errorf("node %d exited with %d:\n%s", i, code, n.log())
		}
	}
}

// TestClusterFullDisk fills one node's disk. The others go on, the node says
// that it is not ready, and when there is room again it comes back by itself,
// with its replica of the journal.
func TestClusterFullDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	if *clusterFaults <= 3 {
		t.Skip("is a part of the long form: -cluster.faults=30")
	}
	c := makeTrio(t, 4*time.Minute)
	full := c.nodes[2]
	if err := syscall.Mount("chatd", full.dir, "tmpfs", 0, "size=256m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		full.kill()
		if err := syscall.Unmount(full.dir, 0); err != nil {
			t.Error(err)
		}
	})
	c.start(t)
	crowd := &crowd{ctx: c.ctx, url: "http://" + c.address}
	crowd.enter(t)
	crowd.hear(t, 100)
	filler := filepath.Join(full.dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	await(c.ctx, t, "the node to say that it is not ready", func() bool { return !full.ready(c.ctx) })
	full.leave()
	crowd.hear(t, 200)
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	await(c.ctx, t, "the node to be ready again", func() bool { return full.ready(c.ctx) })
	full.enter()
	c.nodes[0].kill() // now the journal needs its replica
	c.nodes[0].leave()
	crowd.hear(t, 100)
	c.nodes[0].start(c.ctx, t)
	c.nodes[0].enter()
	c.awaitReady(t)
	crowd.leave(t)
	c.checkEqual(t)
}
