"""The index takes in the posts of a ledger in batches, and says how many are still to come."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING

from archives.storage.databases import open_database
from crawler.publishing.library import Library
from crawler.viewer.search.following import Follower
from crawler.viewer.search.rows import SCHEMA, put_post
from pipelines.page.document import CaptureRef
from tests.crawler.viewer.search.test_search import NOON, write_posts

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_posts_still_to_come_are_counted_and_those_filed_meanwhile_are_among_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.viewer.search.following._BATCH", 3)
    library = Library(tmp_path)
    write_posts(library, [f"bridge-{number}" for number in range(8)])
    with closing(open_database(tmp_path / "index.sqlite", SCHEMA, across_threads=True)) as database:
        follower, store = Follower(library, "paper", database, RLock()), library.open_store("paper")
        assert [follower.take_batch(store) for _ in range(2)] == [5, 2]
        write_posts(library, ["arch"])
        assert follower.take_batch(store) > 0, "the walk ends, and the new post has been filed behind its beginning"
        while follower.take_batch(store):
            pass
        assert database.execute("SELECT count(*) FROM posts").fetchone() == (9,)
        write_posts(library, [f"bridge-{number}" for number in range(8)], change="2")
        assert [follower.take_batch(store) for _ in range(3)] == [5, 2, 0]


def test_other_captures_of_an_unchanged_post_leave_its_words_alone(tmp_path: Path) -> None:
    library = Library(tmp_path)
    write_posts(library, ["bridge"])
    record = library.open_store("paper").find_record("paper", "bridge")
    assert record is not None
    with closing(open_database(tmp_path / "index.sqlite", SCHEMA)) as database:
        assert put_post(database, record)
        asked: list[str] = []
        database.set_trace_callback(asked.append)
        for name in ("<urn:uuid:1>", "<urn:uuid:2>"):
            ref = CaptureRef(record_id=name, captured_at=NOON, payload_digest="", file="a.warc.gz", offset=0)
            seen = replace(record, capture=ref)
            assert put_post(database, seen)
            assert not put_post(database, seen)
            assert database.execute("SELECT record_id FROM witnesses").fetchall() == [(name,)]
        assert not any("INTO search" in statement for statement in asked)
