"""A site that nobody has described, served on loopback: sitemaps, feeds, lists, AMP pages and traps, from a formula."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Self

from tests.wire import Route, WireServer, build_response

ARTICLES = 24
PER_PAGE = 6
FIRST = datetime(2026, 3, 1, 8, 15, 30, tzinfo=UTC)
SECTIONS = ("harbour", "market", "weather")
_PROSE = (
    "The ferry left the quay at a quarter past eight with forty passengers and a piano that nobody had ordered. "
    "The harbour master wrote its weight into the book, as he has done with every crate since the spring flood. "
)


class Gazette:
    """The site; use as a context manager.

    Args:
        has_robots_line: robots.txt names the sitemap index.
        has_feed: the front page announces a feed.
    """

    def __init__(self, *, has_robots_line: bool = True, has_feed: bool = True) -> None:
        self.server = WireServer({})
        self._has_robots_line = has_robots_line
        self._has_feed = has_feed

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.server.routes.update(self._build_routes())
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    @property
    def base(self) -> str:
        return self.server.base_url

    @property
    def tally(self) -> Counter[str]:
        return Counter(exchange.target for exchange in self.server.exchanges)

    def path(self, number: int) -> str:
        at = self.published(number)
        return f"/{SECTIONS[number % 3]}/{at:%Y/%m/%d}/the-piano-at-the-quay-{number}/"

    def published(self, number: int) -> datetime:
        return FIRST + timedelta(days=number, minutes=number)

    def title(self, number: int) -> str:
        return f"The piano at the quay, part {number} & more"

    def _build_routes(self) -> dict[str, Route]:
        base = self.base
        newest = list(reversed(range(ARTICLES)))
        robots = "User-agent: *\nDisallow: /private/\n"
        robots += f"SITEMAP : {base}/sitemaps/index.xml\n" if self._has_robots_line else ""
        routes: dict[str, Route] = {
            "/robots.txt": _answer(robots.encode(), "text/plain"),
            "/": _answer(self._build_list("Gazette", newest[:5], "").encode()),
            "/sitemaps/index.xml": _answer(self._build_index().encode(), "application/xml"),
            "/sitemaps/2026-03.xml.gz": _answer(gzip.compress(self._build_sitemap(newest).encode(), mtime=0), "x/gz"),
            "/sitemaps/news.xml": _answer(self._build_news(newest[:4]).encode(), "text/xml"),
            "/feed/": _answer(self._build_rss(newest[:8]).encode(), "application/rss+xml; charset=utf-8"),
            "/comments/feed/": _answer(b"<rss/>", "application/rss+xml"),
            "/about/": _answer(b"<html><body><h1>About</h1><p>us</p></body></html>"),
        }
        for section in range(3):
            own = [number for number in newest if number % 3 == section]
            pages = [own[start : start + PER_PAGE] for start in range(0, len(own), PER_PAGE)]
            for page, shown in enumerate(pages, 1):
                suffix = "" if page == 1 else f"page/{page}/"
                following = f"/{SECTIONS[section]}/page/{page + 1}/" if page < len(pages) else ""
                routes[f"/{SECTIONS[section]}/{suffix}"] = _answer(
                    self._build_list(SECTIONS[section].title(), shown, following).encode()
                )
        for number in newest:
            routes[self.path(number)] = _answer(self._build_article(number).encode())
            routes[self.path(number).rstrip("/")] = build_response(
                status="301 Moved Permanently", headers=(("Location", self.path(number)),)
            )
            routes[self.path(number) + "amp/"] = _answer(self._build_article(number, is_amp=True).encode())
        return routes

    def _build_index(self) -> str:
        entries = "".join(
            f"<sitemap><loc>{self.base}/sitemaps/{name}</loc><lastmod>2026-03-2{n}</lastmod></sitemap>"
            for n, name in enumerate(("2026-03.xml.gz", "news.xml"))
        )
        return f'<?xml version="1.0"?><sitemapindex xmlns="{_SITEMAPS}">{entries}</sitemapindex>'

    def _build_sitemap(self, numbers: list[int]) -> str:
        entries = "".join(
            f"<url><loc>{self.base}{self.path(n)}</loc><lastmod>{self.published(n):%Y-%m-%d}</lastmod></url>"
            for n in numbers
        )
        return f'<?xml version="1.0"?><urlset xmlns="{_SITEMAPS}">{entries}</urlset>'

    def _build_news(self, numbers: list[int]) -> str:
        entries = "".join(
            f"<url><loc>{self.base}{self.path(n)}</loc><n:news><n:publication><n:name>Gazette</n:name></n:publication>"
            f"<n:publication_date>{self.published(n).isoformat()}</n:publication_date>"
            f"<n:title>{escape(self.title(n))}</n:title><n:keywords>pianos, quays</n:keywords></n:news></url>"
            for n in numbers
        )
        return f'<urlset xmlns="{_SITEMAPS}" xmlns:n="{_NEWS}">{entries}</urlset>'

    def _build_rss(self, numbers: list[int]) -> str:
        entries = "".join(
            f"<item><title>{escape(self.title(n))}</title>"
            f"<link>{self.base}{self.path(n).rstrip('/')}?utm_source=rss&amp;utm_medium=feed</link>"
            f"<pubDate>{self.published(n):%a, %d %b %Y %H:%M:%S} +0000</pubDate><category>Quay</category></item>"
            for n in numbers
        )
        return f'<?xml version="1.0"?>\n<rss version="2.0"><channel><title>Gazette</title>{entries}</channel></rss>'

    def _build_list(self, title: str, numbers: list[int], following: str) -> str:
        menu = "".join(f'<li><a href="/{section}/">{section.title()}</a></li>' for section in SECTIONS)
        teasers = "".join(
            f'<article><h2><a href="{self.path(n)}?PHPSESSID={n:032x}">{escape(self.title(n))}</a></h2>'
            f"<p>{_PROSE[:90]}</p></article>"
            for n in numbers
        )
        older = f'<a class="older" href="{following}">Older</a>' if following else ""
        feeds = '<link rel="alternate" type="application/rss+xml" href="/feed/">' if self._has_feed else ""
        feeds += '<link rel="alternate" type="application/rss+xml" title="Comments" href="/comments/feed/">'
        return (
            f"<html><head><title>{title}</title>{feeds}</head><body><nav><ul>{menu}</ul></nav><main><h1>{title}</h1>"
            f'{teasers}{older}</main><footer><a href="/about/">About us</a></footer></body></html>'
        )

    def _build_article(self, number: int, *, is_amp: bool = False) -> str:
        share = f"https://share.example/?u={self.base}{self.path(number)}"
        return (
            f"<html><head><title>{escape(self.title(number))}</title>"
            f'<link rel="canonical" href="{self.base}{self.path(number)}"><meta property="og:type" content="article">'
            f"</head><body><article><h1>{escape(self.title(number))}</h1>"
            f'<p class="date">{self.published(number):%d %B %Y}</p>'
            + "".join(f"<p>{_PROSE} Number {number}, paragraph {line}.</p>" for line in range(1 if is_amp else 3))
            + f'</article><a href="{share}">Share</a></body></html>'
        )


def _answer(body: bytes, kind: str = "text/html; charset=utf-8") -> bytes:
    return build_response(body, headers=(("Content-Type", kind),))


_SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
