package handlers

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// origins knows which web pages may talk to the server: those of its own, and
// those whose origin matches a pattern. A request without an origin is no
// page's: its credential alone counts.
type origins struct {
	patterns  []originPattern
	any       bool // "*" was asked for
	proxies   []netip.Prefix
	crossSite *http.CrossOriginProtection
	localOnly bool
}

// originPattern is an origin in whose host "*" stands for any characters.
type originPattern struct{ scheme, host string }

func newOrigins(cfg Config) (*origins, error) {
	o := &origins{crossSite: http.NewCrossOriginProtection(), localOnly: cfg.LocalOnly}
	for _, text := range cfg.AllowedOrigins {
		if text == "*" {
			o.any = true
			continue
		}
		pattern, err := parseOrigin(text)
		if err != nil {
			return nil, err
		}
		o.patterns = append(o.patterns, pattern)
	}
	for _, text := range cfg.TrustedProxies {
		prefix, err := parseProxy(text)
		if err != nil {
			return nil, err
		}
		o.proxies = append(o.proxies, prefix)
	}
	return o, nil
}

// CheckOrigin tells what is wrong with one of [Config.AllowedOrigins].
func CheckOrigin(text string) error {
	if text == "*" {
		return nil
	}
	_, err := parseOrigin(text)
	return err
}

// CheckProxy tells what is wrong with one of [Config.TrustedProxies].
func CheckProxy(text string) error {
	_, err := parseProxy(text)
	return err
}

func parseOrigin(text string) (originPattern, error) {
	scheme, host, ok := strings.Cut(strings.ToLower(text), "://")
	if _, err := path.Match(host, ""); !ok || err != nil || host == "" || strings.ContainsAny(host, "/?#@") {
		return originPattern{}, fmt.Errorf("%q is no origin: it must be like https://chat.example.com, https://*.example.com, or * for all", text)
	}
	return originPattern{scheme, host}, nil
}

func parseProxy(text string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no network (CIDR) of a proxy", text)
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// allow tells whether the page that sent r, if it was one, may talk to us; own
// tells that it is no other server's.
func (o *origins) allow(r *http.Request) (own, allowed bool) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true, true
	}
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil || u.Host == "" { // "null", of sandboxed pages and files, among them
		return false, o.any
	}
	if u.Host == strings.ToLower(o.host(r)) {
		return true, true
	}
	for _, p := range o.patterns {
		if ok, err := path.Match(p.host, u.Host); ok && err == nil && p.scheme == u.Scheme {
			return false, true
		}
	}
	return false, o.any
}

// host is the host that the client asked for: a proxy's word counts if the
// proxy is trusted.
func (o *origins) host(r *http.Request) string {
	forwarded := r.Header.Get("X-Forwarded-Host")
	if forwarded == "" || !o.trusts(r.RemoteAddr) {
		return r.Host
	}
	first, _, _ := strings.Cut(forwarded, ",")
	return strings.TrimSpace(first)
}

func (o *origins) trusts(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, p := range o.proxies {
		if p.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// guardOrigin keeps out what other sites' pages send in a browser's name: each
// change, and, on a server that is open because it is this machine's alone,
// whatever reached it under another name (DNS rebinding). Pages of allowed
// origins may read the answers too (CORS).
func (s *Server) guardOrigin(c *gin.Context) {
	r := c.Request
	if s.origins.localOnly && !localName(r.Host) {
		s.fail(c, rooms.Errorf(wire.CodeForeignHost, "without a credential configured, this server answers to localhost alone, not to %q; "+
			"set --admin-token to serve it under another name", r.Host))
		return
	}
	own, allowed := s.origins.allow(r)
	h := c.Writer.Header()
	if len(s.origins.patterns) > 0 || s.origins.any {
		h.Add("Vary", "Origin")
	}
	switch {
	case own:
		// No page's, or one of ours: browsers that tell no origin tell the site.
		if r.Header.Get("Origin") == "" && s.origins.crossSite.Check(r) != nil {
			s.fail(c, foreignOrigin(r))
		}
	case allowed:
		h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		h.Set("Access-Control-Expose-Headers", "Link, Location, Retry-After, X-Request-ID")
		if preflight(r) {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-ID")
			h.Set("Access-Control-Max-Age", "7200")
			c.AbortWithStatus(http.StatusNoContent)
		}
	case !safeMethod(r.Method) || preflight(r):
		s.fail(c, foreignOrigin(r))
	}
}

// preflight tells a browser's question whether its page may send a request.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

func foreignOrigin(r *http.Request) *rooms.Error {
	site := r.Header.Get("Origin")
	if site == "" {
		site = "another site"
	}
	return rooms.Errorf(wire.CodeForeignOrigin, "pages of %s may not do this here; --allowed-origin allows them", site)
}

// safeMethod tells the methods that change nothing. Without permission to read
// (CORS), a foreign page learns nothing by them.
func safeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// localName tells whether a Host header can only mean this machine.
func localName(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
