package handlers

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// query reads the parameters of a list, keeping the first that is wrong.
type query struct {
	values url.Values
	err    error
}

// readQuery is for requests whose sender is known: a query that is not
// URL-encoded was refused then.
func readQuery(r *http.Request) *query { return &query{values: r.URL.Query()} }

func (q *query) refuse(err error) {
	if q.err == nil {
		q.err = err
	}
}

// limit is how many things the page may have.
func (q *query) limit() int {
	text := q.values.Get("limit")
	if text == "" {
		return rooms.DefaultPage
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > rooms.MaxPage {
		q.refuse(rooms.Invalid("limit", "out_of_range", "must be a number from 1 to %d", rooms.MaxPage))
	}
	return n
}

// seq is the parameter that names a message, 0 when it is absent.
func (q *query) seq(name string) uint64 {
	text := q.values.Get(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		q.refuse(rooms.Invalid(name, "invalid", "must be the seq of a message"))
	}
	return n
}

// after is the seq to go on from; first tells that it was 0, which is from the
// first message.
func (q *query) after() (seq uint64, first bool) {
	if q.values.Get("after") == "0" {
		return 0, true
	}
	return q.seq("after"), false
}

// cursor is the place from which the page goes on, "" for the first page: what
// the page before gave, which must be of that kind of list.
func (q *query) cursor(kinds ...string) (kind, place string) {
	text := q.values.Get("cursor")
	if text == "" {
		return "", ""
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	kind, place, _ = strings.Cut(string(plain), ":")
	if err != nil || !slices.Contains(kinds, kind) || place == "" {
		q.refuse(badCursor)
		return "", ""
	}
	return kind, place
}

// number is the place of a list whose things are numbered, 0 for its first page.
func (q *query) number(kind string) uint64 {
	_, place := q.cursor(kind)
	if place == "" {
		return 0
	}
	n, err := strconv.ParseUint(place, 10, 63)
	if err != nil || n == 0 {
		q.refuse(badCursor)
	}
	return n
}

var badCursor = rooms.Invalid("cursor", "invalid", "must be the next of the page before")

// makeCursor is opaque, so that what is in it may change.
func makeCursor(kind, place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + place))
}

// linkNext tells the address of the next page in the Link header (RFC 8288).
func linkNext(c *gin.Context, next string) {
	if next == "" {
		return
	}
	values := c.Request.URL.Query()
	for _, name := range []string{"before", "after", "around"} {
		values.Del(name) // the cursor stands for them
	}
	linkCursor(c, values, next)
}

func linkCursor(c *gin.Context, values url.Values, next string) {
	values.Set("cursor", next)
	c.Header("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", c.Request.URL.EscapedPath(), values.Encode()))
}
