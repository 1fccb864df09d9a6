"""What every spider of this project does with a page, whichever way it came to it.

A callback depends on the capture alone: its address, its bytes, the instant it was made. Nothing is handed from one
page to the next, so a crawl that goes from link to link and a reparse that goes from record to record make the same
posts; what several pages say of one article is joined later, in `pipelines.posts.merge`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote

from scrapy import Request, Spider
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.utils.url import strip_url

from archives.storage.collection import Collection
from crawler.addon import place_collection
from crawler.discovery.reading import is_article_found, read_feed_document, read_found_article, read_sitemap_document
from crawler.discovery.requisites import request_page_requisites, request_style_requisites
from crawler.fetching.revalidation import FLAG_UNCHANGED, RevalidateMiddleware
from crawler.monitoring.failures import find_reason, page_failed
from crawler.runs.run import META_CAPTURE
from crawler.sources import Source, find_source
from crawler.sources.archived import find_definitions
from crawler.sources.reading import ORIGINS, Reading, build_post, read_page
from pipelines.discovery.classification import judge_document
from pipelines.discovery.found import FoundLink
from pipelines.page.encodings import decode_page
from pipelines.posts.items import CaptureRef, Origin, Post
from pipelines.posts.post_files import find_day
from pipelines.rules.expressions import Page
from pipelines.rules.links import LinkKind, iter_element_links

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from pipelines.posts.options import PostOptions

_Output = Post | Request
META_AWAITED = "awaited"
_REMEMBERED_LINKS = 1 << 16
# Of these kinds is what a rule does not name, or names as what its bytes can prove.
_UNTOLD = (LinkKind.OTHER, LinkKind.CATEGORY, LinkKind.FEED, LinkKind.SITEMAP)
_NO_PAGE = re.compile(
    rb"\s*(?:(?:image|video|audio|font)/|text/(?:css|javascript)|application/(?:pdf|zip|(?:x-)?javascript|wasm|font))",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\{(\w+)\}")
_PRIORITY = {
    LinkKind.TEXT: 40,
    LinkKind.SHARE: 30,
    LinkKind.ARTICLE: 20,
    LinkKind.LISTING: 10,
    LinkKind.NEXT_PAGE: 5,
}


class NewsSpider(Spider):
    """Base of the spiders that follow a source.

    Stats: `links/followed/<kind>`, `pages/<kind>`, `pages/failed/<kind>`, `failures/<reason>`, `pages/not_html`,
    `listing/no_identifier`, `text/not_served`.
    """

    follows: ClassVar[frozenset[LinkKind]] = frozenset()

    def __init__(self, source: Source, seeds: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source.with_seeds(seeds) if seeds else source
        self.seeds = self.source.seeds
        self.requisites: set[str] = set()
        self._depths: dict[str, int] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Build the spider from `-a` arguments.

        Raises:
            crawler.sources.SourceError: the source is unknown or its definition is at fault.
        """
        given = kwargs.pop("source", "")
        source = given if isinstance(given, Source) else cls.build_source(kwargs | {"source": given})
        place_source(crawler.settings, source, kwargs.pop("collection", ""))
        is_parsed = isinstance(kwargs.get("seeds"), tuple)
        arguments = kwargs if is_parsed else cls.parse_arguments(kwargs)
        return super().from_crawler(crawler, *args, source=source, **arguments)

    @classmethod
    def build_source(cls, arguments: dict[str, Any]) -> Source:
        """Return the source that `-a` arguments name, and take from them what only the source needs.

        Raises:
            ValueError: they name none, or it is at fault.
        """
        name = arguments.pop("source", "")
        if not name:
            raise ValueError("say which source: -a source=NAME_OR_PATH; 'scrapy sources' lists them")
        return find_source(name)

    @classmethod
    def parse_arguments(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Turn the text of `-a` arguments into what the constructor takes."""
        seeds = arguments.pop("seeds", "")
        return arguments | {"seeds": tuple(seed.strip() for seed in seeds.split(",") if seed.strip())}

    async def start(self) -> AsyncIterator[Any]:
        """Yield the seeds."""
        for url in self.seeds:
            yield self.build_request(url)

    def post_options_for(self, name: str) -> PostOptions:
        """Return how posts of a source are named and footed; a collection may hold those of others, too."""
        if name in ("", self.source.name):
            return self.source.post
        other = self._find_definition(name)
        return other.post if other else self.source.post

    @cached_property
    def _find_definition(self) -> Callable[[str], Source | None]:
        held = Collection.open(Path(self.settings["DATA_DIR"]), self.settings["COLLECTION"])
        return find_definitions(held)

    def parse(self, response: Response, **kwargs: Any) -> Iterator[_Output]:  # noqa: ARG002 (Scrapy's signature)
        """Read one page by what its address, and where that tells nothing its content, says it is."""
        kind, identifier = self.judge(response)
        content_type = response.headers.get(b"Content-Type") or b""
        document = judge_document(response.body, content_type) if kind in _UNTOLD else LinkKind.OTHER
        if document is not LinkKind.OTHER:
            self.count(f"pages/{document}")
            is_feed = document is LinkKind.FEED
            yield from read_feed_document(self, response) if is_feed else read_sitemap_document(self, response)
            return
        if kind is LinkKind.OTHER and _NO_PAGE.match(content_type):
            self.count("pages/not_html")
            return
        page = Page(self.decode(response), response.url)
        if kind in (LinkKind.OTHER, LinkKind.CATEGORY) and page.data is not None:
            kind = LinkKind.LISTING
        if is_article_found(self.source, page, kind):
            yield from self.parse_found(response, page)
            return
        self.count(f"pages/{kind}")
        if kind is LinkKind.LISTING:
            yield from self.parse_listing(response, page)
        elif kind is LinkKind.TEXT:
            yield from self.parse_text(response, page, identifier)
        elif kind is LinkKind.SHARE:
            yield from self.follow_text(response.url)
        else:
            yield from self.parse_page(response, page, kind, identifier)

    def judge(self, response: Response) -> tuple[LinkKind, str]:
        """Return kind and id of a response; a redirect's first address speaks where its last says nothing."""
        for url in (response.url, *reversed(response.meta.get("redirect_urls", ()))):
            kind, identifier = self.source.find_kind(url), self.source.find_identifier(url)
            if kind is not LinkKind.OTHER:
                return kind, identifier
        return LinkKind.OTHER, ""

    def decode(self, response: Response) -> str:
        """Return the text of a response, whatever it declares itself to be."""
        content_type = response.headers.get(b"Content-Type") or b""
        return decode_page(response.body, content_type=content_type, language=self.source.post.language)

    def parse_page(self, response: Response, page: Page, kind: LinkKind, identifier: str) -> Iterator[_Output]:
        """Follow a page's links and, where it is an article, yield what it states."""
        if page.root is None:
            self.count("pages/not_html")
            self.logger.warning("%s holds no HTML; nothing was read from it", response.url)
            return
        links = list(iter_element_links(page.root, response.url))
        if kind is LinkKind.ARTICLE:
            identifier = identifier or self.source.identify(response.url)
            share_links = [url for url in links if self.source.find_kind(url) is LinkKind.SHARE]
            own = [url for url in share_links if self.source.find_identifier(url) == identifier]
            share_link = own[0] if own else ""
            post = self.build_post(response, page, kind, identifier=identifier, share_link=share_link)
            post.url = response.url
            text_link = share_link or self.find_known_share(identifier)
            is_read = self.is_unchanged(response) and self.is_text_archived(text_link)
            yield post if is_read else self.wait(post, Origin.TEXT, self.source.find_text_url(text_link))
            links = [url for url in links if url not in share_links] + ([] if is_read else [text_link])
            yield from request_page_requisites(self, response, page.root)
        depth = int(response.meta.get("depth", 0))
        is_walked_on = self.is_worth_walking_on(response, links)
        for url in filter(None, links):
            if (is_walked_on or self.source.find_kind(url) is not LinkKind.NEXT_PAGE) and self.is_nearest(url, depth):
                yield from self.follow(url)

    def parse_found(self, response: Response, page: Page) -> Iterator[_Output]:
        """Yield what an article states that no rule names."""
        yield from read_found_article(self, response, page)
        yield from request_page_requisites(self, response, page.root)

    def parse_requisite(self, response: Response) -> Iterator[Request]:
        """Let what a page needs be; a style sheet needs more."""
        self.count("requisites/captured")
        yield from request_style_requisites(self, response)

    def miss_requisite(self, failure: Failure) -> None:
        """Count a requisite that cannot be had."""
        self.count("requisites/failed")
        self.logger.debug("a requisite could not be had: %s", failure.getErrorMessage())

    def follow_found(self, link: FoundLink, response: Response | None = None) -> Iterator[Request]:  # noqa: ARG002
        """Yield the request for a link that something else than a page's text names; `response` is where it stood."""
        yield from self.follow(link.url)

    def parse_listing(self, response: Response, page: Page) -> Iterator[_Output]:
        """Yield what a listing states of each article, and follow each to its share link."""
        parser = self.source.find_parser(LinkKind.LISTING, self.captured_at(response))
        if parser is None or parser.records is None:
            self.logger.warning("%s is JSON, and source %s reads no listings", response.url, self.source.name)
            return
        for record in parser.iter_records(page):
            reading = self.read(response, record, LinkKind.LISTING)
            identifier = reading.find_first("identifier").strip()
            if not identifier:
                self.count("listing/no_identifier")
                continue
            share_link = self.source.share.url.replace("{id}", identifier)
            capture = response.meta.get(META_CAPTURE)
            post = build_post(
                self.source, reading, LinkKind.LISTING, identifier=identifier, share_link=share_link, capture=capture
            )
            if self.is_text_archived(share_link):
                yield post
                continue
            yield self.wait(post, Origin.TEXT, self.source.find_text_url(share_link))
            yield from self.follow(share_link)

    def parse_text(self, response: Response, page: Page, identifier: str) -> Iterator[_Output]:
        """Yield the text that a share link stands for."""
        share_link = self.source.share.url.replace("{id}", identifier)
        post = self.build_post(response, page, LinkKind.TEXT, identifier=identifier, share_link=share_link)
        if not post.articleBody_found:
            self.count("text/not_served")
            self.logger.warning("%s holds no text: the id is not served", response.url)
        article_url = "" if post.headline_found else self.find_article_url(post)
        yield self.wait(post, Origin.ARTICLE, article_url)
        if article_url and self.source.admits(article_url):
            yield self.build_request(article_url, is_awaited=True)

    def wait(self, post: Post, origin: Origin, url: str) -> Post:
        """Have a post wait for the page at `url`, unless there is none or it may not be fetched."""
        if url and self.source.admits(url) and (origin is Origin.ARTICLE or LinkKind.TEXT in self.follows):
            post.waits_for = origin
        return post

    @property
    def memory(self) -> RevalidateMiddleware | None:
        """What remembers earlier runs, or None where nothing does.

        It decides which links are worth following, never what a page states.
        """
        return self.crawler.get_downloader_middleware(RevalidateMiddleware)

    def is_unchanged(self, response: Response) -> bool:
        """Tell whether a response is an earlier capture that the publisher confirmed."""
        return FLAG_UNCHANGED in response.flags

    def is_text_archived(self, share_link: str) -> bool:
        """Tell whether an earlier run has the text behind a share link."""
        url = self.source.find_text_url(share_link) if share_link else ""
        return bool(url) and self.memory is not None and self.memory.is_archived(url)

    def find_known_share(self, identifier: str) -> str:
        """Return the share link of an article whose page has none, if an earlier run found a text behind it."""
        share_link = self.source.share.url.replace("{id}", identifier)
        return share_link if self.is_text_archived(share_link) else ""

    def is_worth_walking_on(self, response: Response, links: list[str]) -> bool:
        """Tell whether the next page of a listing may hold something new: whether this one does."""
        memory = self.memory
        if memory is None:
            return True
        articles = [url for url in links if self.source.find_kind(url) is LinkKind.ARTICLE]
        is_new = not articles or any(not memory.is_archived(url) for url in articles)
        return is_new and not (self.is_unchanged(response) and articles)

    def is_nearest(self, url: str, depth: int) -> bool:
        """Tell whether a link is on no page read before that is as near to the seeds, as far as is remembered.

        Scrapy would refuse to ask twice as well, but most links of most pages are met again on every page, and a
        request that is built, walked through all middlewares and then dropped costs more than the page's text.
        """
        if self._depths.get(url, depth + 1) <= depth:
            return False
        if len(self._depths) >= _REMEMBERED_LINKS:
            self._depths.clear()
        self._depths[url] = depth
        return True

    def follow(self, url: str) -> Iterator[Request]:
        """Yield the request for a link of a kind that this spider follows."""
        kind = self.source.find_kind(url) if url else LinkKind.OTHER
        if kind not in self.follows or not self.source.admits(url):
            return
        if kind is LinkKind.ARTICLE and self.memory is not None and self.memory.is_settled(url):
            self.count("links/settled")
            return
        if kind is LinkKind.ARTICLE and self.memory is not None and self.memory.is_gone(url):
            self.count("links/gone")
            return
        self.count(f"links/followed/{kind}")
        yield self.build_request(url)

    def follow_text(self, share_url: str) -> Iterator[Request]:
        """Yield the request for the text behind a share link."""
        yield from self.follow(self.source.find_text_url(share_url))

    def build_request(self, url: str, *, dont_filter: bool = False, is_awaited: bool = False) -> Request:
        """Build a request; everything that its answer needs stands in the URL.

        Args:
            dont_filter: ask again even if this run has asked before.
            is_awaited: a post waits for the answer, so a failure must be reported to it.
        """
        kind = self.source.find_kind(url)
        is_awaited = is_awaited or kind is LinkKind.TEXT
        return Request(
            url,
            priority=_PRIORITY.get(kind, 0),
            dont_filter=dont_filter,
            errback=self.handle_failure,
            meta={META_AWAITED: True} if is_awaited else None,
        )

    def handle_failure(self, failure: Failure) -> Iterator[_Output]:
        """Let nobody wait for a page that will not come: its post is made of what there is."""
        request = failure.request  # type: ignore[attr-defined]
        url = (request.meta.get("redirect_urls") or [request.url])[0]
        kind, identifier = self.source.links.find_match(url)
        reason = find_reason(failure.value)
        self.count(f"pages/failed/{kind}")
        self.count(f"failures/{reason}")
        told = strip_url(request.url)  # without a password
        self.crawler.signals.send_catch_log(page_failed, url=told, kind=kind, reason=reason)
        self.logger.info("%s could not be read: %s", told, failure.getErrorMessage())
        if kind is LinkKind.SHARE:
            yield from self.follow_text(url)
        elif request.meta.get(META_AWAITED) and kind in ORIGINS:
            yield Post(source=self.source.name, identifier=identifier, origin=ORIGINS[kind])

    def build_post(
        self, response: Response, page: Page, kind: LinkKind, *, identifier: str, share_link: str = ""
    ) -> Post:
        """Build the post that one page states, all as found."""
        capture = response.meta.get(META_CAPTURE)
        reading = self.read(response, page, kind)
        return build_post(self.source, reading, kind, identifier=identifier, share_link=share_link, capture=capture)

    def read(self, response: Response, page: Page, kind: LinkKind) -> Reading:
        """Return what a page, or one entry of a listing, states of its article."""
        return read_page(self.source, page, kind, captured_at=self.captured_at(response))

    def find_article_url(self, post: Post) -> str:
        """Return the article's page, where the source can tell it from what is known of the post, or ''."""
        day = find_day(post.identifier, self.source.post)
        if not self.source.share.article_url or day is None or not post.publisher:
            return ""
        category = quote(self.source.post.build_category(post.publisher))
        parts = {
            "id": post.identifier,
            "category": category,
            "year": f"{day:%Y}",
            "month": f"{day:%m}",
            "day": f"{day:%d}",
        }
        return _PLACE.sub(lambda match: parts.get(match[1], match[0]), self.source.share.article_url)

    def captured_at(self, response: Response) -> datetime:
        """Return the instant of a response's capture; now, where nothing is captured."""
        ref: CaptureRef | None = response.meta.get(META_CAPTURE)
        return ref.captured_at if ref else datetime.now(UTC)

    def count(self, name: str) -> None:
        """Count an outcome under its name."""
        assert self.crawler.stats is not None
        self.crawler.stats.inc_value(name)


def place_source(settings: BaseSettings, source: Source, collection: str) -> None:
    """Set what follows from a source: the collection, and the politeness that it asks for."""
    if collection or (settings.getpriority("COLLECTION") or 0) <= SETTINGS_PRIORITIES["addon"]:
        place_collection(settings, collection or source.name, priority="spider")
    if source.politeness.delay is not None:
        settings.set("DOWNLOAD_DELAY", source.politeness.delay, priority="spider")
        if source.politeness.delay == 0:
            settings.set("AUTOTHROTTLE_ENABLED", False, priority="spider")
    if source.politeness.concurrency is not None:
        settings.set("CONCURRENT_REQUESTS_PER_DOMAIN", source.politeness.concurrency, priority="spider")
