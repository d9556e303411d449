package handlers

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"chatd/handlers/wire"
	"chatd/rooms"
)

// Every code that the domain or the protocol declares has its row in the table,
// and the table has no other rows.
func TestEveryCodeHasItsRow(t *testing.T) {
	declared := map[rooms.Code]bool{}
	for _, file := range []string{"../rooms/errors.go", "wire/problem.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
				return true
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared[rooms.Code(value)] = true
			return true
		})
	}
	if len(declared) < 20 {
		t.Fatalf("found only %d codes: %v", len(declared), declared)
	}
	for code := range declared {
		if _, ok := reasons[code]; !ok {
			t.Errorf("code %q has no status and no close code", code)
		}
	}
	protocol, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, r := range reasons {
		if row := fmt.Sprintf("| `%s` | %d |", code, r.status); !strings.Contains(string(protocol), row) {
			t.Errorf("docs/protocol.md does not have %s", row)
		}
		if !declared[code] {
			t.Errorf("code %q is declared nowhere", code)
		}
		if http.StatusText(r.status) == "" || r.status < 400 {
			t.Errorf("code %q: %d is no status of a refusal", code, r.status)
		}
		if r.close < 1000 || r.close > 4999 {
			t.Errorf("code %q: %d is no close code", code, r.close)
		}
	}
}

func TestRefusal(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want rooms.Code
	}{
		{fmt.Errorf("posting: %w", rooms.Errorf(rooms.CodeSlowMode, "slowly")), rooms.CodeSlowMode},
		{fmt.Errorf("reading: %w", &http.MaxBytesError{Limit: 7}), wire.CodeTooLarge},
		{fmt.Errorf("asking: %w", t.Context().Err()), rooms.CodeInternal},
		{errors.New("disk /dev/sda1 is on fire"), rooms.CodeInternal},
	} {
		got := refusal(tt.err)
		if got.Code != tt.want {
			t.Errorf("refusal(%v) = %s, want %s", tt.err, got.Code, tt.want)
		}
		if strings.Contains(got.Detail, "sda1") {
			t.Errorf("an internal cause is told: %q", got.Detail)
		}
	}
}
