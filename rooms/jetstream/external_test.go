package jetstream_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"chatd/rooms"
	"chatd/rooms/jetstream"
	"chatd/rooms/roomstest"
)

// startNATS starts a server such as an operator may have, with TLS unless secure
// is nil, and returns its URL.
func startNATS(t *testing.T, secure *tls.Config) string {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, Username: "chatd", Password: "secret",
		NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), TLS: secure != nil, TLSConfig: secure,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return strings.Replace(s.ClientURL(), "://", "://chatd:secret@", 1)
}

func TestJournalOnANATSThatIsThere(t *testing.T) {
	url := startNATS(t, nil)
	var (
		mu    sync.Mutex
		names = make(map[rooms.Journal]string)
		count atomic.Int64
	)
	open := func(t *testing.T, name string, after uint64) rooms.Journal {
		c := config(t, t.TempDir(), after, roomstest.FreeAddresses(t, 1), 0)
		c.Listen, c.Peers, c.Secret, c.URL, c.Name = "", nil, "", url, name
		cluster := newCluster(t, c)
		mu.Lock()
		defer mu.Unlock()
		names[cluster] = name
		return cluster
	}
	roomstest.TestJournal(t, roomstest.Journals{
		New: func(t *testing.T) rooms.Journal { return open(t, fmt.Sprint("test-", count.Add(1)), 0) },
		Again: func(t *testing.T, j rooms.Journal, after uint64) rooms.Journal {
			mu.Lock()
			name := names[j]
			mu.Unlock()
			return open(t, name, after)
		},
	})
	if _, err := jetstream.New(t.Context(), jetstream.Config{Name: "no.name", URL: url}); err == nil {
		t.Error("a name that cannot be a subject was taken")
	}
}
