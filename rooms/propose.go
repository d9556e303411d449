package rooms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How long a proposal is tried before its proposer is told that it may try
// again itself. Many nodes need up to 9 s to agree on another leader when one
// dies without a word.
const (
	proposeAlone = 10 * time.Second
	proposeAmong = 20 * time.Second
	proposeAgain = 50 * time.Millisecond
)

// Propose is how everything durable is done: it checks that who may do it,
// hands the entry to the journal and waits until it is applied and durable, or
// refused.
//
// The caller fills e.Kind, e.Room, and the fields that the kind uses; e.ID is
// the idempotency key and made when empty. The errors are [*Error]s: a refusal,
// CodeUnavailable or CodeShuttingDown. After the last two the entry may have
// been stored or not; proposing it again with the same ID is harmless.
func (r *Registry) Propose(ctx context.Context, who Identity, e Entry) (Receipt, error) {
	if e.Kind == EntryCreateRoom && e.Room == "" {
		return r.proposeUnnamed(ctx, who, e)
	}
	return r.propose(ctx, who, e)
}

// proposeUnnamed creates a room whose id is made from its name, or from the
// entry's id when another has that one: so a repeat finds the same room.
func (r *Registry) proposeUnnamed(ctx context.Context, who Identity, e Entry) (Receipt, error) {
	e.ID = cmp.Or(e.ID, NewID())
	base := RoomIDFromName(e.Create.Name)
	sum := sha256.Sum256([]byte(who.Subject + "\x00" + e.ID))
	suffix, long := hex.EncodeToString(sum[:5]), cmp.Or(base, "room")
	long = strings.TrimRight(long[:min(len(long), MaxRoomID-1-len(suffix))], "-") + "-" + suffix
	// What was made under the long id is found there, though the short one may be
	// free by now.
	if _, err := r.store.Room(ctx, long); err != nil && base != "" {
		e.Room = base
		receipt, err := r.propose(ctx, who, e)
		if !errors.Is(err, &Error{Code: CodeRoomExists}) {
			return receipt, err
		}
	}
	e.Room = long
	return r.propose(ctx, who, e)
}

func (r *Registry) propose(ctx context.Context, who Identity, e Entry) (Receipt, error) {
	outcome := make(chan Outcome, 1)
	ctx, cancel := context.WithTimeout(ctx, r.proposeFor())
	defer cancel()
	ticket, err := r.submit(ctx, who, e, func(o Outcome) { outcome <- o })
	if err != nil {
		return Receipt{}, err
	}
	select {
	case o := <-outcome:
		return o.Receipt, o.Err
	case <-ctx.Done():
		if !r.waiting.forget(ticket) {
			o := <-outcome
			return o.Receipt, o.Err
		}
		return Receipt{}, Errorf(CodeUnavailable, "this took too long; whether it was stored is not known: send it again with the same id")
	}
}

func (r *Registry) proposeFor() time.Duration {
	if r.deps.alone {
		return proposeAlone
	}
	return proposeAmong
}

// Submit is Propose without the wait for the outcome. done is called once, by a
// goroutine that must not be held up, unless Submit returns an error. Entries that
// one goroutine submits keep their order: where there are other nodes, it returns
// when a majority has the entry, or after 20 seconds in which it could not be had.
func (r *Registry) Submit(ctx context.Context, who Identity, e Entry, done func(Receipt, error)) error {
	_, err := r.submit(ctx, who, e, func(o Outcome) { done(o.Receipt, o.Err) })
	return err
}

// Alone tells that there are no other nodes.
func (r *Registry) Alone() bool { return r.deps.alone }

func (r *Registry) submit(ctx context.Context, who Identity, e Entry, done func(Outcome)) (ticket uint64, err error) {
	if err := r.begun(); err != nil {
		return 0, err
	}
	if err := r.prepare(ctx, who, &e); err != nil {
		return 0, err
	}
	began := time.Now()
	r.mu.RLock()
	open := r.open
	if open {
		ticket = r.waiting.add(func(o Outcome) {
			r.stats.acks.observe(time.Since(began).Seconds())
			done(o)
		})
	}
	r.mu.RUnlock()
	if !open {
		return 0, goingAway()
	}
	e.Node, e.Ticket = r.waiting.node, ticket
	ctx, cancel := context.WithTimeout(ctx, r.proposeFor())
	defer cancel()
	for {
		err := r.journal.Propose(ctx, e)
		if err == nil {
			return ticket, nil
		}
		refusal, refused := errors.AsType[*Error](err)
		if !refused {
			select {
			case <-ctx.Done():
				refusal = Errorf(CodeUnavailable, "this cannot be stored now; whether it was is not known: send it again with the same id")
			case <-time.After(proposeAgain): // unsure: once more, with the same id
				continue
			}
		}
		if !r.waiting.forget(ticket) {
			return ticket, nil // it was applied, or the registry has ended, and done was told
		}
		return 0, refusal
	}
}

// prepare checks the entry and who proposes it, and fixes what applying it must
// not decide: who, when, by which right, under which id.
func (r *Registry) prepare(ctx context.Context, who Identity, e *Entry) error {
	now := time.Now()
	e.From, e.At = who.Sender(), Millis(now)
	if e.ID == "" {
		e.ID = NewID()
	} else if !ValidKey(e.ID) {
		return Invalid("id", "invalid", "%s", KeyRule)
	}
	if e.Kind == EntryCreateRoom {
		return r.prepareRoom(who, e)
	}
	room, have, err := r.enter(ctx, who, e.Room, now)
	if err != nil {
		return err
	}
	may := func(want Permission) error {
		if have&want == want {
			return nil
		}
		return lacking(want, room.ID)
	}
	e.Moderator, e.Manager = have&Moderate != 0, have&Manage != 0
	switch e.Kind {
	case EntryPost:
		if e.Message == "" {
			e.Message = KindChat
		}
		want := Post
		if e.Message == KindAnnouncement {
			want = Moderate
		}
		e.Mentions = Mentions(e.Text)
		err = cmp.Or(may(want), r.checkText(e.Text))
	case EntryEdit:
		e.Mentions = Mentions(e.Text)
		err = cmp.Or(may(Post), r.checkText(e.Text))
	case EntryDelete:
		if !e.Moderator {
			err = may(Post)
		}
	case EntryReact:
		err = cmp.Or(may(Post), checkEmoji(e.Emoji))
	case EntryRead:
		return nil // who sees the room may say how far
	case EntryPurge:
		return may(Manage)
	case EntryKick, EntryBan, EntryMute, EntryLift, EntryClear:
		return cmp.Or(may(Moderate), r.sanction(who, &room, e))
	case EntryTrace:
		return may(Manage)
	case EntryCreateWebhook, EntryUpdateWebhook, EntryDeleteWebhook:
		return cmp.Or(may(Moderate), r.prepareWebhook(e))
	case EntryNoteWebhook:
		return may(Manage)
	case EntryUpdateRoom:
		want := Manage
		if e.Patch.moderates() {
			want = Moderate
		}
		return cmp.Or(may(want), checkSettings(e.Patch.Apply(room.Settings)))
	case EntryDeleteRoom:
		return may(Manage)
	default:
		return Invalid("kind", "invalid", "is no kind of entry")
	}
	if err != nil {
		return err
	}
	return r.checkRate(e, now) // last: what is refused takes no share
}

// prepareRoom is prepare for a room that does not exist yet.
func (r *Registry) prepareRoom(who Identity, e *Entry) error {
	e.Epoch = newEpoch()
	e.Create.Mode = cmp.Or(e.Create.Mode, ModeOpen)
	e.Create.Visibility = cmp.Or(e.Create.Visibility, Public)
	if !ValidRoomID(e.Room) {
		return Invalid("id", "invalid", "must be 1 to %d of a-z, 0-9 and -, with no - at either end", MaxRoomID)
	}
	if e.Create.Name == "" {
		e.Create.Name = e.Room
	}
	if !who.Can(Manage, e.Room, Public) {
		return Errorf(CodeForbidden, "you may not create room %q", e.Room)
	}
	e.Moderator, e.Manager = true, true
	if r.limits.Rooms > 0 && r.store.RoomCount() >= r.limits.Rooms {
		return Errorf(CodeTooManyRooms, "there are as many rooms as this server may have")
	}
	return checkSettings(e.Create)
}

// MaxKey bounds an idempotency key, MaxEmoji a reaction's emoji, in bytes.
const (
	MaxKey   = 200
	MaxEmoji = 64
)

// KeyRule says what an idempotency key must be, to follow its field's name.
var KeyRule = fmt.Sprintf("must have 1 to %d printable ASCII characters, no space among them", MaxKey)

// ValidKey tells whether id may be an idempotency key, by KeyRule.
func ValidKey(id string) bool {
	if id == "" || len(id) > MaxKey {
		return false
	}
	for i := range len(id) {
		if id[i] < '!' || id[i] > '~' {
			return false
		}
	}
	return true
}

func (r *Registry) checkText(text string) error {
	switch {
	case !utf8.ValidString(text):
		return Invalid("message", "invalid_utf8", "must be valid UTF-8")
	case strings.TrimSpace(text) == "":
		return Invalid("message", "required", "must not be empty")
	case len(text) > r.limits.Message && characters(text) > r.limits.Message:
		return Invalid("message", "too_long", "must have at most %d characters", r.limits.Message)
	}
	return nil
}

// characters counts those of valid UTF-8: each has one byte that begins it. To
// decode them, as package utf8 does, takes several times as long.
func characters(valid string) (n int) {
	for i := range len(valid) {
		if utf8.RuneStart(valid[i]) {
			n++
		}
	}
	return n
}

// checkRate takes the entry's share of what its sender and its room may do in
// this moment.
func (r *Registry) checkRate(e *Entry, now time.Time) error {
	if e.Moderator {
		return nil
	}
	wait := r.byWho.take(e.From.ID, now)
	if wait == 0 {
		wait = r.byRoom.take(e.Room, now)
	}
	if wait == 0 {
		return nil
	}
	return &Error{Code: CodeRateLimited, Detail: "this is too much, too fast", RetryAfter: wait}
}

func checkEmoji(emoji string) error {
	if emoji == "" || len(emoji) > MaxEmoji || !utf8.ValidString(emoji) ||
		strings.ContainsFunc(emoji, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || isBidiControl(c) }) {
		return Invalid("emoji", "invalid", "must be one emoji of at most %d bytes", MaxEmoji)
	}
	return nil
}

// Bounds of settings that are numbers.
const (
	maxSlowMode     = 86_400 // a day
	maxRetention    = 100 * 365 * 24 * time.Hour
	maxRetentionNum = 1_000_000_000
	maxMembers      = 10_000_000
	maxOrigins      = 20
)

func checkSettings(s Settings) error {
	switch {
	case !ValidLine(s.Name, MaxRoomName) || strings.TrimSpace(s.Name) == "":
		return Invalid("name", "invalid", "must be 1 to %d characters, without control characters", MaxRoomName)
	case !ValidLine(s.Topic, MaxRoomTopic):
		return Invalid("topic", "invalid", "must be at most %d characters, without control characters", MaxRoomTopic)
	case s.Mode != ModeOpen && s.Mode != ModeAnnounce:
		return Invalid("mode", "invalid", "must be open or announce")
	case s.Visibility != Public && s.Visibility != Private:
		return Invalid("visibility", "invalid", "must be public or private")
	case s.SlowMode < 0 || s.SlowMode > maxSlowMode:
		return Invalid("slow_mode", "invalid", "must be 0 to %d seconds", maxSlowMode)
	case s.MaxMembers < 0 || s.MaxMembers > maxMembers:
		return Invalid("max_members", "invalid", "must be 0 to %d", maxMembers)
	case !validOrigins(s.EmbedOrigins):
		return Invalid("embed_origins", "invalid", "must be at most %d origins, such as https://example.com or https://*.example.com", maxOrigins)
	case s.Retention.Age < 0 || s.Retention.Age > maxRetention || s.Retention.Age%time.Second != 0:
		return Invalid("retention.seconds", "invalid", "must be whole seconds, at most a hundred years")
	case s.Retention.Count < 0 || s.Retention.Count > maxRetentionNum:
		return Invalid("retention.count", "invalid", "must be 0 to %d", maxRetentionNum)
	}
	return nil
}
