-- Subscriptions, and how far each has come.
CREATE TABLE webhooks (
  number        INTEGER PRIMARY KEY AUTOINCREMENT,
  room          INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  url           TEXT    NOT NULL,
  events        TEXT    NOT NULL, -- with spaces in between
  secret        TEXT    NOT NULL,
  by_id         TEXT    NOT NULL,
  by_name       TEXT    NOT NULL,
  at            INTEGER NOT NULL,
  off           TEXT    NOT NULL, -- why it is not called, '' is that it is
  rev           INTEGER NOT NULL, -- it was told all up to here
  called_at     INTEGER NOT NULL,
  status        INTEGER NOT NULL,
  failure       TEXT    NOT NULL,
  failures      INTEGER NOT NULL,
  failing_since INTEGER NOT NULL,
  next          INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_room ON webhooks (room);

-- The rev of the change that last made a message's text another, or took it
-- away; 0 when none did.
ALTER TABLE messages ADD COLUMN text_rev INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_rewritten ON messages (room, text_rev) WHERE text_rev > 0;
