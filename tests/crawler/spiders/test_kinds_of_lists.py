"""Lists as sites build them, each crawled over real sockets: every article is found, and none twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireProxy, build_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wire import Route

BASE = "http://mill.example"
COUNT = 14
HTML = (("Content-Type", "text/html; charset=utf-8"),)
_EVENTS = ("reopens after the flood", "asks the council for money", "welcomes its first guests")


def title(number: int) -> str:
    return f"The mill of ward {number} {_EVENTS[number % 3]}"


def path(number: int) -> str:
    return f"/2026/11/{number + 1:02}/{title(number).lower().replace(' ', '-')}"


def teaser(number: int, href: str = "") -> str:
    return f'<h2><a href="{href or path(number)}">{title(number)}</a></h2>'


def answer(inner: str, *headers: tuple[str, str]) -> bytes:
    return build_response(f"<html><body>{inner}</body></html>".encode(), headers=[*HTML, *headers])


def story(number: int, head: str = "") -> bytes:
    text = f"{title(number)}, and those who live nearby have watched the work from their windows all year. " * 6
    stamp = f'<meta property="article:published_time" content="2026-11-{number + 1:02}T07:00:00Z">'
    return answer(f"<meta property='og:type' content='article'>{stamp}{head}<h1>{title(number)}</h1><p>{text}</p>")


class Site:
    """A site with fourteen articles; pages are added by their paths."""

    def __init__(self, where: Callable[[int], str] = path) -> None:
        robots = build_response(b"User-agent: *\nAllow: /\n")
        self.routes: dict[str, Route] = {f"{BASE}/robots.txt": robots, f"{BASE}/sitemap.xml": answer("")}
        for number in range(COUNT):
            self.add(where(number), story(number))

    def add(self, target: str, response: bytes) -> None:
        self.routes[target if "://" in target else BASE + target] = response

    def page(self, further: Callable[[int], tuple[str, str]]) -> Site:
        """Add seven lists of two articles, each with what leads from it to the next."""
        for number in range(COUNT // 2):
            address, onward = further(number)
            teasers = teaser(2 * number) + teaser(2 * number + 1)
            self.add(address, answer(teasers + (onward if number < COUNT // 2 - 1 else "")))
        return self

    def crawl(self, data: Data) -> list[str]:
        with WireProxy(self.routes) as proxy:
            given = ("-a", f"url={BASE}/", "-a", "collection=mill")
            done = run_scrapy("crawl", "site", *given, data=data, settings=LOOPBACK, proxy=proxy.base_url)
        assert done.returncode == 0, done.stdout + done.stderr
        texts = (post.read_text("utf-8") for post in data.posts("mill").glob("*.md"))
        return [found[1] for text in texts if (found := re.search(r'(?m)^title: "?(.*?)"?$', text))]


def list_by_days(number: int, *, words: str = "Previous day", form: str = "/day/2026-11-{:02}") -> tuple[str, str]:
    return (form.format(28 - number) if number else "/"), f'<a href="{form.format(27 - number)}">{words}</a>'


def list_cards(make: Callable[[int], str]) -> Site:
    site = Site()
    site.add("/", answer("".join(map(make, range(COUNT)))))
    return site


def list_as_data(entries: Callable[[int], object], kind: str = "ItemList", name: str = "itemListElement") -> Site:
    site = Site()
    data = {"@context": "https://schema.org", "@type": kind, name: [entries(number) for number in range(COUNT)]}
    site.add("/", answer(f'<script type="application/ld+json">{json.dumps(data)}</script><div id="app"></div>'))
    return site


def list_in_feed(feed: str, entry: str) -> Site:
    site = Site()
    site.add("/", answer('<link rel="alternate" type="application/rss+xml" href="/f">'))
    entries = "".join(entry.format(BASE + path(number)) for number in range(COUNT))
    site.routes[f"{BASE}/f"] = build_response(feed.format(entries).encode())
    return site


def send_on(refresh: str) -> Site:
    site = Site()
    for number in range(COUNT):
        site.add(f"/go/{number + 10_000}.html", answer("moved", ("Refresh", refresh.format(path(number)))))
    site.add("/", answer("".join(teaser(number, f"/go/{number + 10_000}.html") for number in range(COUNT))))
    return site


SITES: dict[str, Callable[[], Site]] = {
    "older posts": lambda: Site().page(
        lambda n: (f"/page/{n + 1}/" if n else "/", f'<a href="/page/{n + 2}/">Older posts</a>')
    ),
    "a pager of pictures": lambda: Site().page(
        lambda n: (f"/list/{n + 1}" if n else "/", f'<a aria-label="Next page" href="/list/{n + 2}"><svg/></a>')
    ),
    "a box that loads": lambda: Site().page(
        lambda n: (f"/?page={n + 1}" if n else "/", f'<div class="infinite-scroll" data-next="/?page={n + 2}"></div>')
    ),
    "the day before": lambda: Site().page(list_by_days),
    "the day before in a query": lambda: Site().page(
        lambda n: list_by_days(n, words="Vortag", form="/archiv?tag=2026-11-{:02}")
    ),
    "cards that a script opens": lambda: list_cards(
        lambda n: f"<div onclick=\"location.href='{path(n)}'\"><h3>{title(n)}</h3></div>"
    ),
    "rows with data": lambda: list_cards(lambda n: f'<li data-href="{path(n)}">{title(n)}</li>'),
    "a list of addresses": lambda: list_as_data(lambda n: {"@type": "ListItem", "url": BASE + path(n)}),
    "a list of articles": lambda: list_as_data(lambda n: {"item": {"@type": "NewsArticle", "@id": path(n)}}),
    "a blog": lambda: list_as_data(lambda n: {"@type": "BlogPosting", "url": path(n)}, "Blog", "blogPost"),
    "a feed in capitals": lambda: list_in_feed("<RSS><CHANNEL>{}</CHANNEL></RSS>", "<ITEM><LINK>{}</LINK></ITEM>"),
    "entries in capitals": lambda: list_in_feed("<rss><channel>{}</channel></rss>", "<Item><link>{}</link></Item>"),
    "a refresh in the header": lambda: send_on("0; url={}"),
    "a refresh without its name": lambda: send_on("1, '{}'"),
}


@pytest.mark.parametrize("name", SITES)
def test_every_article_is_found_once(data: Data, name: str) -> None:
    titles = Counter(SITES[name]().crawl(data))
    assert titles == Counter(map(title, range(COUNT)))


WWW = BASE.replace("//", "//www.")


@pytest.mark.parametrize("is_dead", [False, True])
def test_with_and_without_www_an_article_is_one(data: Data, is_dead: bool) -> None:
    """Also in a second run whose list names the other address; if the first address fails, the second is requested."""
    site = Site()
    for number in range(COUNT):
        site.add(WWW + path(number), story(number))
        if is_dead:
            site.add(path(number), build_response(b"down", status="404 Not Found"))
    teasers = "".join(teaser(number) + teaser(number, WWW + path(number)) for number in range(COUNT))
    site.add("/", answer(teasers))
    expected = Counter(map(title, range(COUNT)))
    assert Counter(site.crawl(data)) == expected
    site.add("/", answer("".join(teaser(number, (BASE if is_dead else WWW) + path(number)) for number in range(COUNT))))
    assert Counter(site.crawl(data)) == expected


def name_canonical(target: str) -> str:
    return f'<link rel="canonical" href="{target}">'


@pytest.mark.parametrize("shown", ["a", "ab", "abc"])
@pytest.mark.parametrize("last", ["c", "a"])
def test_pages_that_name_one_another_are_one_article(data: Data, shown: str, last: str) -> None:
    """A chain of canonical addresses, or two that name each other."""
    site = Site(lambda number: f"/unlisted/{number}")
    following = {"a": "b", "b": last, "c": "c"}
    links = [(folder, number) for folder in shown for number in range(COUNT)]
    for folder, target in following.items():
        for number in range(COUNT):
            site.add(f"/{folder}{path(number)}", story(number, name_canonical(f"/{target}{path(number)}")))
    site.add("/", answer("".join(teaser(number, f"/{folder}{path(number)}") for folder, number in links)))
    expected = Counter(map(title, range(COUNT)))
    if last == "a" and "c" in shown:
        expected += expected  # the third names itself
    assert Counter(site.crawl(data)) == expected
    done = run_scrapy("verify", "mill", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
