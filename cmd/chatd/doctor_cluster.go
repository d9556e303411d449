package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"chatd/handlers/wire"
)

// Bounds that the doctor finds worth a remark in a cluster.
const (
	mostSkewBetween = time.Second // messages carry the time of the node that took them
	mostBehind      = 1000        // entries in the journal that a node has not applied
)

// patient is one node of the cluster under examination, and what it told.
type patient struct {
	doctor
	wire.Node
	name string
	skew time.Duration // of its clock against this one's
}

// examineCluster looks at each node, and then whether they fit together.
func (d *doctor) examineCluster(ctx context.Context, nodes []remote) {
	var told []*patient
	for _, at := range nodes {
		p := &patient{doctor: *d, name: strings.TrimPrefix(strings.TrimPrefix(at.URL, "http://"), "https://")}
		p.remote = at
		if p.ask(ctx) {
			told = append(told, p)
		}
	}
	if len(told) == 0 {
		return
	}
	if !d.checkMembership(told) {
		return
	}
	d.checkSame(told)
	d.checkClocks(told)
	d.checkCertificates(told)
	d.checkHistory(told)
	d.checkJournal(told)
}

// ask asks a node how it is. It reports false when that is not known.
func (p *patient) ask(ctx context.Context) bool {
	got, err := p.get(ctx, "/readyz", nil)
	switch {
	case err != nil:
		p.fail("ready", "is it running? The others go on without it while they are a majority", "%s does not answer: %v", p.name, err)
		return false
	case got.status != http.StatusOK:
		p.fail("ready", "its log says more; docs/cluster.md tells what happens when", "%s takes no clients: %s", p.name, got.problem(nil))
	default:
		p.ok("ready", "%s takes clients", p.name)
	}
	began := time.Now()
	got, err = p.get(ctx, "/node", &p.Node)
	switch {
	case err != nil:
		p.fail("node", "its log says why", "%s does not tell how it is: %v", p.name, err)
		return false
	case got.status == http.StatusUnauthorized || got.status == http.StatusForbidden:
		p.fail("node", "bring the admin token with --token (CHATD_TOKEN); it must be the same on all nodes", "%s tells only admins how it is", p.name)
		return false
	case got.status != http.StatusOK || p.Time.IsZero():
		p.fail("node", "is it a chatd of this version?", "%s does not tell how it is: %v", p.name, got.problem(nil))
		return false
	}
	p.skew = p.Time.Sub(began.Add(time.Since(began) / 2)).Round(time.Millisecond)
	return true
}

// checkMembership tells whether the nodes are of one cluster, each once.
func (d *doctor) checkMembership(told []*patient) bool {
	seen := make(map[string]string)
	for _, p := range told {
		if p.Cluster == nil {
			d.fail("cluster", "start it with the cluster's settings", "%s runs alone", p.name)
			return false
		}
		if first := told[0]; p.Cluster.Name != first.Cluster.Name {
			d.fail("cluster", "name the nodes of one cluster", "%s is of the cluster %q, %s of %q", first.name, first.Cluster.Name, p.name, p.Cluster.Name)
			return false
		}
		if other, twice := seen[p.Cluster.Node]; twice && p.Role == "node" {
			d.fail("cluster", "name each node's own address, not the balancer's", "%s and %s lead to the same node, %s", other, p.name, p.Cluster.Node)
			return false
		}
		seen[p.Cluster.Node] = p.name
	}
	d.ok("cluster", "%s: %s", told[0].Cluster.Name, list(told, func(p *patient) string { return p.name + " (" + p.Role + ")" }))
	return true
}

func list(all []*patient, say func(*patient) string) string {
	var parts []string
	for _, p := range all {
		parts = append(parts, say(p))
	}
	return strings.Join(parts, ", ")
}

// checkSame compares what must be the same on all nodes.
func (d *doctor) checkSame(told []*patient) {
	differ := func(value func(*patient) string) bool {
		return slices.ContainsFunc(told, func(p *patient) bool { return value(p) != value(told[0]) })
	}
	version := func(p *patient) string { return strings.TrimSpace(p.Version + " " + p.Commit) }
	if differ(version) {
		d.fail("version", "finish the upgrade, one node after the other", "%s", list(told, func(p *patient) string { return p.name + " is " + version(p) }))
	} else {
		d.ok("version", "all are chatd %s", version(told[0]))
	}
	names := make(map[string]bool)
	for _, p := range told {
		for name := range p.Settings {
			names[name] = true
		}
	}
	same := true
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if differ(func(p *patient) string { return p.Settings[name] }) {
			same = false
			d.fail("settings", "give all nodes the same, and restart one after the other", "--%s: %s", name,
				list(told, func(p *patient) string { return fmt.Sprintf("%s has %q", p.name, p.Settings[name]) }))
		}
	}
	if same {
		d.ok("settings", "the %d that must be the same are", len(names))
	}
}

func (d *doctor) checkClocks(told []*patient) {
	by := func(a, b *patient) int { return cmp.Compare(a.skew, b.skew) }
	slowest, fastest := slices.MinFunc(told, by), slices.MaxFunc(told, by)
	if apart := fastest.skew - slowest.skew; apart > mostSkewBetween {
		d.fail("clocks", "let NTP set all clocks: messages carry the time of the node that took them", "%s is %v ahead of %s", fastest.name, apart, slowest.name)
		return
	}
	d.ok("clocks", "within %v of each other", max(fastest.skew-slowest.skew, time.Millisecond))
}

// checkCertificates tells which of those between the nodes end soon.
func (d *doctor) checkCertificates(told []*patient) {
	for _, p := range told {
		if ends := p.Cluster.CertificateEnds; ends != nil && time.Until(ends.Time) < certificateDue {
			d.fail("certificate", "renew it (--cluster-tls-cert)", "that of %s for the other nodes ends in %v", p.name, time.Until(ends.Time).Round(time.Hour))
		}
	}
}

// checkHistory holds the places of the nodes, and what the journal came to there,
// against each other.
func (d *doctor) checkHistory(told []*patient) {
	var end uint64
	for _, p := range told {
		end = max(end, p.At, p.Cluster.Last)
	}
	for _, p := range told {
		if behind := end - p.At; behind > mostBehind {
			d.fail("position", "it catches up by itself; if the distance grows, look at its disk (chatd_commit_duration_seconds)", "%s has applied %d of %d", p.name, p.At, end)
		} else {
			d.ok("position", "%s has applied %d of %d", p.name, p.At, end)
		}
	}
	first, reach := told[0], end
	for _, p := range told[1:] {
		at, equal := common(first.Seals, p.Seals)
		if at == 0 {
			d.fail("history", "ask again when both have caught up", "%s and %s have no place in common to compare", first.name, p.name)
		} else if !equal {
			d.fail("history", "docs/cluster.md, “a node's tables are not what the others have”: stop the one that is alone with its history, keep a copy, empty it, start it",
				"%s and %s have not the same at place %d", first.name, p.name, at)
		}
		if !equal || at == 0 {
			reach = 0
		}
		reach = min(reach, at)
	}
	if reach > 0 {
		d.ok("history", "all have the same up to %d", reach)
	}
}

// common is the newest place that both have a seal of, and whether these are
// equal; 0 is none.
func common(a, b []wire.Seal) (at uint64, equal bool) {
	sums := make(map[uint64]string, len(a))
	for _, s := range a {
		sums[s.At] = s.Sum
	}
	for _, s := range slices.Backward(b) {
		if sum, ok := sums[s.At]; ok {
			return s.At, sum == s.Sum
		}
	}
	return 0, true
}

// checkJournal asks whether the journal has a leader that all know, and all the
// servers that it should be on.
func (d *doctor) checkJournal(told []*patient) {
	led := slices.IndexFunc(told, func(p *patient) bool { return p.Cluster.Leader != "" })
	if led < 0 {
		d.fail("journal", "bring back enough nodes for a majority, and let them reach each other (--cluster-listen, --cluster-peers)", "no node knows a leader: nothing can be posted")
		return
	}
	see := told[led]
	for _, p := range told {
		switch {
		case p.Cluster.Leader == "":
			d.fail("journal", "can it reach the others at --cluster-peers? Its log says more", "%s knows no leader: %s", p.name, p.Why)
		case p.Cluster.Leader != told[led].Cluster.Leader:
			d.fail("journal", "ask again: an election may be under way; else the network between them is cut", "%s takes %s for the leader, %s takes %s", told[led].name, told[led].Cluster.Leader, p.name, p.Cluster.Leader)
		case p.Cluster.Node == p.Cluster.Leader:
			see = p // it knows best
		}
	}
	journal := see.Cluster
	bad := false
	for _, f := range journal.Followers {
		switch {
		case f.Offline:
			bad = true
			d.fail("journal", "start it, or see to the network. Until then the cluster can lose no other", "%s, which keeps a part of it, is not there", f.Node)
		case !f.Current:
			bad = true
			d.fail("journal", "if it is down, start it; if it runs, it catches up by itself. Until then the cluster can lose no other", "%s, which keeps a part of it, does not follow its leader; it lacks %d at least", f.Node, f.Lag)
		}
	}
	if n := len(journal.Followers) + 1; n < 3 {
		d.fail("journal", "three nodes, or three servers of NATS, survive the loss of one", "it is on %d server", n)
	} else if !bad {
		d.ok("journal", "led by %s, and complete on %d servers; %d entries, %d bytes on each", journal.Leader, n, journal.Last+1-journal.First, journal.Bytes)
	}
}
