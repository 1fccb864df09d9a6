"""A news site that exists only as a function of time: what it answers to an address at an instant.

It publishes, corrects, withdraws and moves articles, and fails: at random, for hours, and in spells of days in which it
refuses everything or all articles. Everything follows from one seed.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final

from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError
from scrapy.http import HtmlResponse, Response, XmlResponse

from archives.urls import format_warc_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy import Request

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR
BASE: Final = "https://year.example"
DEFINITION: Final = f"""
name = "year"
timezone = "UTC"
scope = ["{BASE}/"]
seeds = ["{BASE}/", "{BASE}/latest.xml"]
[links]
article = ['/[ab]/(?P<id>\\d+)-']
next = ['/page/\\d+$']
sitemap = ['/latest\\.xml$']
[[parser]]
of = "article"
fallback = false
[parser.fields]
headline = "h1"
datePublished = "time"
articleBody = "html:div"
"""
PER_PAGE: Final = 20
_LISTED_S: Final = 2 * DAY
_SLOW_S: Final = 180.0
_RETRY_AFTER_S: Final = 90.0


@dataclass(slots=True)
class Article:
    """One article and what becomes of it; instants are seconds since the epoch.

    Attributes:
        withdrawn_at: from then on it answers 410.
        moved_at: from then on it has another address, and the old one redirects.
        broken_until: until then it answers 500.
    """

    number: int
    published_at: float
    withdrawn_at: float = float("inf")
    moved_at: float = float("inf")
    broken_until: float = 0.0
    corrected_at: list[float] = field(default_factory=list)

    def find_version(self, now: float) -> int:
        """Return how often it has been corrected."""
        return bisect_right(self.corrected_at, now)

    def find_path(self, now: float) -> str:
        """Return its address at an instant, without the host."""
        return f"/{'b' if now >= self.moved_at else 'a'}/{self.number}-an-article"

    def list_urls(self) -> tuple[str, ...]:
        """Return all addresses that it ever has."""
        return tuple(BASE + self.find_path(at) for at in (self.published_at, self.moved_at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time in which addresses that begin with one of `paths` answer `status`."""

    begins_at: float
    ends_at: float
    status: int
    paths: tuple[str, ...] = ("/",)

    def holds(self, path: str, now: float) -> bool:
        """Return whether an address is refused."""
        return self.begins_at <= now < self.ends_at and path.startswith(self.paths)


class Site:
    """The site.

    Args:
        articles: published from `began_at` on, evenly but at random.
        days: for so long.
    """

    def __init__(self, *, articles: int, days: int, began_at: float, seed: int) -> None:
        self._random = Random(seed)
        self.began_at = began_at
        self.ends_at = began_at + days * DAY
        instants = sorted(self._random.uniform(began_at, self.ends_at) for _ in range(articles))
        self.articles = [self._invent(number, at) for number, at in enumerate(instants)]
        self._instants = instants
        self.spells = list(self._plan_spells(days))
        self.rests_until = 0.0

    def _invent(self, number: int, published_at: float) -> Article:
        random = self._random
        article = Article(number, published_at)
        draw = random.random()
        if draw < 0.06:
            article.corrected_at = sorted(
                published_at + random.uniform(HOUR, 30 * HOUR) for _ in range(1 + (draw < 0.01))
            )
        elif draw < 0.08:
            article.withdrawn_at = published_at + random.uniform(HOUR, 5 * DAY)
        elif draw < 0.10:
            article.moved_at = published_at + random.uniform(HOUR, 5 * DAY)
        elif draw < 0.11:
            article.broken_until = published_at + random.uniform(HOUR, 20 * HOUR)
        return article

    def _plan_spells(self, days: int) -> Iterator[Spell]:
        """Yield two spells of ten days and a few of hours for each hundred days, one of each at least."""
        step = max(1, days // 100)
        for number in range(step):
            at = self.began_at + days * DAY / step * number + DAY
            everything = Spell(begins_at=at, ends_at=at + 10 * DAY, status=403)
            at = everything.ends_at + DAY
            articles = Spell(begins_at=at, ends_at=at + 10 * DAY, status=403, paths=("/a/", "/b/"))
            at = articles.ends_at + 0.5 * DAY
            lists = Spell(begins_at=at, ends_at=at + 20 * HOUR, status=503, paths=("/page/", "/latest"))
            yield from (everything, articles, lists)

    def answer(self, request: Request, now: float) -> tuple[Response, float]:
        """Return the answer to a request, and how many seconds it takes.

        Raises:
            DownloadTimeoutError: it takes too long.
            DownloadFailedError: the connection is reset.
        """
        path = request.url.removeprefix(BASE)
        chance = self._random.random()
        if chance < 0.01:
            raise DownloadTimeoutError(f"{request.url} took longer than {_SLOW_S:.0f} s")
        if chance < 0.02:
            raise DownloadFailedError(f"{request.url}: connection reset")
        if chance < 0.022:
            self.rests_until = now + _RETRY_AFTER_S
            headers = {"Retry-After": f"{_RETRY_AFTER_S:.0f}"}
            return Response(request.url, status=503, headers=headers, request=request), 0.2
        if chance < 0.045:
            return Response(request.url, status=500, request=request), 0.2
        for spell in self.spells:
            if spell.holds(path, now):
                return Response(request.url, status=spell.status, request=request), 0.2
        return self._build(request, path, now), 10.0 if chance > 0.99 else 0.2

    def _build(self, request: Request, path: str, now: float) -> Response:
        if path == "/" or path.startswith("/page/"):
            return self._build_list(request, int(path.rpartition("/")[2] or 1), now)
        if path == "/latest.xml":
            return self._build_sitemap(request, now)
        article = self.articles[int(path[3:].partition("-")[0])]
        status = 410 if now >= article.withdrawn_at else 500 if now < article.broken_until else 200
        if status == 200 and path != article.find_path(now):
            headers = {"Location": article.find_path(now)}
            return Response(request.url, status=301, headers=headers, request=request)
        body = (
            f"<h1>Article {article.number}</h1><time>{format_warc_date(to_instant(article.published_at))}</time>"
            f"<div><p>Version {article.find_version(now)} of the text of {article.number}.</p></div>"
        )
        return HtmlResponse(request.url, status=status, body=body, encoding="utf-8", request=request)

    def _iter_present(self, now: float) -> Iterator[Article]:
        """Yield what is published and not withdrawn, the newest first."""
        for at in range(bisect_right(self._instants, now) - 1, -1, -1):
            if self.articles[at].withdrawn_at > now:
                yield self.articles[at]

    def _build_list(self, request: Request, number: int, now: float) -> Response:
        shown: list[Article] = []
        has_more = False
        for position, article in enumerate(self._iter_present(now)):
            if position >= number * PER_PAGE:
                has_more = True
                break
            if position >= (number - 1) * PER_PAGE:
                shown.append(article)
        links = "".join(f'<a href="{article.find_path(now)}">Article {article.number}</a>' for article in shown)
        onward = f'<a href="/page/{number + 1}">older</a>' if has_more else ""
        return HtmlResponse(request.url, body=f"<html>{links}{onward}</html>", encoding="utf-8", request=request)

    def _build_sitemap(self, request: Request, now: float) -> Response:
        entries = []
        for article in self._iter_present(now):
            if now - article.published_at > _LISTED_S:
                break
            changes = [at for at in article.corrected_at if at <= now]
            changed = format_warc_date(to_instant(max([article.published_at, *changes])))
            entries.append(f"<url><loc>{BASE}{article.find_path(now)}</loc><lastmod>{changed}</lastmod></url>")
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{"".join(entries)}</urlset>'
        return XmlResponse(request.url, body=body, encoding="utf-8", request=request)

    def count_reachable(self, article: Article) -> float:
        """Return for how many seconds in a row an article was reachable, at most, before the simulation ends."""
        begins = max(article.published_at, article.broken_until)
        ends = min(article.withdrawn_at, self.ends_at)
        edges = [begins]
        for spell in self.spells:
            if "/page/" not in spell.paths and spell.begins_at < ends and spell.ends_at > begins:
                edges += [max(begins, spell.begins_at), min(ends, spell.ends_at)]
        edges.append(ends)
        return max((edges[at + 1] - edges[at] for at in range(0, len(edges), 2)), default=0.0)


def to_instant(seconds: float) -> datetime:
    """Return seconds since the epoch as an aware instant."""
    return datetime.fromtimestamp(seconds, UTC)
