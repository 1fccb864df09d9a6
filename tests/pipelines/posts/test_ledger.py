"""The ledger of an archive is the ledgers of its parts, joined in any order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

from pipelines.posts.items import Origin, Post
from pipelines.posts.ledger import Ledger
from pipelines.posts.merge import attest

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TEXT = "<p>" + " ".join(f"The tide of day {number} came late." for number in range(40)) + "</p>"


def build(
    identifier: str, minute: int, *, body: str = "", origin: Origin = Origin.ARTICLE, waits: bool = False
) -> Post:
    post = Post(
        source="news",
        identifier=identifier,
        origin=origin,
        headline=f"Tide {minute}",
        articleBody=body,
        waits_for=Origin.TEXT if waits else None,
    )
    return attest(post, captured_at=NOON + timedelta(minutes=minute))


# What three parts of an archive state: one article in all of them, one that waits for its text and one that no other
# part knows in each.
PARTS = [
    [build("shared", 1, body=TEXT), build("waits", 2, waits=True), build("own-1", 3, body=TEXT)],
    [build("shared", 4, body=TEXT + "<p>More.</p>"), build("own-2", 5, body=TEXT)],
    [build("shared", 6), build("waits", 7, body=TEXT, origin=Origin.TEXT), build("own-3", 8)],
]


def read_rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT source, identifier, state, answered, waits_for, is_dirty FROM posts").fetchall()


def test_parts_join_to_what_one_ledger_would_say(tmp_path: Path) -> None:
    whole = Ledger(tmp_path / "whole")
    for number, part in enumerate(PARTS):
        ledger = Ledger(tmp_path / f"part{number}")
        for post in part:
            ledger.absorb(post)
            whole.absorb(post)
        ledger.close()
    duplicates = {identifier: whole.list_duplicates(("news", identifier)) for identifier in ("own-1", "own-3", "waits")}
    assert [duplicate.key[1] for duplicate in duplicates["own-1"]] == ["own-2", "shared", "waits"]
    assert duplicates["own-3"] == []
    whole.close()
    for order in permutations(range(3)):
        path = tmp_path / "-".join(map(str, order))
        joined = Ledger(path)
        for number in order:
            joined.absorb_from(tmp_path / f"part{number}")
        for identifier, expected in duplicates.items():
            assert joined.list_duplicates(("news", identifier)) == expected
        joined.close()
        assert read_rows(path) == read_rows(tmp_path / "whole")
