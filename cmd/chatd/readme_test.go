package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of settings in README.md anew")

// TestReadmeSettings holds that README.md's table says what Config says.
func TestReadmeSettings(t *testing.T) {
	const path = "../../README.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	readme := string(raw)
	_, rest, found := strings.Cut(readme, "<!-- settings:")
	_, rest, begun := strings.Cut(rest, "-->\n")
	table, _, ended := strings.Cut(rest, "<!-- end of settings -->")
	if !found || !begun || !ended {
		t.Fatal("README.md lacks the comments around the table of settings")
	}
	want := settingsTable(settingsOf(&Config{}))
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("README.md's table of settings is not what Config says; run go test ./cmd/chatd -run TestReadmeSettings -update. It should be:\n%s", want)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(readme, table+"<!-- end", want+"<!-- end", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func settingsTable(settings []setting) string {
	var b strings.Builder
	b.WriteString("\n| flag | environment | default | what it does |\n|---|---|---|---|\n")
	for _, s := range settings {
		def := ""
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", s.Name, s.Env, def, strings.ReplaceAll(s.describe(), "|", `\|`))
	}
	b.WriteString("\n")
	return b.String()
}
