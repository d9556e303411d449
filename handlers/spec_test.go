package handlers

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"chatd/docs"
)

// The committed spec is what the comments at the handlers say.
func TestSpecIsGenerated(t *testing.T) {
	source, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^//go:generate (go tool swag .*) --output \S+ (.*)$`).FindSubmatch(source)
	if line == nil {
		t.Fatal("routes.go has no go:generate line for swag")
	}
	out := filepath.Join(t.TempDir(), "docs") // swag names the package after it
	args := append(strings.Fields(string(line[1])), "--output", out)
	args = append(args, strings.Fields(string(line[2]))...)
	if said, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, said)
	}
	for _, name := range []string{"docs.go", "swagger.json", "swagger.yaml"} {
		want, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the handlers' comments say: run go generate ./handlers", name)
		}
	}
}

type spec struct {
	Swagger string
	Host    *string
	Paths   map[string]map[string]struct {
		OperationID string
		Tags        []string
		Summary     string
		Consumes    []string
		Produces    []string
		Parameters  []struct{ Name, In string }
		Responses   map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
		}
	}
}

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

// Every route is in the spec and the spec has no others; what it says is enough
// to generate a client from.
func TestSpecHasEveryRoute(t *testing.T) {
	var s spec
	if err := json.Unmarshal(docs.Spec, &s); err != nil {
		t.Fatal(err)
	}
	if s.Swagger != "2.0" || s.Host != nil {
		t.Errorf("swagger %q, host %v; want 2.0 and none", s.Swagger, s.Host)
	}

	routes := map[string]bool{}
	for _, r := range (&Server{}).routes() {
		if strings.HasPrefix(r.path, "/swagger") {
			continue // the spec itself
		}
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.path, "{$1}")
		method := strings.ToLower(r.method)
		routes[method+" "+path] = true
		if _, ok := s.Paths[path][method]; !ok {
			t.Errorf("%s %s is not in the spec", r.method, path)
		}
	}

	ids := map[string]string{}
	for path, methods := range s.Paths {
		for method, op := range methods {
			name := method + " " + path
			if !routes[name] {
				t.Errorf("%s is in the spec and no route", name)
			}
			if op.OperationID == "" || ids[op.OperationID] != "" {
				t.Errorf("%s: operationId %q is empty or that of %s", name, op.OperationID, ids[op.OperationID])
			}
			ids[op.OperationID] = name
			if op.Summary == "" || len(op.Tags) != 1 || len(op.Produces) == 0 {
				t.Errorf("%s has no summary, no tag, or produces nothing", name)
			}
			var declared, used []string
			for _, p := range op.Parameters {
				if p.In == "path" {
					declared = append(declared, p.Name)
				}
			}
			for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
				used = append(used, m[1])
			}
			if strings.Join(declared, " ") != strings.Join(used, " ") {
				t.Errorf("%s declares the path parameters %v", name, declared)
			}
			if op.Tags[0] == "server" {
				continue
			}
			if op.Responses["default"].Schema.Ref != "#/definitions/wire.Problem" {
				t.Errorf("%s does not declare problems", name)
			}
		}
	}
	if got := strings.Join(s.Paths["/rooms/{id}/broadcast"]["post"].Consumes, " "); got != "application/json text/plain" {
		t.Errorf("broadcast consumes %q", got)
	}
}
