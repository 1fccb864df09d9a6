"""Crawling a site without a definition, over real sockets, and rebuilding its posts from the archive."""

from __future__ import annotations

import json
import re
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from crawler.demo_site import Newspaper
from crawler.sources import SourceError
from crawler.sources.undescribed import build_definition, find_country_zone
from crawler.spiders.site import SiteSpider
from pipelines.rules.links import LinkKind
from tests.crawler.gazette import ARTICLES, Gazette
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = LOOPBACK | {"ROBOTSTXT_OBEY": True}
HTML = (("Content-Type", "text/html; charset=utf-8"),)


@pytest.fixture
def gazette() -> Iterator[Gazette]:
    with Gazette() as paper:
        yield paper


def crawl(data: Data, base: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    given = [word for argument in (f"url={base}/", "collection=gazette", *arguments) for word in ("-a", argument)]
    done = run_scrapy("crawl", "site", *given, data=data, settings=SETTINGS)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def read_counts(data: Data) -> dict[str, Any]:
    counts: dict[str, Any] = data.read_manifests("gazette")[-1]["counts"]
    return counts


def verify(data: Data) -> None:
    done = run_scrapy("verify", "gazette", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def read_post(data: Data, number: int) -> str:
    (path,) = data.posts("gazette").glob(f"*-part-{number}-more.md")
    return path.read_text("utf-8")


def test_a_site_is_found_whole_and_made_again_from_its_archive(data: Data, gazette: Gazette) -> None:
    crawl(data, gazette.base)
    counts, tally = read_counts(data), gazette.tally
    assert len(hash_tree(data.posts("gazette"))) == ARTICLES
    assert counts["posts/new"] == ARTICLES
    found = {name for name in counts if name.startswith("discovery/")}
    assert {
        "discovery/sitemap/robots",
        "discovery/sitemap/sitemap",
        "discovery/feed/announced",
        "discovery/article/feed",
        "discovery/article/sitemap",
        "discovery/article/cluster",
        "discovery/category/navigation",
        "discovery/next/pager",
    } <= found
    assert not any(target.startswith(("/about", "/comments")) for target in tally)
    assert max(asked for target, asked in tally.items() if target != "/robots.txt") == 1
    verify(data)


def test_what_a_feed_says_of_the_hour_is_evidence_for_the_post(data: Data, gazette: Gazette) -> None:
    """The pages state a day; the feed and the news sitemap state the second, and a reparse comes to the same."""
    crawl(data, gazette.base)
    newest, old = ARTICLES - 1, 3
    assert f"date: {gazette.published(newest):%Y-%m-%d %H:%M:%S} +0000" in read_post(data, newest)
    assert f"\ndate: {gazette.published(old):%Y-%m-%d}\n" in read_post(data, old)
    assert 'tags: ["pianos", "quays"]' not in read_post(data, old)
    verify(data)


def test_an_article_has_a_history_under_the_address_that_readers_know(data: Data, gazette: Gazette) -> None:
    crawl(data, gazette.base)
    done = run_scrapy("history", gazette.base + gazette.path(ARTICLES - 1), "--json", data=data)
    assert done.returncode == 0, done.stderr
    (version,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert version["version"] == 1


def test_without_sitemap_and_feed_the_structure_leads_everywhere(data: Data) -> None:
    with Gazette(has_robots_line=False, has_feed=False) as gazette:
        crawl(data, gazette.base)
        assert gazette.tally["/sitemap.xml"] == 1
    counts = read_counts(data)
    assert counts["posts/new"] == ARTICLES
    assert "discovery/article/sitemap" not in counts
    verify(data)


def test_a_second_run_asks_for_no_more_than_lists_and_what_may_have_changed(data: Data, gazette: Gazette) -> None:
    crawl(data, gazette.base)
    before = hash_tree(data.posts("gazette"))
    crawl(data, gazette.base)
    assert hash_tree(data.posts("gazette")) == before
    assert "posts/new" not in read_counts(data)
    assert not any(re.search(r"/page/\d", target) for target, asked in gazette.tally.items() if asked > 1)
    verify(data)


def test_bounds_hold(data: Data, gazette: Gazette) -> None:
    crawl(data, gazette.base, "since=2026-03-20")
    days = sorted(path.name[:10] for path in data.posts("gazette").glob("*.md"))
    assert days[0] == "2026-03-20"
    assert len(days) == ARTICLES - 19
    counts = read_counts(data)
    assert counts["discovery/left/too_old"] > 0
    assert "posts/dropped/no_text" not in counts, "what is only spoken of is not a post that failed"
    verify(data)


def test_no_more_pages_are_asked_for_than_allowed(data: Data, gazette: Gazette) -> None:
    crawl(data, gazette.base, "max_pages=7", "depth=1")
    counts = read_counts(data)
    assert counts["discovery/left/too_many_pages"] > 0
    pages = [name for name in gazette.tally if name.count("/") == 6 or name in ("/harbour/", "/market/", "/weather/")]
    assert len(pages) == 7
    verify(data)


def test_an_amp_page_is_resolved_to_the_article_it_means(data: Data, gazette: Gazette) -> None:
    done = run_scrapy(
        *("crawl", "site", "-a", f"url={gazette.base}{gazette.path(4)}amp/", "-a", "collection=gazette"),
        *("-a", "depth=1", "-a", "max_pages=1"),
        data=data,
        settings=SETTINGS,
    )
    assert done.returncode == 0, done.stderr
    text = read_post(data, 4)
    assert f"<{gazette.base}{gazette.path(4)}>" in text
    assert text.count("Number 4") == 3
    assert read_counts(data)["discovery/article/canonical"] == 1
    assert read_counts(data)["parts/share"] == 2, "of the article, and of its own address"
    assert read_counts(data)["posts/passed_on"] == 1
    verify(data)


def test_an_endless_pager_ends(data: Data) -> None:
    """A calendar that always has an older page, and a pager that shows the same five articles for ever."""
    with WireServer({}) as server:

        class Endless(dict[str, Any]):
            def get(self, target: str, default: object = None) -> Any:
                number = int((re.search(r"page=(\d+)", target) or [0, 1])[1])
                links = "".join(
                    f'<li><a href="/news/2026/03/0{n}/the-same-five-{n}.html">The same five, number {n}</a></li>'
                    for n in range(1, 6)
                )
                body = f'<ul>{links}</ul><a rel="next" href="/list?page={number + 1}&PHPSESSID={number:032x}">Next</a>'
                return build_response(f"<html><body>{body}</body></html>".encode(), headers=HTML)

            def __contains__(self, target: object) -> bool:
                return True

            __getitem__ = get

        server.routes = Endless()
        crawl(data, server.base_url, "max_pages=60", "depth=50", code=1)  # a list again is not an article
        lists = [exchange.target for exchange in server.exchanges if exchange.target.startswith("/list")]
    assert len(lists) <= 2
    assert read_counts(data)["discovery/left/nothing_new"] > 0


def test_a_list_that_always_has_more_is_bounded_by_the_number_of_pages(data: Data) -> None:
    numbers = count(1)
    with WireServer({}) as server:

        class Calendar(dict[str, Any]):
            def get(self, target: str, default: object = None) -> Any:
                n = next(numbers)
                body = f'<a href="/2026/03/01/entry-{n}-of-the-endless-book.html">Entry {n} of the endless book</a>'
                body += f'<a rel="next" href="/list?page={n + 1}">Next</a>'
                return build_response(f"<html><body>{body}</body></html>".encode(), headers=HTML)

            def __contains__(self, target: object) -> bool:
                return True

            __getitem__ = get

        server.routes = Calendar()
        crawl(data, server.base_url, "max_pages=20", code=1)
        assert len(server.exchanges) < 40
    assert read_counts(data)["discovery/left/too_many_pages"] > 0


def test_a_source_with_rules_may_be_searched_too(data: Data, gazette: Gazette, tmp_path: Path) -> None:
    """Its rules win where they name a page, and the article keeps the id that they give it."""
    definition = tmp_path / "ruled.toml"
    definition.write_text(
        f"""name = "gazette"
timezone = "Europe/Berlin"
scope = ["{gazette.base}/"]
seeds = ["{gazette.base}/"]
[links]
article = ['/the-piano-at-the-quay-(?P<id>\\d+)/?$']
[discovery]
max_pages = 100
""",
        "utf-8",
    )
    done = run_scrapy("crawl", "site", "-a", f"source={definition}", data=data, settings=SETTINGS)
    assert done.returncode == 0, done.stderr
    assert (data.posts("gazette") / "2026-03-24-23.md").read_text("utf-8").count("Number 23") == 3
    assert len(hash_tree(data.posts("gazette"))) == ARTICLES
    verify(data)


def test_a_source_without_the_table_says_what_to_add(data: Data, tmp_path: Path) -> None:
    definition = tmp_path / "plain.toml"
    definition.write_text('name = "plain"\ntimezone = "UTC"\nscope = ["//h/"]\nseeds = ["http://h/"]\n', "utf-8")
    done = run_scrapy("crawl", "site", "-a", f"source={definition}", data=data)
    assert done.returncode == 2
    assert "has no [discovery] table" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "-a url=https://host/"),
        (["url=nowhere"], "is not an address to start from"),
        (["url=https://a.example/", "since=yesterday"], "since=yesterday is not a day"),
        (["url=https://a.example/", "backfill=2019"], "backfill=2019 is not a day"),
        (["url=https://a.example/", "depth=0"], "depth=0 is not a whole number"),
        (["url=https://a.example/", "requisites=film"], "kinds: must be some of image, style"),
        (["url=https://a.example/", "timezone=Nowhere"], "'Nowhere' is not an IANA time zone"),
    ],
)
def test_wrong_arguments_are_explained(data: Data, arguments: list[str], words: str) -> None:
    given = [word for argument in arguments for word in ("-a", argument)]
    done = run_scrapy("crawl", "site", *given, data=data)
    assert done.returncode == 2
    assert words in done.stderr


def test_an_address_makes_a_definition() -> None:
    source = build_definition("https://www.paper.example/news/?a=b")
    assert source.name == "paper.example"
    assert source.admits("http://m.paper.example/x")
    assert not source.admits("https://paper.example.evil/x")
    assert source.seeds == ("https://www.paper.example/news/?a=b",)
    assert source.known_zone is None
    assert source.requisites is None
    pictured = build_definition("https://paper.example/", requisites=("image",)).requisites
    assert pictured is not None
    assert [kind.value for kind in pictured.kinds] == ["image"]
    assert build_definition("https://zeitung.de/").known_zone is not None
    assert build_definition("http://127.0.0.1:8080/").name == "127.0.0.1-8080"
    with pytest.raises(SourceError, match="is not an address"):
        build_definition("ftp://paper.example/")


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("people.com.cn", "Asia/Shanghai"),
        ("asahi.co.jp", "Asia/Tokyo"),
        ("paper.fr", "Europe/Paris"),
        ("paper.us", ""),
        ("paper.com", ""),
        ("start.io", ""),
        ("127.0.0.1:80", ""),
    ],
)
def test_a_country_with_one_time_tells_the_zone(host: str, zone: str) -> None:
    assert find_country_zone(host) == zone


def test_the_spider_follows_every_kind() -> None:
    assert SiteSpider.follows == set(LinkKind) - {LinkKind.OTHER}


def test_the_newspaper_is_found_without_its_definition(data: Data) -> None:
    """Its texts behind share links are out of reach, its pages are not."""
    with Newspaper() as newspaper:
        crawl(data, newspaper.base_url, "timezone=Asia/Shanghai", "language=zh")
        expected = newspaper.expected
        asked = {unquote(request.target) for request in newspaper.requests}
    assert not any("/private/" in path for path in asked)
    found = {match[0] for path in asked if (match := re.search(r"NW\d+(?=\.html$)", path))}
    assert found >= expected.pages
    texts = "".join(path.read_text("utf-8") for path in data.posts("gazette").glob("*.md"))
    assert {identifier for identifier in expected.pages if f"/{identifier}.html>" in texts} >= expected.whole
    verify(data)


def test_a_source_may_name_its_feed(data: Data, tmp_path: Path, gazette: Gazette) -> None:
    """Its articles are reached from the feed alone, and their hours rest on nothing else."""
    definition = tmp_path / "fed.toml"
    definition.write_text(
        f"""name = "gazette"
timezone = "UTC"
scope = ["{gazette.base}/"]
seeds = ["{gazette.base}/feed/"]
[links]
feed = ['/feed/$']
article = ['/the-piano-at-the-quay-(?P<id>\\d+)/?$']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "p.date"
articleBody = "html:article"
""",
        "utf-8",
    )
    done = run_scrapy("crawl", "category", "-a", f"source={definition}", data=data, settings=SETTINGS)
    assert done.returncode == 0, done.stderr
    assert len(hash_tree(data.posts("gazette"))) == 8
    assert "\ndate: 2026-03-24 08:38:30 +0000\n" in (data.posts("gazette") / "2026-03-24-23.md").read_text("utf-8")
    assert read_counts(data)["pages/feed"] == 1
    verify(data)


def build_story(day: str, number: int) -> bytes:
    text = f"The ferry number {number} left the harbour at dawn, as the keeper of pier {number} had said. " * 6
    return build_response(
        f'<meta property="og:type" content="article"><meta property="article:published_time" content="{day}T07:00:00Z">'
        f"<title>Ferry {number}</title><h1>Ferry number {number} leaves at dawn</h1><p>{text}</p>".encode(),
        headers=HTML,
    )


def test_the_past_is_filled_in_run_by_run_down_to_a_day(data: Data) -> None:
    """Four articles a run, the newest first: from an index of months and the archives of a feed, none twice."""
    days = ["2018-12-24", "2019-05-03", "2019-05-04", "2026-10-01", "2026-11-01", "2026-11-02"]
    paths = {f"/{day.replace('-', '/')}/ferry-leaves-pier-{n}": day for n, day in enumerate(days)}
    old = {"/2019/01/07/ferry-leaves-pier-7": "2019-01-07"}
    with WireServer({}) as server:
        server.routes |= {path: build_story(day, n) for n, (path, day) in enumerate((paths | old).items())}
        for month in sorted({day[:7] for day in days}):
            places = "".join(f"<url><loc>{server.url(path)}</loc></url>" for path, d in paths.items() if d[:7] == month)
            server.routes[f"/map-{month}.xml"] = build_response(f"<urlset>{places}</urlset>".encode())
        months = "".join(f"<sitemap><loc>/map-{m}.xml</loc></sitemap>" for m in sorted({day[:7] for day in days}))
        server.routes["/sitemap.xml"] = build_response(f"<sitemapindex>{months}</sitemapindex>".encode())
        atom = '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>'
        (link,) = (server.url(path) for path in old)
        server.routes["/f"] = build_response(atom.format('<link rel="prev-archive" href="/f1"/>').encode())
        server.routes["/f1"] = build_response(atom.format(f'<entry><link href="{link}"/></entry>').encode())
        front = '<link rel="alternate" type="application/atom+xml" href="/f"><title>Pier</title>'
        server.routes["/"] = build_response(front.encode(), headers=HTML)
        crawl(data, server.base_url, "backfill=2019-01-01", "max_pages=4")
        assert len(list(data.posts("gazette").glob("*.md"))) == 4
        assert read_counts(data)["discovery/left/too_many_pages"] == 2
        crawl(data, server.base_url, "backfill=2019-01-01", "max_pages=4")
        asked = [exchange.target for exchange in server.exchanges]
    assert sorted(target for target in asked if "pier" in target) == sorted({*paths, *old} - {next(iter(paths))})
    assert "/map-2018-12.xml" not in asked
    assert len(list(data.posts("gazette").glob("*.md"))) == 6
    verify(data)
