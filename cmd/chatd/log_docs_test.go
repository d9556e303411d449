package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLogDocs holds that an operator can look up every warning and every error
// that chatd logs.
func TestLogDocs(t *testing.T) {
	var pages string
	for _, name := range []string{"operations.md", "cluster.md"} {
		page, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		pages += string(page)
	}
	logged := regexp.MustCompile(`(?:\.(?:Warn|Error)(?:Context)?\((?:ctx, )?|slog\.Level(?:Warn|Error), )"([^"]+)"`)
	found := 0
	for _, dir := range []string{"../../rooms", "../../handlers", "../../cmd"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go"):
				return err
			case strings.Contains(path, "roomstest"):
				return nil
			}
			source, err := os.ReadFile(path)
			for _, m := range logged.FindAllStringSubmatch(string(source), -1) {
				found++
				// A page may leave out what follows the first part of a line.
				if first, _, _ := strings.Cut(m[1], ";"); !strings.Contains(pages, first) {
					t.Errorf("%s logs %q, which no page explains", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 20 {
		t.Errorf("only %d lines were found: the pattern no longer fits", found)
	}
}
