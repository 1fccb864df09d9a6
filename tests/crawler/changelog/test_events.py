"""A paper that moves an article, replaces one, takes one back and brings it back: each is a change of its own kind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from crawler.changelog.cursors import START
from crawler.changelog.entries import Last, Place, PostState, build_entry
from crawler.changelog.tables import FILE_NAME
from crawler.publishing.library import Library
from crawler.publishing.stream import ChangeStream
from pipelines.exports.records import ChangeKind, PostRecord
from tests.pipelines.exports.samples import build_post
from tests.project import ARTICLE_PARSER, LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = (
    """
name = "weir"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/[ab]/(?P<id>\\d+)$']
"""
    + ARTICLE_PARSER
)
OTHER = " ".join(f"Nothing of the sort stood here before, sentence {n} of a page about carpets." for n in range(30))


def build_page(number: int, text: str = "") -> bytes:
    text = text or " ".join(f"The weir of {number} was measured again, reading {n}." for n in range(30))
    head = f"<h1>Weir number {number} holds</h1><time>2026-03-04 10:00</time>"
    return build_response(f"{head}<div><p>{text}</p></div>".encode())


def crawl(server: WireServer, folder: Path) -> None:
    (folder / "weir.toml").write_text(SOURCE.replace("{base}", server.base_url), "utf-8")
    command = ("crawl", "category", "-a", f"source={folder / 'weir.toml'}")
    done = run_scrapy(*command, data=folder / "data", settings={**LOOPBACK, "RETRY_ENABLED": 0})
    assert done.returncode == 0, done.stderr


def list_rows(data: Data) -> list[tuple[str, str, int]]:
    with closing(sqlite3.connect(data.collection("weir") / "indexes" / FILE_NAME)) as database:
        return database.execute("SELECT * FROM change ORDER BY position").fetchall()


def test_what_becomes_of_articles_is_reported_by_its_kind(tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    stream = ChangeStream(Library(data.path))

    def read(since: str) -> dict[str, tuple[str, int, PostRecord]]:
        records = list(stream.read(since))
        return {r.identifier: (str(r.change.kind), r.change.version, r) for r in records if r.change}

    with WireServer({f"/a/{number}": build_page(number) for number in range(1, 6)}) as server:
        links = "".join(f'<a href="/a/{number}">{number}</a>' for number in range(1, 6))
        server.routes["/"] = build_response(links.encode())
        crawl(server, tmp_path)
        assert {kind for kind, _, _ in read(START).values()} == {"new"}
        since = stream.find_end()
        there = (("Location", "/b/1"),)
        server.routes["/a/1"] = build_response(b"", status="301 Moved Permanently", headers=there)
        server.routes["/b/1"] = build_page(1)
        server.routes["/a/2"] = build_response(f"<h1>Carpets</h1><div><p>{OTHER}</p></div>".encode())
        server.routes["/a/3"] = build_response(b"taken back", status="410 Gone")
        server.routes["/a/4"] = build_page(4, " ".join(f"Another reading, {n}, of the weir of 4." for n in range(30)))
        crawl(server, tmp_path)
    found = read(since)
    assert {name: (kind, version) for name, (kind, version, _) in found.items()} == {
        "1": ("moved", 2),
        "2": ("doubtful", 1),
        "3": ("gone", 1),
        "4": ("updated", 2),
    }
    assert found["1"][2].url.endswith("/b/1")
    assert (len(found["2"][2].doubts), "carpets" in found["2"][2].text) == (1, False)
    assert "weir of 3" in found["3"][2].text, "the archive keeps what was published"
    assert {name: kind for name, (kind, _, _) in read(START).items()} == {
        "5": "new", "1": "new", "2": "new", "3": "gone", "4": "new",
    }  # fmt: skip

    before = list_rows(data)
    for path in (data.collection("weir") / "indexes").glob(FILE_NAME + "*"):
        path.unlink()
    assert run_scrapy("reparse", "weir", data=data).returncode == 0
    assert list_rows(data) == before, "all of it follows from the captures"

    since = stream.find_end()
    done = run_scrapy("forget", "--pattern", "/a/5$", "--yes", data=data)
    assert done.returncode == 0, done.stderr
    removed = [(r.identifier, r.change and str(r.change.kind), r.text) for r in stream.read(since)]
    assert removed == [("5", "withdrawn", ""), ("5", "erased", "")], "readers that know no erasures delete it, too"
    assert list(stream.read(stream.find_end())) == []


HERE, THERE = PostState(content="x", address="a"), PostState(content="y", address="b")
SEEN_GONE = Place("2026-03-04T12:00:00.000000+00:00", "<urn:uuid:1>")
CASES = [
    (None, HERE, ("new", 1)),
    (None, PostState(content="x", departed=SEEN_GONE), ("gone", 1)),
    (Last(kind=ChangeKind.NEW, version=1, content="x", address="a", doubts=""), HERE, None),
    (Last(kind=ChangeKind.NEW, version=1, content="x", address="a", doubts=""), THERE, ("moved", 2)),
    (Last(kind=ChangeKind.NEW, version=1, content="x"), THERE, ("updated", 2)),
    (Last(kind=ChangeKind.WITHDRAWN, version=3, content=""), HERE, ("new", 4)),
    (Last(kind=ChangeKind.ERASED, version=3, content=""), HERE, ("new", 4)),
    (Last(kind=ChangeKind.GONE, version=2, content="x", address="a", doubts=""), HERE, ("updated", 3)),
    (
        Last(kind=ChangeKind.GONE, version=2, content="x", address="a", doubts=""),
        PostState(content="x", address="a", departed=SEEN_GONE),
        None,
    ),
    (
        Last(kind=ChangeKind.UPDATED, version=2, content="x", address="a", doubts=""),
        PostState(content="y", address="b", departed=SEEN_GONE),
        ("gone", 3),
    ),
    (Last(kind=ChangeKind.NEW, version=1, content="x", address="a", doubts="q"), HERE, None),
]


@pytest.mark.parametrize(("last", "now", "wanted"), CASES)
def test_a_kind_follows_from_what_was_and_what_is(
    last: Last | None, now: PostState, wanted: tuple[str, int] | None
) -> None:
    entry = build_entry(build_post(1), now, last)
    assert (entry and (str(entry.kind), entry.version)) == wanted
    if entry and entry.kind is ChangeKind.GONE:
        assert (entry.captured_at, entry.record_id) == SEEN_GONE
