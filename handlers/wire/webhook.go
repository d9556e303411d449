package wire

// CreateWebhook is the body of POST /rooms/{id}/webhooks.
type CreateWebhook struct {
	URL    string   `json:"url" validate:"required" example:"https://example.com/chat"`
	Name   string   `json:"name,omitempty" validate:"line=100" example:"the archive"`
	Events []string `json:"events,omitempty" validate:"max=5,dive,oneof=message edit delete member.joined member.left" enums:"message,edit,delete,member.joined,member.left"` // message, edit and delete when absent
	Secret string   `json:"secret,omitempty"`                                                                                                                                 // one of your own: whsec_ and 24 to 64 bytes in base64; made when absent
}

// PatchWebhook is the body of PATCH /rooms/{id}/webhooks/{webhook}: what is
// absent stays.
type PatchWebhook struct {
	URL     *string   `json:"url,omitempty" minLength:"1"`
	Name    *string   `json:"name,omitempty" validate:"omitempty,line=100"`
	Events  *[]string `json:"events,omitempty" validate:"omitempty,max=5,dive,oneof=message edit delete member.joined member.left" enums:"message,edit,delete,member.joined,member.left"`
	Enabled *bool     `json:"enabled,omitempty"` // false pauses it; true goes on where it stopped
}

// Webhook is a room's subscription.
type Webhook struct {
	ID           uint64   `json:"id" example:"7"`
	Name         string   `json:"name,omitempty" example:"the archive"`
	URL          string   `json:"url" example:"https://example.com/chat"`
	Events       []string `json:"events" enums:"message,edit,delete,member.joined,member.left"`
	Secret       string   `json:"secret,omitempty" example:"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"` // in the answer to its creation only
	By           Person   `json:"by"`
	At           Time     `json:"at" swaggertype:"string" format:"date-time"`
	Enabled      bool     `json:"enabled"`
	Disabled     string   `json:"disabled,omitempty" enums:"paused,gone,failing"` // why it is not called: by hand, by its receiver (410), or after five days of failures
	Cursor       string   `json:"cursor" example:"5f3c0a9b1d2e4f60a1b2:42"`       // epoch:rev: it was told all that it wants to know up to here
	Pending      int      `json:"pending"`                                        // changes that it is still to be told of; 1000 stands for as many or more
	CalledAt     *Time    `json:"called_at,omitempty" swaggertype:"string" format:"date-time"`
	Status       int      `json:"status,omitempty" example:"200"` // of the answer to the last call; absent when there was none
	Failure      string   `json:"failure,omitempty" example:"answered 503"`
	Failures     int      `json:"failures,omitempty"` // in a row
	FailingSince *Time    `json:"failing_since,omitempty" swaggertype:"string" format:"date-time"`
	NextTry      *Time    `json:"next_try,omitempty" swaggertype:"string" format:"date-time"`
}

// WebhookList is all webhooks of a room, ascending by id.
type WebhookList struct {
	Webhooks []Webhook `json:"webhooks"`
}

// WebhookTest tells what a receiver answered to a test.
type WebhookTest struct {
	Accepted bool   `json:"accepted"`
	Status   int    `json:"status,omitempty" example:"200"`
	Failure  string `json:"failure,omitempty" example:"no answer within 15s"`
	Took     int64  `json:"took_ms" example:"12"`
}

// Notice is the body of a webhook's call (Standard Webhooks). Data is a
// NoticeMessage for message, edit and delete, NoticeMembers for member.joined
// and member.left, and NoticeTest for test.
type Notice struct {
	Type      string `json:"type"`
	Timestamp Time   `json:"timestamp"` // when it happened; of a delete, when it was told
	Data      any    `json:"data"`
}

// NoticeMessage is a message as it is now, and where.
type NoticeMessage struct {
	Room  string `json:"room"`
	Epoch string `json:"epoch"`
	Message
}

// NoticeMembers is who came into a room, or went, since the notice before.
type NoticeMembers struct {
	Room    string   `json:"room"`
	Members []Person `json:"members"` // at most 500
	Online  int      `json:"online"`  // identities in the room now
}

// NoticeTest is a test's.
type NoticeTest struct {
	Room string `json:"room"`
}
