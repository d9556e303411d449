package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Room is what the page of a room shows before its code has come, and for as long
// as there is no code: the newest messages, as plain text.
type Room struct {
	Name, Topic string
	Messages    []Message // ascending by Seq
}

// Message is one of them.
type Message struct {
	Seq          uint64
	From         string // whoever has this id has the same colour
	Name         string
	Text         string // "" when deleted
	At           time.Time
	ReplyTo      uint64 // the Seq of the message that it answers, 0 for none
	Announcement bool
	Deleted      bool
	Reactions    []Reaction
}

// Reaction is how many reacted to a message with one emoji.
type Reaction struct {
	Emoji string
	Count int
}

const (
	// mostText is how many bytes of text are drawn: more than any screen shows.
	mostText = 16 << 10
	// breath is how long somebody's messages stand below one name.
	breath = 5 * time.Minute
	// mostQuoted is how many characters are quoted of the message that one answers.
	mostQuoted = 140
)

// row is a message as the template draws it, like fillRow in ui/row.js does, so
// that nothing moves when that takes over.
type row struct {
	Message
	First  bool // it shows who and when
	Large  bool // nothing but a few emoji
	Hue    int
	Quoted *row
}

func (r *row) Initial() string {
	for _, c := range strings.TrimSpace(r.Name) {
		return string(unicode.ToUpper(c))
	}
	return "?"
}

// drawing draws the element of a room with its newest messages in it, by the
// template in app/prerender.html.
type drawing struct {
	inside *template.Template
}

func newDrawing(b *bundle) *drawing {
	return &drawing{template.Must(template.New("room").Parse(string(b.mustRead("app/prerender.html"))))}
}

func (d *drawing) room(room *Room) []byte {
	var html bytes.Buffer
	err := d.inside.Execute(&html, map[string]any{"Name": room.Name, "Topic": room.Topic, "Rows": rowsOf(room.Messages)})
	if err != nil {
		panic("web: " + err.Error()) // the template does not fit its data
	}
	return html.Bytes()
}

// digest names a content.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

func rowsOf(messages []Message) []row {
	size, first := 0, len(messages)
	for first > 0 && size < mostText {
		first--
		size += len(messages[first].Text)
	}
	rows := make([]row, 0, len(messages)-first)
	for _, m := range messages[first:] {
		m.Text = strings.Trim(m.Text, "\n")
		r := row{Message: m, First: true, Large: onlyEmoji(m.Text), Hue: hue(m.From)}
		if n := len(rows); n > 0 {
			r.First = !continues(&rows[n-1].Message, &m)
		}
		if i, ok := slices.BinarySearchFunc(rows, m.ReplyTo, func(r row, seq uint64) int { return cmp.Compare(r.Seq, seq) }); ok {
			quoted := rows[i]
			quoted.Text = excerpt(quoted.Text)
			r.Quoted = &quoted
		}
		rows = append(rows, r)
	}
	return rows
}

// continues tells whether b is said in one breath with a.
func continues(a, b *Message) bool {
	return a.From == b.From && a.Name == b.Name && !a.Announcement && !b.Announcement && b.ReplyTo == 0 && b.At.Sub(a.At) < breath
}

// onlyEmoji tells whether a text is nothing but a few emoji, nearly as the element
// finds out, which has a table of them.
func onlyEmoji(text string) bool {
	const joiner, variation = '\u200d', '\ufe0f'
	n := 0
	for _, c := range text {
		n++
		if !unicode.In(c, unicode.So, unicode.Sk, unicode.White_Space) && c != joiner && c != variation {
			return false
		}
	}
	return 0 < n && n <= 12
}

// hue is a number from 0 to 11 that stays the same for a text.
func hue(text string) int {
	sum := uint32(7)
	for _, c := range text {
		sum = sum*31 + uint32(c)
	}
	return int(sum % 12)
}

func excerpt(text string) string {
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > mostQuoted {
		return string(line[:mostQuoted-1]) + "…"
	}
	return string(line)
}
