package roomstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// found are the ports that were found, or that somebody else has.
var found sync.Map

// FreeAddresses finds n ports of this machine that are free now, for servers
// which must be known to others before they listen. They are below those that
// systems give to whoever asks for any (49152 and up, on Linux 32768): nobody
// else gets them by chance. No port is found twice by one process.
func FreeAddresses(t testing.TB, n int) []string {
	t.Helper()
	const from, to, tries = 10_000, 32_000, 1000
	var list []string
	for range tries {
		port := from + rand.IntN(to-from)
		if _, taken := found.LoadOrStore(port, nil); taken {
			continue
		}
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			continue
		}
		defer ln.Close()
		if list = append(list, ln.Addr().String()); len(list) == n {
			return list
		}
	}
	t.Fatalf("of %d ports tried, %d are free", tries, len(list))
	return nil
}
