package handlers

import (
	"net/netip"
	"sync"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"
)

// occupancy counts the sessions (WebSockets and event streams) of the server,
// and of each address.
type occupancy struct {
	max, perAddress int // 0 is no bound

	mu     sync.Mutex
	total  int
	counts map[netip.Prefix]int
}

// fullRetry is when to come back to a server that is full.
const fullRetry = 5 * time.Second

// enter counts a session from a client's address, and refuses the one that is
// too many. Whoever was let in must leave with what enter returned.
func (o *occupancy) enter(address string) (netip.Prefix, error) {
	from := neighbours(address)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.max > 0 && o.total >= o.max {
		return from, &rooms.Error{Code: wire.CodeOverCapacity, Detail: "the server is full", RetryAfter: fullRetry}
	}
	// This machine's own clients are not many by accident, and a proxy on it
	// that is not trusted to name its clients must not bound them all together.
	if o.perAddress > 0 && o.counts[from] >= o.perAddress && !from.Addr().IsLoopback() {
		return from, &rooms.Error{Code: rooms.CodeRateLimited, Detail: "too many connections come from your address", RetryAfter: fullRetry}
	}
	o.total++
	o.counts[from]++
	return from, nil
}

func (o *occupancy) leave(from netip.Prefix) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total--
	if o.counts[from]--; o.counts[from] == 0 {
		delete(o.counts, from)
	}
}

// neighbours is the network that stands for one client: its IPv4 address, or
// the /64 that an IPv6 client has to itself.
func neighbours(address string) netip.Prefix {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() && !addr.IsLoopback() {
		bits = 64
	}
	return netip.PrefixFrom(addr, bits).Masked()
}
