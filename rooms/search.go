package rooms

import "time"

// SearchQuery looks for messages by their words.
type SearchQuery struct {
	// Text holds the words that a message must have, in any order: also
	// "several words" one after the other, begin* for a word's beginning, and
	// -not for what it must not have. Case and accents do not count. In scripts
	// that put no spaces between words, any part of a text is a word.
	Text string
	// Public and Patterns say which rooms are looked into, see [RoomQuery].
	Public   bool
	Patterns []string
	Room     string    // only this one; "" is all
	Sender   string    // only what this subject wrote; "" is everybody
	After    time.Time // only later messages; zero is no bound
	Before   time.Time // only earlier messages; zero is no bound
	Ranked   bool      // the best first, not the newest
	Cursor   string    // Next of the page before; "" is the first page
	Limit    int
	Viewer   string
}

// MaxSearch bounds the text of a search, in characters.
const MaxSearch = 200

// SearchPage is a page of messages found.
type SearchPage struct {
	// Messages, ranked with the best first; else ascending in time, the page
	// itself being older than the one before.
	Messages []Message
	// Next is the cursor of the next page, "" when there is none. A page may be
	// short and yet have a next one.
	Next string
	// Behind is how many messages are not searchable yet, or as they were
	// before their last change. A deleted text is never found.
	Behind int
}
