"""Opens pages in a browser if the source asks for it, and passes on the rendered document.

The document that the browser made is archived as a conversion of the response before anybody reads it, so posts are
read from the archive here as well, and reading it again needs no browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy import signals
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import HtmlResponse

from crawler.fetching.archived import FLAG_RENDERED, build_document
from crawler.fetching.relays import (
    META_RELAY,
    Relay,
    build_message,
    build_relayed,
    is_for_browser,
    is_relay_admitted,
)
from crawler.fetching.requisites import META_REQUISITE
from crawler.fetching.robots import META_ROBOTS
from crawler.rendering.actions import PageTooLarge, perform, read_document, take_screenshot
from crawler.rendering.browser import Browser, BrowserMissing, driver_error
from crawler.rendering.consent import ConsentCookies
from crawler.rendering.proxy import PageProxy
from crawler.runs.run import META_CAPTURE, RunExtension
from crawler.sessions.session import META_LOGIN, SourceSession
from pipelines.page.classes import PageClass
from pipelines.page.limits import PageRefused

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from crawler.sources import Source
    from crawler.sources.model import Render

logger = logging.getLogger(__name__)

_CLOSE_S: Final = 5.0
_ATTEMPTS: Final = 2
_SLOT_REQUESTS: Final = 6
_NO_PAGE: Final = frozenset((META_LOGIN, META_RELAY, META_REQUISITE, META_ROBOTS))


@dataclass(slots=True)
class _Visit:
    """What one page may still ask for, and has."""

    url: str
    response: Response
    requests_left: int
    bytes_left: int
    context: BrowserContext | None = None
    is_served: bool = False
    screenshot: bytes = b""
    actions: list[str] = field(default_factory=list)


class RenderMiddleware:
    """Renders pages, `RENDER_CONCURRENCY` at a time.

    Stats: `render/pages`, `render/failed/<why>` (`timeout`, `browser`, `too_large`), `render/browsers` started,
    `render/requests`, `render/refused/<why>` (`scope`, `bounds`, `failed`), `render/no_screenshot`,
    `render/consent_cookies` remembered.
    """

    def __init__(self, crawler: Crawler, source: Source, render: Render) -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._source = source
        self._render = render
        self._turn = asyncio.Semaphore(max(1, settings.getint("RENDER_CONCURRENCY")))
        memory_mb = settings.getint("RENDER_MEMORY_MB")
        flags = [f"--js-flags=--max-old-space-size={memory_mb}"] if memory_mb else []
        flags += settings.getlist("RENDER_FLAGS")
        self._browser = Browser(path=settings.get("RENDER_BROWSER") or "", arguments=flags)
        self._consent = ConsentCookies()
        self._is_missing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run.

        Raises:
            NotConfigured: the source renders no page, or nothing is captured.
        """
        source: Source | None = getattr(crawler.spider, "source", None)
        render = getattr(source, "render", None)
        if source is None or render is None or render.when == "never" or crawler.get_extension(RunExtension) is None:
            raise NotConfigured
        middleware = cls(crawler, source, render)
        crawler.signals.connect(middleware.close, signal=signals.spider_closed)
        return middleware

    async def close(self) -> None:
        """End the browser."""
        await self._browser.close()

    async def process_response(self, request: Request, response: Response) -> Response:
        """Pass a page on as a browser shows it, if it is one for the browser; else, or where that fails, as it came."""
        if self._is_missing or not self._is_wanted(request, response):
            return response
        async with self._turn:
            for attempt in range(_ATTEMPTS):
                try:
                    return await self._render_page(request, response)
                except BrowserMissing as error:
                    self._is_missing = True
                    logger.error("No page of source %s is rendered: %s", self._source.name, error)
                    break
                except TimeoutError:
                    self._fail("timeout", response.url, f"it took longer than {self._render.seconds} s")
                    break
                except PageTooLarge as error:
                    self._fail("too_large", response.url, str(error))
                    break
                except _BrowserFailed as error:
                    if attempt + 1 == _ATTEMPTS:
                        self._fail("browser", response.url, str(error))
        return response

    @property
    def _has_session(self) -> bool:
        return isinstance(getattr(self._crawler.spider, "session", None), SourceSession)

    def _fail(self, why: str, url: str, sentence: str) -> None:
        self._crawler.stats.inc_value(f"render/failed/{why}")
        logger.warning("%s is read as it was sent, because it could not be rendered: %s", url, sentence)

    def _is_wanted(self, request: Request, response: Response) -> bool:
        if not _NO_PAGE.isdisjoint(request.meta) or response.status != 200 or not isinstance(response, HtmlResponse):
            return False
        if not is_for_browser(self._source, response.url):
            return False
        return self._render.when == "always" or self._is_shell(response.replace(request=request))

    def _is_shell(self, response: Response) -> bool:
        from pipelines.reading.read import read  # noqa: PLC0415 (a project with the add-on may read no pages)

        try:
            reading = read(build_document(response), self._source, with_links=False, as_article=True)
        except PageRefused:
            return False
        return reading.page_class in (PageClass.SHELL, PageClass.EMPTY)

    async def _render_page(self, request: Request, response: Response) -> Response:
        browser = await self._browser.open()
        self._crawler.stats.set_value("render/browsers", self._browser.starts)
        visit = _Visit(response.url, response, self._render.max_requests, self._render.max_bytes)

        async def answer(method: str, url: str, headers: dict[str, list[str]], body: bytes) -> bytes:
            return await self._answer(visit, method, url, headers, body)

        async with PageProxy(answer, self._browser.authority) as proxy:
            try:
                async with asyncio.timeout(self._render.seconds):
                    await self._open_context(browser, proxy, visit)
                    html = await self._visit(proxy, visit)
            except driver_error() as error:
                if "Timeout" in type(error).__name__:
                    raise TimeoutError from error
                raise _BrowserFailed(str(error).splitlines()[0]) from error
            finally:
                await self._close_context(browser, visit)
        return self._keep(request, response, html, visit, browser.version)

    async def _open_context(self, browser: Any, proxy: PageProxy, visit: _Visit) -> None:
        visit.context = context = await browser.new_context(
            proxy={"server": f"http://127.0.0.1:{proxy.port}", "bypass": "<-loopback>"},
            user_agent=self._crawler.settings["USER_AGENT"],
            accept_downloads=False,
        )
        await self._consent.give_to(context)
        session = getattr(self._crawler.spider, "session", None)
        if isinstance(session, SourceSession):  # its cookies replace others of the same name
            await context.add_cookies([_describe_cookie(cookie) for cookie in session.iter_cookies()])

    async def _visit(self, proxy: PageProxy, visit: _Visit) -> str:
        assert visit.context is not None
        page = await visit.context.new_page()
        visit.context.on("page", lambda other: self._do_quietly(other.close()))
        page.on("dialog", lambda dialog: self._do_quietly(dialog.dismiss()))
        await page.goto(visit.url, wait_until="domcontentloaded", timeout=self._render.seconds * 1000)
        visit.actions = await perform(page, proxy, self._render, self._consent)
        self._crawler.stats.set_value("render/consent_cookies", len(self._consent))
        most = self._crawler.settings.getint("DOWNLOAD_MAXSIZE")
        if self._render.screenshot:
            visit.screenshot = await take_screenshot(page, max_bytes=most)
            if not visit.screenshot:
                self._crawler.stats.inc_value("render/no_screenshot")
        return await read_document(page, max_chars=most)

    async def _close_context(self, browser: Any, visit: _Visit) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                if visit.context is not None:
                    await visit.context.close()
        except Exception:  # noqa: BLE001 - a browser that cannot close a page is of no use
            await self._browser.give_up(browser)

    def _keep(self, request: Request, response: Response, html: str, visit: _Visit, version: str) -> Response:
        """Archive a document, and return it as a response whose capture it is."""
        run = self._crawler.get_extension(RunExtension)
        ref = request.meta.get(META_CAPTURE)
        assert run is not None
        body = html.encode("utf-8", "replace")
        session = getattr(self._crawler.spider, "session", None)
        if isinstance(session, SourceSession):
            body = session.secrets.mask(body)
        if ref is None:
            return response
        remarks = [("rendered-by", f"Chromium {version}"), *(("rendered-action", action) for action in visit.actions)]
        made = run.write_rendered(response.url, body, of=ref.record_id, at=datetime.now(UTC), remarks=remarks)
        if visit.screenshot:
            run.write_screenshot(response.url, visit.screenshot)
        request.meta[META_CAPTURE] = made
        self._crawler.stats.inc_value("render/pages")
        return HtmlResponse(
            response.url,
            headers={"Content-Type": "text/html; charset=utf-8"},
            body=body,
            encoding="utf-8",
            flags=[FLAG_RENDERED],
            request=request,
        )

    async def _answer(self, visit: _Visit, method: str, url: str, headers: dict[str, list[str]], body: bytes) -> bytes:
        """Return what the browser gets for a request: the page that we have, or what the web answers."""
        if method == "GET" and not visit.is_served and url == visit.url.partition("#")[0]:
            visit.is_served = True
            return _build_page(visit.response, with_cookies=not self._has_session)
        stats = self._crawler.stats
        if not is_relay_admitted(self._source, url):
            stats.inc_value("render/refused/scope")
            return build_message(403, [], b"")
        if visit.requests_left <= 0 or visit.bytes_left <= 0:
            stats.inc_value("render/refused/bounds")
            return build_message(503, [], b"")
        visit.requests_left -= 1
        stats.inc_value("render/requests")
        relay = Relay()
        request = build_relayed(method, url, headers, body, relay)
        self._open_slot(request.meta["download_slot"])
        engine = self._crawler.engine
        assert engine is not None
        try:
            await engine.download_async(request)
        except Exception as error:  # noqa: BLE001 - whatever kept it from being had, the page goes without
            stats.inc_value("render/refused/failed")
            logger.debug("%s is not fetched for the page %s: %s", url, visit.url, error)
            if not isinstance(error, IgnoreRequest):
                return build_message(502, [], b"")
            return build_message(403, [], b"")
        message = relay.build_message()
        visit.bytes_left -= len(message)
        return message or build_message(502, [], b"")

    def _do_quietly(self, work: Any) -> None:
        async def run() -> None:
            with contextlib.suppress(Exception):
                await work

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _open_slot(self, name: str) -> None:
        engine = self._crawler.engine
        assert engine is not None
        engine.downloader.per_slot_settings.setdefault(
            name, {"delay": 0.0, "jitter": 0.0, "concurrency": _SLOT_REQUESTS}
        )


class _BrowserFailed(Exception):
    """The browser died, or could not do what it was asked."""


def _build_page(response: Response, *, with_cookies: bool) -> bytes:
    """Return the page that we have as the browser gets it, its codings undone.

    Args:
        with_cookies: False if they are starred out; the browser has them already.
    """
    left_out = [b"content-encoding", b"content-length", b"transfer-encoding", b"connection"]
    left_out += [] if with_cookies else [b"set-cookie"]
    headers = [
        (name, value) for name, values in response.headers.items() if name.lower() not in left_out for value in values
    ]
    return build_message(response.status, headers, response.body)


def _describe_cookie(cookie: Any) -> Any:
    domain = cookie.domain.removesuffix(".local")
    return {
        "name": cookie.name,
        "value": cookie.value or "",
        "domain": domain,
        "path": cookie.path or "/",
        "secure": bool(cookie.secure),
    }
