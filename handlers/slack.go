package handlers

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"chatd/rooms"
)

// slackPost is what programs send to Slack's incoming webhooks, as far as it is
// text. All else in such a body is for Slack.
type slackPost struct {
	Message     *json.RawMessage  `json:"message"` // ours: then it is not Slack's form
	Text        *slackText        `json:"text"`
	Attachments []slackAttachment `json:"attachments"`
	Blocks      []slackBlock      `json:"blocks"`
}

type slackAttachment struct {
	Fallback   string       `json:"fallback"`
	Pretext    string       `json:"pretext"`
	AuthorName string       `json:"author_name"`
	Title      string       `json:"title"`
	TitleLink  string       `json:"title_link"`
	Text       string       `json:"text"`
	Fields     []slackField `json:"fields"`
	Blocks     []slackBlock `json:"blocks"`
}

type slackField struct {
	Title string    `json:"title"`
	Value slackText `json:"value"`
}

// slackBlock is a block, or an element of one: a rich text has some within some.
type slackBlock struct {
	Type     string       `json:"type"`
	Text     slackText    `json:"text"`
	Title    slackText    `json:"title"`
	AltText  string       `json:"alt_text"`
	URL      string       `json:"url"`
	Name     string       `json:"name"` // of an emoji
	Fields   []slackText  `json:"fields"`
	Elements []slackBlock `json:"elements"`
}

// slackText is a text: alone, in an object that says how it is marked up, or
// something else in its place, such as a number.
type slackText string

// UnmarshalJSON implements json.Unmarshaler. It takes whatever comes.
func (t *slackText) UnmarshalJSON(raw []byte) error {
	var text string
	var object struct {
		Text string `json:"text"`
	}
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*t = slackText(text)
	case json.Unmarshal(raw, &object) == nil:
		*t = slackText(object.Text)
	case string(raw) != "null":
		*t = slackText(raw)
	}
	return nil
}

// slackForm is the JSON in a form's payload, which is the older way to post to
// Slack; nil for a body that is none.
func slackForm(body []byte) []byte {
	rest, ok := bytes.CutPrefix(body, []byte("payload="))
	if !ok {
		return nil
	}
	rest, _, _ = bytes.Cut(rest, []byte("&"))
	payload, err := url.QueryUnescape(string(rest))
	if err != nil {
		return nil
	}
	return []byte(payload)
}

// slackSays returns what a body in Slack's form says, and whether it is one: it
// has a text, attachments or blocks, and no message. Of a text that is longer
// than a message may be the beginning is kept: whoever sends an alarm cannot do
// better, and part of it is more than nothing.
func slackSays(body []byte) (string, bool) {
	var post slackPost
	if json.Unmarshal(body, &post) != nil || post.Message != nil ||
		post.Text == nil && len(post.Attachments) == 0 && len(post.Blocks) == 0 {
		return "", false
	}
	var s slackLines
	if post.Text != nil {
		s.say(string(*post.Text))
	}
	if len(s) == 0 { // where there are both, the text stands for the blocks
		s.sayBlocks(post.Blocks)
	}
	for _, a := range post.Attachments {
		s.sayAttachment(a)
	}
	text := strings.Join(s, "\n")
	text = slackCommand.ReplaceAllString(text, "@$1")
	text = slackNamed.ReplaceAllString(text, "$1$2")
	text = slackLink.ReplaceAllString(text, "$2 $1")
	text = slackAddress.ReplaceAllString(text, "$1")
	text = slackEscapes.Replace(text)
	if utf8.RuneCountInString(text) > rooms.DefaultMaxMessage {
		text = string([]rune(text)[:rooms.DefaultMaxMessage-1]) + "…"
	}
	return text, true
}

type slackLines []string

func (s *slackLines) say(text string) {
	if text = strings.TrimSpace(text); text != "" {
		*s = append(*s, text)
	}
}

func (s *slackLines) sayAttachment(a slackAttachment) {
	said := len(*s)
	s.say(a.Pretext)
	s.say(a.AuthorName)
	s.say(a.Title + " " + a.TitleLink)
	s.say(a.Text)
	for _, f := range a.Fields {
		title, value := strings.TrimSpace(f.Title), strings.TrimSpace(string(f.Value))
		if title != "" && value != "" {
			title += ": "
		}
		s.say(title + value)
	}
	s.sayBlocks(a.Blocks)
	if len(*s) == said {
		s.say(a.Fallback)
	}
}

func (s *slackLines) sayBlocks(blocks []slackBlock) {
	for i := range blocks {
		b := &blocks[i]
		s.say(string(b.Text))
		for _, f := range b.Fields {
			s.say(string(f))
		}
		switch b.Type {
		case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
			var line strings.Builder
			for j := range b.Elements {
				line.WriteString(b.Elements[j].inline())
			}
			s.say(line.String())
		case "context":
			var line []string
			for j := range b.Elements {
				line = append(line, b.Elements[j].inline())
			}
			s.say(strings.Join(line, " "))
		case "image":
			s.say(strings.Join([]string{string(b.Title), b.AltText}, " "))
		case "button":
			s.say(b.URL)
		default:
			s.sayBlocks(b.Elements)
		}
	}
}

// inline is an element within a line.
func (b *slackBlock) inline() string {
	switch b.Type {
	case "link":
		return strings.TrimSpace(string(b.Text) + " " + b.URL)
	case "emoji":
		return ":" + b.Name + ":"
	case "image":
		return b.AltText
	}
	return string(b.Text)
}

// Slack writes links as <address|words> and <address>, calls to all as <!here>
// and <!channel>, people and channels as <@U1|name> and <#C1|name>, and escapes
// three characters.
var (
	slackCommand = regexp.MustCompile(`<!(here|channel|everyone)(?:\|[^<>]*)?>`)
	slackNamed   = regexp.MustCompile(`<([@#])[A-Z0-9]+\|([^<>]+)>`)
	slackLink    = regexp.MustCompile(`<((?:https?|mailto):[^|<>\s]+)\|([^<>]+)>`)
	slackAddress = regexp.MustCompile(`<((?:https?|mailto):[^|<>\s]+)>`)
	slackEscapes = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)
