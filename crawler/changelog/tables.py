"""The database tables of a change log."""

from __future__ import annotations

from archives.storage.databases import Schema
from crawler.changelog import departures

FILE_NAME = "changes.sqlite"
_SCRIPT = """
CREATE TABLE IF NOT EXISTS change (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,          -- digest of what a reader sees
    captured_at TEXT NOT NULL,      -- the latest capture that it rests on
    record_id TEXT NOT NULL,
    chain TEXT NOT NULL DEFAULT ''  -- digest of everything up to here
);
CREATE INDEX IF NOT EXISTS change_post ON change (source, identifier, position);
CREATE TABLE IF NOT EXISTS seen (   -- what the ledger said of a post when it was last looked at
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    state BLOB NOT NULL,
    address TEXT,                   -- digest of its address; NULL where an earlier version looked
    doubts TEXT,                    -- digest of the captures that no longer look like it; likewise
    PRIMARY KEY (source, identifier)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (  -- up to which position all captures until an instant had been taken into account
    position INTEGER NOT NULL,
    horizon TEXT NOT NULL,
    rules TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS log (id TEXT NOT NULL);
CREATE VIEW IF NOT EXISTS latest AS
SELECT * FROM change AS this WHERE NOT EXISTS (
    SELECT 1 FROM change AS later
    WHERE later.source = this.source AND later.identifier = this.identifier AND later.position > this.position
);
"""
_UPGRADES = {
    1: "ALTER TABLE change ADD COLUMN chain TEXT NOT NULL DEFAULT ''",
    # Every post is looked at once more, so that its address is known before it moves.
    2: """ALTER TABLE seen ADD COLUMN address TEXT;
    ALTER TABLE seen ADD COLUMN doubts TEXT;
    UPDATE seen SET state = x'';""",
}
# Synced before any reader sees it: a power cut must not remove a change that was delivered.
SCHEMA = Schema(
    version=3,
    script=_SCRIPT + departures.SCRIPT,
    upgrades=_UPGRADES,
    synchronous="FULL",
    loss="a reparse of the collection then rebuilds it, but for what has been withdrawn",
)
