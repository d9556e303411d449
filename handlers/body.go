package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"chatd/handlers/wire"
	"chatd/rooms"

	"github.com/gin-gonic/gin"
)

// readJSON reads the request's body into dst, a pointer to one of wire's
// structs, and checks its shape.
func (s *Server) readJSON(c *gin.Context, dst any) error {
	isJSON, err := contentIsJSON(c)
	if err != nil {
		return err
	}
	if !isJSON {
		return rooms.Errorf(wire.CodeUnsupportedMedia, "the body must be JSON, sent as \"Content-Type: application/json\" (curl has --json for it)")
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return brokenBody(err)
	}
	if err := decodeStrict(body, dst); err != nil {
		return err
	}
	return s.check(dst)
}

// readPost reads what a request posts: JSON, or any other body as the text
// itself, so that curl -d needs no header. An announcement may also come in
// Slack's form; slack tells that it did.
func (s *Server) readPost(c *gin.Context, kind rooms.MessageKind) (post wire.PostMessage, slack bool, err error) {
	isJSON, err := contentIsJSON(c)
	if err != nil {
		return post, false, err
	}
	if strings.HasPrefix(c.ContentType(), "multipart/") {
		return post, false, rooms.Errorf(wire.CodeUnsupportedMedia, "the body is taken as the text itself, not as a form: send it by curl -d, or as JSON")
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return post, false, brokenBody(err)
	}
	if kind == rooms.KindAnnouncement {
		if isJSON {
			post.Message, slack = slackSays(body)
		} else if form := slackForm(body); form != nil {
			post.Message, slack = slackSays(form)
		}
	}
	if slack {
		post.ID, err = idempotencyKey(c, "")
		return post, true, err
	}
	if isJSON {
		if err := decodeStrict(body, &post); err != nil {
			return post, false, err
		}
	} else {
		post.Message = string(body)
	}
	if err := s.check(&post); err != nil {
		return post, false, err
	}
	post.ID, err = idempotencyKey(c, post.ID)
	return post, false, err
}

// idempotencyKey is the key of the request, "" for none: its header's, or the
// id in its body.
func idempotencyKey(c *gin.Context, id string) (string, error) {
	key := c.GetHeader("Idempotency-Key")
	switch {
	case key == "":
		return id, nil
	case !rooms.ValidKey(key):
		return "", rooms.Invalid("Idempotency-Key", "invalid", "%s", rooms.KeyRule)
	case id != "" && id != key:
		return "", rooms.Invalid("id", "conflict", "is not the Idempotency-Key; send one of them, or the same")
	}
	return key, nil
}

// contentIsJSON tells whether the body says that it is JSON, and refuses bodies
// that are not in UTF-8 or are compressed.
func contentIsJSON(c *gin.Context) (bool, error) {
	if e := c.GetHeader("Content-Encoding"); e != "" && e != "identity" {
		return false, rooms.Errorf(wire.CodeUnsupportedMedia, "the body must not be encoded, but is %q", e)
	}
	media, params, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil {
		return false, nil
	}
	if cs := strings.ToLower(params["charset"]); cs != "" && cs != "utf-8" && cs != "us-ascii" {
		return false, rooms.Errorf(wire.CodeUnsupportedMedia, "the body must be in UTF-8, not %s", cs)
	}
	return media == gin.MIMEJSON || strings.HasSuffix(media, "+json"), nil // RFC 6839 section 3.1
}

// brokenBody is why a body could not be read: it is too large, or too slow, or
// it ended before its end.
func brokenBody(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return rooms.Errorf(rooms.CodeTooSlow, "the body took too long to arrive")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return rooms.Errorf(wire.CodeMalformed, "the body ended before its end")
}

// decodeStrict decodes one JSON object that has no fields but dst's.
func decodeStrict(body []byte, dst any) error {
	if !utf8.Valid(body) {
		return rooms.Errorf(wire.CodeMalformed, "this is not valid UTF-8")
	}
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) == 0 || start[0] != '{' {
		return rooms.Errorf(wire.CodeMalformed, "this must be a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return malformed(body, err)
	}
	end := dec.InputOffset()
	if rest := bytes.TrimLeft(body[end:], " \t\r\n"); len(rest) > 0 {
		return rooms.Errorf(wire.CodeMalformed, "there is more after the JSON object's end, at %s",
			place(body, int64(len(body)-len(rest))))
	}
	return nil
}

// malformed says what is wrong with a body, and where.
func malformed(body []byte, err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return rooms.Errorf(wire.CodeMalformed, "this is not JSON, at %s: %s", place(body, e.Offset-1), e.Error())
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return badField(e.Field, "wrong_type", fmt.Sprintf("must be %s, not %s (at %s)",
			jsonKind(e.Type), article(e.Value), place(body, e.Offset-1)))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return badField(strings.Trim(name, `"`), "unknown", "is not a field here")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return rooms.Errorf(wire.CodeMalformed, "the JSON ends before its end, at %s", place(body, int64(len(body))))
	}
	return rooms.Errorf(wire.CodeMalformed, "this is not JSON")
}

func badField(field, code, detail string) error {
	return &rooms.Error{
		Code:   wire.CodeMalformed,
		Detail: field + " " + detail,
		Fields: []rooms.FieldError{{Field: field, Code: code, Detail: detail}},
	}
}

// place is an offset as people count.
func place(body []byte, offset int64) string {
	before := body[:min(max(offset, 0), int64(len(body)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// jsonKind is t as JSON calls it.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}

// article is one of encoding/json's words for a value ("number 1.5", "object"),
// to be read in a sentence.
func article(value string) string {
	switch {
	case strings.HasPrefix(value, "number "):
		return strings.TrimPrefix(value, "number ")
	case value == "object" || value == "array":
		return "an " + value
	case value == "bool":
		return "true or false"
	default:
		return "a " + value
	}
}
