package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"chatd/handlers/wire"
	"chatd/rooms/jetstream"
)

// describe is what GET /node tells beyond what every chatd knows of itself.
func (e *engine) describe(cfg *Config) func(context.Context, *wire.Node) {
	settings := sharedSettings(cfg)
	return func(ctx context.Context, node *wire.Node) {
		node.Time, node.Settings, node.Role = wire.Time{Time: time.Now()}, settings, "alone"
		node.At, node.Seals = e.store.JournalAt(), []wire.Seal{}
		for _, s := range e.store.Seals() {
			node.Seals = append(node.Seals, wire.Seal{At: s.At, Sum: s.Sum})
		}
		cluster, ok := e.journal.(*jetstream.Cluster)
		if !ok {
			return
		}
		node.Role = cfg.Role
		state, err := cluster.State(ctx)
		if err != nil {
			node.Why = fmt.Sprintf("the journal's leader does not answer: %v", err)
		}
		node.Cluster = &wire.NodeCluster{
			Name: cfg.ClusterName, Node: state.Name, First: state.First, Last: state.Last, Bytes: state.Bytes,
			Leader: state.Leader, Followers: []wire.Follower{},
		}
		for _, f := range state.Followers {
			node.Cluster.Followers = append(node.Cluster.Followers, wire.Follower{Node: f.Name, Current: f.Current, Offline: f.Offline, Lag: f.Lag})
		}
		if ends := state.CertificateEnds; !ends.IsZero() {
			node.Cluster.CertificateEnds = &wire.Time{Time: ends}
		}
	}
}

// sharedSettings are the settings that all nodes of a cluster must share. Of
// secrets they have a fingerprint, made with the cluster's own.
func sharedSettings(cfg *Config) map[string]string {
	shared := make(map[string]string)
	for _, s := range settingsOf(cfg) {
		if !s.Same {
			continue
		}
		switch value := s.field.Interface().(type) {
		case secret:
			shared[s.Name] = fingerprint(cfg.ClusterSecret, s.Name, value)
		default:
			shared[s.Name] = fmt.Sprint(value)
		}
	}
	return shared
}

// fingerprint tells secrets apart, and nothing about them.
func fingerprint(key secret, name string, value secret) string {
	if value == "" {
		return ""
	}
	h := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(h, "%s\x00%s", name, string(value))
	return "secret " + hex.EncodeToString(h.Sum(nil)[:6])
}
