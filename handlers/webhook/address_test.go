package webhook

import (
	"net/netip"
	"testing"

	"chatd/rooms"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "93.184.215.14": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"2606:4700::1111": true, "2a00:1450:4001::1": true, "::ffff:1.1.1.1": true, "64:ff9b::1.1.1.1": true,

		"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "127.255.255.254": false, "10.0.0.1": false, "172.16.0.1": false,
		"172.31.255.255": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.100.100.200": false,
		"192.0.0.192": false, "168.63.129.16": false, "198.18.0.1": false, "192.0.2.1": false, "203.0.113.9": false,
		"224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false,
		"::ffff:169.254.169.254": false, "64:ff9b::127.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b:1::1": false,
		"2002:7f00:1::1": false, "2002:a00:1::": false, "2001::1": false, "2001:db8::1": false, "3fff::1": false, "100::1": false,
		"fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%lo": false, "fec0::1": false, "ff02::1": false, "5f00::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %t", text, got)
		}
	}
}

func TestParseNetworks(t *testing.T) {
	list, err := ParseNetworks([]string{"127.0.0.1", "10.1.2.3/16", "::ffff:192.168.0.7", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.2": false, "::ffff:127.0.0.1": true, "10.1.255.255": true, "10.2.0.0": false,
		"192.168.0.7": true, "fd12::1": true, "fe80::1": false, "::1": false,
	} {
		if got := within(list, netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is allowed: %t", text, got)
		}
	}
	for _, text := range []string{"", "localhost", "10.0.0.0/33"} {
		if _, err := ParseNetworks([]string{text}); err == nil {
			t.Errorf("%q is a network", text)
		}
	}
}

func TestCheck(t *testing.T) {
	strict := New(Config{})
	local := New(Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	for url, want := range map[string]struct{ strict, local rooms.Code }{
		"https://example.com/chat?room=1":   {},
		"https://example.com:8443":          {},
		"HTTPS://example.com/":              {},
		"https://1.1.1.1/":                  {},
		"http://hooks.internal/":            {strict: "not_allowed"}, // where that leads to is judged when it is called
		"http://127.0.0.1:9000/":            {strict: "not_allowed"},
		"https://127.0.0.1:9000/":           {strict: "not_allowed"},
		"https://127.0.0.2/":                {"not_allowed", "not_allowed"},
		"http://1.1.1.1/":                   {"not_allowed", "not_allowed"},
		"https://[::1]/":                    {"not_allowed", "not_allowed"},
		"https://[::ffff:10.0.0.1]/":        {"not_allowed", "not_allowed"},
		"https://169.254.169.254/latest":    {"not_allowed", "not_allowed"},
		"ftp://example.com/":                {"invalid", "invalid"},
		"javascript:alert(1)":               {"invalid", "invalid"},
		"example.com":                       {"invalid", "invalid"},
		"//example.com":                     {"invalid", "invalid"},
		"https://":                          {"invalid", "invalid"},
		"https://:443/":                     {"invalid", "invalid"},
		"https://me:secret@example.com/":    {"invalid", "invalid"},
		"https://example.com/#part":         {"invalid", "invalid"},
		"https://example.com:0/":            {"invalid", "invalid"},
		"https://example.com:99999/":        {"invalid", "invalid"},
		"https://exa mple.com/":             {"invalid", "invalid"},
		"https://example.com/\r\nX-Evil: 1": {"invalid", "invalid"},
		"":                                  {"invalid", "invalid"},
	} {
		for name, c := range map[string]*Caller{"strict": strict, "local": local} {
			code := want.strict
			if name == "local" {
				code = want.local
			}
			err := c.Check(url)
			refusal, _ := err.(*rooms.Error) //nolint:errorlint // as Check returns it
			switch {
			case code == "" && err != nil:
				t.Errorf("%s: %q is refused: %v", name, url, err)
			case code != "" && (refusal == nil || refusal.Code != rooms.CodeInvalid || refusal.Fields[0].Field != "url" || refusal.Fields[0].Code != string(code)):
				t.Errorf("%s: %q gets %+v, want %s", name, url, err, code)
			}
		}
	}
}
