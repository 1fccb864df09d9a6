"""The catalogue of publishers: every line is one, is found by what people type, and makes a source."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from crawler.source_tools.pages import PageUnreadable, RawPage
from crawler.source_tools.surveys import probe_publisher
from crawler.sources import SourceError, load_source
from crawler.sources.publishers import (
    Probe,
    Probes,
    Publisher,
    dump_definition,
    fill_today,
    find_publisher_source,
    iter_faults,
    load_publishers,
    search_publishers,
)
from crawler.spiders.site import SiteSpider
from tests.project import run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

PAPER = Publisher(
    name="bote",
    title="Der Bote",
    url="https://www.bote.example/",
    country="de",
    languages=("de",),
    timezone="Europe/Berlin",
    feeds=("https://feeds.example/neu", "https://www.bote.example/alt"),
    sitemaps=("https://www.bote.example/karte-{year}-{month}.xml",),
)


@pytest.mark.parametrize("publisher", load_publishers().values(), ids=lambda publisher: publisher.name)
def test_every_line_is_a_publisher(publisher: Publisher) -> None:
    assert list(iter_faults(publisher)) == []
    assert ZoneInfo(publisher.timezone)
    source = load_source(dump_definition(publisher), path=publisher.name)
    assert source.discovery is not None
    assert all(source.scope.admits(fill_today(place)) for place in publisher.places)


def test_the_file_is_sorted_and_names_no_publisher_twice() -> None:
    text = resources.files("crawler.sources").joinpath("publishers.jsonl").read_text("utf-8")
    names = list(load_publishers())
    assert len(text.splitlines()) == len(names) > 150
    assert names == sorted(names)


def test_a_fault_of_a_line_is_named() -> None:
    faulty = Publisher(name="x", title="X", url="http://x", country="xx", languages=("qq",), timezone="UTC")
    assert len(list(iter_faults(faulty))) == 3


@pytest.mark.parametrize(
    ("words", "found", "other"),
    [
        (["german", "science"], "zeit", "nature"),
        (["Österreich"], "derstandard", "zeit"),
        (["spanish", "Mallorca"], "mallorcazeitung", "abc"),
        (["welt.de"], "welt", "zeit"),
        (["japan"], "asahi", "mk"),
        (["norweg"], "nrk", "svt"),
    ],
)
def test_publishers_are_found_by_what_people_type(words: list[str], found: str, other: str) -> None:
    names = [publisher.name for publisher in search_publishers(words)]
    assert found in names
    assert other not in names


def test_a_publisher_is_crawled_by_its_name_and_any_other_name_is_refused() -> None:
    source = SiteSpider.build_source({"source": "zeit"})
    assert (source.name, str(source.post.zone), source.post.language) == ("zeit", "Europe/Berlin", "de")
    with pytest.raises(SourceError, match="scrapy sources search"):
        SiteSpider.build_source({"source": "no-such-paper"})
    with pytest.raises(SourceError, match="catalogue of publishers"):
        find_publisher_source("no-such-paper")


def test_an_address_may_hold_today() -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    assert fill_today("https://h/{year}/{month}/{day}", now=now) == "https://h/2026/03/04"


def test_a_probe_tells_what_works_and_the_last_day_is_kept(tmp_path: Path) -> None:
    pages = {
        "https://www.bote.example/": b"<p>Moin</p>",
        "https://feeds.example/neu": b"<rss><channel><item><link>https://h/1</link></item></channel></rss>",
        "https://www.bote.example/alt": b"<p>Nicht gefunden</p>",
    }

    def fetch(url: str) -> RawPage:
        if url not in pages:
            raise PageUnreadable(f"{url} cannot be read: 404")
        return RawPage(body=pages[url], url=url)

    home, feed, old, sitemap = probe_publisher(PAPER, fetch)
    assert (home, feed) == (Probe(url=PAPER.url), Probe(url="https://feeds.example/neu", entries=1))
    assert "holds no feed" in old.fault
    assert "404" in sitemap.fault
    path = tmp_path / "data" / "publishers.json"
    Probes(path).note("bote", [home, feed], now=datetime(2026, 3, 4, tzinfo=UTC))
    Probes(path).note("bote", [Probe(url=PAPER.url, fault="down")], now=datetime(2026, 3, 9, tzinfo=UTC))
    assert Probes(path).find_last("bote") == "2026-03-04"
    assert Probes(path).find_last("zeit") == ""


def test_a_publisher_is_adopted_once(tmp_path: Path) -> None:
    path = tmp_path / "sources" / "zeit.toml"
    done = run_scrapy("sources", "adopt", "zeit", "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert load_source(path.read_text("utf-8"), path="zeit.toml").name == "zeit"
    again = run_scrapy("sources", "adopt", "zeit", "-o", str(path))
    assert (again.returncode, "exists" in again.stderr) == (2, True)
