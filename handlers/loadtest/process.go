package loadtest

import (
	"net/url"
	"time"
)

// usage is what processes have taken.
type usage struct {
	cpu time.Duration
	rss int64
}

// processes are the servers, as far as they run on this machine.
type processes []process

func findProcesses(all []*url.URL) processes {
	var found processes
	for _, u := range all {
		found = append(found, findProcess(u))
	}
	return found
}

// sample reads what they have taken so far; the zero usage is unknown.
func (all processes) sample() (sum usage) {
	for _, p := range all {
		one := p.sample()
		if one == (usage{}) {
			return usage{}
		}
		sum.cpu, sum.rss = sum.cpu+one.cpu, sum.rss+one.rss
	}
	return sum
}
