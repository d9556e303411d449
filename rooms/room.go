package rooms

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// Lobby is the id of the room that always exists.
const Lobby = "lobby"

// NewLobby is the entry that makes the lobby. The first one that is applied
// counts: all others are its repeats.
func NewLobby() Entry {
	return Entry{
		Kind: EntryCreateRoom, Room: Lobby, ID: Lobby, At: Millis(time.Now()), Epoch: newEpoch(),
		Create: Settings{Name: "Lobby", Mode: ModeOpen, Visibility: Public},
	}
}

// Limits on what a room may be called, in characters (Unicode code points).
const (
	MaxRoomID    = 64
	MaxRoomName  = 100
	MaxRoomTopic = 500
)

// Mode says who may post in a room.
type Mode string

// The modes of a room.
const (
	ModeOpen     Mode = "open"     // members post
	ModeAnnounce Mode = "announce" // only moderators and broadcasts post
)

// Visibility says who may know that a room exists.
type Visibility string

// The visibilities of a room.
const (
	Public  Visibility = "public"  // listed, open to whoever may enter chatd
	Private Visibility = "private" // needs a grant; "not found" to all others
)

// Retention bounds the history that a room keeps. The zero value keeps all.
type Retention struct {
	Age   time.Duration // messages older than this go; 0 is no bound; whole seconds
	Count int           // only the newest Count messages stay; 0 is no bound
}

// Settings are the parts of a room that its managers choose.
type Settings struct {
	Name       string
	Topic      string
	Mode       Mode
	Visibility Visibility
	SlowMode   int // seconds between two posts of one sender, 0 is off
	Archived   bool
	Retention  Retention
	MaxMembers int // identities that may be in the room at once, 0 is no bound; moderators always may
	// EmbedOrigins are the origins, with a space in between, whose pages may
	// show the room in a frame, beside those that may show all rooms.
	EmbedOrigins string
}

// Room is a durable room as the store knows it.
type Room struct {
	ID string
	Settings
	Epoch     string    // identity of this room's history
	Head      uint64    // rev of the newest change, 0 when there is none
	Rev       uint64    // rev of the change that last touched the settings, 0 when none did
	CreatedAt time.Time // UTC, whole milliseconds
}

// RoomPatch changes the settings whose fields are not nil.
type RoomPatch struct {
	Name       *string
	Topic      *string
	Mode       *Mode
	Visibility *Visibility
	SlowMode   *int
	Archived   *bool
	Retention  *Retention

	MaxMembers   *int
	EmbedOrigins *string
}

// Apply returns s with the patch's fields in place.
func (p RoomPatch) Apply(s Settings) Settings {
	set(&s.Name, p.Name)
	set(&s.Topic, p.Topic)
	set(&s.Mode, p.Mode)
	set(&s.Visibility, p.Visibility)
	set(&s.SlowMode, p.SlowMode)
	set(&s.Archived, p.Archived)
	set(&s.Retention, p.Retention)
	set(&s.MaxMembers, p.MaxMembers)
	set(&s.EmbedOrigins, p.EmbedOrigins)
	return s
}

// moderates tells whether the patch changes no more than who may write, and how
// often: the lock of a room, which is for moderators too.
func (p RoomPatch) moderates() bool {
	locks := p.Mode != nil || p.SlowMode != nil
	p.Mode, p.SlowMode = nil, nil
	return locks && p == RoomPatch{}
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// ValidRoomID tells whether id matches ^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$.
func ValidRoomID(id string) bool {
	if id == "" || len(id) > MaxRoomID || id[0] == '-' || id[len(id)-1] == '-' {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ValidLine tells whether s may be a name or a topic: valid UTF-8 without
// control characters (line ends and bidirectional overrides among them), at
// most limit characters.
func ValidLine(s string, limit int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > limit {
		return false
	}
	for _, c := range s {
		if unicode.IsControl(c) || isBidiControl(c) || c == '\u2028' || c == '\u2029' {
			return false
		}
	}
	return true
}

// isBidiControl tells the characters that reorder the text around them, with
// which one name can be made to look like another (Unicode TR 36, 2.5).
func isBidiControl(c rune) bool {
	return c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069'
}
