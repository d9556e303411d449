package client

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"chatd/handlers/wire"
)

// The waits between attempts to connect.
const (
	firstWait = 100 * time.Millisecond
	mostWait  = 15 * time.Second
	// lasting is how long a session must have lived for its loss to count as
	// the first one.
	lasting = 5 * time.Second
)

// verdict tells what to do after err ended a session or an attempt: final ends
// the room, otherwise wait so long. tries is how many have failed in a row.
func verdict(err error, tries int, most time.Duration) (wait time.Duration, final bool) {
	if errors.Is(err, errGap) && tries <= 1 {
		return 0, false
	}
	if errors.Is(err, errNoURL) {
		return 0, true
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		if !refused.temporary() {
			return 0, true
		}
		return max(refused.RetryAfter, jitter(tries, most)), false
	}
	if closed, ok := errors.AsType[*Closed](err); ok {
		switch code := closed.Code; {
		case code == wire.ClosePolicy, code == wire.CloseTooBig, code >= 4000 && code < 4100:
			return 0, true
		case code == wire.CloseTryLater, code >= 4100 && code < 4200:
			return jitter(max(tries, 4), most), false
		case code >= 4200 && code < 4300 && tries <= 1:
			return 0, false
		case code == wire.CloseRestart, code == wire.CloseGoingAway:
			spread := time.Duration(rand.Float64() * float64(spreadOf(closed.Reason)))
			return max(spread, jitter(tries, most)), false
		}
	}
	return jitter(tries, most), false
}

// jitter is a random wait that doubles with each try.
func jitter(tries int, most time.Duration) time.Duration {
	wait := min(firstWait<<min(max(tries-1, 0), 20), most)
	return wait/2 + rand.N(wait/2+1)
}

// spreadOf reads the seconds over which a restarting server wants its clients
// to come back: the last number in the reason.
func spreadOf(reason string) time.Duration {
	fields := strings.FieldsFunc(reason, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
	if len(fields) == 0 {
		return 0
	}
	s, err := strconv.ParseFloat(fields[len(fields)-1], 64)
	if err != nil || s < 0 {
		return 0
	}
	return time.Duration(min(s, 60) * float64(time.Second))
}
