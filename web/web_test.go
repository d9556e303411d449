package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

const (
	firstLoad = 60 << 10 // bytes that a page may take before it can be used, compressed
	sdkLoad   = 12 << 10
)

// sum is how many compressed bytes modules and what they import take.
func sum(t *testing.T, b *bundle, entries ...string) int {
	t.Helper()
	n := 0
	for _, name := range b.graph(entries...) {
		n += len(b.assets[name].gzipped)
	}
	return n
}

func TestFirstLoadIsSmall(t *testing.T) {
	b := loadBundle()
	s := newSite(Options{})
	styles := len(b.assets["style/room.css"].gzipped)
	for _, language := range languages {
		modules := sum(t, b, "app/main.js", "i18n/"+language+".js")
		page := len(s.pages[language].chat.empty[""].gzipped)
		rest := len(s.fixed["/sw.js"].gzipped) + len(s.fixed["/manifest.webmanifest"].gzipped)
		all := modules + styles + page + rest
		t.Logf("%s: %d bytes: %d of modules, %d of styles, %d of page, %d of the rest", language, all, modules, styles, page, rest)
		if all > firstLoad {
			t.Errorf("the first load takes %d bytes, more than %d", all, firstLoad)
		}
	}
	n := sum(t, b, "sdk/room.js")
	t.Logf("sdk: %d bytes", n)
	if n > sdkLoad {
		t.Errorf("the SDK takes %d bytes, more than %d", n, sdkLoad)
	}
}

// A browser that speaks HTTP/1.1 asks for so many files at a time. How often it
// must ask decides when a room can be read over a slow network: the bytes are few.
const atATime = 6

// TestARoomIsThreeRoundTripsBehindItsPage holds how many files the page needs
// before a room can be read, and that the room is joined after the first round.
func TestARoomIsThreeRoundTripsBehindItsPage(t *testing.T) {
	b := loadBundle()
	if entrance := b.graph("app/entrance.js"); len(entrance) > atATime {
		t.Errorf("joining the room needs %d files, more than %d: %q", len(entrance), atATime, entrance)
	}
	files := append(b.graph("app/entrance.js", "i18n/en.js", "app/main.js"), "style/room.css")
	if len(files) > 3*atATime {
		t.Errorf("the page needs %d files, more than %d: %q", len(files), 3*atATime, files)
	}
}

// TestEveryImportIsServed follows every import, static or not, of every module:
// it must name a file of the bundle, so that no page asks another host.
func TestEveryImportIsServed(t *testing.T) {
	b := loadBundle()
	dynamic := regexp.MustCompile(`\bimport\("([^"]+)"\)`)
	for name, a := range b.assets {
		if path.Ext(name) != ".js" {
			continue
		}
		code := withoutComments(a.plain)
		for _, m := range append(imported.FindAllSubmatch(code, -1), dynamic.FindAllSubmatch(code, -1)...) {
			target := string(m[1])
			if !strings.HasPrefix(target, ".") {
				t.Errorf("%s imports %q, which is no relative path", name, target)
			} else if _, ok := b.assets[path.Join(path.Dir(name), target)]; !ok {
				t.Errorf("%s imports %q, which is not there", name, target)
			}
		}
		if strings.HasPrefix(name, "sdk/") && regexp.MustCompile(`\b(document|window|HTMLElement)\b`).Match(code) {
			t.Errorf("%s knows the DOM", name)
		}
		if strings.HasPrefix(name, "ui/") && regexp.MustCompile(`\b(WebSocket|fetch)\b`).Match(code) {
			t.Errorf("%s opens connections", name)
		}
		if bytes.Contains(code, []byte("innerHTML")) || bytes.Contains(code, []byte("insertAdjacentHTML")) {
			t.Errorf("%s makes elements out of text", name)
		}
	}
}

func withoutComments(code []byte) []byte {
	return regexp.MustCompile(`(?s)/\*.*?\*/|(?m:^\s*//.*$)`).ReplaceAll(code, nil)
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestPagesAreStrictAndFresh(t *testing.T) {
	h := Handler(Options{})
	for _, target := range []string{"/", "/r/lobby", "/r/中文"} {
		res := get(t, h, "GET", target)
		csp := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", target, csp, want)
			}
		}
		if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-cache" || res.Header.Get("ETag") == "" {
			t.Errorf("%s: %d with %v", target, res.StatusCode, res.Header)
		}
		if again := get(t, h, "GET", target, "If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s asked for again: %d, not 304", target, again.StatusCode)
		}
		body, _ := io.ReadAll(res.Body)
		if strings.Contains(string(body), "%BASE%") || regexp.MustCompile(`(?s)<script(?:[^>]*)>[^<]+</script>|\son\w+=|style=`).Match(body) {
			t.Errorf("%s holds inline code, or a mark that nobody filled:\n%s", target, body)
		}
	}
}

func TestAssetsAreImmutableAndCompressed(t *testing.T) {
	h := Handler(Options{})
	b := loadBundle()
	for name, a := range b.assets {
		res := get(t, h, "GET", b.base()+name, "Accept-Encoding", "br, gzip")
		if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || res.Header.Get("Content-Type") != a.kind {
			t.Errorf("%s: %d with %v", name, res.StatusCode, res.Header)
		}
		zip, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, _ := io.ReadAll(zip); !bytes.Equal(got, a.plain) {
			t.Errorf("%s is another one when unpacked", name)
		}
	}
	plain := get(t, h, "GET", b.base()+"app/main.js", "Accept-Encoding", "gzip;q=0")
	if plain.Header.Get("Content-Encoding") != "" {
		t.Error("whoever refuses gzip gets gzip")
	}
	if old := get(t, h, "GET", "/assets/0123456789abcdef/app/main.js"); old.StatusCode != 404 {
		t.Errorf("an asset of another version: %d, not 404", old.StatusCode)
	}
}

func TestOtherPagesMayLoadTheSDK(t *testing.T) {
	h := Handler(Options{})
	for _, target := range []string{"/sdk.js", "/embed.js"} {
		res := get(t, h, "GET", target)
		if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s: %d with %v", target, res.StatusCode, res.Header)
		}
	}
}

func TestFramesAreWhereTheRoomAllows(t *testing.T) {
	h := Handler(Options{FrameAncestors: func(_ *http.Request, room string) []string {
		if room == "open" {
			return []string{"https://example.org", "https://evil.example; script-src *"}
		}
		return nil
	}})
	for target, want := range map[string]string{
		"/embed/open":  "frame-ancestors 'self' https://example.org",
		"/embed/lobby": "frame-ancestors 'self'",
	} {
		if csp := get(t, h, "GET", target).Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, want) {
			t.Errorf("%s: %q does not end in %q", target, csp, want)
		}
	}
}

func TestOtherRequests(t *testing.T) {
	h := Handler(Options{})
	for _, c := range []struct {
		method, target string
		want           int
	}{
		{"GET", "/nothing", 404},
		{"GET", "/r/", 404},
		{"GET", "/r/a/b", 404},
		{"GET", "/assets/../web.go", 404},
		{"POST", "/", 405},
		{"HEAD", "/", 200},
	} {
		if res := get(t, h, c.method, c.target); res.StatusCode != c.want {
			t.Errorf("%s %s: %d, not %d", c.method, c.target, res.StatusCode, c.want)
		}
	}
}

func TestLanguageIsTheReaders(t *testing.T) {
	h := Handler(Options{})
	for header, want := range map[string]string{
		"":                        "i18n/en.js",
		"zh-CN,zh;q=0.9,en;q=0.8": "i18n/zh.js",
		"de-DE,de;q=0.9,en;q=0.8": "i18n/en.js",
		"fr, *;q=0.5":             "i18n/en.js",
	} {
		body, _ := io.ReadAll(get(t, h, "GET", "/", "Accept-Language", header).Body)
		if !strings.Contains(string(body), want) {
			t.Errorf("%q is not answered with %s", header, want)
		}
	}
}

// A phone that installs the page wants pictures of the sizes that it was told.
func TestIconsAreWhatTheManifestSays(t *testing.T) {
	s := newSite(Options{})
	var manifest struct {
		Icons []struct{ Src, Sizes, Type, Purpose string }
	}
	if err := json.Unmarshal(s.fixed["/manifest.webmanifest"].plain, &manifest); err != nil {
		t.Fatal(err)
	}
	maskable := false
	for _, icon := range manifest.Icons {
		a, ok := s.bundle.assets[strings.TrimPrefix(icon.Src, s.bundle.base())]
		if !ok || a.kind != icon.Type {
			t.Errorf("%s is served as %q, the manifest says %q", icon.Src, a.kind, icon.Type)
		}
		maskable = maskable || icon.Purpose == "maskable"
		if icon.Type != "image/png" {
			continue
		}
		c, err := png.DecodeConfig(bytes.NewReader(a.plain))
		if size := fmt.Sprintf("%dx%d", c.Width, c.Height); err != nil || size != icon.Sizes {
			t.Errorf("%s is %s, the manifest says %s (%v)", icon.Src, size, icon.Sizes, err)
		}
	}
	if !maskable {
		t.Error("no icon may be cut to a shape")
	}
}
