"""Holes heal: what one run could not fetch, later runs request, however the lists have moved meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.project import ARTICLE_PARSER, LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

PER_PAGE = 3
SOURCE = (
    """
name = "weir"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/a/(?P<id>\\\\d+)$']
next = ['/page/\\\\d+$']
"""
    + ARTICLE_PARSER
)


class Paper:
    """A list of articles in pages, the newest first; what is in `broken` answers 500."""

    def __init__(self, server: WireServer, tmp_path: Path) -> None:
        self.server = server
        self.articles: list[int] = []
        self.broken: set[str] = set()
        self.source = tmp_path / "weir.toml"
        self.source.write_text(SOURCE.replace("{base}", server.base_url).replace("\\\\", "\\"), "utf-8")

    def publish(self, *numbers: int) -> None:
        self.articles = [*numbers, *self.articles]
        pages = [self.articles[at : at + PER_PAGE] for at in range(0, len(self.articles), PER_PAGE)]
        for number, page in enumerate(pages, 1):
            links = "".join(f'<a href="/a/{n}">Article {n}</a>' for n in page)
            onward = f'<a href="/page/{number + 1}">older</a>' if number < len(pages) else ""
            self.server.routes["/" if number == 1 else f"/page/{number}"] = build_response(
                f"<html>{links}{onward}</html>".encode()
            )
        for n in numbers:
            body = f"<h1>Article {n}</h1><time>2026-03-04 10:00</time><div><p>The text of {n}.</p></div>"
            self.server.routes[f"/a/{n}"] = build_response(body.encode())

    def crawl(self, data: Data, *options: str, retries: int = 0) -> subprocess.CompletedProcess[str]:
        whole = dict(self.server.routes)
        for path in self.broken:
            self.server.routes[path] = build_response(b"down", status="500 Internal Server Error")
        settings = {**LOOPBACK, "RETRY_TIMES": retries}
        done = run_scrapy("crawl", "category", "-a", f"source={self.source}", *options, data=data, settings=settings)
        self.server.routes.update(whole)
        return done

    def asked(self, since: int = 0) -> list[str]:
        return [exchange.target for exchange in self.server.exchanges[since:]]


def count_posts(data: Data) -> int:
    return len(list(data.posts("weir").glob("*.md")))


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    with WireServer({}) as server:
        yield Paper(server, tmp_path)


def test_a_page_that_failed_is_found_again_where_new_articles_have_pushed_it(data: Data, paper: Paper) -> None:
    """What was on page 3 is on pages 5 and 6 a few days later, behind pages that show nothing new."""
    paper.publish(*range(12))
    paper.crawl(data)
    paper.publish(*range(100, 109))
    paper.broken = {"/page/3"}
    paper.crawl(data)
    assert count_posts(data) == 18
    paper.publish(*range(200, 207))
    paper.broken = set()
    paper.crawl(data)
    assert count_posts(data) == 28
    since = len(paper.server.exchanges)
    paper.crawl(data)
    assert "/page/2" not in paper.asked(since)


def test_articles_that_fell_off_the_list_are_asked_for_again(data: Data, paper: Paper) -> None:
    paper.publish(1, 2, 3)
    paper.broken = {"/a/2"}
    paper.crawl(data)
    health = run_scrapy("health", "--json", data=data)
    assert json.loads(health.stdout)["owed"] == 1
    assert "1 since" in run_scrapy("health", data=data).stdout
    paper.articles = []
    paper.publish(4, 5, 6)
    paper.broken = set()
    paper.crawl(data)
    assert count_posts(data) == 6
    assert json.loads(run_scrapy("health", "--json", data=data).stdout)["owed"] == 0


def test_an_article_that_keeps_failing_is_requested_once_in_a_run(data: Data, paper: Paper) -> None:
    paper.publish(1, 2, 3)
    paper.broken = {"/a/2"}
    for count in (2, 3):
        paper.crawl(data, retries=1)
        assert paper.asked().count("/a/2") == count
    paper.broken = set()
    paper.crawl(data, retries=1)
    assert count_posts(data) == 3


def test_a_redirect_of_a_repeated_request_leads_to_no_page_again(data: Data, paper: Paper) -> None:
    paper.publish(1)
    paper.server.routes["/"] = build_response(b'<a href="/a/1">Article 1</a> <a href="/a/2">Article 2</a>')
    moved = build_response(status="301 Moved Permanently", headers=[("Location", "/a/1")])
    down = build_response(b"down", status="500 Internal Server Error")
    paper.server.routes["/a/2"] = lambda _: down if paper.asked().count("/a/2") < 2 else moved
    paper.crawl(data, retries=1)
    assert sorted(paper.asked()) == ["/", "/a/1", "/a/2", "/a/2"]


def test_a_host_that_refuses_is_not_asked_for_everything_again(data: Data, paper: Paper) -> None:
    paper.publish(*range(40))
    paper.broken = {f"/a/{n}" for n in range(40)}
    paper.crawl(data)
    paper.articles = []
    paper.publish(100)
    since = len(paper.server.exchanges)
    paper.crawl(data)
    # One to see whether it still refuses; when the new article is sent, three more.
    assert len([path for path in paper.asked(since) if path in paper.broken]) == 4
    paper.broken = set()
    paper.crawl(data)
    assert count_posts(data) == 37
    paper.crawl(data, "-a", "walk=full")
    assert count_posts(data) == 41


def test_a_full_walk_goes_to_the_end(data: Data, paper: Paper) -> None:
    paper.publish(*range(9))
    paper.crawl(data)
    for walk, is_asked in (("new", False), ("full", True)):
        since = len(paper.server.exchanges)
        paper.crawl(data, "-a", f"walk={walk}")
        assert ("/page/3" in paper.asked(since)) is is_asked


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-a", "seed=http://h/"), "knows no argument seed; did you mean seeds?"),
        (("-a", "colour=red"), "knows no argument colour; there are source, collection"),
        (("-a", "walk=ful"), "walk=ful is neither of new, full"),
        (("-s", "DOWNLOAD_DELY=9"), "DOWNLOAD_DELY is not a setting; did you mean DOWNLOAD_DELAY?"),
    ],
)
def test_what_nothing_reads_is_refused(data: Data, paper: Paper, options: tuple[str, ...], words: str) -> None:
    paper.publish(1)
    done = paper.crawl(data, *options)
    assert (done.returncode, paper.asked()) == (2, [])
    assert words in done.stderr


def test_rules_with_discovery_bound_what_a_sitemap_names(tmp_path: Path, data: Data) -> None:
    """Of five articles the two newest are requested, of two sitemaps the one that may hold what is new enough."""
    with WireServer({}) as server:
        source = tmp_path / "weir.toml"
        text = (
            SOURCE.replace("{base}", server.base_url).replace("\\\\", "\\")
            + "[discovery]\nmax_pages = 2\nsince = 2026-01-01\n"
        )
        seed = f'seeds = ["{server.url("/map.xml")}"]'
        text = text.replace(f'seeds = ["{server.base_url}/"]', seed).replace("next = ", "sitemap = ['/map']\nnext = ")
        source.write_text(text, "utf-8")
        days = {1: "2025-12-31", 2: "2026-01-02", 3: "2026-01-03", 4: "2026-01-04", 5: "2026-01-05"}
        places = "".join(
            f"<url><loc>{server.url(f'/a/{number}')}</loc><lastmod>{day}</lastmod></url>"
            for number, day in days.items()
        )
        index = "".join(f"<sitemap><loc>/map-{month}.xml</loc></sitemap>" for month in ("2024-05", "2026-01"))
        server.routes["/map.xml"] = build_response(f"<sitemapindex>{index}</sitemapindex>".encode())
        server.routes["/map-2026-01.xml"] = build_response(f"<urlset>{places}</urlset>".encode())
        for number, day in days.items():
            story = f"<h1>Ferry number {number}</h1><time>{day} 07:00</time><div><p>Pier {number} opens.</p></div>"
            server.routes[f"/a/{number}"] = build_response(story.encode())
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
        asked = {exchange.target for exchange in server.exchanges}
    assert asked - {"/robots.txt"} == {"/map.xml", "/map-2026-01.xml", "/a/5", "/a/4"}
    (run,) = (data.collection("weir") / "runs").glob("*.json")
    counts = json.loads(run.read_text("utf-8"))["counts"]
    assert (counts["discovery/left/too_old"], counts["discovery/left/too_many_pages"]) == (2, 2)


def test_a_list_that_could_not_be_read_is_walked_to_what_was_archived_before(data: Data, paper: Paper) -> None:
    """Meanwhile another list has led to the newest articles, which would end the walk of one that looks for news."""
    paper.publish(*range(3))
    paper.crawl(data)
    paper.broken = {"/"}
    paper.publish(*range(10, 22))
    newest = "".join(f'<a href="/a/{n}">Article {n}</a>' for n in paper.articles[:4])
    paper.server.routes["/newest"] = build_response(f"<html>{newest}</html>".encode())
    paper.crawl(data, "-a", f"seeds={paper.server.base_url}/,{paper.server.base_url}/newest")
    assert count_posts(data) == 7
    paper.broken = set()
    paper.crawl(data)
    assert count_posts(data) == 15
