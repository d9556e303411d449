package loadtest

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is the server, if it runs on this machine; else 0.
type process int

// findProcess finds the process that listens where u points: the listening
// socket's inode is in /proc/net, its owner among the open files of all
// processes that we may look at.
func findProcess(u *url.URL) process {
	addr, err := net.ResolveTCPAddr("tcp", u.Host)
	if err != nil || !addr.IP.IsLoopback() {
		return 0
	}
	inode := listener(addr.Port)
	if inode == "" {
		return 0
	}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, f := range files {
		if to, err := os.Readlink(f); err == nil && to == "socket:["+inode+"]" {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			return process(pid)
		}
	}
	return 0
}

// listener is the inode of the socket that listens on port.
func listener(port int) string {
	const listening = "0A"
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, _ := os.ReadFile(table)
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == listening && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				return f[9]
			}
		}
	}
	return ""
}

// sample reads what the process has taken so far; the zero usage is unknown.
func (p process) sample() usage {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
	if p == 0 || err != nil {
		return usage{}
	}
	// The second field, the name, may hold anything but ends at the last ")".
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ticks := func(i int) int64 { n, _ := strconv.ParseInt(f[i], 10, 64); return n }
	const hz = 100 // USER_HZ, the same on every Linux that Go runs on
	return usage{
		cpu: time.Duration(ticks(11)+ticks(12)) * time.Second / hz,
		rss: ticks(21) * int64(os.Getpagesize()),
	}
}
