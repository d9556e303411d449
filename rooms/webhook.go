package rooms

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// WebhookEvents is a set of things that a webhook is told of.
type WebhookEvents uint8

// The things that a webhook is told of. Those of messages are durable changes:
// each is told, in order, whatever happens in between. Those of members are not
// stored: what a webhook is told of them are the differences between two looks.
const (
	OnMessage WebhookEvents = 1 << iota // a message was posted
	OnEdit                              // a message has another text
	OnDelete                            // a message's text is gone
	OnJoined                            // identities came into the room
	OnLeft                              // identities went

	onChanges = OnMessage | OnEdit | OnDelete
	onMembers = OnJoined | OnLeft
)

var webhookEvents = []struct {
	bit  WebhookEvents
	word string
}{
	{OnMessage, "message"},
	{OnEdit, "edit"},
	{OnDelete, "delete"},
	{OnJoined, "member.joined"},
	{OnLeft, "member.left"},
}

// Words are the names of what is in the set, in a fixed order.
func (on WebhookEvents) Words() []string {
	words := []string{}
	for _, e := range webhookEvents {
		if on&e.bit != 0 {
			words = append(words, e.word)
		}
	}
	return words
}

// String is the words with spaces in between.
func (on WebhookEvents) String() string { return strings.Join(on.Words(), " ") }

// ParseWebhookEvents is the set of words, and tells whether all are known.
func ParseWebhookEvents(words []string) (on WebhookEvents, ok bool) {
	for _, word := range words {
		var bit WebhookEvents
		for _, e := range webhookEvents {
			if e.word == word {
				bit = e.bit
			}
		}
		if bit == 0 {
			return 0, false
		}
		on |= bit
	}
	return on, true
}

// WebhookOff is why a webhook is not called, "" for one that is.
type WebhookOff string

// Why a webhook is not called. It keeps its place: when it is on again it goes
// on there.
const (
	OffByHand  WebhookOff = "paused"  // a moderator turned it off
	OffGone    WebhookOff = "gone"    // its receiver said that there is none any more (410)
	OffFailing WebhookOff = "failing" // no call was accepted for webhookPatience
)

// Webhook is a room's subscription: a URL that is told what happens there. It
// is durable; the receiver's part is an HTTP server's.
type Webhook struct {
	ID     uint64 // given by the store, unique among all rooms'
	Name   string // what it is for, in somebody's words; may be ""
	URL    string
	On     WebhookEvents
	Secret string // signs what it is told: "whsec_" and base64 of 24 to 64 bytes
	By     Sender // who made it
	At     time.Time
	Off    WebhookOff
	State  WebhookState
}

// WebhookState is how far a webhook has come, as the node that calls it noted.
type WebhookState struct {
	Rev          uint64    // it was told all that it wants to know up to here
	CalledAt     time.Time // the last one; zero is none
	Status       int       // of the last one's answer; 0 is none
	Failure      string    // why the last one was not accepted, "" when it was
	Failures     int       // in a row
	FailingSince time.Time // the first of them; zero is none
	Next         time.Time // it is not called again before; zero is at once
}

// WebhookPatch changes what is not nil. Turning a webhook on, and giving it
// another URL, has it called at once.
type WebhookPatch struct {
	Name *string
	URL  *string
	On   *WebhookEvents
	Off  *WebhookOff
}

// Apply returns w with the patch's fields in place.
func (p WebhookPatch) Apply(w Webhook) Webhook {
	if p.Off != nil && *p.Off == "" && w.Off != "" || p.URL != nil && *p.URL != w.URL {
		w.State.Failure, w.State.Failures, w.State.FailingSince, w.State.Next = "", 0, time.Time{}, time.Time{}
	}
	set(&w.Name, p.Name)
	set(&w.URL, p.URL)
	set(&w.On, p.On)
	set(&w.Off, p.Off)
	return w
}

// Bounds of webhooks.
const (
	MaxWebhooks    = 20   // in one room
	MaxWebhookName = 100  // characters
	MaxWebhookURL  = 2000 // bytes
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32 // of one that is made here
	secretMin    = 24
	secretMax    = 64
)

// newWebhookSecret makes a secret of 256 bits.
func newWebhookSecret() string {
	var key [secretBytes]byte
	_, _ = rand.Read(key[:]) // never fails, see crypto/rand.Read
	return secretPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// WebhookKey is the key that a secret stands for.
func WebhookKey(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return nil, fmt.Errorf("it does not begin with %s", secretPrefix)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(key) < secretMin || len(key) > secretMax {
		return nil, fmt.Errorf("it stands for %d bytes", len(key))
	}
	return key, nil
}

// Notice is one thing that a webhook is told.
type Notice struct {
	Event   WebhookEvents // one, or 0 for a test
	Room    string
	Epoch   string
	Rev     uint64    // the change's; 0 for what is no change
	At      time.Time // zero is not known: of a deletion
	Message *Message  // for changes: as it is now, which may be newer than the change
	Members []Sender  // who joined or left
	Online  int       // for members: identities in the room now
}

// Word is the event's name.
func (n *Notice) Word() string {
	if n.Event == 0 {
		return "test"
	}
	return n.Event.String()
}

// id names what a webhook is told. A change has the same id whenever it is told.
func (n *Notice) id(webhook uint64) string {
	if n.Rev == 0 {
		return "msg_" + NewID()
	}
	return fmt.Sprintf("msg_%s_%d_%d", n.Epoch, n.Rev, webhook)
}

// NoticeQuery selects what a webhook is to be told of a room's changes.
type NoticeQuery struct {
	Room  string
	After uint64 // exclusive rev
	On    WebhookEvents
	Limit int
}

func noWebhook(room string, id uint64) *Error {
	return Errorf(CodeNoWebhook, "there is no webhook %d in room %q", id, room)
}

// FindWebhook returns the place in list of the one of that ID, or a refusal.
func FindWebhook(list []Webhook, room string, id uint64) (int, error) {
	for i := range list {
		if list[i].ID == id {
			return i, nil
		}
	}
	return 0, noWebhook(room, id)
}
