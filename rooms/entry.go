package rooms

import "time"

// EntryKind names what an entry proposes.
type EntryKind string

// The kinds of entry.
const (
	EntryPost       EntryKind = "post"
	EntryEdit       EntryKind = "edit"
	EntryDelete     EntryKind = "delete"
	EntryReact      EntryKind = "react"
	EntryRead       EntryKind = "read" // takes no rev
	EntryCreateRoom EntryKind = "create-room"
	EntryUpdateRoom EntryKind = "update-room"
	EntryDeleteRoom EntryKind = "delete-room" // takes no rev: the history ends
	EntryPurge      EntryKind = "purge"       // takes no rev: old messages go, see [Store.Expired]
	EntryClear      EntryKind = "clear"       // deletes messages of one sender, see [Registry.Clear]
	EntryKick       EntryKind = "kick"        // takes no rev, as all below
	EntryBan        EntryKind = "ban"
	EntryMute       EntryKind = "mute"
	EntryLift       EntryKind = "lift"  // ends a ban or a mute
	EntryTrace      EntryKind = "trace" // adds networks to a ban, see [Sanction.Trace]

	EntryCreateWebhook EntryKind = "create-webhook"
	EntryUpdateWebhook EntryKind = "update-webhook"
	EntryDeleteWebhook EntryKind = "delete-webhook"
	EntryNoteWebhook   EntryKind = "note-webhook" // how far it has come, see [WebhookState]
)

// Entry is a durable change that somebody proposed. It carries all that
// applying needs: whoever applies the same entries in the same order to the
// same tables gets the same tables.
//
// A proposer fills Kind, Room, ID and the fields that its kind uses;
// [Registry.Propose] fixes the rest.
type Entry struct {
	Kind EntryKind
	Room string
	// ID is the proposer's own id of the entry, the idempotency key together
	// with Room and From.ID. Never empty in a journal.
	ID   string
	From Sender
	// Moderator is whether From may moderate Room, as the proposing node saw it.
	Moderator bool
	// Manager is whether it may manage it.
	Manager bool
	At      time.Time // UTC, whole milliseconds

	Seq      uint64      // edit, delete, react: the message; read: the newest one read; purge: the newest to go
	Message  MessageKind // post
	Text     string      // post, edit
	ReplyTo  uint64      // post
	Mentions []string    // post, edit: the folded names that Text mentions, see [Mentions]
	Emoji    string      // react
	On       bool        // react
	Create   Settings    // create-room; purge: Retention is the one that asks for it
	Patch    RoomPatch   // update-room
	Sanction *Sanction   // kick, ban, mute: Who, Networks, Trace, Reason, Until; lift: ID, Kind; trace: ID, Networks; clear: Who
	Seqs     []uint64    // clear: the messages, at most ClearStep
	Epoch    string      // create-room: the new history's identity; purge: that of the history to purge
	// Webhook is, for create-webhook, what is asked for; for the others ID says
	// which one, and for note-webhook State how far it has come.
	Webhook      *Webhook
	WebhookPatch *WebhookPatch // update-webhook

	Node      string // the node that proposed it
	Ticket    uint64 // the number under which that node waits for it
	JournalAt uint64 // its place in a journal that outlives the process, else 0
}

// Outcome is what applying one entry came to.
type Outcome struct {
	// Change is what happened, nil when nothing did: for a refusal, a
	// duplicate, a read mark, a change to the state that already was.
	Change *Change
	// More are the changes after Change, of an entry that makes several.
	More []*Change
	// Receipt is what the proposer learns.
	Receipt Receipt
	// Err is why the entry was refused, an [*Error]; nil otherwise.
	Err error
}

// Receipt tells the proposer what became of its entry. A repeat of an entry
// gets the receipt of the first one, with Duplicate set.
type Receipt struct {
	ID        string
	Seq       uint64 // the message, for post, edit, delete and react; purge: up to where messages are gone
	Rev       uint64 // the change's own
	Duplicate bool
	// Message is the message after the entry: for a duplicate its newest state.
	// Nil for entries about rooms.
	Message *Message
	// Room is the room after the entry, for entries about rooms.
	Room *Room
	// Sanction is the sanction after the entry, for kicks, bans, mutes and traces.
	Sanction *Sanction
	// Webhook is the webhook after the entry, or as it was before it was
	// deleted, for entries about webhooks.
	Webhook *Webhook
}

// ClearStep bounds how many messages one EntryClear deletes.
const ClearStep = 200

// Rank is the rank of e's sender in its room.
func (e *Entry) Rank() Rank {
	switch {
	case e.Manager:
		return RankManager
	case e.Moderator:
		return RankModerator
	}
	return RankMember
}
