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
	mark    string // beside the version, what its ETag says
}

var kinds = map[string]string{
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
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
		if path.Ext(name) == ".css" {
			content = withImports(name, content)
		}
		b.assets[name] = newAsset(kind, content)
		return nil
	})
	if err != nil {
		panic("web: " + err.Error())
	}
	b.version = hex.EncodeToString(sum.Sum(nil)[:8])
	return b
}

// sheetImport is how a style sheet names another one that comes before it.
var sheetImport = regexp.MustCompile(`(?m)^@import "([^"]+)";\n`)

// withImports puts the sheets that a sheet imports into their places: a browser
// would come to know of them only when the sheet is there.
func withImports(name string, content []byte) []byte {
	return sheetImport.ReplaceAllFunc(content, func(line []byte) []byte {
		imported, err := files.ReadFile(path.Join(path.Dir(name), string(sheetImport.FindSubmatch(line)[1])))
		if err != nil {
			panic("web: " + err.Error())
		}
		return imported
	})
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
// of them at once, %MODULES% their paths, each with a space behind it, %STYLE%
// the page's own style and %ICON% its icon, which are not worth a request. %THEME%,
// %SHEET% and %ROOM% stay: they are not the same for everybody.
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
		"%STYLE%", string(b.mustRead(pageStyle)),
		"%ICON%", "data:image/svg+xml;base64,"+base64.StdEncoding.EncodeToString(b.mustRead("app/icon.svg")),
	).Replace(string(b.mustRead(name)))
}

// Style sheets that stand in the pages themselves: that of a page, and that of a
// room where one is drawn into it.
const (
	pageStyle = "style/page.css"
	roomStyle = "style/room.css"
)

// styleHashes are the sources by which a policy allows the pages' own styles.
func (b *bundle) styleHashes() string {
	var sources []string
	for _, sheet := range []string{pageStyle, roomStyle} {
		sum := sha256.Sum256(b.mustRead(sheet))
		sources = append(sources, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return strings.Join(sources, " ")
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
// deep, each entry followed by what it needs. Modules imported by import() when
// they are needed are not in it.
func (b *bundle) graph(entries ...string) []string {
	var seen []string
	for _, entry := range entries {
		seen = b.follow(entry, seen)
	}
	return seen
}

func (b *bundle) follow(entry string, seen []string) []string {
	if slices.Contains(seen, entry) {
		return seen
	}
	first := len(seen)
	seen = append(seen, entry)
	for i := first; i < len(seen); i++ {
		for _, m := range imported.FindAllSubmatch(b.mustRead(seen[i]), -1) {
			module := path.Join(path.Dir(seen[i]), string(m[1]))
			if !slices.Contains(seen, module) {
				seen = append(seen, module)
			}
		}
	}
	return seen
}
