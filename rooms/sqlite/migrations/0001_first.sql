-- Rooms. A number is never given twice, so that nothing of a deleted room can
-- show up in one that is made later under the same id.
CREATE TABLE rooms (
  number          INTEGER PRIMARY KEY AUTOINCREMENT,
  id              TEXT    NOT NULL UNIQUE,
  epoch           TEXT    NOT NULL,
  name            TEXT    NOT NULL,
  topic           TEXT    NOT NULL,
  mode            TEXT    NOT NULL,
  visibility      TEXT    NOT NULL,
  slow_mode       INTEGER NOT NULL, -- seconds
  archived        INTEGER NOT NULL,
  retention_age   INTEGER NOT NULL, -- seconds
  retention_count INTEGER NOT NULL,
  rev             INTEGER NOT NULL, -- of the change that last touched the settings
  head            INTEGER NOT NULL, -- at least the rev of every change whose row was purged
  created_at      INTEGER NOT NULL  -- milliseconds, as all moments here
) STRICT;

-- Messages, in the order of their commits. Almost all are never touched again:
-- for those rev = seq, and the index on rev leaves them out.
CREATE TABLE messages (
  row       INTEGER PRIMARY KEY,
  room      INTEGER NOT NULL,
  seq       INTEGER NOT NULL,
  rev       INTEGER NOT NULL,
  id        TEXT    NOT NULL,
  sender    TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  kind      TEXT    NOT NULL,
  text      TEXT    NOT NULL,
  reply_to  INTEGER NOT NULL DEFAULT 0,
  at        INTEGER NOT NULL,
  edited_at INTEGER NOT NULL DEFAULT 0,
  deleted   INTEGER NOT NULL DEFAULT 0,
  digest    INTEGER NOT NULL, -- of what was posted first
  UNIQUE (room, seq),
  UNIQUE (id, room, sender) -- ids first: they are in the order of time, so the index grows at its end
) STRICT;
CREATE INDEX messages_changed ON messages (room, rev) WHERE rev <> seq;

CREATE TABLE reactions (
  room   INTEGER NOT NULL,
  seq    INTEGER NOT NULL,
  emoji  TEXT    NOT NULL,
  sender TEXT    NOT NULL,
  PRIMARY KEY (room, seq, emoji, sender)
) STRICT, WITHOUT ROWID;

-- Who is mentioned where, by folded name.
CREATE TABLE mentions (
  room INTEGER NOT NULL,
  seq  INTEGER NOT NULL,
  name TEXT    NOT NULL,
  PRIMARY KEY (room, seq, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_name ON mentions (room, name, seq);

-- What became of the entries that are no posts, for their repeats. They go with
-- the message that they are about; seq is 0 for those about the room.
CREATE TABLE receipts (
  id     TEXT    NOT NULL,
  room   INTEGER NOT NULL,
  sender TEXT    NOT NULL,
  seq    INTEGER NOT NULL,
  rev    INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  PRIMARY KEY (id, room, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_message ON receipts (room, seq);

-- What became of the entries that make and delete rooms. They outlive the room.
CREATE TABLE room_receipts (
  id     TEXT    NOT NULL,
  room   TEXT    NOT NULL,
  sender TEXT    NOT NULL,
  number INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  PRIMARY KEY (id, room, sender)
) STRICT, WITHOUT ROWID;

-- When each sender last posted in a room, kept only while the room is slow.
CREATE TABLE last_posts (
  room   INTEGER NOT NULL,
  sender TEXT    NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (room, sender)
) STRICT, WITHOUT ROWID;

-- How far each identity has read.
CREATE TABLE marks (
  sender TEXT    NOT NULL,
  room   INTEGER NOT NULL,
  seq    INTEGER NOT NULL,
  PRIMARY KEY (sender, room)
) STRICT, WITHOUT ROWID;

CREATE INDEX marks_room ON marks (room);

-- Deleted rooms whose rows are still to be removed.
CREATE TABLE graves (
  room INTEGER PRIMARY KEY
) STRICT;

-- Messages whose text is another or gone since the search index last looked.
CREATE TABLE touched (
  n   INTEGER PRIMARY KEY AUTOINCREMENT,
  row INTEGER NOT NULL -- of messages
) STRICT;

CREATE TABLE state (
  identity TEXT    NOT NULL, -- of this database's history: its search index belongs to no other
  journal  INTEGER NOT NULL, -- how far the journal is applied
  seal     TEXT    NOT NULL, -- what it came to up to there
  row      INTEGER NOT NULL  -- at least the row of every message that was removed
) STRICT;
INSERT INTO state VALUES (lower(hex(randomblob(16))), 0, '', 0);
