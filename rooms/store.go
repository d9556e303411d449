package rooms

import (
	"context"
	"time"
)

// Store is the tables: the journal's entries are applied to it, and queries
// read it. Its conformance suite is roomstest.TestStore.
//
// Apply is called by one goroutine at a time. All other methods may be called
// at any time by any number of goroutines; they see committed state only.
type Store interface {
	// Apply applies the entries in order, in one transaction, and returns after
	// it is durable: one outcome for each entry, in the same order. A refusal
	// is an outcome; an error means that none of the entries was applied, and
	// that the same entries may be applied again.
	Apply(ctx context.Context, entries []Entry) ([]Outcome, error)

	// JournalAt is the place of the newest applied entry that had one, else 0.
	JournalAt() uint64
	// Seals lists what the journal came to at some places, ascending, the
	// newest one among them: empty when no applied entry had a place.
	Seals() []Seal

	// Room returns a room, or an [*Error] with CodeRoomNotFound.
	Room(ctx context.Context, id string) (Room, error)
	// Rooms lists rooms by id, ascending, those after q.After.
	Rooms(ctx context.Context, q RoomQuery) ([]Room, error)

	// RoomCount is how many rooms there are. It answers from memory.
	RoomCount() int

	// Changes returns the room's changes after rev, ascending by rev, each
	// message once and in its newest state, at most limit of them; done tells
	// that no more were committed when it looked. viewer is whose reactions
	// are Me. The first change's Prev is rev, every later one's the rev
	// before it. A message born after base comes as ChangeChat (or
	// ChangeDelete), one that the reader already knew as ChangeEdit (or
	// ChangeDelete).
	Changes(ctx context.Context, q ChangeQuery) (changes []Change, done bool, err error)

	// Messages returns messages ascending by seq; see [MessageQuery].
	Messages(ctx context.Context, q MessageQuery) ([]Message, error)
	// Message returns one message, or CodeMessageNotFound.
	Message(ctx context.Context, room string, seq uint64, viewer string) (Message, error)

	// Search finds messages by their words. A text or cursor that cannot be read
	// is refused with CodeInvalid, under the names "q" and "cursor".
	Search(ctx context.Context, q SearchQuery) (SearchPage, error)

	// Unread tells what q.Subject has not read, for each of q.Rooms that exists,
	// in their order.
	Unread(ctx context.Context, q UnreadQuery) ([]Unread, error)

	// Sanctions returns the room's bans and mutes, those that have ended may be
	// among them; nil for none. It answers from memory: it is asked for every
	// entry.
	Sanctions(room string) *Sanctions
	// Webhooks returns the room's webhooks, ascending by ID; nil for none. It
	// answers from memory. The list is not to be changed.
	Webhooks(room string) []Webhook
	// Notices returns what q.On asks for of the room's changes after q.After,
	// ascending by rev, at most q.Limit: a post and the newest of a message's
	// edits or its deletion, each under its own rev and with the message as it
	// is now; of deleted messages the deletion alone. Whatever else was asked
	// for and has a rev up to upTo is no more: it was overtaken, or purged.
	Notices(ctx context.Context, q NoticeQuery) (notices []Notice, upTo uint64, err error)
	// Audit returns what moderators and managers did, the newest first.
	Audit(ctx context.Context, q AuditQuery) ([]AuditRecord, error)
	// Written lists sender's messages with a seq in [from, to) that are not
	// deleted, ascending.
	Written(ctx context.Context, room, sender string, from, to uint64) ([]uint64, error)

	// Expired returns the seq up to which the room's retention has ended at now,
	// or 0: propose an EntryPurge with it. Applying one removes at most PurgeStep
	// messages, so that nobody waits long behind it; while its receipt's Seq is
	// below the entry's, propose it again. Then ask again.
	Expired(ctx context.Context, room string, now time.Time) (seq uint64, err error)

	// Run does what commits leave undone, such as making messages searchable and
	// removing those of deleted rooms, until ctx is done. It is called once;
	// without it all that Apply acknowledges is durable and visible all the same.
	Run(ctx context.Context) error

	// Close releases all that the store holds. Nothing else may be under way.
	Close() error
}

// Seal stands for all that was applied up to a place of the journal, and for
// what was there before it: two stores have the same Sum at the same place, or
// they have not the same history.
type Seal struct {
	At  uint64
	Sum string
}

// RoomQuery selects rooms.
type RoomQuery struct {
	After string // exclusive; "" is from the first
	Limit int
	// Public selects public rooms, Patterns adds the rooms of any visibility
	// whose ids match one of these patterns ([path.Match]).
	Public   bool
	Patterns []string
}

// ChangeQuery selects changes of one room; see [Store.Changes].
type ChangeQuery struct {
	Room   string
	After  uint64 // exclusive rev
	Base   uint64 // the rev up to which the reader knew the room when its catching up began
	Limit  int
	Viewer string
}

// MessageQuery selects a page of one room's messages. At most one of Before,
// After, Around and First is set; with none, the newest are selected. The bounds are
// seqs and exclusive; they need not exist.
type MessageQuery struct {
	Room   string
	Before uint64
	After  uint64
	Around uint64 // as many before as after, and the message itself if it is there
	First  bool   // the oldest
	Limit  int
	Viewer string
}

// PurgeStep bounds how many messages one EntryPurge removes.
const PurgeStep = 200

// MaxUnread bounds what is counted as unread in one room: it stands for as many
// or more.
const MaxUnread = 1000

// UnreadQuery asks what an identity has not read.
type UnreadQuery struct {
	Subject string
	Name    string // its name as mentions have it, see [FoldName]
	Rooms   []string
}

// Unread is what an identity has not read in one room: others' messages after
// its read mark. Deleted messages do not count.
type Unread struct {
	Room     string
	Read     uint64 // the read mark: the newest seq read, 0 when none ever was
	Count    int    // among the newest MaxUnread messages
	Mentions int    // of its name, at most MaxUnread
}

// DefaultPage and MaxPage bound how many things one query returns.
const (
	DefaultPage = 50
	MaxPage     = 200
)

// Millis is t as it is stored and shown: UTC, whole milliseconds.
func Millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
