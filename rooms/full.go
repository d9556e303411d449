package rooms

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// fullRetry is when to come back to a room that is full.
const fullRetry = 10 * time.Second

// fullLocked tells whether the room takes no more of the likes of who: it has as many
// identities as it may, on all nodes, and who is neither one of them nor one
// who may moderate.
func (h *hub) fullLocked(who Identity, room *Room) error {
	if room.MaxMembers == 0 || len(h.presence.here) < room.MaxMembers || h.presence.here[who.Subject] != nil ||
		who.Can(Moderate, room.ID, room.Visibility) {
		return nil
	}
	return &Error{Code: CodeRoomFull, Detail: "the room is full", RetryAfter: fullRetry}
}

// full is fullLocked for a room whose hub may not be open.
func (r *Registry) full(who Identity, room *Room) error {
	if room.MaxMembers == 0 {
		return nil
	}
	h := r.hub(room.ID)
	if h == nil {
		return nil // Join opens it, and looks again
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fullLocked(who, room)
}

// EmbedOrigins lists the origins whose pages may show a public room in a frame.
// Of private ones it says no more than of those that do not exist.
func (r *Registry) EmbedOrigins(ctx context.Context, id string) []string {
	room, err := r.store.Room(ctx, id)
	if err != nil || room.Visibility == Private {
		return nil
	}
	return strings.Fields(room.EmbedOrigins)
}

// validOrigins tells whether text is a list of origins, each with a scheme and a
// host and no more.
func validOrigins(text string) bool {
	list := strings.Fields(text)
	for _, origin := range list {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || origin != u.Scheme+"://"+u.Host ||
			strings.ContainsAny(u.Host, "'\";,") {
			return false
		}
	}
	return len(list) <= maxOrigins && text == strings.Join(list, " ")
}
