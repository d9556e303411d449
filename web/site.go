package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// site answers the requests of [Handler].
type site struct {
	options Options
	bundle  *bundle
	fixed   map[string]asset // by path
	pages   map[string]pages // by language
	draw    *drawing
	styles  string // the sources that allow the pages' own styles
}

func newSite(o Options) *site {
	b := loadBundle()
	text := func(kind, content string) asset { return newAsset(kind, []byte(content)) }
	s := &site{options: o, bundle: b, pages: map[string]pages{}, draw: newDrawing(b), styles: b.styleHashes()}
	for _, language := range languages {
		words := "i18n/" + language + ".js"
		s.pages[language] = pages{
			chat:  b.page("app/index.html", "app/entrance.js", words, "app/main.js"),
			embed: b.page("app/embed.html", "app/frame.js", words, "app/embed.js"),
		}
	}
	s.fixed = map[string]asset{
		"/sdk.js":               text(kinds[".js"], fmt.Sprintf("export * from %q;\n", b.base()+"sdk/room.js")),
		"/embed.js":             text(kinds[".js"], fmt.Sprintf("export * from %q;\n", b.base()+"app/embed.js")),
		"/sw.js":                text(kinds[".js"], b.fill("app/sw.js", append([]string{"app/entrance.js", "app/main.js"}, words()...)...)),
		"/manifest.webmanifest": text(kinds[".webmanifest"], b.fill("app/manifest.webmanifest")),
		"/favicon.ico":          b.assets["app/icon.svg"],
	}
	return s
}

const (
	immutable  = "public, max-age=31536000, immutable"
	revalidate = "no-cache"
)

// policy is the Content-Security-Policy of pages, but for the hash of their own
// style and who may frame them. The one Trusted Types policy makes the URL of the
// service worker.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' %s; img-src 'self' data:; " +
	"connect-src 'self' ws: wss:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
	"require-trusted-types-for 'script'; trusted-types chatd; frame-ancestors %s"

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}

	path := r.URL.Path
	if name, ok := strings.CutPrefix(path, s.bundle.base()); ok {
		if a, ok := s.bundle.assets[name]; ok {
			forAnyPage(h)
			s.serve(w, r, a, immutable)
			return
		}
	}
	if a, ok := s.fixed[path]; ok {
		forAnyPage(h)
		s.serve(w, r, a, revalidate)
		return
	}
	if room, ok := strings.CutPrefix(path, "/embed/"); ok && isSegment(room) {
		s.servePage(w, r, s.pages[language(r)].embed, room, r.URL.Query().Get("theme"), s.ancestors(r, room))
		return
	}
	room, ok := strings.CutPrefix(path, "/r/")
	if path == "/" || ok && isSegment(room) { // which room / is, the page knows
		s.servePage(w, r, s.pages[language(r)].chat, room, remembered(r), "'none'")
		return
	}
	http.NotFound(w, r)
}

func isSegment(s string) bool { return s != "" && !strings.Contains(s, "/") }

// forAnyPage lets pages of other origins load the response.
func forAnyPage(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

func (s *site) ancestors(r *http.Request, room string) string {
	if s.options.FrameAncestors == nil {
		return "'self'"
	}
	sources := []string{"'self'"}
	for _, source := range s.options.FrameAncestors(r, room) {
		if !strings.ContainsAny(source, ";, \t\r\n") { // one source, not another directive
			sources = append(sources, source)
		}
	}
	return strings.Join(sources, " ")
}

// servePage serves a page with what there is to see of a room in it.
func (s *site) servePage(w http.ResponseWriter, r *http.Request, p page, id, theme, ancestors string) {
	h := w.Header()
	h.Set("Content-Security-Policy", fmt.Sprintf(policy, s.styles, ancestors))
	h.Set("Referrer-Policy", "same-origin")
	h.Add("Vary", "Accept-Language, Cookie")
	if !slices.Contains(themes, theme) {
		theme = ""
	}
	a, caching := p.empty[theme], revalidate
	if id != "" && s.options.Newest != nil {
		if room, ok := s.options.Newest(r, id); ok {
			a, caching = p.with(theme, s.draw.room(room)), "private, "+revalidate
			h.Set("X-Robots-Tag", "noindex") // what is said in a room is not for search engines
		}
	}
	s.serve(w, r, a, caching)
}

func (s *site) serve(w http.ResponseWriter, r *http.Request, a asset, caching string) {
	h := w.Header()
	h.Set("Cache-Control", caching)
	h.Set("Content-Type", a.kind)
	h.Add("Vary", "Accept-Encoding")
	etag := `"` + s.bundle.version + a.mark + `"`
	h.Set("ETag", etag)
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.gzipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a reader that is gone needs no answer
}

// languages are those of the i18n directory, the first is for everybody else.
var languages = []string{"en", "zh"}

func words() []string {
	var modules []string
	for _, l := range languages {
		modules = append(modules, "i18n/"+l+".js")
	}
	return modules
}

// language is the first one of the request's that there are words for.
func language(r *http.Request) string {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if slices.Contains(languages, primary) {
			return primary
		}
	}
	return languages[0]
}

// remembered is the theme that the page has put into a cookie, so that the next
// one begins in it.
func remembered(r *http.Request) string {
	c, err := r.Cookie("theme")
	if err != nil {
		return ""
	}
	return c.Value
}

// acceptsGzip tells whether the request names gzip, and not with a weight of 0.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return err != nil || q > 0
		}
	}
	return false
}
