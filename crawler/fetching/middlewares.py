"""Downloader middlewares: scope for requests, provenance for responses."""

from __future__ import annotations

import logging
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware, RedirectMiddleware
from scrapy.exceptions import IgnoreRequest

from archives.erasure.exclusions import Exclusions, load_exclusions
from crawler.environment import name_program
from crawler.fetching.archived import build_sent
from crawler.fetching.relays import META_RELAY, is_relay_admitted
from crawler.fetching.requisites import META_REQUISITE, is_requisite_admitted
from crawler.fetching.robots import META_ROBOTS
from crawler.runs.captures import REDIRECTS, has_page
from crawler.runs.erased import find_register
from crawler.runs.run import META_CAPTURE
from crawler.sessions.session import META_LOGIN
from pipelines.discovery.address_shapes import leads_to_front, measure_article
from pipelines.discovery.refreshes import find_refresh
from pipelines.page.classes import PageClass
from pipelines.rules.links import LinkKind
from pipelines.stages import adopt_item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from archives.erasure.register import Register

logger = logging.getLogger(__name__)

# Of a request for a sitemap that the robots.txt of a host in scope names, wherever it lies: the host that it is on.
# Spec: https://www.sitemaps.org/protocol.html#sitemaps_cross_submits
META_CROSS_SUBMIT = "cross_submit"


class ScopeMiddleware:
    """Refuses requests outside the scope of the spider's source, whether linked or redirected to.

    Nor is an address asked for that carries a name and a password: it would be in every record, log and post. What
    was erased from the collection is not requested again, and what is excluded is not requested at all.

    Stats: `links/out_of_scope`, `erased/not_asked`, `excluded/not_asked`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @cached_property
    def _excluded(self) -> Exclusions:
        return load_exclusions(Path(self._crawler.settings["DATA_DIR"] or "."))

    @cached_property
    def _erased(self) -> Register:
        return find_register(self._crawler.settings)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Let a request pass, or raise `IgnoreRequest`."""
        source = getattr(self._crawler.spider, "source", None)
        parts = urlsplit(request.url)
        if "@" in parts.netloc:
            self._crawler.stats.inc_value("links/out_of_scope")
            raise IgnoreRequest(f"an address at {parts.hostname} carries a name or a password, which are not sent")
        if self._erased.has_address(request.url):
            self._crawler.stats.inc_value("erased/not_asked")
            raise IgnoreRequest("what stands at this address was erased, and is not requested again")
        if self._excluded.excludes(request.url):
            self._crawler.stats.inc_value("excluded/not_asked")
            raise IgnoreRequest(f"{request.url} is excluded; '{name_program()} exclude' lists the patterns")
        if source is None or source.admits(request.url):
            return
        if request.meta.get(META_CROSS_SUBMIT) == parts.netloc or is_own_login(request):
            return
        # The standard has robots.txt followed wherever it is moved to.
        if META_ROBOTS in request.meta or (META_RELAY in request.meta and is_relay_admitted(source, request.url)):
            return
        if META_REQUISITE in request.meta and is_requisite_admitted(source, request.url):
            return
        self._crawler.stats.inc_value("links/out_of_scope")
        raise IgnoreRequest(f"{request.url} is outside the scope of source {source.name}")


def is_own_login(request: Request) -> bool:
    """Return whether a request is part of a log-in and goes to the host of the log-in, in as safe a way."""
    login = urlsplit(str(request.meta.get(META_LOGIN, "")))
    parts = urlsplit(request.url)
    return parts.netloc == login.netloc and parts.scheme in (login.scheme, "https")


class RedirectLoop(IgnoreRequest):
    """A redirect that leads back to an address on its own way, as a consent page does that waits for a cookie."""


class RedirectsMiddleware(RedirectMiddleware):
    """Scrapy's redirects, which would silently drop one that leads back to an address that was requested before.

    As in a browser, a redirect that names no address is a page, and so is a response with another status of 3xx. A
    redirect from an article to the front page is counted here: the front page, requested before, is not read again.

    Stats: `redirects/followed`, `captures/not_found`.
    """

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Follow a redirect.

        Raises:
            RedirectLoop: it leads back.
        """
        is_aimless = response.status in REDIRECTS and not (response.headers.get(b"Location") or b"").strip()
        if is_aimless or (response.status >= HTTPStatus.MULTIPLE_CHOICES and has_page(response.status)):
            request.meta["handle_httpstatus_list"] = [*request.meta.get("handle_httpstatus_list", ()), response.status]
            return response
        answer: Request | Response = super().process_response(request, response)
        if isinstance(answer, Request):
            if is_loop(answer):
                raise RedirectLoop(f"{request.url} redirects back to {answer.url}")
            self.crawler.stats.inc_value("redirects/followed")
            if is_for_machines(self.crawler.spider, request):
                answer.meta[META_CROSS_SUBMIT] = urlsplit(answer.url).netloc
            if leads_to_front(answer.url) and measure_article(request.url):
                self.crawler.stats.inc_value(f"captures/{PageClass.NOT_FOUND}")
            if "retry_times" in request.meta:  # only the request itself had to be repeated
                answer = answer.replace(dont_filter=False)
        return answer


def is_for_machines(spider: Any, request: Request) -> bool:
    """Return whether a request is believed to lead to a sitemap or a feed, which a site may keep on another host."""
    find_asked = getattr(spider, "find_asked", None)
    return find_asked is not None and find_asked(request) in (LinkKind.SITEMAP, LinkKind.FEED)


def is_loop(redirected: Request) -> bool:
    """Return whether a redirected request asks for an address that redirected to it."""
    way = {url.partition("#")[0] for url in redirected.meta.get("redirect_urls", ())}
    return redirected.url.partition("#")[0] in way


class RefreshMiddleware(MetaRefreshMiddleware):
    """Follows pages that send their readers on, by `Refresh` or by a meta, as a reparse does.

    Scrapy's reader knows few spellings, and decodes a whole page to look at its beginning. A page that refreshes to
    itself, as front pages do, is read as it is.
    """

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Follow what a page says."""
        target = "" if request.meta.get("dont_redirect") else find_refresh(build_sent(response))
        if not target:
            return response
        answer = self._redirect(self._redirect_request_using_get(request, response, target), request, "refresh")
        return response if is_loop(answer) else answer


class ProvenanceMiddleware:
    """Gives every item that a spider yields the reference of the capture that it was read from."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run."""
        return cls(crawler)

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass everything on, items as statements with their capture."""
        ref = response.meta.get(META_CAPTURE)
        async for output in result:
            statement = None if isinstance(output, Request) else adopt_item(output, self._crawler)
            if statement is not None and statement.capture is None:
                statement.capture = ref
            yield output if statement is None else statement
