package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// mayImport is who of the house may import whom. A package that is not listed
// fails the test: whoever adds one says here where it stands. Tests may import what
// they need.
var mayImport = map[string][]string{
	"chatd/rooms":             {},
	"chatd/rooms/roomstest":   {"chatd/rooms"},
	"chatd/rooms/sqlite":      {"chatd/rooms"},
	"chatd/rooms/jetstream":   {"chatd/rooms"},
	"chatd/handlers":          {"chatd/rooms", "chatd/handlers/wire", "chatd/handlers/auth", "chatd/handlers/metrics", "chatd/docs"},
	"chatd/handlers/wire":     {},
	"chatd/handlers/auth":     {"chatd/rooms", "chatd/handlers/wire"},
	"chatd/handlers/metrics":  {"chatd/rooms"},
	"chatd/handlers/webhook":  {"chatd/rooms"},
	"chatd/handlers/client":   {"chatd/handlers/wire"},
	"chatd/handlers/loadtest": {"chatd/handlers/wire", "chatd/handlers/client"},
	"chatd/docs":              {},
	"chatd/web":               {},
	"chatd/cmd/chatd":         {"chatd/*", "chatd/*/*"},
}

// ginUsers are the packages that may know Gin.
var ginUsers = []string{"chatd/handlers", "chatd/cmd/chatd"}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "chatd/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	standard := standardPackages(t)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		allowed, known := mayImport[p.ImportPath]
		if !known {
			t.Errorf("%s is new: say in this test what it may import", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			switch {
			case imported == "chatd" || strings.HasPrefix(imported, "chatd/"):
				if !matchesAny(imported, allowed) {
					t.Errorf("%s must not import %s", p.ImportPath, imported)
				}
			case p.ImportPath == "chatd/rooms" && !standard[imported]:
				t.Errorf("rooms must import the standard library only, not %s", imported)
			case strings.HasPrefix(imported, "github.com/gin-gonic/") && !slices.Contains(ginUsers, p.ImportPath):
				t.Errorf("%s must not know Gin", p.ImportPath)
			}
		}
		if p.ImportPath == "chatd/rooms" {
			for _, forbidden := range []string{"net/http", "database/sql", "encoding/json"} {
				if slices.Contains(p.Imports, forbidden) {
					t.Errorf("rooms must not know %s", forbidden)
				}
			}
		}
	}
}

func matchesAny(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, pkg)
		return ok && err == nil
	})
}

func standardPackages(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "std").Output()
	if err != nil {
		t.Fatalf("go list std: %v", err)
	}
	std := make(map[string]bool)
	for _, p := range strings.Fields(string(out)) {
		std[p] = true
	}
	return std
}
