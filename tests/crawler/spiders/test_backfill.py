"""A back-fill by rules: the lists of all sections to their ends, older pages of feeds, newest first, run by run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crawler.frontier.owed import FILE_NAME, OwedTable
from crawler.sources import load_source
from crawler.spiders.walk import digest_rules
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

ONE_BY_ONE = {**LOOPBACK, "CONCURRENT_REQUESTS": 1}
HTML = [("Content-Type", "text/html; charset=utf-8")]
# Sections with two articles a page; the last page of each is older than the day that is requested.
DAYS = {
    "sea": ["2026-11-20", "2026-11-10", "2025-06-01", "2020-02-02", "2018-05-05", "2017-01-01", "2016-01-01"],
    "city": ["2026-11-21", "2026-11-11", "2024-06-01", "2020-01-02", "2018-04-05", "2017-02-01", "2016-02-01"],
    "port": ["2026-11-22", "2026-11-12", "2023-06-01", "2020-03-02", "2018-03-05", "2017-03-01", "2016-03-01"],
}
ARCHIVED = "2021-03-03"
SOURCE = """\
name = "pier"
timezone = "UTC"
scope = ["{home}/"]
seeds = ["{home}/sea/", "{home}/city/", "{home}/feed"]
[links]
article = ['/(?:sea|city|port|feed)/\\d{{4}}-\\d\\d-\\d\\d$']
category = ['/(?:sea|city|port)/$']
next = ['/(?:sea|city|port)/\\?page=\\d+$']
feed = ['/feed$']
"""


def build_story(path: str) -> bytes:
    day = path.rpartition("/")[2]
    text = f"The ferry left the pier at dawn on {day}, as the keeper of {path} had said the evening before. " * 5
    body = f'<title>Ferry {path}</title><h1>The ferry of {path}</h1><time datetime="{day}">{day}</time><p>{text}</p>'
    return build_response(body.encode(), headers=HTML)


@pytest.fixture
def site() -> WireServer:
    """Three sections with lists of four pages each, one of them no seed, and a feed whose older page no rule names."""
    server = WireServer({})
    for section, days in DAYS.items():
        paths = [f"/{section}/{day}" for day in days]
        server.routes |= {path: build_story(path) for path in paths}
        for number in range(1, 5):
            links = "".join(f'<a href="{path}">The ferry</a>' for path in paths[2 * number - 2 : 2 * number])
            further = f'<a href="/{section}/?page={number + 1}">Older</a>' if number < 4 else ""
            target = f"/{section}/?page={number}" if number > 1 else f"/{section}/"
            server.routes[target] = build_response(
                f'<a href="/port/">Port</a><main>{links}</main>{further}'.encode(), headers=HTML
            )
    atom = '<feed xmlns="http://www.w3.org/2005/Atom"><link rel="prev-archive" href="/feed/1"/></feed>'
    server.routes["/feed"] = build_response(atom.encode())
    server.routes[f"/feed/{ARCHIVED}"] = build_story(f"/feed/{ARCHIVED}")
    return server


def crawl(source: Path, data: Data, *arguments: str) -> list[str]:
    """Crawl, one request after the other so that their order shows, and return the days of the posts."""
    given = [word for argument in arguments for word in ("-a", argument)]
    done = run_scrapy("crawl", "category", "-a", f"source={source}", *given, data=data, settings=ONE_BY_ONE)
    assert done.returncode == 0, done.stderr
    return sorted(path.name[:10] for path in data.posts("pier").glob("*.md"))


def test_lists_and_feeds_are_walked_to_a_day_newest_first_run_by_run(
    site: WireServer, tmp_path: Path, data: Data
) -> None:
    path = tmp_path / "pier.toml"
    with site:
        entry = f'<entry><link href="{site.url(f"/feed/{ARCHIVED}")}"/></entry>'
        site.routes["/feed/1"] = build_response(f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>'.encode())
        path.write_text(SOURCE.format(home=site.base_url), "utf-8")
        wanted = sorted([ARCHIVED, *(day for days in DAYS.values() for day in days if day >= "2019")], reverse=True)
        first = crawl(path, data, "backfill=2019-01-01", "max_pages=6")
        assert first == sorted(wanted[:6])
        source = load_source(path.read_text("utf-8"), path=path)
        assert not OwedTable(data.collection("pier") / FILE_NAME, "pier").has_walked(digest_rules(source))
        assert crawl(path, data, "backfill=2019-01-01", "max_pages=9") == sorted(wanted)
        targets = [exchange.target for exchange in site.exchanges]
    articles = [target for target in targets if "-" in target]
    assert len(articles) == len(set(articles)) == len(wanted)
    assert not [target for target in targets if target.endswith("page=4")]
    assert "/feed/1" in targets
    counts = data.read_manifests("pier")[1]["counts"]
    assert (counts["discovery/left/archived"], counts["discovery/left/too_old"]) == (6, 6)


@pytest.mark.parametrize("spider", ["category", "site"])
def test_articles_that_are_gone_do_not_use_up_the_number_of_a_back_fill(
    spider: str, tmp_path: Path, data: Data
) -> None:
    """Two of the four articles of a list are gone, the first ones; two may be asked for in each run."""
    paths = [f"/sea/2020-03-0{day}" for day in range(4, 0, -1)]
    links = "".join(f'<a href="{path}">The ferry of {path}</a>' for path in paths)
    with WireServer({path: build_story(path) for path in paths[2:]}) as server:
        server.routes |= dict.fromkeys(paths[:2], build_response(b"", status="410 Gone"))
        server.routes["/sea/"] = build_response(f"<main>{links}</main>".encode(), headers=HTML)
        path = tmp_path / "pier.toml"
        path.write_text(SOURCE.format(home=server.base_url) + "[discovery]\n", "utf-8")
        given = ("-a", f"source={path}", "-a", "backfill=2019-01-01", "-a", "max_pages=2")
        for count in (0, 2):
            run_scrapy("crawl", spider, *given, data=data, settings=ONE_BY_ONE)
            assert len(list(data.posts("pier").glob("*.md"))) == count
        assert [exchange.target for exchange in server.exchanges if "-" in exchange.target] == paths
    assert data.read_manifests("pier")[1]["counts"]["discovery/left/gone"] == 2


def test_a_run_for_the_news_leaves_the_older_pages_of_a_feed(site: WireServer, tmp_path: Path, data: Data) -> None:
    path = tmp_path / "pier.toml"
    with site:
        path.write_text(SOURCE.format(home=site.base_url), "utf-8")
        crawl(path, data)
        assert "/feed/1" not in {exchange.target for exchange in site.exchanges}
    assert data.read_manifests("pier")[0]["counts"]["discovery/left/older_feed_page"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backfill=2019",), "backfill=2019 is not a day"),
        (("backfill=2019-01-01", "max_pages=0"), "max_pages=0 is not a whole number"),
        (("max_pages=3",), "give backfill=DAY, too"),
    ],
)
def test_wrong_arguments_are_explained(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "pier.toml").write_text(SOURCE.format(home="http://127.0.0.1:9"), "utf-8")
    given = [word for argument in arguments for word in ("-a", argument)]
    done = run_scrapy("crawl", "category", "-a", f"source={tmp_path / 'pier.toml'}", *given, data=tmp_path / "data")
    assert done.returncode == 2
    assert words in done.stderr
