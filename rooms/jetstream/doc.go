// Package jetstream makes many chatds one: the [rooms.Journal] is a stream of
// NATS JetStream that every node reads, whole and in order, and applies to its
// own store.
//
// The nodes need nothing else: each embeds a NATS server, and the servers form
// the cluster. A node that is an edge has none and connects to one of theirs. A
// NATS cluster that is there already does as well.
//
// Invariants:
//
//   - An entry counts as proposed once a majority of the stream's replicas has
//     it, on disk where the servers are embedded.
//   - Entries come out in the order of the stream, without holes: each is the
//     one after the one before, or Run ends with an error. Their places are the
//     numbers that the stream gave them.
//   - What a publisher could not learn it asks again under the same id of the
//     proposal. Within the stream's window that stores the entry once; beyond
//     it, applying an entry twice is harmless.
//   - An entry that this chatd does not understand is never skipped: Run ends.
//
// Only the composition root makes a [Cluster]. See docs/cluster.md.
package jetstream
