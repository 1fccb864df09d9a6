"""A second run asks only for what has changed, and says so in numbers."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archives.captures.writer import WarcWriter
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.warc.records import Exchange
from crawler.demo_site import Newspaper
from crawler.runs.memory import CaptureMemory
from tests.project import ARTICLE_PARSER, Data, hash_tree, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8"}
PAPER = (
    """
name = "s"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
next = ['/page/\\\\d+$']
article = ['/a/(?P<id>\\\\d+)$']
"""
    + ARTICLE_PARSER
    + """[politeness]
delay = 0
"""
)


def crawl(data: Data, source: Path, **settings: object) -> dict[str, int]:
    """Crawl; return the counts of the run's manifest."""
    done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW | settings)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    manifests = [json.loads(path.read_text()) for path in (data.path / "collections").glob("*/runs/*.json")]
    counts: dict[str, int] = max(manifests, key=lambda manifest: manifest["began_at"])["counts"]
    return counts


def test_a_second_run_over_an_unchanged_site_fetches_no_article_and_rewrites_no_file(
    data: Data, tmp_path: Path
) -> None:
    source = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        crawl(data, source)
        folder = data.posts("newspaper")
        before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
        asked = len(paper.exchanges)
        counts = crawl(data, source)
        second = paper.exchanges[asked:]
    articles = [
        served for served in second if served.request.target.endswith(".html") and "/2026/" in served.request.target
    ]
    fetched = [served.request.target for served in articles if b" 200 " in served.response.split(b"\r\n", 1)[0]]
    assert fetched == []
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert counts["posts/unchanged"] == 41
    assert counts["revalidate/unchanged"] >= 50
    assert "posts/new" not in counts
    done = run_scrapy("verify", "newspaper", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_unchanged_once_is_asked_for_with_conditions_ever_after(data: Data, tmp_path: Path) -> None:
    """The last capture is then a revisit, which has no validators of its own."""
    source = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        crawl(data, source)
        second, third = crawl(data, source), crawl(data, source)
    told = ("revalidate/asked", "revalidate/unchanged", "archive/revisits", "posts/unchanged")
    assert [third[name] for name in told] == [second[name] for name in told]
    assert third["archive/revisits"] >= third["revalidate/unchanged"] >= 50
    done = run_scrapy("verify", "newspaper", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_article_is_fetched_again_with_its_text(data: Data, tmp_path: Path) -> None:
    """Also where the page has no share link and only a listing once led to the text."""
    source = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        crawl(data, source)
        paper.publish(edition=2)
        counts = crawl(data, source)
    assert (counts["posts/new"], counts["posts/updated"]) == (2, 1)
    (post,) = data.posts("newspaper").glob("*NW202603041930000402.md")
    assert "24 minutes, not 22" in post.read_text("utf-8")


def build_paper(articles: list[int], *, per_page: int = 2, etag: bool = True) -> dict[str, bytes]:
    """A paper of listing pages, each leading to the next."""
    routes: dict[str, bytes] = {}
    pages = [articles[at : at + per_page] for at in range(0, len(articles), per_page)]
    for number, page in enumerate(pages):
        links = "".join(f'<a href="/a/{n}">{n}</a>' for n in page)
        onward = f'<a href="/page/{number + 1}">older</a>' if number + 1 < len(pages) else ""
        routes["/" if number == 0 else f"/page/{number}"] = build_response(f"<html>{links}{onward}</html>".encode())
    for n in articles:
        body = f"<h1>Article {n}</h1><time>2026-03-04 10:00</time><div><p>{n}</p></div>".encode()
        headers = (("Content-Type", "text/html"), *((("ETag", f'"{n}"'),) if etag else ()))
        routes[f"/a/{n}"] = build_response(body, headers=headers)
    return routes


def write_source(tmp_path: Path, base: str) -> Path:
    source = tmp_path / "s.toml"
    source.write_text(PAPER.replace("{base}", base).replace("\\\\", "\\"), "utf-8")
    return source


def test_listing_pages_are_walked_only_while_they_show_something_new(data: Data, tmp_path: Path) -> None:
    with WireServer(build_paper(list(range(20)))) as server:
        source = write_source(tmp_path, server.base_url)
        crawl(data, source)
        asked = len(server.exchanges)
        server.routes.update(build_paper([100, 101, 102, *range(20)]))
        crawl(data, source)
        listings = [e.target for e in server.exchanges[asked:] if not e.target.startswith(("/a/", "/robots"))]
    assert listings == ["/", "/page/1", "/page/2"]
    assert len(hash_tree(data.posts("s"))) == 23


@pytest.mark.parametrize(("days", "is_asked"), [(7, True), (0, False)])
def test_old_articles_are_left_in_peace(data: Data, tmp_path: Path, days: int, is_asked: bool) -> None:
    with WireServer(build_paper([1, 2])) as server:
        source = write_source(tmp_path, server.base_url)
        crawl(data, source)
        asked = len(server.exchanges)
        crawl(data, source, REVALIDATE_DAYS=days)
        assert any(e.target.startswith("/a/") for e in server.exchanges[asked:]) is is_asked


def test_conditions_are_left_out_where_revalidation_is_off(data: Data, tmp_path: Path) -> None:
    with WireServer(build_paper([1])) as server:
        source = write_source(tmp_path, server.base_url)
        crawl(data, source)
        asked = len(server.exchanges)
        crawl(data, source, REVALIDATE_ENABLED=False)
        assert not any(b"If-None-Match" in e.received for e in server.exchanges[asked:])


def test_a_page_that_died_before_it_was_read_is_read_from_the_archive(data: Data, tmp_path: Path) -> None:
    """Captured, then the ledger and the posts are lost: the publisher's 304 brings the post back."""
    conditional = build_paper([1])
    page = conditional["/a/1"]

    def answer(raw: bytes) -> bytes:
        return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n' if b'If-None-Match: "1"' in raw else page

    with WireServer({**conditional, "/a/1": answer}) as server:
        source = write_source(tmp_path, server.base_url)
        crawl(data, source)
        for path in (*data.posts("s").iterdir(), *(data.collection("s") / "indexes").glob("ledger*")):
            path.unlink()
        counts = crawl(data, source)
    assert counts["revalidate/unchanged"] == 1
    assert len(hash_tree(data.posts("s"))) == 1
    assert run_scrapy("verify", "s", "--posts", data=data).returncode == 0


def build_missing(status: str) -> dict[str, bytes]:
    return build_paper([1, 2]) | {"/a/2": build_response(b"", status=status)}


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_what_was_not_there_is_not_asked_for_in_every_run(data: Data, tmp_path: Path, status: str) -> None:
    with WireServer(build_missing(status)) as server:
        source = write_source(tmp_path, server.base_url)
        first = crawl(data, source)
        asked = len(server.exchanges)
        second = crawl(data, source)
        assert "/a/2" not in [e.target for e in server.exchanges[asked:]]
        assert "/a/1" in [e.target for e in server.exchanges[asked:]]
    assert (first["pages/failed/article"], second.get("pages/failed/article", 0)) == (1, 0)
    assert second["links/gone"] == 1


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "attempts", "is_gone"),
    [
        (404, [0.5], True),
        (404, [1.5], False),
        (404, [3.5, 1.5], True),  # two hours between them, an hour and a half ago
        (404, [3.5, 2.5], False),
        (410, [900.0], True),
        (200, [0.1], False),
        (404, [], False),
    ],
)
def test_the_pause_grows_with_every_attempt(data: Data, status: int, attempts: list[float], is_gone: bool) -> None:
    """Instants are hours ago; the archive alone remembers them."""
    collection = Collection.open(data.path, "c", create=True)
    for number, hours in enumerate(attempts):
        with closing(WarcWriter(collection, info={}, prefix="c", token=f"{number:06x}", max_bytes=1 << 30)) as writer:
            writer.write(
                Exchange(
                    url="http://a.example/1",
                    began_at=datetime.now(UTC) - hours * HOUR,
                    raw_request=b"GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\n",
                    raw_response=f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode(),
                )
            )
    with CollectionIndex(collection) as index:
        memory = CaptureMemory(index, settles_after=timedelta(days=7))
        assert memory.is_gone("http://a.example/1") is is_gone
