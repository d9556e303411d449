package wire

// CreateRoom is the body of POST /rooms.
type CreateRoom struct {
	ID         string    `json:"id,omitempty" validate:"omitempty,roomid" example:"ops"` // made from the name, or by chance, when absent
	Name       string    `json:"name,omitempty" validate:"line=100" example:"Operations"`
	Topic      string    `json:"topic,omitempty" validate:"line=500" example:"What is up, and what is down"`
	Mode       string    `json:"mode,omitempty" validate:"omitempty,oneof=open announce" enums:"open,announce"`
	Visibility string    `json:"visibility,omitempty" validate:"omitempty,oneof=public private" enums:"public,private"`
	SlowMode   int       `json:"slow_mode,omitempty" validate:"min=0,max=86400"`
	Retention  Retention `json:"retention,omitzero"`
	MaxMembers int       `json:"max_members,omitempty" validate:"min=0,max=10000000"`
	Embed      []string  `json:"embed_origins,omitempty" validate:"max=20" example:"https://www.example.com"`
}

// PatchRoom is the body of PATCH /rooms/{id}: what is absent stays.
type PatchRoom struct {
	Name       *string    `json:"name,omitempty" validate:"omitempty,line=100"`
	Topic      *string    `json:"topic,omitempty" validate:"omitempty,line=500"`
	Mode       *string    `json:"mode,omitempty" validate:"omitempty,oneof=open announce" enums:"open,announce"`
	Visibility *string    `json:"visibility,omitempty" validate:"omitempty,oneof=public private" enums:"public,private"`
	SlowMode   *int       `json:"slow_mode,omitempty" validate:"omitempty,min=0,max=86400"`
	Archived   *bool      `json:"archived,omitempty"`
	Retention  *Retention `json:"retention,omitempty"`
	MaxMembers *int       `json:"max_members,omitempty" validate:"omitempty,min=0,max=10000000"`
	Embed      *[]string  `json:"embed_origins,omitempty" validate:"omitempty,max=20"`
}

// RoomList is a page of rooms.
type RoomList struct {
	Rooms []Room `json:"rooms"`
	Next  string `json:"next,omitempty"` // the cursor of the next page; absent on the last one
}

// PostMessage is the JSON body of POST /rooms/{id}/messages and of
// POST /rooms/{id}/broadcast.
type PostMessage struct {
	Message string `json:"message" validate:"required" example:"Deploy at 15:00"`
	ID      string `json:"id,omitempty" validate:"omitempty,key"` // the idempotency key, when no Idempotency-Key is sent
	ReplyTo uint64 `json:"reply_to,omitempty"`
}

// Broadcast is what a broadcast came to: the message, and who was there.
type Broadcast struct {
	Message
	Online int `json:"online" example:"7"` // identities in the room when it was sent
}

// EditMessage is the body of PATCH /rooms/{id}/messages/{seq}.
type EditMessage struct {
	Message string `json:"message" validate:"required"`
	ID      string `json:"id,omitempty" validate:"omitempty,key"`
}

// MarkRead is the body of PUT /rooms/{id}/read.
type MarkRead struct {
	Seq uint64 `json:"seq" validate:"required" example:"42"` // the newest message read
}

// MessageList is a page of messages, ascending by seq.
type MessageList struct {
	Messages []Message `json:"messages"`
	Next     string    `json:"next,omitempty"` // the cursor of the next page in the direction asked for; absent on the last one
}

// Found is a message that a search found.
type Found struct {
	Message
	Room string `json:"room" example:"lobby"`
}

// FoundList is a page of what a search found: ascending in time, the page itself
// being older than the one before; or the best first, where that was asked for.
type FoundList struct {
	Messages []Found `json:"messages"`
	Next     string  `json:"next,omitempty"`   // the cursor of the next page; a short page may have one too
	Behind   int     `json:"behind,omitempty"` // messages that cannot be found yet
}

// MemberList is who is in a room.
type MemberList struct {
	Members []Person `json:"members"`
	Online  int      `json:"online"` // of them all; Members lists a page
	Next    string   `json:"next,omitempty"`
}

// Health answers GET /healthz.
type Health struct {
	Status string `json:"status" example:"ok"`
}

// VersionInfo answers GET /version.
type VersionInfo struct {
	Version  string `json:"version" example:"v1.0.0"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go" example:"go1.26"`
	Protocol int    `json:"protocol" example:"1"`
}
