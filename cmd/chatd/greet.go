package main

import (
	"fmt"
	"io"
	"net"
)

// greet tells whoever started the server what there is now, who may use it, and
// how to go on.
func greet(out io.Writer, cfg *Config, addr net.Addr) {
	scheme := "http://"
	if cfg.secure() {
		scheme = "https://"
	}
	url := scheme + displayAddress(cfg.Listen, addr)
	if len(cfg.ACMEHost) > 0 {
		url = scheme + securePort(cfg.ACMEHost[0], addr)
	}
	credential := ""
	switch {
	case cfg.AdminToken != "":
		credential = `-H "Authorization: Bearer $CHATD_ADMIN_TOKEN" ` //nolint:gosec // the name of a variable of the shell, and no token
	case !cfg.open():
		credential = `-H "Authorization: Bearer $TOKEN" ` //nolint:gosec // the same
	}
	version, _ := buildVersion()
	fmt.Fprintf(out, "\nchatd %s is ready\n\n", version)
	for _, line := range [][2]string{
		{"chat", url},
		{"API", url + "/swagger"},
		{"data", cfg.Data},
		{"open to", cfg.openTo()},
		{"try", fmt.Sprintf("curl %s-d 'Hello from curl' %s/rooms/lobby/broadcast", credential, url)},
		{"stop", "Ctrl-C"},
	} {
		fmt.Fprintf(out, "  %-9s %s\n", line[0], line[1])
	}
	fmt.Fprintln(out)
}

// openTo says who may do what.
func (c *Config) openTo() string {
	guests := map[string]string{
		"off":  "people with a token",
		"read": "everybody to read, people with a token to post",
		"post": "everybody",
	}[c.Guests]
	switch {
	case c.open() && c.Guests == "off":
		return "nobody: there are no guests, and no token is configured"
	case c.open() && c.Guests == "read":
		return "everybody to read; no token is configured to post or manage with"
	case c.localOnly():
		return "everybody on this machine, who may manage it too; nobody else can connect"
	case c.open():
		return "everybody who can connect, and they may manage it too (--insecure)"
	default:
		return guests + "; a token manages it"
	}
}
