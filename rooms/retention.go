package rooms

import (
	"context"
	"time"
)

// retainEvery is how often rooms are looked at for messages that their
// retention has ended.
const retainEvery = time.Minute

// retain proposes the purging of what rooms shall not keep, until ctx is done.
// In a cluster every node does: purging twice is harmless.
func (r *Registry) retain(ctx context.Context) {
	select {
	case <-r.opened:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		if err := r.retainAll(ctx); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "old messages cannot be purged now", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Registry) retainAll(ctx context.Context) error {
	after := ""
	for {
		page, err := r.store.Rooms(ctx, RoomQuery{After: after, Limit: MaxPage, Public: true, Patterns: []string{"*"}})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, room := range page {
			after = room.ID
			if room.Retention == (Retention{}) {
				continue
			}
			if err := r.purge(ctx, room.ID); err != nil && CodeOf(err) != CodeRoomNotFound {
				return err
			}
		}
	}
}

// purge removes what the room's retention has ended, in steps so small that
// nobody waits long behind one.
func (r *Registry) purge(ctx context.Context, id string) error {
	for {
		room, err := r.store.Room(ctx, id)
		if err != nil {
			return err
		}
		seq, err := r.store.Expired(ctx, id, time.Now())
		if err != nil || seq == 0 {
			return err
		}
		for gone := uint64(0); gone < seq; {
			receipt, err := r.Propose(ctx, system, Entry{
				Kind: EntryPurge, Room: id, Seq: seq, Epoch: room.Epoch, Create: Settings{Retention: room.Retention},
			})
			if err != nil {
				return err
			}
			gone = receipt.Seq
		}
	}
}

// system is who proposes what nobody asked for.
var system = Identity{Subject: "system:chatd", Name: "chatd", Grants: []Grant{{Pattern: "*", Allow: All}}}
