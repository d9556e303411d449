// Package web is chatd's browser side: the chat page, the SDK and the element
// for other people's pages. It has no build step. The files below this
// directory are ES modules and style sheets as browsers run them; the package
// embeds them, compresses them once and serves them from memory.
//
//   - sdk/ talks to the server and knows no DOM.
//   - ui/ shows a room and opens no connection.
//   - app/ joins the two: the page, the embed, the service worker.
//   - style/ and i18n/ hold looks and words.
//
// Invariants:
//
//   - All assets live under one path that names their content, so that relative
//     imports work unchanged, a browser may keep them for ever, and a page never
//     mixes the code of two versions.
//   - The page runs no inline code and loads nothing from another host: the
//     Content-Security-Policy forbids it.
//   - What the server draws of a room looks and stands as the element draws it,
//     so that nothing moves when that takes over.
//
// The package is a leaf: it imports nothing of chatd's.
package web

import (
	"embed"
	"net/http"
)

//go:embed app sdk ui style i18n
var files embed.FS

// Options adapt the UI to the server that serves it. The zero value is a page
// of its own, in no one else's frame.
type Options struct {
	// FrameAncestors tells who may show /embed/{room} in a frame: CSP sources
	// such as "https://example.org", or "*". Nil, or nothing for a room, lets
	// the server's own pages do it. It is called once per request for such a
	// page, by any number of goroutines; room is what the path says, unchecked.
	FrameAncestors func(r *http.Request, room string) []string
	// Newest tells what the page of a room shows before its code has come, and
	// whether there is anything. Nil is nothing. It is called once per request
	// for such a page, by any number of goroutines; room is what the path says,
	// unchecked.
	Newest func(r *http.Request, room string) (*Room, bool)
}

// Handler serves the UI: the page at / and /r/{room} (which rooms exist is
// asked by the page itself), /embed/{room} for frames, /sdk.js and /embed.js
// for other people's pages, the service worker, the manifest, and the assets.
// Everything else is 404, any method but GET and HEAD is 405: mount it behind
// the routes of the API.
//
// Pages are revalidated at every load, by an ETag that names their content; assets
// are immutable. What is the same for everybody is compressed here, once, and
// takes some milliseconds; requests for it allocate next to nothing. A page with
// messages in it is made anew for each request. It panics if the embedded files do not fit
// together, which the package's tests would have told.
func Handler(o Options) http.Handler { return newSite(o) }
