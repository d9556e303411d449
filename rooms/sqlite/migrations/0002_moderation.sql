-- Bans and mutes. Those that have ended go when the next one of their room comes.
CREATE TABLE sanctions (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  room     INTEGER NOT NULL,
  kind     TEXT    NOT NULL,
  subject  TEXT    NOT NULL, -- '' is nobody: then networks say whom
  name     TEXT    NOT NULL,
  networks TEXT    NOT NULL, -- with spaces in between
  reason   TEXT    NOT NULL,
  by_id    TEXT    NOT NULL,
  by_name  TEXT    NOT NULL,
  manager  INTEGER NOT NULL, -- laid by one who may manage the room
  at       INTEGER NOT NULL,
  until    INTEGER NOT NULL  -- 0 is until it is lifted
) STRICT;
CREATE INDEX sanctions_room ON sanctions (room);

-- What moderators and managers did. It outlives the rooms.
CREATE TABLE audit (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  room     TEXT    NOT NULL, -- its id
  at       INTEGER NOT NULL,
  by_id    TEXT    NOT NULL,
  by_name  TEXT    NOT NULL,
  action   TEXT    NOT NULL,
  who_id   TEXT    NOT NULL,
  who_name TEXT    NOT NULL,
  seq      INTEGER NOT NULL,
  count    INTEGER NOT NULL,
  until    INTEGER NOT NULL,
  reason   TEXT    NOT NULL,
  detail   TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_room ON audit (room, number);
