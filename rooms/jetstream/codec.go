package jetstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"chatd/rooms"
)

// codecVersion is the first byte of every encoded entry. Whoever changes what
// the fields below mean counts it up; a new field needs no new version, because
// a chatd that does not know a field refuses the entry.
const codecVersion = '1'

// entry is a rooms.Entry as the stream holds it, but for its place there.
type entry struct {
	Kind         rooms.EntryKind     `json:"k"`
	Room         string              `json:"r"`
	ID           string              `json:"i"`
	Sender       string              `json:"s,omitempty"`
	Name         string              `json:"n,omitempty"`
	Moderator    bool                `json:"m,omitempty"`
	Manager      bool                `json:"ma,omitempty"`
	At           int64               `json:"a"` // milliseconds
	Seq          uint64              `json:"q,omitempty"`
	Message      rooms.MessageKind   `json:"mk,omitempty"`
	Text         string              `json:"t,omitempty"`
	ReplyTo      uint64              `json:"rt,omitempty"`
	Mentions     []string            `json:"me,omitempty"`
	Emoji        string              `json:"e,omitempty"`
	On           bool                `json:"on,omitempty"`
	Create       *rooms.Settings     `json:"c,omitempty"`
	Patch        *rooms.RoomPatch    `json:"p,omitempty"`
	Sanction     *rooms.Sanction     `json:"sn,omitempty"`
	Seqs         []uint64            `json:"sq,omitempty"`
	Webhook      *rooms.Webhook      `json:"wh,omitempty"`
	WebhookPatch *rooms.WebhookPatch `json:"wp,omitempty"`
	Epoch        string              `json:"ep,omitempty"`
	Node         string              `json:"nd,omitempty"`
	Ticket       uint64              `json:"tk,omitempty"`
}

// encode appends e to dst. It fails if something in e would not come out as it
// went in.
func encode(dst []byte, e *rooms.Entry) ([]byte, error) {
	if err := checkText(e); err != nil {
		return dst, err
	}
	w := entry{
		Kind: e.Kind, Room: e.Room, ID: e.ID, Sender: e.From.ID, Name: e.From.Name,
		Moderator: e.Moderator, At: e.At.UnixMilli(), Seq: e.Seq, Message: e.Message,
		Text: e.Text, ReplyTo: e.ReplyTo, Mentions: e.Mentions, Emoji: e.Emoji, On: e.On,
		Manager: e.Manager, Sanction: e.Sanction, Seqs: e.Seqs, Webhook: e.Webhook, WebhookPatch: e.WebhookPatch,
		Epoch: e.Epoch, Node: e.Node, Ticket: e.Ticket,
	}
	if e.Create != (rooms.Settings{}) {
		w.Create = &e.Create
	}
	if e.Patch != (rooms.RoomPatch{}) {
		w.Patch = &e.Patch
	}
	buf := bytes.NewBuffer(append(dst, codecVersion))
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&w); err != nil {
		return dst, fmt.Errorf("encode entry: %w", err)
	}
	p := buf.Bytes()
	return p[:len(p)-1], nil // without the newline
}

// checkText refuses what JSON would change.
func checkText(e *rooms.Entry) error {
	texts := append([]string{
		string(e.Kind), e.Room, e.ID, e.From.ID, e.From.Name, string(e.Message), e.Text, e.Emoji, e.Epoch, e.Node,
	}, e.Mentions...)
	if s := e.Sanction; s != nil {
		texts = append(append(texts, s.Reason, s.Who.ID, s.Who.Name, s.By.ID, s.By.Name), s.Networks...)
	}
	if h := e.Webhook; h != nil {
		texts = append(texts, h.Name, h.URL, h.Secret, h.By.ID, h.By.Name, string(h.Off), h.State.Failure)
	}
	if p := e.WebhookPatch; p != nil {
		for _, s := range []*string{p.Name, p.URL, (*string)(p.Off)} {
			if s != nil {
				texts = append(texts, *s)
			}
		}
	}
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return rooms.Invalid("message", "invalid_utf8", "must be valid UTF-8")
		}
	}
	return nil
}

// decode reads an entry. It refuses whatever this chatd might misunderstand:
// two nodes that read one entry differently would no longer be one chat.
func decode(p []byte) (rooms.Entry, error) {
	if len(p) == 0 || p[0] != codecVersion {
		return rooms.Entry{}, errors.New("it was written by another version of chatd")
	}
	var w entry
	dec := json.NewDecoder(bytes.NewReader(p[1:]))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return rooms.Entry{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return rooms.Entry{}, errors.New("something follows it")
	}
	e := rooms.Entry{
		Kind: w.Kind, Room: w.Room, ID: w.ID, From: rooms.Sender{ID: w.Sender, Name: w.Name},
		Moderator: w.Moderator, At: time.UnixMilli(w.At).UTC(), Seq: w.Seq, Message: w.Message,
		Text: w.Text, ReplyTo: w.ReplyTo, Mentions: w.Mentions, Emoji: w.Emoji, On: w.On,
		Manager: w.Manager, Sanction: w.Sanction, Seqs: w.Seqs, Webhook: w.Webhook, WebhookPatch: w.WebhookPatch,
		Epoch: w.Epoch, Node: w.Node, Ticket: w.Ticket,
	}
	if len(w.Seqs) == 0 {
		e.Seqs = nil
	}
	if len(w.Mentions) == 0 {
		e.Mentions = nil
	}
	if w.Create != nil {
		e.Create = *w.Create
	}
	if w.Patch != nil {
		e.Patch = *w.Patch
	}
	return e, nil
}
