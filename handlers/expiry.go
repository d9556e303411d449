package handlers

import (
	"context"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms"
)

// expiringBefore is how long before its end a session is told that its
// credential ends: a minute, or less for one that does not last long.
func expiringBefore(left time.Duration) time.Duration { return min(time.Minute, left/4) }

var tokenExpired = rooms.Errorf(wire.CodeTokenExpired, "the token has expired; come back with a fresh one, and resume")

func expiring(until time.Time) []byte {
	return encode(wire.Expiring{Type: wire.TypeExpiring, Until: wire.Time{Time: until}})
}

// end waits for the end of a session's credential: sessions that have none have
// no timer.
type end struct {
	timer *time.Timer
	told  bool // that it comes; the timer's alone
}

// forget stops waiting. A nil end has nothing to wait for.
func (e *end) forget() {
	if e != nil {
		e.timer.Stop()
	}
}

// watch has the session told before its credential ends at until, zero being
// never, and closed then.
func (s *session) watch(until time.Time) {
	s.end.forget()
	s.end = nil
	if until.IsZero() || s.member == nil {
		return
	}
	left := time.Until(until)
	e := &end{}
	e.timer = time.AfterFunc(never, func() {
		switch now := time.Now(); {
		case !e.told:
			e.told = true
			s.member.Send(expiring(until))
			e.timer.Reset(until.Sub(now))
		case now.Before(until): // the clock was set back
			e.timer.Reset(until.Sub(now))
		default:
			s.expire(now)
		}
	})
	e.timer.Reset(left - expiringBefore(left)) // now that it is where it looks for itself
	s.end = e
}

// never is longer than a timer's making takes.
const never = time.Hour

// expire closes a session whose credential has ended, and tells whether it has.
func (s *session) expire(now time.Time) bool {
	over := s.member != nil && s.member.Identity().Expired(now)
	if over {
		s.Close(tokenExpired)
	}
	return over
}

// renew takes a fresh credential for the session.
func (s *session) renew(f wire.ClientFrame) error {
	if f.Token == "" {
		return badField("token", "required", "is missing")
	}
	who, err := s.auth.Bearer(context.Background(), f.Token, "")
	if err != nil {
		return err
	}
	may, err := s.member.Renew(who)
	if err != nil {
		return err
	}
	s.watch(who.Expires)
	s.inFlight <- struct{}{}
	s.answer(encode(wire.Auth{Type: wire.TypeAuth, ID: f.ID, You: wireYou(s.member.Identity(), may)}))
	return nil
}
