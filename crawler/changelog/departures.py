"""Articles withdrawn by their publisher: those whose page last answered 410 (Gone).

The post stays as it is, since the archive keeps what was published; readers of the change log learn that it is gone.
Which article a 410 belongs to follows from the captures: an earlier one of the same address was the article's page.

Spec: RFC 9110 §15.5.11 (410).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from archives.index.catalogue import CollectionIndex
from archives.merging.parts import WrittenFiles
from crawler.changelog.entries import Place
from crawler.changelog.unfinished import dump_instant
from pipelines.posts.items import Origin

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection
    from pipelines.posts.ledger import Ledger

# The article of each 410, so that only those of new captures have to be looked for.
SCRIPT = """
CREATE TABLE IF NOT EXISTS departure (
    record_id TEXT PRIMARY KEY,     -- of the capture
    captured_at TEXT NOT NULL,
    file TEXT NOT NULL,             -- the WARC file that it was written to
    source TEXT NOT NULL,           -- '' where it was no article's page
    identifier TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS departure_post ON departure (source, identifier);
"""

_Key = tuple[str, str]


def note_departures(database: sqlite3.Connection, collection: Collection, ledger: Ledger) -> None:
    """Enter new captures that answered 410, with the article that each belongs to."""
    known = {record_id for (record_id,) in database.execute("SELECT record_id FROM departure")}
    with CollectionIndex(collection) as index:
        found = [entry for entry in index.iter_gone() if entry.record_id not in known]
        owners = _find_owners(index, ledger, found)
    written = WrittenFiles(collection)
    rows = [
        (
            entry.record_id,
            dump_instant(entry.captured_at),
            written.find_name(entry.filename, entry.offset),
            *owners.get(entry.record_id, ("", "")),
        )
        for entry in found
    ]
    database.executemany("INSERT OR IGNORE INTO departure VALUES (?, ?, ?, ?, ?)", rows)


def list_unentered(database: sqlite3.Connection) -> set[_Key]:
    """Return the articles whose page answered 410 after the capture of their last entry."""
    rows = database.execute(
        "SELECT DISTINCT source, identifier FROM departure JOIN latest USING (source, identifier)"
        " WHERE departure.captured_at > latest.captured_at AND kind NOT IN ('gone', 'withdrawn', 'erased')"
    )
    return {(source, identifier) for source, identifier in rows}


def find_departure(database: sqlite3.Connection, ledger: Ledger, key: _Key) -> Place | None:
    """Return the capture in which an article's page answered 410, if no later one had the page again."""
    last = max((place for place, _ in list_departures(database, key)), default=None)
    return last if last and last.captured_at > _find_last_seen(ledger, key) else None


def list_departures(database: sqlite3.Connection, key: _Key) -> list[tuple[Place, str]]:
    """Return the captures in which an article's page answered 410, each with its WARC file."""
    rows = database.execute(
        "SELECT captured_at, record_id, file FROM departure WHERE source = ? AND identifier = ?", key
    )
    return [(Place(at, record_id), file) for at, record_id, file in rows]


def _find_owners(index: CollectionIndex, ledger: Ledger, gone: Iterable[IndexEntry]) -> dict[str, _Key]:
    """Return by record id of a 410 the article whose page had been at its address."""
    pages: dict[str, list[str]] = {}
    for entry in gone:
        pages[entry.record_id] = [
            capture.record_id
            for capture in index.iter_captures(entry.url, until=entry.captured_at)
            if capture.status == HTTPStatus.OK
        ]
    known = ledger.find_articles({record_id for ids in pages.values() for record_id in ids})
    return {
        record_id: next(known[page] for page in ids if page in known)
        for record_id, ids in pages.items()
        if any(page in known for page in ids)
    }


def _find_last_seen(ledger: Ledger, key: _Key) -> str:
    instants = [one.at for one in ledger.list_sightings(key) if one.origin is Origin.ARTICLE]
    return dump_instant(max(instants)) if instants else ""
