"""What is no longer kept: limits hold, and nothing goes that something else needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives.captures.deduplication import Originals
from archives.captures.revisits import read_resolved
from archives.captures.writer import WarcWriter
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.storage.files import hash_file
from archives.verify.fixity import verify_collection
from archives.warc.records import Exchange
from crawler.publishing.library import Library
from crawler.retention.prune import prune
from crawler.retention.selection import Selection, select
from crawler.sources import SourceError, load_source

if TYPE_CHECKING:
    from pathlib import Path

    from crawler.sources import Source

NOW = datetime(2026, 12, 1, tzinfo=UTC)
AT = "2026-12-01T00:00:00Z"
SOURCE = """
name = "paper"
timezone = "UTC"
scope = ["http://paper.example/"]
seeds = ["http://paper.example/"]
[keep]
"""
RUN = {
    "spider": "category",
    "source": "paper",
    "began_at": NOW.isoformat(),
    "ended_at": NOW.isoformat(),
    "exit_reason": "finished",
    "counts": {},
}
PAGE = "text/html"
PICTURE = "image/png"


def build_source(keep: str) -> Source:
    return load_source(SOURCE + keep, path="paper.toml")


def write_run(collection: Collection, captures: list[tuple[int, str, str, bytes]]) -> None:
    """One run: a closed file with a capture for each age in days, path, type and body, and a manifest that notes it."""
    originals = Originals(collection)
    with WarcWriter(collection, info={"source": "paper"}, prefix="paper", originals=originals) as writer:
        for days, path, kind, body in captures:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            url = f"http://paper.example/{path}"
            request = f"GET /{path} HTTP/1.1\r\nHost: paper.example\r\n\r\n".encode()
            at = NOW - timedelta(days=days)
            place = writer.write(Exchange(url=url, began_at=at, raw_request=request, raw_response=head + body))
    originals.close()
    path = collection.archive_dir / place.filename
    noted = {"name": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
    (collection.runs_dir / f"{path.name}.json").write_text(json.dumps(RUN | {"run": path.name, "files": [noted]}))


def prune_all(collection: Collection, keep: str) -> Selection:
    source = build_source(keep)
    selection = select(collection, source, now=NOW)
    if selection:
        prune(Library(collection.path.parent.parent), collection, source, selection, at=AT)
    return selection


def list_paths(collection: Collection) -> list[str]:
    with CollectionIndex(collection) as index:
        return [entry.url.rpartition("/")[2] for entry in index.iter_entries()]


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection.open(tmp_path, "paper", create=True)


def test_old_captures_go_and_the_latest_of_an_address_stays(collection: Collection) -> None:
    write_run(collection, [(90, "list", PAGE, b"one"), (60, "a", PAGE, b"two"), (50, "list", PAGE, b"three")])
    write_run(collection, [(1, "list", PAGE, b"four")])
    selection = prune_all(collection, 'captures = "30d"')
    assert (selection.captures, selection.needed) == (2, 0)
    assert sorted(list_paths(collection)) == ["a", "list"]
    assert verify_collection(collection) == []
    assert not prune_all(collection, 'captures = "30d"')


def test_an_original_stays_as_long_as_its_revisit_does(collection: Collection) -> None:
    write_run(collection, [(90, "a", PICTURE, b"picture"), (80, "b", PICTURE, b"other")])
    write_run(collection, [(1, "c", PICTURE, b"picture")])
    selection = prune_all(collection, 'requisites = "30d"')
    assert (selection.requisites, selection.needed) == (1, 1)
    assert list_paths(collection) == ["a", "c"]
    assert verify_collection(collection) == []


def test_a_quota_lets_the_oldest_go_first_and_says_what_is_above_it(collection: Collection) -> None:
    for days in range(5, 0, -1):
        write_run(collection, [(days, f"{days}", PICTURE, bytes([days]) * 1000)])
    with CollectionIndex(collection) as index:
        (one, *_) = [entry.length for entry in index.iter_entries()]
    selection = prune_all(collection, f'requisites = "{(3 * one + one // 2) // 1000 or 1}kB"')
    left = list_paths(collection)
    assert left == [f"{days}" for days in range(len(left), 0, -1)]
    assert len(left) < 5
    assert not selection.excess
    assert len(list(collection.iter_warcs())) == len(left), "a file in which nothing is left goes as a whole"
    assert verify_collection(collection) == []
    write_run(collection, [(0, "page", PAGE, b"x" * 100_000 + bytes(range(256)) * 40)])
    assert select(collection, build_source('captures = "1kB"'), now=NOW).excess > 0


@settings(max_examples=20, deadline=None)
@given(
    runs=st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 100),
                st.sampled_from("abc"),
                st.sampled_from([PAGE, PICTURE]),
                st.sampled_from([b"1", b"2" * 500, b"3"]),
            ),
            min_size=1,
            max_size=5,
        ),
        min_size=1,
        max_size=4,
    ),
    age=st.integers(1, 100),
)
def test_whatever_goes_every_capture_that_stays_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[tuple[int, str, str, bytes]]], age: int
) -> None:
    collection = Collection.open(tmp_path_factory.mktemp("data"), "paper", create=True)
    for run in runs:
        write_run(collection, run)
    with CollectionIndex(collection) as index:
        bodies = {entry.record_id: read_resolved(index, entry).payload for entry in index.iter_entries()}
        young = {e.record_id for e in index.iter_entries() if e.captured_at >= NOW - timedelta(days=age)}
    selection = prune_all(collection, f'captures = "{age}d"\nrequisites = "{age}d"')
    with CollectionIndex(collection) as index:
        left = {entry.record_id: read_resolved(index, entry).payload for entry in index.iter_entries()}
    assert young <= left.keys()
    assert len(bodies) - len(left) == selection.captures + selection.requisites
    assert all(bodies[record_id] == body for record_id, body in left.items())
    assert verify_collection(collection) == []


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        ('posts = "many"', "keep.posts: 'many' is neither a duration such as '90d' nor a number such as '50000'"),
        ('captures = "20"', "keep.captures: '20' is neither a duration such as '90d' nor a size such as '20GB'"),
        ('captures = ["1GB", "2GB"]', "keep.captures: '2GB' is a second limit of its kind; keep one of the two"),
        ('requisites = "0GB"', "keep.requisites: '0GB' would keep nothing; leave the source out instead"),
        ('pictures = "1d"', "keep.pictures"),
    ],
)
def test_faults_are_said_with_their_key(keep: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        build_source(keep)
    assert words in str(caught.value)
