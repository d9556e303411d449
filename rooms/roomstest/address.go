package roomstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddresses finds n ports of this machine that are free now, for servers
// which must be known to others before they listen. They are below those that
// systems give to whoever asks for any (49152 and up, on Linux 32768): nobody
// else gets them by chance.
func FreeAddresses(t testing.TB, n int) []string {
	t.Helper()
	const from, to, tries = 10_000, 32_000, 1000
	var list []string
	for range tries {
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", from+rand.IntN(to-from)))
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
