// Package rooms is the domain of chatd: durable rooms, and the live hubs that
// deliver what happens in them.
//
// The road of a message is one, and has one direction. A session posts to the
// [Registry]; the registry proposes an [Entry] to the [Journal]; the journal
// puts all entries in one order; the [Store] applies them, in batches, in one
// durable transaction each; the resulting changes go, in order, to the hub of
// their room, which delivers them to its members. The proposer's receipt is
// given after the commit, never before.
//
//	session ─▶ Registry.Propose ─▶ Journal ─▶ Store.Apply ─▶ hub.deliver ─▶ members
//
// Invariants:
//
//   - Every durable change of a room has a rev: 1, 2, 3 …, without holes.
//   - What can be refused by looking at the state is refused by Store.Apply,
//     from the entry and the tables alone. Time, ids and permissions are fixed
//     by the registry before the journal, so that applying is deterministic.
//   - A member is a cursor into its room's changes. Live delivery, resume and
//     slow readers are that one mechanism.
//   - Permissions are checked here and nowhere else.
//
// The package uses the standard library only: it knows no HTTP, no SQL, no
// WebSocket and no JSON. Storage, journal, encoding, connections, the other nodes
// and the receivers of webhooks are given to it as [Store], [Journal], [Encoder],
// [Sink], [Peers] and [WebhookCaller].
package rooms
