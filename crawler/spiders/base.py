"""The base spider: what every spider of this project does with a page.

`pipelines.read` says what a page states and where it leads. A spider passes the statements on as items, and chooses
which of the links to follow: by their kind, by what earlier runs have captured, by how far it has come. Nothing is
handed from one page to the next, so a crawl that goes from link to link and a reparse that goes from record to record
make the same posts.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from scrapy import Request, Spider, signals
from scrapy.utils.url import strip_url

from archives.storage.collection import Collection
from crawler.fetching.archived import build_document
from crawler.fetching.requisites import RequisiteRequests
from crawler.fetching.revalidation import FLAG_UNCHANGED, RevalidateMiddleware
from crawler.fetching.wire.proxies import Proxy, open_proxy
from crawler.monitoring.failures import find_reason, page_failed
from crawler.runs.erased import find_register
from crawler.runs.run import RunExtension
from crawler.sessions.session import SourceSession, open_session
from crawler.sources import Source, find_source
from crawler.sources.archived import find_definitions
from crawler.spiders.bounds import is_changed
from crawler.spiders.links import parse_links
from crawler.spiders.placing import place_source
from crawler.spiders.walk import MODES, Walk, open_owed
from pipelines.examples import note_example
from pipelines.page.classes import IN_PLACE
from pipelines.posts.items import Origin, Statement
from pipelines.reading.fields import ORIGINS
from pipelines.reading.read import read
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from archives.erasure.register import Register
    from crawler.frontier.owed import Debt
    from crawler.runs.memory import CaptureMemory
    from pipelines.posts.options import PostOptions
    from pipelines.reading.read import Reading
    from pipelines.rules.links import Link

_Output = Statement | Request
META_AWAITED = "awaited"
_REMEMBERED_LINKS = 1 << 16
_OWED_PRIORITY = 2
_LISTS = frozenset((LinkKind.CATEGORY, LinkKind.FEED, LinkKind.LISTING, LinkKind.NEXT_PAGE, LinkKind.SITEMAP))
# Outcomes of pages that people want to look at.
_SHOWN = frozenset(("bodies/doubled", "bodies/notice", *(f"captures/{page_class}" for page_class in IN_PLACE)))
_PRIORITY = {
    LinkKind.TEXT: 40,
    LinkKind.SHARE: 30,
    LinkKind.ARTICLE: 20,
    LinkKind.LISTING: 10,
    LinkKind.NEXT_PAGE: 5,
}


class NewsSpider(Spider):
    """Base of the spiders that follow a source.

    Stats: `links/followed/<kind>`, `captures/<class>`, `pages/<kind>`, `pages/failed/<kind>`, `failures/<reason>`,
    `pages/not_html`, `listing/no_identifier`, `text/not_served`, `erased/statements`.
    """

    follows: ClassVar[frozenset[LinkKind]] = frozenset()
    arguments: ClassVar[tuple[str, ...]] = ("source", "collection", "seeds", "walk")

    def __init__(self, source: Source, seeds: tuple[str, ...] = (), *, walk: str = "new", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._mode = walk
        self._is_partial = bool(seeds)
        self.source = source.with_seeds(seeds) if seeds else source
        self.seeds = self.source.seeds
        self._depths: dict[str, int] = {}
        self.session: SourceSession | None = None
        self.proxy: Proxy | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Build the spider from `-a` arguments.

        Raises:
            crawler.sources.SourceError: the source is unknown or its definition is invalid.
        """
        given = kwargs.pop("source", "")
        source = given if isinstance(given, Source) else cls.build_source(kwargs | {"source": given})
        place_source(crawler.settings, source, kwargs.pop("collection", ""))
        is_parsed = isinstance(kwargs.get("seeds"), tuple)
        arguments = kwargs if is_parsed else cls.parse_arguments(kwargs)
        spider = super().from_crawler(crawler, *args, source=source, **arguments)
        spider.session = open_session(source)
        spider.proxy = open_proxy(source, crawler.settings["HTTPPROXY_AUTH_ENCODING"])
        crawler.signals.connect(spider.note_error, signal=signals.spider_error)
        return spider

    @cached_property
    def _erased(self) -> Register:
        return find_register(self.crawler.settings)

    @classmethod
    def build_source(cls, arguments: dict[str, Any]) -> Source:
        """Return the source that `-a` arguments name, and take from them what only the source needs.

        Raises:
            ValueError: they name none, or it is invalid.
        """
        name = arguments.pop("source", "")
        if not name:
            raise ValueError("say which source: -a source=NAME_OR_PATH; the command 'sources' lists them")
        return find_source(name)

    @classmethod
    def parse_arguments(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Turn the text of `-a` arguments into what the constructor takes.

        Raises:
            ValueError: one of them is invalid.
        """
        seeds = arguments.pop("seeds", "")
        if arguments.get("walk", MODES[0]) not in MODES:
            raise ValueError(f"walk={arguments['walk']} is neither of {', '.join(MODES)}")
        return arguments | {"seeds": parse_links(filter(None, map(str.strip, seeds.split(","))))}

    async def start(self) -> AsyncIterator[Any]:
        """Yield the seeds, and what earlier runs failed to fetch."""
        for request in self.walk.begin(map(self.build_request, self.seeds), self.build_owed):
            yield request

    @cached_property
    def walk(self) -> Walk:
        """How far this run walks, and what it asks for again."""
        owed = None
        if self.settings["ARCHIVE_MODE"] == "capture":
            owed = open_owed(self.settings, self.source.name)
        return Walk(
            self.source,
            owed,
            self.memory,
            mode=self._mode,
            is_partial=self._is_partial,
            count=self.count,
            stop=self._stop,
        )

    def _stop(self, error: Exception) -> None:
        """Make the run end soon, because something could not be put on disk."""
        run = self.crawler.get_extension(RunExtension)
        if run is None:
            raise error
        run.stop(error)

    def build_owed(self, debt: Debt) -> Request:
        """Build the request for a page that an earlier run failed to fetch; what is new goes first."""
        request = self.build_request(debt.origin or debt.url)
        request.priority = _OWED_PRIORITY
        return request

    def find_asked(self, request: Request) -> LinkKind:
        """Return what a request was believed to lead to."""
        return self.source.find_kind((request.meta.get("redirect_urls") or [request.url])[0])

    def is_list(self, request: Request) -> bool:
        """Return whether an answer is worth having again where an unfinished run is continued: it may lead to news."""
        return request.url in self.seeds or self.find_asked(request) in _LISTS

    def note_seen(self, request: Request) -> None:
        """Note that a page redirects to one that this run asks for anyway."""
        self.walk.note_seen(request)

    def note_cut(self, requests: Iterable[Request]) -> None:
        """Note requests that an earlier run left and that are dropped."""
        seeds = set(self.seeds)
        self.walk.note_cut((request, self.find_asked(request)) for request in requests if request.url not in seeds)

    def closed(self, reason: str) -> None:
        """Note how far the run came."""
        self.walk.close(reason)

    def post_options_for(self, name: str) -> PostOptions:
        """Return the post options of a source; a collection may hold those of others, too."""
        if name in ("", self.source.name):
            return self.source.post
        other = self._find_definition(name)
        return other.post if other else self.source.post

    @cached_property
    def _find_definition(self) -> Callable[[str], Source | None]:
        held = Collection.open(Path(self.settings["DATA_DIR"]), self.settings["COLLECTION"])
        return find_definitions(held)

    def parse(self, response: Response, **kwargs: Any) -> Iterator[_Output]:  # noqa: ARG002 (Scrapy's signature)
        """Yield what a page states, and requests for where it leads as far as this spider follows."""
        is_article = response.request is not None and self.find_asked(response.request) is LinkKind.ARTICLE
        yield from self.walk.note_had(response, self.build_owed, is_article=is_article)
        reading = read(build_document(response), self.source)
        for name, count in reading.notes.items():
            self.count(name, count)
            if name in _SHOWN:
                self.note_example(name, strip_url(response.url))
        if "pages/not_html" not in reading.notes:
            self.count(f"pages/{reading.kind}")
        if reading.kind is LinkKind.LISTING and "listing/no_parser" in reading.notes:
            self.logger.warning("%s is JSON, and source %s reads no listings", response.url, self.source.name)
        yield from self.follow_reading(reading, response)

    def follow_reading(self, reading: Reading, response: Response) -> Iterator[_Output]:
        """Yield the statements of a document, what they wait for, and the links to follow."""
        yield from self.state(reading, response)
        if reading.requisites and self.follows:
            yield from self.requisites.build(reading.requisites, is_unchanged=self.is_unchanged(response))
        yield from self.follow_links(self.choose_links(reading, response), response)

    def choose_links(self, reading: Reading, response: Response) -> list[Link]:
        """Return the links of a document that this kind of spider looks at."""
        links = list(reading.links)
        if reading.kind is LinkKind.ARTICLE and reading.is_named:
            # Of the share links on an article's page only its own is of use, and that is requested with the statement.
            links = [link for link in links if link.kind is not LinkKind.SHARE]
        has_next = any(link.kind is LinkKind.NEXT_PAGE for link in links)
        if has_next and not self.is_worth_walking_on(links, response):
            links = [link for link in links if link.kind is not LinkKind.NEXT_PAGE]
        return links

    def describe_next(self, links: Iterable[Link], response: Response) -> dict[str, Any]:
        """Return the meta of a request for the next page of a list."""
        links = list(links)
        articles = [link.url for link in links if link.kind is LinkKind.ARTICLE]
        return self.walk.describe_next(articles, response)

    def follow_links(self, links: Iterable[Link], response: Response) -> Iterator[Request]:
        """Yield requests for links of the kinds that this spider follows."""
        depth = int(response.meta.get("depth", 0))
        links = list(links)
        for link in links:
            kind = self.source.find_kind(link.url)
            if kind in self.follows and self.is_nearest(link.url, depth):
                for request in self.follow(link.url, is_changed=is_changed(link, self.memory)):
                    if kind is LinkKind.NEXT_PAGE:
                        request.meta.update(self.describe_next(links, response))
                    yield request

    def state(self, reading: Reading, response: Response) -> Iterator[_Output]:
        """Yield the statements of a document; one whose article needs another page waits for it."""
        for statement in reading.statements:
            if self._erased.has_article(*statement.key):
                self.count("erased/statements")
            elif statement.origin is Origin.ARTICLE and reading.is_named:
                text_link = statement.shareLink or self.find_known_share(statement.identifier)
                is_read = self.is_unchanged(response) and self.is_text_archived(text_link)
                yield from self._state_awaiting_text(statement, text_link, is_read=is_read)
            elif statement.origin is Origin.LISTING and (statement.shareLink or not reading.links):
                is_read = self.is_text_archived(statement.shareLink)
                yield from self._state_awaiting_text(statement, statement.shareLink, is_read=is_read)
            elif statement.origin is Origin.TEXT:
                yield from self._state_awaiting_article(statement)
            else:
                if statement.origin in (Origin.SHARE, Origin.LISTING):
                    statement.waits_for = Origin.ARTICLE
                yield statement

    def _state_awaiting_text(self, statement: Statement, share_link: str, *, is_read: bool) -> Iterator[_Output]:
        if is_read:
            yield statement
            return
        yield self.wait(statement, Origin.TEXT, self.source.find_text_url(share_link))
        yield from self.follow(share_link)

    def _state_awaiting_article(self, statement: Statement) -> Iterator[_Output]:
        article_url = "" if statement.headline_found else self.source.find_article_url(statement)
        yield self.wait(statement, Origin.ARTICLE, article_url)
        if article_url and self.source.admits(article_url):
            yield self.build_request(article_url, is_awaited=True)

    def wait(self, statement: Statement, origin: Origin, url: str) -> Statement:
        """Have a statement wait for the page at `url`, unless there is none or it may not be fetched."""
        if url and self.source.admits(url) and (origin is Origin.ARTICLE or LinkKind.TEXT in self.follows):
            statement.waits_for = origin
        return statement

    @cached_property
    def requisites(self) -> RequisiteRequests:
        """Builds requests for what pages need to be shown."""
        return RequisiteRequests(
            self.source,
            is_known=lambda url: self.memory is not None and self.memory.is_archived(url),
            count=self.count,
            callback=self.parse_requisite,
            errback=self.miss_requisite,
        )

    def parse_requisite(self, response: Response) -> Iterator[Request]:
        """Count a page requisite; a style sheet leads to more."""
        self.count("requisites/captured")
        yield from self.requisites.follow_style(response)

    def miss_requisite(self, failure: Failure) -> None:
        """Count a page requisite that could not be fetched."""
        self.count("requisites/failed")
        self.logger.debug("A page requisite could not be fetched: %s", failure.getErrorMessage())

    @cached_property
    def memory(self) -> CaptureMemory | None:
        """What remembers earlier runs, or None if nothing does."""
        middleware = self.crawler.get_downloader_middleware(RevalidateMiddleware)
        return middleware.memory if middleware is not None else None

    def is_unchanged(self, response: Response) -> bool:
        """Return whether a response is an earlier capture that the publisher confirmed."""
        return FLAG_UNCHANGED in response.flags

    def is_text_archived(self, share_link: str) -> bool:
        """Return whether an earlier run has the text behind a share link."""
        url = self.source.find_text_url(share_link) if share_link else ""
        return bool(url) and self.memory is not None and self.memory.is_archived(url)

    def find_known_share(self, identifier: str) -> str:
        """Return the share link of an article whose page has none, if an earlier run found a text behind it."""
        share_link = self.source.share.url.replace("{id}", identifier)
        return share_link if self.is_text_archived(share_link) else ""

    def is_worth_walking_on(self, links: list[Link], response: Response) -> bool:
        """Return whether the next page of a listing is to be requested."""
        articles = [link.url for link in links if link.kind is LinkKind.ARTICLE]
        return self.walk.goes_on(articles, response, is_new=self.is_showing_new(articles, response))

    def is_showing_new(self, articles: list[str], response: Response) -> bool:
        """Return whether a page of a listing shows something new, so that the next one may."""
        if self.memory is None or not articles:
            return True
        return not self.is_unchanged(response) and any(map(self.walk.is_news, articles))

    def is_nearest(self, url: str, depth: int) -> bool:
        """Return whether a link is on no page read before that is as near to the seeds, as far as is remembered.

        Scrapy would refuse to ask twice as well, but most links of most pages are met again on every page, and a
        request that is built, walked through all middlewares and then dropped costs more than the page's text.
        """
        if self._depths.get(url, depth + 1) <= depth:
            return False
        if len(self._depths) >= _REMEMBERED_LINKS:
            self._depths.clear()
        self._depths[url] = depth
        return True

    def follow(self, url: str, *, is_changed: bool = False) -> Iterator[Request]:
        """Yield the request for a link of a kind that this spider follows.

        Args:
            is_changed: its publisher says that it has changed since it was archived.
        """
        kind = self.source.find_kind(url) if url else LinkKind.OTHER
        if kind not in self.follows or not self.source.admits(url):
            return
        why = self.find_unwanted(url, is_changed=is_changed) if kind is LinkKind.ARTICLE else ""
        self.count(f"links/{why}" if why else f"links/followed/{kind}")
        if not why:
            yield self.build_request(url)

    def find_unwanted(self, url: str, *, is_changed: bool) -> str:
        """Return why an article need not be requested now, or ''."""
        known = self.find_known(url, is_changed=is_changed)
        return known or ("" if self.walk.may_ask(url, is_changed=is_changed) else "put_off")

    def find_known(self, url: str, *, is_changed: bool) -> str:
        """Return why an article need not be requested again after what earlier runs captured, or ''."""
        if self.memory is None or is_changed:
            return ""
        if self.memory.is_settled(url):
            return "settled"
        return "gone" if self.memory.is_gone(url) else ""

    def follow_text(self, share_url: str) -> Iterator[Request]:
        """Yield the request for the text behind a share link."""
        yield from self.follow(self.source.find_text_url(share_url))

    def build_request(self, url: str, *, dont_filter: bool = False, is_awaited: bool = False) -> Request:
        """Build a request; everything that its answer needs is in the URL.

        Args:
            dont_filter: ask again even if this run has asked before.
            is_awaited: a post waits for the answer, so a failure must be reported to it.
        """
        kind = self.source.find_kind(url)
        meta: dict[str, Any] = {META_AWAITED: True} if is_awaited or kind is LinkKind.TEXT else {}
        if self.walk.is_failing(url):
            meta["dont_retry"] = True  # later runs request it again
        return Request(
            url,
            priority=_PRIORITY.get(kind, 0),
            dont_filter=dont_filter,
            errback=self.handle_failure,
            meta=meta,
        )

    def handle_failure(self, failure: Failure) -> Iterator[_Output]:
        """Stop waiting for a page that failed: its post is made without it."""
        request = failure.request  # type: ignore[attr-defined]
        url = (request.meta.get("redirect_urls") or [request.url])[0]
        kind, identifier = self.source.links.find_match(url)
        reason = find_reason(failure.value)
        asked = self.find_asked(request)
        is_front = asked is LinkKind.OTHER and url in self.seeds
        self.walk.note_missing(request, LinkKind.CATEGORY if is_front else asked, reason)
        self.count(f"pages/failed/{kind}")
        self.count(f"failures/{reason}")
        shown = strip_url(request.url)  # without a password
        self.note_example(f"failures/{reason}", shown)
        self.crawler.signals.send_catch_log(page_failed, url=shown, kind=kind, reason=reason)
        self.logger.info("%s could not be read: %s", shown, failure.getErrorMessage())
        if kind is LinkKind.SHARE:
            yield from self.follow_text(url)
        elif request.meta.get(META_AWAITED) and kind in ORIGINS:
            yield Statement(source=self.source.name, identifier=identifier, origin=ORIGINS[kind], is_silent=True)

    def note_error(self, failure: Failure, response: Response | None) -> None:
        """Keep the page on which a callback failed as an example under the name that Scrapy counts it by."""
        if response is not None:  # the start has none
            self.note_example(f"spider_exceptions/{type(failure.value).__name__}", strip_url(response.url))

    def count(self, name: str, by: int = 1) -> None:
        """Count an outcome under its name."""
        assert self.crawler.stats is not None
        self.crawler.stats.inc_value(name, by)

    def note_example(self, name: str, url: str) -> None:
        """Keep an address as an example of what is counted under a name, without the session's secrets."""
        assert self.crawler.stats is not None
        if isinstance(self.session, SourceSession):
            url = self.session.secrets.mask(url.encode()).decode()
        note_example(self.crawler.stats, name, url)
