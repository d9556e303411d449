package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// bundle is the embedded files, ready to be served, and how they depend on each
// other.
type bundle struct {
	version string // names the content of all files
	assets  map[string]asset
}

// asset is one response body.
type asset struct {
	kind    string // its media type
	plain   []byte
	gzipped []byte
}

var kinds = map[string]string{
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".svg":         "image/svg+xml",
	".webmanifest": "application/manifest+json",
}

func loadBundle() *bundle {
	b := &bundle{assets: map[string]asset{}}
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			return fmt.Errorf("%s: no media type for this extension", name)
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(content))
		sum.Write(content)
		b.assets[name] = newAsset(kind, content)
		return nil
	})
	if err != nil {
		panic("web: " + err.Error())
	}
	b.version = hex.EncodeToString(sum.Sum(nil)[:8])
	return b
}

// base is the path below which the assets are.
func (b *bundle) base() string { return "/assets/" + b.version + "/" }

func newAsset(kind string, content []byte) asset {
	var buf bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is valid
	_, _ = zip.Write(content)                                 // a buffer takes everything
	_ = zip.Close()
	return asset{kind: kind, plain: content, gzipped: buf.Bytes()}
}

// fill returns a file with what only the server knows in the place of its
// marks: %BASE% is the path of the assets, %VERSION% their version, %PRELOAD%
// links to every module that the entries need, so that a browser asks for all
// of them at once, %MODULES% their paths, each with a space behind it, and
// %ICON% the page's icon, which is not worth a request.
func (b *bundle) fill(name string, entries ...string) string {
	var links, list strings.Builder
	for _, module := range b.graph(entries...) {
		fmt.Fprintf(&links, `<link rel="modulepreload" href="%s%s">`, b.base(), module)
		fmt.Fprintf(&list, "%s%s ", b.base(), module)
	}
	return strings.NewReplacer(
		"%BASE%", b.base(),
		"%VERSION%", b.version,
		"%PRELOAD%", links.String(),
		"%MODULES%", list.String(),
		"%ICON%", "data:image/svg+xml;base64,"+base64.StdEncoding.EncodeToString(b.mustRead("app/icon.svg")),
	).Replace(string(b.mustRead(name)))
}

func (b *bundle) mustRead(name string) []byte {
	a, ok := b.assets[name]
	if !ok {
		panic("web: no file " + name)
	}
	return a.plain
}

// imported matches what a module names in a static import or export.
var imported = regexp.MustCompile(`(?m)^(?:import|export)\s(?:[^'";]*?\sfrom\s*)?["']([^"']+)["'];?`)

// graph is the entries and every module that they import statically, however
// deep, the entries first. Modules imported by import() when they are needed are
// not in it.
func (b *bundle) graph(entries ...string) []string {
	seen := slices.Clone(entries)
	for i := 0; i < len(seen); i++ {
		for _, m := range imported.FindAllSubmatch(b.mustRead(seen[i]), -1) {
			module := path.Join(path.Dir(seen[i]), string(m[1]))
			if !slices.Contains(seen, module) {
				seen = append(seen, module)
			}
		}
	}
	return seen
}
