// Package sqlite is the [rooms.Store] on SQLite: one data directory, one
// database file, one process.
//
// One connection writes and belongs to Apply; a capped pool of connections
// reads. Every batch of entries is one transaction, durable when Apply returns
// (write-ahead log, synchronous=FULL). What applying decides, it decides from
// the entries and the tables alone: no clock, no chance, no order of a map.
//
// Messages are rows in the order of their commits. A row keeps the rev that
// last touched it, so "what changed since rev N" is a query and not a log. The
// heads of the rooms are kept in memory, are rebuilt when the database is
// opened, and advance only after a commit.
//
// A read is one snapshot, read to its end before it is returned: no reader,
// however slow, keeps a transaction open.
package sqlite
