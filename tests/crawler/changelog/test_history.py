"""The versions of an article, from the archive alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archives.merging.parts import WrittenFiles
from archives.storage.collection import Collection
from crawler.changelog.history import build_versions, iter_text_diff
from crawler.demo_site import Newspaper
from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Origin, Statement
from pipelines.posts.options import PostOptions
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITTEN = WrittenFiles(Collection(Path("nowhere")))
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def build(minute: int, run: str, body: str, origin: Origin = Origin.ARTICLE, headline: str = "Tide") -> Statement:
    capture = CaptureRef(
        record_id=f"<urn:uuid:{minute}>",
        captured_at=NOON + timedelta(minutes=minute),
        payload_digest="",
        file=f"news-20260304-00000-{run}.warc.gz",
        offset=0,
    )
    return Statement(
        source="news",
        identifier="1",
        origin=origin,
        headline=headline,
        articleBody=f"<p>{body}</p>",
        datePublished=NOON,
        datePublished_precision=Precision.SECOND,
        capture=capture,
        is_normalised=True,
    )


def test_a_version_is_what_a_run_left_behind() -> None:
    """Teaser and text of one run are one version; a run that saw nothing new makes none."""
    pieces = [
        build(0, "a", "teaser"),
        build(1, "a", "text", Origin.TEXT),
        build(60, "b", "teaser"),
        build(61, "b", "text", Origin.TEXT),
        build(120, "c", "teaser", headline="High tide"),
        build(121, "c", "longer text", Origin.TEXT),
    ]
    versions = build_versions(reversed(pieces), PostOptions(), WRITTEN)
    assert [(v.number, v.captured_at, v.changed) for v in versions] == [
        (1, NOON + timedelta(minutes=1), ()),
        (2, NOON + timedelta(minutes=121), ("headline", "articleBody")),
    ]
    assert list(iter_text_diff(versions[0].post, versions[1].post))[3:] == [
        "-Tide",
        "-text",
        "+High tide",
        "+longer text",
    ]


def test_what_makes_no_post_has_no_version() -> None:
    assert build_versions([], PostOptions(), WRITTEN) == []
    assert build_versions([build(0, "a", "text", Origin.FEED)], PostOptions(), WRITTEN) == []
    (version,) = build_versions([build(0, "a", "", Origin.FEED), build(1, "b", "text")], PostOptions(), WRITTEN)
    assert version.captured_at == NOON + timedelta(minutes=1)


def test_updated_is_what_the_publisher_says_and_nothing_else() -> None:
    """A text that changed without a word about it is a version with a capture time, and was not "updated"."""
    silent = [build(0, "a", "text"), build(60, "b", "other text")]
    versions = build_versions(silent, PostOptions(), WRITTEN)
    assert [version.captured_at for version in versions] == [NOON, NOON + timedelta(minutes=60)]
    assert [version.post.dateModified for version in versions] == [None, None]
    assert [version.post.evidence["articleBody"].captured_at for version in versions] == [
        NOON,
        NOON + timedelta(hours=1),
    ]
    said = build(120, "c", "third text")
    said.dateModified, said.dateModified_precision = NOON + timedelta(minutes=90), Precision.SECOND
    versions = build_versions([*silent, said], PostOptions(), WRITTEN)
    assert versions[-1].post.dateModified == NOON + timedelta(minutes=90)
    assert versions[-1].captured_at == NOON + timedelta(minutes=120)
    assert versions[-1].changed == ("articleBody", "dateModified")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    folder: Path = tmp_path_factory.mktemp("history")
    data = Data(folder / "data")
    with Newspaper() as paper:
        (folder / "newspaper.toml").write_text(paper.source_toml(), "utf-8")
        for edition in (1, 2):
            paper.publish(edition=edition)
            run_scrapy(
                "crawl",
                "category",
                "-a",
                f"source={folder / 'newspaper.toml'}",
                data=data,
                settings={"RESOLVER_ALLOW": "127.0.0.0/8"},
            )
    yield data


def test_a_changed_article_shows_both_texts_and_what_changed(data: Data) -> None:
    done = run_scrapy("history", "NW202603041930000402", data=data)
    assert done.returncode == 0, done.stderr
    assert "version 1 to 2" in done.stdout
    assert "+The piece lasts 24 minutes, not 22" in done.stdout


def test_versions_are_also_data(data: Data) -> None:
    done = run_scrapy("history", "NW202603041930000402", "--collection", "newspaper", "--json", data=data)
    versions = [json.loads(line) for line in done.stdout.splitlines()]
    assert [version["version"] for version in versions] == [1, 2]
    assert versions[1]["changed"] == ["articleBody"]
    assert "22 minutes" in versions[0]["articleBody"]


def test_an_article_may_be_named_by_its_address(data: Data) -> None:
    name = "NW202603041021110001"
    done = run_scrapy("history", f"http://127.0.0.1/Harbour%20Watch/2026/03/04/{name}.html", "--json", data=data)
    assert len(done.stdout.splitlines()) == 1, done.stderr


def test_what_is_not_archived_has_no_history(data: Data) -> None:
    done = run_scrapy("history", "nowhere", data=data)
    assert (done.returncode, done.stderr.strip()) == (1, "nowhere is not an article of collection newspaper")


REPRINTS = """
name = "paper"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/(?P<id>\\w+)\\.html$']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "time"
dateModified = "time.changed"
articleBody = "html:div"
"""
COPY = "".join(
    f"<p>Crew {n} of the night ferry signed off at pier {n + 3}, said the harbour council.</p>" for n in range(9)
)


def print_page(body: str, changed: str = "") -> bytes:
    stated = f'<time class="changed">{changed}</time>' if changed else ""
    return build_response(f"<h1>Ferry</h1><time>2026-01-01 08:00:00</time>{stated}<div>{body}</div>".encode())


def test_a_reprint_is_linked_and_a_reparse_links_the_same(tmp_path: Path) -> None:
    """Two media carry the same copy, one with its own line; each keeps its post, and the ledger can be remade."""
    data = Data(tmp_path / "data")
    source = tmp_path / "paper.toml"
    routes = {
        "/": build_response(b'<a href="/a.html">a</a><a href="/b.html">b</a><a href="/c.html">c</a>'),
        "/a.html": print_page(COPY),
        "/b.html": print_page("<p>From our correspondent at the quay.</p>" + COPY),
        "/c.html": print_page("<p>The market hall keeps its roof, and the traders keep their places under it.</p>" * 3),
    }
    with WireServer(routes) as server:
        source.write_text(REPRINTS.format(base=server.base_url), "utf-8")
        crawl = ("crawl", "category", "-a", f"source={source}")
        assert run_scrapy(*crawl, data=data, settings=LOOPBACK).returncode == 0
        server.routes = routes | {"/c.html": print_page("<p>New text.</p>", "2026-01-02 09:00:00")}
        assert run_scrapy(*crawl, data=data, settings=LOOPBACK).returncode == 0
    assert len(list(data.posts("paper").glob("*.md"))) == 3
    before = {name: show(data, name) for name in "abc"}
    ((one,), (other,), (*_, last)) = before["a"], before["b"], before["c"]
    assert [(found["identifier"], found["is_exact"], found["containment"]) for found in one["sameAs"]] == [
        ("b", False, 1.0)
    ]
    assert [found["identifier"] for found in other["sameAs"]] == ["a"]
    assert last["sameAs"] == []
    assert [version["updated"] for version in before["c"]] == [None, "2026-01-02T09:00:00+00:00"]
    shown = run_scrapy("history", "a", data=data)
    assert f"100% of the same text: paper/b {server.base_url}/b.html" in shown.stdout
    (data.collection("paper") / "indexes" / "ledger.sqlite").unlink()
    assert run_scrapy("reparse", "paper", data=data).returncode == 0
    assert {name: show(data, name) for name in "abc"} == before


def show(data: Data, name: str) -> list[dict[str, Any]]:
    done = run_scrapy("history", name, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
