package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"chatd/rooms"
)

const (
	// sealEvery is the distance of the places whose seals are kept, so that two
	// stores that are never at the same place at the same time have some in
	// common; sealsKept is how many of them are.
	sealEvery = 128
	sealsKept = 1024
)

// seals is what the journal came to, place by place: each is a hash over the
// one before and over what the entry did. It is guarded by Store.mu.
type seals struct {
	newest rooms.Seal
	round  []rooms.Seal // those of every sealEvery-th place, ascending
}

// Seals implements [rooms.Store].
func (s *Store) Seals() []rooms.Seal {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.seals.newest.At == 0 {
		return nil
	}
	list := slices.Clone(s.seals.round)
	if n := len(list); n == 0 || list[n-1].At != s.seals.newest.At {
		list = append(list, s.seals.newest)
	}
	return list
}

// add takes the seals of a committed batch.
func (s *seals) add(newest rooms.Seal, round []rooms.Seal) {
	s.newest = newest
	s.round = append(s.round, round...)
	if extra := len(s.round) - sealsKept; extra > 0 {
		s.round = slices.Delete(s.round, 0, extra)
	}
}

// seal seals what applying e came to.
func (b *batch) seal(e *rooms.Entry, o *rooms.Outcome) {
	if e.JournalAt <= b.sealed.At {
		return // it has none
	}
	h := seal(b.sealText[:0])
	if b.sealed.At == 0 {
		h = b.begin(h)
	}
	h = h.text(b.sealed.Sum).number(e.JournalAt).outcome(o)
	b.sealText = h
	sum := sha256.Sum256(h)
	b.sealed = rooms.Seal{At: e.JournalAt, Sum: hex.EncodeToString(sum[:])}
	if e.JournalAt%sealEvery == 0 {
		b.round = append(b.round, b.sealed)
	}
}

// begin is what stands before the first seal: the rooms that were here before
// there was a journal. Stores that began with others never agree.
func (b *batch) begin(h seal) seal {
	ids := make([]string, 0, len(b.committed))
	for id := range b.committed {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		r := b.committed[id]
		h = h.text(id).text(r.Epoch).number(r.Head)
	}
	return h
}

// seal is the bytes that a hash is taken of: each text after its length, so
// that no two outcomes have the same bytes.
type seal []byte

func (h seal) number(n uint64) seal { return binary.AppendUvarint(h, n) }

func (h seal) text(s string) seal {
	return append(binary.AppendUvarint(h, uint64(len(s))), s...)
}

func (h seal) flag(b bool) seal {
	if b {
		return append(h, 1)
	}
	return append(h, 0)
}

func (h seal) outcome(o *rooms.Outcome) seal {
	h = h.number(o.Receipt.Seq).number(o.Receipt.Rev).flag(o.Receipt.Duplicate)
	if refusal, ok := o.Err.(*rooms.Error); ok { //nolint:errorlint // an outcome's error is never wrapped
		h = h.text(string(refusal.Code))
	}
	if s := o.Receipt.Sanction; s != nil {
		h = h.number(s.ID).text(string(s.Kind)).text(s.Who.ID).text(s.Reason).text(s.By.ID).number(uint64(millis(s.Until)))
		for _, network := range s.Networks {
			h = h.text(network)
		}
	}
	if w := o.Receipt.Webhook; w != nil {
		h = h.number(w.ID).text(w.Name).text(w.URL).text(w.On.String()).text(w.Secret).text(w.By.ID).text(string(w.Off)).
			number(w.State.Rev).text(w.State.Failure).number(uint64(w.State.Failures)).number(uint64(millis(w.State.FailingSince)))
	}
	if o.Change != nil {
		h = h.change(o.Change)
	}
	for _, c := range o.More {
		h = h.change(c)
	}
	return h
}

func (h seal) change(c *rooms.Change) seal {
	h = h.text(string(c.Kind)).text(c.Room).text(c.Epoch).number(c.Rev).text(c.By.ID).text(c.Emoji).flag(c.On).
		number(uint64(c.At.UnixMilli()))
	if r := c.State; r != nil {
		h = seal(appendSettings(h, r.Settings)).number(r.Rev)
	}
	m := c.Message
	if m == nil {
		return h
	}
	h = h.number(m.Seq).text(m.ID).text(string(m.Kind)).text(m.From.ID).text(m.From.Name).text(m.Text).number(m.ReplyTo).
		number(uint64(m.At.UnixMilli())).flag(m.Deleted)
	for _, r := range m.Reactions {
		h = h.text(r.Emoji).number(uint64(r.Count))
	}
	return h
}
