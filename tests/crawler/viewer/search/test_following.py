"""The index takes in the posts of a ledger in batches, and says how many are still to come."""

from __future__ import annotations

from contextlib import closing
from threading import RLock
from typing import TYPE_CHECKING

from archives.storage.databases import open_database
from crawler.publishing.library import Library
from crawler.viewer.search.following import Follower
from crawler.viewer.search.rows import SCHEMA
from tests.crawler.viewer.search.test_search import write_posts

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
