"""The versions of an article, from the archive alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from crawler.history import build_versions, iter_text_diff
from crawler.newspaper import Newspaper
from pipelines.items import CaptureRef, Origin, Post, Precision
from pipelines.merge import attest
from pipelines.options import PostOptions
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def build(minute: int, run: str, body: str, origin: Origin = Origin.ARTICLE, headline: str = "Tide") -> Post:
    capture = CaptureRef(
        record_id=f"<urn:uuid:{minute}>",
        captured_at=NOON + timedelta(minutes=minute),
        payload_digest="",
        file=f"news-20260304-00000-{run}.warc.gz",
        offset=0,
    )
    return attest(
        Post(
            source="news",
            identifier="1",
            origin=origin,
            headline=headline,
            articleBody=f"<p>{body}</p>",
            datePublished=NOON,
            datePublished_precision=Precision.SECOND,
            capture=capture,
        )
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
    versions = build_versions(reversed(pieces), "1", PostOptions())
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


def test_other_articles_and_incomplete_ones_have_no_version() -> None:
    assert build_versions([build(0, "a", "text")], "2", PostOptions()) == []
    assert build_versions([build(0, "a", "")], "1", PostOptions()) != []


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
    assert (done.returncode, done.stderr.strip()) == (1, "nowhere is no article of collection newspaper")
