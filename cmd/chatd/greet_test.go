package main

import (
	"strings"
	"testing"
)

// TestOpenTo holds that the greeting says of no server that more people may use
// it, or manage it, than may.
func TestOpenTo(t *testing.T) {
	for name, tt := range map[string]struct {
		args         string
		says, denies string
	}{
		"as it comes":             {"", "who may manage it too; nobody else can connect", "token"},
		"insecure":                {"--listen :8080 --insecure", "everybody who can connect", "this machine"},
		"with a token":            {"--admin-token 0123456789abcdef", "a token manages it", "may manage it too"},
		"readers, with a token":   {"--guests read --admin-token 0123456789abcdef", "a token manages it", "no token"},
		"readers, without one":    {"--guests read", "no token is configured", "may manage it too"},
		"no guests, and no token": {"--guests off", "nobody", "may manage it too"},
	} {
		t.Run(name, func(t *testing.T) {
			var cfg Config
			if _, _, err := load(&cfg, strings.Fields(tt.args)); err != nil {
				t.Fatal(err)
			}
			if got := cfg.openTo(); !strings.Contains(got, tt.says) || strings.Contains(got, tt.denies) {
				t.Errorf("%q: it should say %q, and not %q", got, tt.says, tt.denies)
			}
		})
	}
}
