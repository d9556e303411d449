-- How many may be in a room at once (0 is no bound), and whose pages may show it
-- in a frame (origins, with spaces in between).
ALTER TABLE rooms ADD COLUMN max_members   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN embed_origins TEXT    NOT NULL DEFAULT '';
