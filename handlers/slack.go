package handlers

import (
	"encoding/json"
	"regexp"
	"strings"
)

// slackPost is what programs send to Slack's incoming webhooks, as far as it is
// text. All else in such a body is for Slack.
type slackPost struct {
	Message     *json.RawMessage  `json:"message"` // ours: then it is not Slack's form
	Text        *string           `json:"text"`
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
	Fallback  string `json:"fallback"`
	Pretext   string `json:"pretext"`
	Title     string `json:"title"`
	TitleLink string `json:"title_link"`
	Text      string `json:"text"`
}

// slackText returns what a body in Slack's form says, and whether it is one: it
// has a text, or attachments, and no message.
func slackText(body []byte) (string, bool) {
	var post slackPost
	if json.Unmarshal(body, &post) != nil || post.Message != nil || post.Text == nil && len(post.Attachments) == 0 {
		return "", false
	}
	var parts []string
	say := func(text string) {
		if text = strings.TrimSpace(text); text != "" {
			parts = append(parts, text)
		}
	}
	if post.Text != nil {
		say(*post.Text)
	}
	for _, a := range post.Attachments {
		said := len(parts)
		say(a.Pretext)
		say(strings.TrimSpace(a.Title + " " + a.TitleLink))
		say(a.Text)
		if len(parts) == said {
			say(a.Fallback)
		}
	}
	text := strings.Join(parts, "\n")
	text = slackLink.ReplaceAllString(text, "$2 $1")
	text = slackAddress.ReplaceAllString(text, "$1")
	return slackEscapes.Replace(text), true
}

// Slack writes links as <address|words> and <address>, and escapes three
// characters.
var (
	slackLink    = regexp.MustCompile(`<((?:https?|mailto):[^|<>\s]+)\|([^<>]+)>`)
	slackAddress = regexp.MustCompile(`<((?:https?|mailto):[^|<>\s]+)>`)
	slackEscapes = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)
