package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"chatd/handlers/wire"
)

// TestDoctorFindsWhatNodesDisagreeOn holds that each thing that is wrong with a
// cluster fails the check that is made for it, with a remedy, and no other. What
// real nodes tell the doctor is in the tests of clusters; these here tell what
// real ones cannot be brought to.
func TestDoctorFindsWhatNodesDisagreeOn(t *testing.T) {
	for _, test := range []struct {
		name, fails string // the check; "" is none
		spoil       func(nodes []wire.Node)
	}{
		{"nothing", "", func([]wire.Node) {}},
		{"an edge", "", func(nodes []wire.Node) {
			nodes[2].Role, nodes[2].Cluster.Node = "edge", nodes[1].Cluster.Node // it is a client of that
		}},
		{"a clock that is ahead", "clocks", func(nodes []wire.Node) { nodes[1].Time.Time = nodes[1].Time.Add(3 * time.Second) }},
		{"another version", "version", func(nodes []wire.Node) { nodes[2].Version = "v1.1.0" }},
		{"another setting", "settings", func(nodes []wire.Node) { nodes[0].Settings["guests"] = "off" }},
		{"a setting that others lack", "settings", func(nodes []wire.Node) { delete(nodes[1].Settings, "guests") }},
		{"one that runs alone", "cluster", func(nodes []wire.Node) { nodes[1].Cluster = nil }},
		{"one of another cluster", "cluster", func(nodes []wire.Node) { nodes[1].Cluster.Name = "test" }},
		{"one that was named twice", "cluster", func(nodes []wire.Node) { nodes[1].Cluster.Node = nodes[0].Cluster.Node }},
		{"one that is far behind", "position", func(nodes []wire.Node) { nodes[2].At -= 2 * mostBehind }},
		{"another history", "history", func(nodes []wire.Node) { nodes[2].Seals[1].Sum = "another" }},
		{"nothing to compare", "history", func(nodes []wire.Node) { nodes[1].Seals = nil }},
		{"no leader", "journal", func(nodes []wire.Node) {
			for i := range nodes {
				nodes[i].Cluster.Leader = ""
			}
		}},
		{"one that knows no leader", "journal", func(nodes []wire.Node) { nodes[2].Cluster.Leader = "" }},
		{"another leader", "journal", func(nodes []wire.Node) { nodes[2].Cluster.Leader = nodes[2].Cluster.Node }},
		{"a follower that is not there", "journal", func(nodes []wire.Node) { nodes[0].Cluster.Followers[1].Offline = true }},
		{"a follower that lags", "journal", func(nodes []wire.Node) { nodes[0].Cluster.Followers[0].Current = false }},
		{"one server", "journal", func(nodes []wire.Node) { nodes[0].Cluster.Followers = nil }},
		{"a certificate that ends", "certificate", func(nodes []wire.Node) {
			nodes[1].Cluster.CertificateEnds = &wire.Time{Time: time.Now().Add(time.Hour)}
		}},
		{"one that takes no clients", "ready", func(nodes []wire.Node) { nodes[1].Ready = false }},
	} {
		t.Run(test.name, func(t *testing.T) {
			nodes := soundNodes()
			test.spoil(nodes)
			var args []string
			for _, n := range nodes {
				ahead := time.Until(n.Time.Time)
				mux := http.NewServeMux()
				mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
					if !n.Ready {
						w.WriteHeader(http.StatusServiceUnavailable)
					}
				})
				mux.HandleFunc("GET /node", func(w http.ResponseWriter, _ *http.Request) {
					n.Time = wire.Time{Time: time.Now().Add(ahead)}
					if err := json.NewEncoder(w).Encode(n); err != nil {
						t.Error(err)
					}
				})
				server := httptest.NewServer(mux)
				t.Cleanup(server.Close)
				args = append(args, server.URL)
			}
			var out, other bytes.Buffer
			err := runDoctor(t.Context(), append(args, "--json"), console{out: &out, err: &other})
			if (err != nil) != (test.fails != "") {
				t.Errorf("the doctor ends with %v", err)
			}
			var findings []finding
			if err := json.Unmarshal(out.Bytes(), &findings); err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				if !f.OK && (f.Check != test.fails || f.Remedy == "") {
					t.Errorf("%s fails, with the remedy %q: %s", f.Check, f.Remedy, f.Detail)
				}
			}
			if test.fails != "" && !slices.ContainsFunc(findings, func(f finding) bool { return !f.OK }) {
				t.Errorf("nothing fails:\n%s", out.String())
			}
		})
	}
}

// soundNodes is what three nodes tell with which nothing is wrong; the first
// leads.
func soundNodes() []wire.Node {
	var nodes []wire.Node
	for i := range 3 {
		n := wire.Node{
			VersionInfo: wire.VersionInfo{Version: "v1.0.0"}, Time: wire.Time{Time: time.Now()}, Role: "node", Ready: true,
			At: 5000, Seals: []wire.Seal{{At: 4096, Sum: "one"}, {At: 4608, Sum: "two"}}, Settings: map[string]string{"guests": "post"},
			Cluster: &wire.NodeCluster{Name: "chat", Node: fmt.Sprintf("node-%d:6222", i), First: 1, Last: 5000, Leader: "node-0:6222"},
		}
		for follower := 1; follower < 3; follower++ {
			n.Cluster.Followers = append(n.Cluster.Followers, wire.Follower{Node: fmt.Sprintf("node-%d:6222", follower), Current: true})
		}
		nodes = append(nodes, n)
	}
	return nodes
}
