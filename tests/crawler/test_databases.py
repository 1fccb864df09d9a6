"""SQLite files of earlier versions are upgraded; those of later versions are refused by name."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from archives.errors import DatabaseError
from archives.storage.collection import Collection
from crawler.changelog.log import ChangeLog
from crawler.frontier.leases import LeaseTable
from crawler.publishing.outbox import Outbox
from crawler.scheduling.schedule import ScheduleTable
from tests.project import ROOT, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The tables of the first release, which wrote no version into its files, and a row or two. They are copies on purpose:
# a fixture made from today's schema would not notice that an upgrade from the old one is missing.
UNVERSIONED: Final = {
    "frontier.sqlite": """
CREATE TABLE IF NOT EXISTS requests (
    job TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    state INTEGER NOT NULL,         -- 0 pending, 1 leased, 2 done
    host TEXT NOT NULL,
    priority INTEGER NOT NULL,      -- negated, so that the index runs the way requests are taken
    serial INTEGER NOT NULL,        -- order of arrival
    data TEXT NOT NULL,             -- the request, JSON; emptied when it is done
    worker TEXT NOT NULL DEFAULT '',
    until REAL NOT NULL DEFAULT 0,  -- seconds since the epoch
    PRIMARY KEY (job, fingerprint)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON requests (job, host, priority, serial) WHERE state = 0;
CREATE INDEX IF NOT EXISTS leased ON requests (job, worker) WHERE state = 1;
INSERT INTO requests (job, fingerprint, state, host, priority, serial, data)
VALUES ('job', x'01', 0, 'a.example', 0, 1, 'kept');
""",
    "schedule.sqlite": """
CREATE TABLE IF NOT EXISTS schedule (
    source TEXT PRIMARY KEY,
    rule TEXT NOT NULL,             -- the timetable that next_due_utc follows from
    next_due_utc TEXT NOT NULL,     -- ISO 8601 to the millisecond, so that text sorts as time; so are all instants
    interval_s INTEGER NOT NULL,    -- 0 for a cron line
    last_started TEXT,
    last_finished TEXT,             -- NULL while it runs
    last_status TEXT,
    last_exit INTEGER,              -- negative: the signal that killed it
    lease_owner TEXT,
    lease_until TEXT
);
INSERT INTO schedule (source, rule, next_due_utc, interval_s)
VALUES ('paper', 'every 1h', '2026-11-23T08:00:00.000+00:00', 3600);
""",
    "webhooks.sqlite": """
CREATE TABLE IF NOT EXISTS cursor (
    hook TEXT NOT NULL, collection TEXT NOT NULL, cursor TEXT NOT NULL, PRIMARY KEY (hook, collection)
);
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    hook TEXT NOT NULL,
    id TEXT NOT NULL,               -- the same at every attempt
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,    -- seconds since 1970
    state TEXT NOT NULL DEFAULT 'waiting',  -- or 'dead': laid aside
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (hook, state, number);
INSERT INTO delivery (hook, id, body) VALUES ('http://hook.example/', 'paper-1', '{}');
""",
    "changes.sqlite": """
CREATE TABLE IF NOT EXISTS change (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,          -- digest of what a reader sees
    captured_at TEXT NOT NULL,      -- the latest capture that it rests on
    record_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS change_post ON change (source, identifier, position);
CREATE TABLE IF NOT EXISTS seen (   -- what the ledger said of a post when it was last looked at
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    state BLOB NOT NULL,
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
INSERT INTO log VALUES ('0123456789ab');
INSERT INTO change (source, identifier, kind, version, content, captured_at, record_id)
VALUES ('paper', '1', 'new', 1, 'digest', '2026-11-23T08:00:00.000000+00:00', '<urn:uuid:1>');
""",
}
# What they are brought up to.
VERSIONS: Final = {"frontier.sqlite": 3, "webhooks.sqlite": 2, "changes.sqlite": 3}
DEFINITION: Final = """
name = "paper"
timezone = "UTC"
scope = ["http://127.0.0.1:9/"]
seeds = ["http://127.0.0.1:9/"]
[links]
article = ['/a/(?P<id>[^/?]+)\\.html']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
articleBody = "html:p"
[schedule]
every = "1h"
"""
# The others look into ledgers of other versions, which nothing opens.
MAY_CONNECT: Final = {
    "archives/storage/databases.py",
    "crawler/monitoring/checkup.py",
    "crawler/reparsing/rebuilding.py",
}


def read_frontier(path: Path) -> object:
    with closing(LeaseTable(path, "job")) as table:
        table.note_pause("slow.example", 600)
        return [lease.data for lease in table.lease(lambda _: 1, most=1)] + list(table.find_pauses())


def read_schedule(path: Path) -> object:
    with ScheduleTable(path, "here/1/a") as table:
        return [entry.due for entry in table.read().values()]


def read_webhooks(path: Path) -> object:
    with closing(Outbox(path)) as outbox:
        return outbox.count("waiting")


def read_changes(path: Path) -> object:
    with closing(ChangeLog(Collection(path.parent.parent), lambda _: None)) as log:
        return str(log.cursor)[:14]


READERS: Final[dict[str, tuple[Callable[[Path], object], object]]] = {
    "frontier.sqlite": (read_frontier, ["kept", "slow.example"]),
    "schedule.sqlite": (read_schedule, [datetime(2026, 11, 23, 8, tzinfo=UTC)]),
    "webhooks.sqlite": (read_webhooks, 1),
    "changes.sqlite": (read_changes, "1-0123456789ab"),
}


def write_unversioned(path: Path, *, version: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(f"{UNVERSIONED[path.name]} PRAGMA user_version = {version};")


@pytest.mark.parametrize("name", UNVERSIONED)
def test_a_file_from_before_versions_is_taken_over(name: str, tmp_path: Path) -> None:
    path = tmp_path / "indexes" / name
    read, expected = READERS[name]
    write_unversioned(path)
    assert read(path) == expected
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSIONS.get(name, 1),)
    assert read(path) == expected


@pytest.mark.parametrize("name", UNVERSIONED)
def test_a_file_of_a_later_version_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "indexes" / name
    write_unversioned(path, version=99)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match=rf"{name} is of version 99, .* while nothing runs: \w+ .* \w+$"):
        READERS[name][0](path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("schedule --list --sources {folder}", "schedule.sqlite"),
        ("crawl category -a source={folder}/paper.toml", "collections/paper/frontier.sqlite"),
        ("reparse paper --source {folder}/paper.toml", "collections/paper/indexes/changes.sqlite"),
        ("export jsonl -o {folder}/posts.jsonl", "collections/paper/indexes/changes.sqlite"),
    ],
)
def test_commands_refuse_it_before_they_begin(command: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "paper.toml").write_text(DEFINITION, "utf-8")
    path = tmp_path / place
    write_unversioned(path, version=99)
    done = run_scrapy(*command.format(folder=tmp_path).split(), data=tmp_path)
    assert done.returncode == 2
    assert f"error: {path} is of version 99" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_database_is_opened_in_one_place() -> None:
    found = set()
    for path in [path for name in ("archives", "crawler") for path in (ROOT / name).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "sqlite3.connect":
                found.add(path.relative_to(ROOT).as_posix())
    assert found == MAY_CONNECT
