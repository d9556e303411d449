package wire

import "time"

// timeFormat is RFC 3339 in UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// Time is a moment on the wire: RFC 3339, UTC, whole milliseconds.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.AppendJSON(make([]byte, 0, len(timeFormat)+2)), nil
}

// AppendJSON appends the moment as a JSON string.
func (t Time) AppendJSON(dst []byte) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, timeFormat)
	return append(dst, '"')
}

// Person is an identity as others see it.
type Person struct {
	ID   string `json:"id" example:"guest:Ana"`
	Name string `json:"name" example:"Ana"`
}

// Reaction counts the identities that reacted with one emoji.
type Reaction struct {
	Count int  `json:"count" example:"3"`
	Me    bool `json:"me,omitempty"` // the reader is one of them; absent in live frames
}

// Message is a message, the same everywhere: in REST, on the WebSocket, in
// event streams, in exports and in search.
type Message struct {
	Seq       uint64              `json:"seq" example:"42"`
	Rev       uint64              `json:"rev" example:"42"`
	ID        string              `json:"id" example:"0198f3a1-7b1e-7c55-8a55-d0c0ffee0001"`
	Kind      string              `json:"kind" enums:"chat,announcement"`
	From      Person              `json:"from"`
	Message   string              `json:"message" example:"Hello"` // "" when deleted
	ReplyTo   uint64              `json:"reply_to,omitempty"`      // the seq that it answers
	At        Time                `json:"at" swaggertype:"string" format:"date-time" example:"2026-01-31T15:04:05.000Z"`
	EditedAt  *Time               `json:"edited_at,omitempty" swaggertype:"string" format:"date-time"`
	Deleted   bool                `json:"deleted,omitempty"`   // the text is gone, the place is kept
	Reactions map[string]Reaction `json:"reactions,omitempty"` // by emoji
}

// Retention bounds the history that a room keeps.
type Retention struct {
	Seconds int64 `json:"seconds,omitempty" validate:"min=0,max=3155760000" example:"2592000"` // messages older than this go
	Count   int   `json:"count,omitempty" validate:"min=0,max=1000000000"`                     // only the newest so many stay
}

// Room is a room.
type Room struct {
	ID         string    `json:"id" example:"lobby"`
	Name       string    `json:"name" example:"Lobby"`
	Topic      string    `json:"topic"`
	Mode       string    `json:"mode" enums:"open,announce"`
	Visibility string    `json:"visibility" enums:"public,private"`
	SlowMode   int       `json:"slow_mode"` // seconds between two posts of one sender
	Archived   bool      `json:"archived"`
	Retention  Retention `json:"retention"`
	MaxMembers int       `json:"max_members,omitempty" example:"100"` // at once; absent is no bound
	Embed      []string  `json:"embed_origins,omitempty"`             // whose pages may show it in a frame
	Epoch      string    `json:"epoch" example:"5f3c0a9b1d2e4f60a1b2"`
	Rev        uint64    `json:"rev" example:"42"`               // of the newest change: epoch:rev is a cursor
	Online     *int      `json:"online,omitempty" example:"7"`   // identities in the room now; absent in room frames
	Unread     *int      `json:"unread,omitempty" example:"3"`   // what you have not read: in lists, and where one room is asked for
	Mentions   *int      `json:"mentions,omitempty" example:"1"` // of your name, among them
	Read       *uint64   `json:"read,omitempty" example:"39"`    // the newest seq that you have read
	CreatedAt  Time      `json:"created_at" swaggertype:"string" format:"date-time" example:"2026-01-31T15:04:05.000Z"`
}
