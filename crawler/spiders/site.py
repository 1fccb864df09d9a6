"""Crawls a site without rules: robots.txt, sitemaps, feeds, and the structure of its pages."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import Request

from crawler.fetching.middlewares import META_CROSS_SUBMIT
from crawler.fetching.robots import list_sitemaps
from crawler.frontier.owed import Debt
from crawler.sources import Discovery, Source, SourceError
from crawler.sources.publishers import find_described
from crawler.sources.undescribed import build_definition
from crawler.spiders.arguments import parse_bound, parse_day
from crawler.spiders.backfill import BackfillSpider
from crawler.spiders.bounds import is_as_captured, is_changed, is_too_old
from pipelines.rules.addresses import build_identity, find_place, is_same_place, normalise_location
from pipelines.rules.links import Link, LinkKind, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from scrapy.http import Response
    from twisted.python.failure import Failure

    from pipelines.reading.read import Reading

META_LINK = "link"
# How many steps from one page of a list to the next led to a request: a list is walked to its end, however long.
META_PAGED = "paged"
# How many pages without articles, one after the other, led to a request: an archive of days has a page for each.
META_BLANK = "blank"
_MAX_BLANK = 7
_MAX_SITEMAP_DEPTH = 4
_MAX_SITEMAPS = 50
_MAX_BACKFILL_SITEMAPS = 5_000
_PRIORITY = {
    LinkKind.FEED: 60,
    LinkKind.SITEMAP: 50,
    LinkKind.ARTICLE: 20,
    LinkKind.CATEGORY: 10,
    LinkKind.NEXT_PAGE: 5,
}
_SEED_PRIORITY = 65
_LISTS = (LinkKind.CATEGORY, LinkKind.NEXT_PAGE)
# A site may name sitemaps and feeds on other hosts as its own.
_NAMED_BY_SITE = (Reason.ROBOTS, Reason.ANNOUNCED)
_PAGES = (*_LISTS, LinkKind.ARTICLE)


class SiteSpider(BackfillSpider):
    """`scrapy crawl site -a url=URL [-a source=NAME_OR_PATH] [-a since=DAY] [-a depth=N] [-a max_pages=N]`.

    What a page is, its own bytes say, so a reparse comes to the same verdict; the bounds decide only what is requested.
    With `-a backfill=DAY` a run fetches the past from that day on: `max_pages` articles that are not archived yet, the
    newest first, from all sitemaps, lists and older pages of feeds. The next such run continues where this one stopped.

    Stats: `discovery/<kind>/<reason>`, `discovery/left/<why>`, `discovery/refused/<why>`.
    """

    name = "site"
    follows: ClassVar[frozenset[LinkKind]] = frozenset(kind for kind in LinkKind if kind is not LinkKind.OTHER)
    arguments: ClassVar[tuple[str, ...]] = (
        *BackfillSpider.arguments,
        *("url", "since", "depth", "timezone", "language", "requisites"),
    )

    def __init__(self, source: Source, seeds: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(source, seeds, **kwargs)
        self._bounds = source.discovery or Discovery()
        self._asked: Counter[str] = Counter()
        self._sitemaps: Counter[str] = Counter()
        self._left_sitemaps = 0
        self._max_sitemaps = _MAX_SITEMAPS if self.backfill is None else _MAX_BACKFILL_SITEMAPS
        self._reached: dict[str, tuple[int, str]] = {}
        self._other_spellings: dict[str, str] = {}

    @classmethod
    def build_source(cls, arguments: dict[str, Any]) -> Source:
        """Return the source that is named, or the one that an address makes; bounds given by hand win over its own."""
        url, name = arguments.pop("url", ""), arguments.pop("source", "")
        own = {"zone": arguments.pop("timezone", ""), "language": arguments.pop("language", "")}
        kinds = tuple(kind.strip() for kind in arguments.pop("requisites", "").split(",") if kind.strip())
        if not url and not name:
            raise ValueError("say which site: -a url=https://host/, or -a source=NAME_OR_PATH of one with [discovery]")
        if "@" in urlsplit(url).netloc:
            raise ValueError("url: leave out name and password; an address stands in every record, log and post")
        source = find_described(name) if name else build_definition(url, **own, requisites=kinds)
        if source.discovery is None:
            raise SourceError("has no [discovery] table, which may be empty; add one to search its site", path=name)
        bounds = source.discovery
        if since := arguments.pop("since", ""):
            bounds = replace(bounds, since=parse_day(since, "since"))
        if depth := arguments.pop("depth", ""):
            bounds = replace(bounds, depth=parse_bound(depth, "depth"))
        if most := arguments.pop("max_pages", ""):
            bounds = replace(bounds, max_pages=parse_bound(most, "max_pages"))
        return replace(source, discovery=bounds, seeds=(url,) if url and name else source.seeds)

    async def start(self) -> AsyncIterator[Any]:
        """Yield robots.txt of every host that the seeds are on, then the seeds."""
        for origin in dict.fromkeys(urljoin(seed, "/") for seed in self.seeds):
            yield Request(
                urljoin(origin, "/robots.txt"), callback=self.parse_robots, errback=self.miss_robots, priority=70
            )
        async for request in super().start():
            if META_LINK not in request.meta:  # else it is owed
                request.priority = _SEED_PRIORITY
            yield request

    def parse_robots(self, response: Response) -> Iterator[Request]:
        """Follow the sitemaps that robots.txt names, or try where they mostly lie. Spec: RFC 9309 §2.2.4."""
        named = list_sitemaps(response.body)
        for address in dict.fromkeys(named):
            url = normalise_location(urljoin(response.url, address))
            yield from self.follow_found(Link(url=url, kind=LinkKind.SITEMAP, reason=Reason.ROBOTS), response)
        if not named:
            yield from self._guess(response.url)

    def miss_robots(self, failure: Failure) -> Iterator[Request]:
        """Try where sitemaps mostly lie, since nothing says where they are."""
        yield from self._guess(failure.request.url)  # type: ignore[attr-defined]

    def _guess(self, url: str) -> Iterator[Request]:
        link = Link(url=urljoin(url, "/sitemap.xml"), kind=LinkKind.SITEMAP, reason=Reason.GUESS)
        yield from self.follow_found(link)

    def choose_links(self, reading: Reading, response: Response) -> list[Link]:
        """Return all links but those to further pages of a list that shows nothing new.

        An endless calendar and a pager that turns in circles show nothing new.
        """
        links = [link for link in reading.links if not (link.kind is LinkKind.SHARE and reading.is_named)]
        if reading.kind is LinkKind.SITEMAP:
            return links
        articles = {link.url for link in links if link.kind is LinkKind.ARTICLE}
        is_unseen = self.is_showing_unlisted(articles, by_feed=reading.kind is LinkKind.FEED)
        ordered = [link.url for link in links if link.url in articles]
        is_new = self.backfill is not None or not self._has_all(articles)
        is_unseen = is_unseen or self._is_blank_between(articles, response)
        if is_unseen and self.walk.goes_on(ordered, response, is_new=is_new):
            return links
        for _ in filter(is_further, links):
            self.count("discovery/left/nothing_new")
        return [link for link in links if not is_further(link)]

    def follow_links(self, links: Iterable[Link], response: Response) -> Iterator[Request]:
        """Yield requests for what rules name as any spider does, and for the rest within the bounds."""
        links = list(links)
        for link in links:
            if link.reason is not Reason.RULE:
                for request in self.follow_found(link, response):
                    if link.kind is LinkKind.NEXT_PAGE:
                        request.meta.update(self.describe_next(links, response))
                    yield request
            elif why := self.find_past_bound(link, link.kind):
                self.count(f"discovery/left/{why}")
            else:
                yield from super().follow_links((link,), response)

    def build_owed(self, debt: Debt) -> Request:
        """Build the request for a page that an earlier run failed to fetch."""
        request = super().build_owed(debt)
        request.meta[META_LINK] = {"kind": debt.kind, "reason": Reason.OWED.value}
        return request

    def find_asked(self, request: Request) -> LinkKind:
        """Return what a request was believed to lead to: by a rule, or by what led to it."""
        by_rule = super().find_asked(request)
        believed = request.meta.get(META_LINK, {}).get("kind", LinkKind.OTHER)
        return LinkKind(believed) if by_rule is LinkKind.OTHER else by_rule

    def is_list(self, request: Request) -> bool:
        """Return whether an answer is worth having again; robots.txt names sitemaps."""
        return super().is_list(request) or request.url.endswith("/robots.txt")

    def describe_next(self, links: Iterable[Link], response: Response) -> dict[str, Any]:
        """Return the meta of a request for the next page of a list, also behind one without articles."""
        links = list(links)
        is_blank = not any(link.kind is LinkKind.ARTICLE for link in links)
        blank = {META_BLANK: int(response.meta.get(META_BLANK, 0)) + 1} if is_blank else {}
        return super().describe_next(links, response) | blank

    def _is_blank_between(self, articles: set[str], response: Response) -> bool:
        """Return whether a page is that of a day without articles, behind which there may be others."""
        is_next = response.meta.get(META_LINK, {}).get("kind") == LinkKind.NEXT_PAGE.value
        return is_next and not articles and int(response.meta.get(META_BLANK, 0)) < _MAX_BLANK

    def _has_all(self, articles: set[str]) -> bool:
        """Return whether an earlier run has met every article of a list."""
        return bool(articles) and self.memory is not None and not any(map(self.walk.is_news, articles))

    def follow_found(self, link: Link, response: Response | None = None) -> Iterator[Request]:
        """Yield the request for a link, unless a bound forbids it."""
        link = self._respell(link)
        by_rule = self.source.find_kind(link.url)
        kind = link.kind if by_rule is LinkKind.OTHER else by_rule
        met = response.meta if response is not None else {}
        paged = int(met.get(META_PAGED, 0))
        depth = int(met.get("depth", 0)) - paged
        why = self._find_bound(link, kind, depth)
        if why:
            self.count(f"discovery/left/{why}")
            if why == "too_many_sitemaps" and not self._left_sitemaps:
                words = "%s names more than %d sitemaps; only the newest of them are read in a run"
                self.logger.warning(words, urlsplit(link.url).netloc, self._max_sitemaps)
            self._left_sitemaps += why == "too_many_sitemaps"
            if why == "too_many_pages" and self.backfill is None:
                self.walk.owe([Debt(url=link.url, kind=kind.value, reason="beyond_bound")])
            return
        # Not `is_nearest`: that has seen every link of the page, also those that only structure tells the kind of.
        place = find_place(build_identity(link.url))
        nearest, spelling = self._reached.get(place, (depth + 1, link.url))
        if spelling != link.url:
            self._other_spellings[place] = link.url
        if nearest <= depth:
            return
        self._reached[place] = depth, spelling
        host = urlsplit(link.url).netloc
        self._asked[host] += kind in _PAGES
        self._sitemaps[host] += kind is LinkKind.SITEMAP
        self.count(f"discovery/{kind}/{link.reason}")
        self.logger.debug("%s is believed to lead to: %s, because of: %s", link.url, kind, link.reason)
        request = self.build_request(link.url)
        request.priority = _PRIORITY.get(LinkKind.NEXT_PAGE if is_further(link) else kind, request.priority)
        request.meta[META_LINK] = {"kind": kind.value, "reason": link.reason.value}
        request.meta[META_PAGED] = paged + is_further(link)
        if link.reason in _NAMED_BY_SITE:
            request.meta[META_CROSS_SUBMIT] = urlsplit(link.url).netloc
        yield request

    def _respell(self, link: Link) -> Link:
        """Return a link to an article with the address under which it is archived, with or without `www.`."""
        if link.kind is not LinkKind.ARTICLE or self.memory is None:
            return link
        archived = self.memory.find_spelling(link.url)
        if archived == link.url or not is_same_place(archived, link.url):
            return link
        self._other_spellings[find_place(build_identity(archived))] = link.url
        return replace(link, url=archived)

    def handle_failure(self, failure: Failure) -> Iterator[Any]:
        """Ask at the other address of a page, with or without `www.`, where a link leads there and the first failed."""
        yield from super().handle_failure(failure)
        request = failure.request  # type: ignore[attr-defined]
        url = (request.meta.get("redirect_urls") or [request.url])[0]
        if twin := self._other_spellings.pop(find_place(build_identity(url)), ""):
            again = self.build_request(twin)
            again.priority, again.meta[META_LINK] = request.priority, request.meta.get(META_LINK, {})
            yield again

    def _find_bound(self, link: Link, kind: LinkKind, depth: int) -> str:
        """Return which bound a link is beyond, or ''."""
        host = urlsplit(link.url).netloc
        if not self.source.admits(link.url) and link.reason not in _NAMED_BY_SITE:
            return "out_of_scope"
        if kind is LinkKind.SITEMAP and (depth >= _MAX_SITEMAP_DEPTH or self._sitemaps[host] >= self._max_sitemaps):
            return "too_many_sitemaps"
        if link.reason is Reason.ARCHIVE and self.backfill is None:
            return "older_feed_page"
        # What looks like an article's address may be a list again: a calendar is a chain of such.
        is_as_near = link.reason is Reason.CLUSTER or is_further(link)
        hops = depth - 1 if is_as_near else 0 if link.reason is Reason.ARCHIVE else depth
        if (kind in (*_LISTS, LinkKind.FEED) or link.reason is Reason.CLUSTER) and hops >= self._bounds.depth:
            return "too_deep"
        if self.backfill is not None:
            return self.find_past_bound(link, kind)
        return "too_old" if is_too_old(link, kind, self._bounds.since) else self._find_unwanted(link, kind)

    def _find_unwanted(self, link: Link, kind: LinkKind) -> str:
        """Return why a page within the bounds is not requested now, or ''."""
        if kind is LinkKind.SITEMAP and not self.walk.is_full and self._can_wait(link):
            return "not_due"
        if kind is LinkKind.ARTICLE and (known := self._find_known(link)):
            return known
        if kind in _PAGES and self._asked[urlsplit(link.url).netloc] >= self._bounds.max_pages:
            return "too_many_pages"
        if kind is not LinkKind.ARTICLE or self.walk.may_ask(link.url, is_changed=is_changed(link, self.memory)):
            return ""
        return "put_off"

    def _can_wait(self, link: Link) -> bool:
        """Return whether a sitemap is not expected to have changed yet; an index may say that it has."""
        return self.memory is not None and not is_changed(link, self.memory) and not self.memory.is_due(link.url)

    def _find_known(self, link: Link) -> str:
        """Return why an article need not be requested again, or ''."""
        known = self.find_known(link.url, is_changed=is_changed(link, self.memory))
        return known or ("not_modified" if is_as_captured(link, self.memory) else "")


def is_further(link: Link) -> bool:
    """Return whether a link leads to the next page of the list or feed that it is on."""
    return link.kind is LinkKind.NEXT_PAGE or (link.kind is LinkKind.FEED and link.reason is Reason.REL_NEXT)
