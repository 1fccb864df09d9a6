"""A run that found no article says so, in one sentence with its likeliest reason."""

from __future__ import annotations

import pytest

from crawler.monitoring.exits import ExitCode, find_exit_code
from crawler.monitoring.no_articles import explain_no_articles
from tests.project import Data, run_scrapy
from tests.wire import WireServer, build_response

SILENT = [
    ({"captures/list": 3}, "3 pages fetched, and none is an article"),
    ({"captures/list": 1, "captures/block": 5}, "5 pages showed a shield"),
    ({"captures/list": 1, "captures/consent": 5, "captures/block": 1}, "5 pages showed a consent wall"),
    ({"captures/list": 1, "failures/http_403": 4, "failures/timeout": 1}, "403, forbidden"),
    ({"captures/list": 1, "failures/http_503": 4}, "503, a server error"),
    ({"captures/list": 1, "failures/redirect_loop": 4}, "redirects back to themselves"),
    ({"robotstxt/forbidden": 2, "failures/refused_by_us": 2}, "robots.txt forbids 2"),
    ({"robotstxt/forbidden": 2, "robotstxt/unreachable": 1, "failures/refused_by_us": 2}, "could not be fetched"),
    ({"captures/article": 6, "doubts/unlike": 6}, "6 pages showed something else"),
    ({"captures/block": 2, "links/settled": 9}, "2 pages showed a shield"),
    ({"captures/maintenance": 1}, ": 1 page said that the site is out of order"),
    ({"failures/cut_short": 1}, ": 1 page failed with cut short"),
    ({"captures/list": 3, "failures/http_404": 1, "discovery/sitemap/guess": 1}, "3 pages fetched, and none is"),
    ({"captures/article": 4, "captures/block": 9, "posts/dropped/no_date": 4}, "9 pages showed a shield"),
    ({"captures/list": 1, "captures/block": 5, "posts/not_fetched": 9}, "5 pages showed a shield"),
]
WELL: list[dict[str, int]] = [
    {"captures/article": 1, "captures/block": 9},
    {"captures/article": 6, "doubts/unlike": 5},
    {"captures/list": 2, "posts/new": 3},
    {"captures/list": 2, "links/settled": 3},
    {"captures/list": 2, "discovery/left/too_old": 3},
    {"captures/article": 4, "posts/dropped/no_date": 4, "captures/block": 2},
    {"captures/article": 4, "posts/dropped/no_date": 3, "posts/new": 1, "captures/block": 9},
    {"response_received_count": 9},
]


@pytest.mark.parametrize(("counts", "reason"), SILENT)
def test_a_run_without_an_article_says_why(counts: dict[str, int], reason: str) -> None:
    sentence = explain_no_articles(counts)
    assert sentence.startswith("no article was found: ")
    assert reason in sentence
    assert "; " in sentence, "what to do"


@pytest.mark.parametrize("counts", WELL)
def test_a_run_with_articles_old_or_new_is_not_silent(counts: dict[str, int]) -> None:
    assert explain_no_articles(counts) == ""


def test_silence_is_a_problem() -> None:
    stats = {"finish_reason": "finished", "pages/category": 2}
    assert find_exit_code(stats, has_pages=True) is ExitCode.OK
    assert find_exit_code(stats, has_pages=True, is_silent=True) is ExitCode.PROBLEMS


ARTICLE = "/2026/03/08/the-ferry-stops-for-the-winter"
FRONT = build_response(f'<h2><a href="{ARTICLE}">The ferry stops for the winter</a></h2>'.encode())
ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": 0}
MISSING = build_response(b"", status="404 Not Found")


def redirect(to: str) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: " + to.encode() + b"\r\nContent-Length: 0\r\n\r\n"


def test_articles_that_redirect_in_a_ring_are_lost_aloud(data: Data) -> None:
    """A consent page leads back to the article for as long as no cookie is kept."""
    routes = {"/robots.txt": MISSING, "/": FRONT, ARTICLE: redirect("/agree"), "/agree": redirect(ARTICLE)}
    with WireServer(routes) as server:
        done = run_scrapy("crawl", "site", "-a", f"url={server.url('/')}", data=data, settings=ALLOW)
    assert done.returncode == 1
    assert "no article was found: 1 page failed with redirects back to themselves" in done.stderr
    told = run_scrapy("health", data=data)
    assert (told.returncode, "no_article: the run of" in told.stdout) == (1, True)


def test_articles_that_redirect_to_a_front_page_read_before_are_counted(data: Data) -> None:
    with WireServer({"/robots.txt": redirect("/"), "/": FRONT, ARTICLE: redirect("/")}) as server:
        done = run_scrapy("crawl", "site", "-a", f"url={server.url('/')}", data=data, settings=ALLOW)
    (collection,) = (data.path / "collections").iterdir()
    (manifest,) = data.read_manifests(collection.name)
    assert (done.returncode, manifest["counts"]["captures/not_found"]) == (1, 1)


def test_a_page_that_refreshes_to_itself_is_read_as_it_is(data: Data) -> None:
    refresh = f'<meta http-equiv="refresh" content="60; url={ARTICLE}">'
    prose = "<p>" + "The ferry across the sound will not sail before the spring, the harbour office said. " * 9 + "</p>"
    head = f'<title>The ferry stops for the winter</title><meta property="og:type" content="article">{refresh}'
    page = build_response(f"<head>{head}</head><h1>The ferry stops for the winter</h1>{prose}".encode())
    with WireServer({"/robots.txt": MISSING, "/": FRONT, ARTICLE: page}) as server:
        done = run_scrapy("crawl", "site", "-a", f"url={server.url('/')}", data=data, settings=ALLOW)
    assert done.returncode == 0, done.stderr
    assert len(list(data.path.rglob("*.md"))) == 1
    assert run_scrapy("verify", "--posts", data=data).returncode == 0
