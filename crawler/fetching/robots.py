"""robots.txt by RFC 9309: fetched once per host and run, with Crawl-delay up to a limit.

A host whose robots.txt cannot be fetched because its server fails gets no other request, for as long as the standard
says; then the rules that were archived last apply.

Spec: RFC 9309 §2.2 (the file), §2.3.1 (what an answer means), §2.4 (caching).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.misc import load_object

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.warc.content_codings import decode_body
from crawler.fetching.pauses import META_WAITS
from crawler.runs.run import META_CAPTURE, RunExtension

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

logger = logging.getLogger(__name__)

META_ROBOTS: Final = "robots"
_MOST_BYTES: Final = 500 * 1024
_MOST_REDIRECTS: Final = 5
_UNREACHABLE_FOR: Final = timedelta(days=30)
_DIGEST_LETTERS: Final = 16
_PRIORITY: Final = 1000
_LINE_END: Final = re.compile(rb"\r\n?|\n")
_AGENT: Final = re.compile(
    rb"^([ \t]*user-?[ \t]?agent[ \t]*:[ \t]*)(?:(\*)(?![^\s#])|([A-Za-z_-]+))?[^\n]*$", re.IGNORECASE | re.MULTILINE
)
# In place of other crawlers' names, since parsers look for a name anywhere within ours.
_OTHER: Final = b"!other"
_TOKEN: Final = re.compile(r"[A-Za-z_-]+")
_SITEMAP_LINE: Final = re.compile(rb"^[ \t]*sitemap[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a host's robots.txt comes to.

    Attributes:
        parser: None if everything is allowed.
        refusal: why nothing is, or empty.
        response: as it was fetched, with its capture in the request's meta; None if it was not.
    """

    parser: RobotParser | None = None
    refusal: str = ""
    response: Response | None = None


class RobotsMiddleware:
    """Refuses what robots.txt asks not to be requested.

    Stats: `robots/<host>`, `robotstxt/request_count`, `robotstxt/response_count`,
    `robotstxt/response_status_count/<status>`, `robotstxt/forbidden`, `robotstxt/unreachable`.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self._crawler = crawler
        agent = settings.get("ROBOTSTXT_USER_AGENT") or settings["USER_AGENT"]
        self._token = find_token(agent)
        self._parse = load_object(settings["ROBOTSTXT_PARSER"])
        self._most_delay_s = settings.getfloat("ROBOTSTXT_MAX_DELAY")
        self._least_delay_s = settings.getfloat("DOWNLOAD_DELAY")
        self._hosts: dict[str, asyncio.Task[Rules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run.

        Raises:
            NotConfigured: `ROBOTSTXT_OBEY` is off.
        """
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        return cls(crawler)

    async def process_request(self, request: Request) -> Response | None:
        """Let a request pass, or raise `IgnoreRequest`; a request for robots.txt is answered by what was fetched."""
        parts = urlsplit(request.url)
        if request.meta.get("dont_obey_robotstxt") or parts.scheme not in {"http", "https"}:
            return None
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._hosts:
            self._hosts[origin] = asyncio.ensure_future(self._fetch(origin))
        rules = await asyncio.shield(self._hosts[origin])
        if parts.path == "/robots.txt" and not parts.query and request.method == "GET":
            return self._answer(request, rules)
        if rules.refusal:
            self._crawler.stats.inc_value("robotstxt/forbidden")
            raise IgnoreRequest(f"{request.url} is not requested, because robots.txt of its host {rules.refusal}")
        if rules.parser is not None:
            self._check(request, rules.parser, parts.hostname or "")
        return None

    def _answer(self, request: Request, rules: Rules) -> Response | None:
        if rules.response is None:
            return None
        fetched = rules.response.request
        if fetched is not None and META_CAPTURE in fetched.meta:
            request.meta[META_CAPTURE] = fetched.meta[META_CAPTURE]
        return rules.response.replace(request=request)

    def _check(self, request: Request, parser: RobotParser, host: str) -> None:
        if not parser.allowed(request.url, self._token):
            self._crawler.stats.inc_value("robotstxt/forbidden")
            raise IgnoreRequest(f"{request.url} is forbidden by robots.txt")
        delay = parser.crawl_delay(self._token)
        if delay and self._most_delay_s:
            self._slow_down(request, host, max(self._least_delay_s, min(float(delay), self._most_delay_s)))

    def _slow_down(self, request: Request, host: str, delay_s: float) -> None:
        """Ask a host one thing after another, with the pause it wants; AutoThrottle might make that shorter."""
        request.meta["autothrottle_dont_adjust_delay"] = True
        assert self._crawler.engine is not None
        downloader = self._crawler.engine.downloader
        slot = downloader.slots.get(host)
        if slot is not None and slot.delay < delay_s:
            slot.delay, slot.jitter, slot.concurrency = delay_s, 0.0, 1
        if host not in downloader.per_slot_settings:
            logger.info("robots.txt of %s asks for %g s between requests; they are kept", host, delay_s)
            downloader.per_slot_settings[host] = {"delay": delay_s, "jitter": 0.0, "concurrency": 1}

    async def _fetch(self, origin: str) -> Rules:
        meta = {
            "dont_obey_robotstxt": True,
            META_ROBOTS: True,
            META_WAITS: True,
            "max_redirect_times": _MOST_REDIRECTS,
        }
        request = Request(f"{origin}/robots.txt", priority=_PRIORITY, meta=meta, callback=NO_CALLBACK)
        assert self._crawler.engine is not None
        stats, host = self._crawler.stats, urlsplit(origin).netloc
        stats.inc_value("robotstxt/request_count")
        try:
            response = await self._crawler.engine.download_async(request)
        except IgnoreRequest:
            return Rules()  # more redirects than are followed: it is not available
        except Exception as error:  # noqa: BLE001 - whatever the cause, it is unreachable
            stats.inc_value(f"robotstxt/exception_count/{type(error)}")
            return self._close(host, request.url, f"could not be fetched ({type(error).__name__})")
        stats.inc_value("robotstxt/response_count")
        stats.inc_value(f"robotstxt/response_status_count/{response.status}")
        digest = hashlib.sha256(response.body).hexdigest()[:_DIGEST_LETTERS]
        stats.set_value(f"robots/{host}", digest if response.status == 200 else str(response.status))
        if response.status >= 500 or response.status == 429:
            return self._close(host, request.url, f"answered {response.status}", response)
        if not 200 <= response.status < 300:
            return Rules(response=response)
        parser = self._build(response.body)
        await self._crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=parser, request=request
        )
        return Rules(parser=parser, response=response)

    def _build(self, body: bytes) -> RobotParser:
        parser: RobotParser = self._parse.from_crawler(self._crawler, normalise_robots(body, self._token))
        return parser

    def _close(self, host: str, url: str, why: str, response: Response | None = None) -> Rules:
        """Ask a host for nothing while its robots.txt cannot be fetched; after a month the last rules apply."""
        self._crawler.stats.inc_value("robotstxt/unreachable")
        since, body = self._find_archived(url)
        if since is not None and datetime.now(UTC) - since > _UNREACHABLE_FOR:
            logger.warning("robots.txt of %s %s, as it has since %s; its last known rules apply", host, why, since)
            return Rules(parser=self._build(body), response=response)
        logger.warning("robots.txt of %s %s; nothing else is requested from it, as RFC 9309 requires", host, why)
        return Rules(refusal=why, response=response)

    def _find_archived(self, url: str) -> tuple[datetime | None, bytes]:
        """Return since when an address has failed without a break, and what it gave before."""
        run = self._crawler.get_extension(RunExtension)
        if run is None:
            return None, b""
        since, body = None, b""
        index = CollectionIndex(run.collection)
        try:
            for entry in index.iter_captures(url):
                status = entry.status or 200  # a revisit of what was
                if status >= 500 or status == 429:
                    since = since or entry.captured_at
                    continue
                since = None
                capture = read_resolved(index, entry) if status == 200 else None
                codings = (capture.head.get(b"Content-Encoding") or b"").decode("latin-1") if capture else ""
                payload = capture.payload if capture else b""
                body = decode_body(payload, codings.split(","), max_bytes=_MOST_BYTES)
        except ArchiveError as error:
            logger.warning("What robots.txt said before cannot be read: %s", error)
        finally:
            index.close()
        return since, body


def list_sitemaps(body: bytes) -> list[str]:
    """Return the addresses that the `Sitemap:` lines of a robots.txt name, as written. Spec: RFC 9309 §2.2.4."""
    return [line.decode("latin-1") for line in _SITEMAP_LINE.findall(normalise_robots(body[:_MOST_BYTES]))]


def find_token(agent: str) -> str:
    """Return the product token of a User-Agent, whose contact address may hold another crawler's name."""
    token = _TOKEN.match(agent)
    return token[0] if token else agent


def normalise_robots(body: bytes, token: str = "") -> bytes:
    """Return a robots.txt with one kind of line end, no byte order mark, and of product tokens only ours and `*`.

    Args:
        token: our product token, which a group has to name whole, in any case.

    Spec: RFC 9309 §2.2 (EOL is CR, LF or both), §2.2.1 (a product token is letters, `_` and `-`), §2.5 (500 KiB).
    """

    def rewrite(line: re.Match[bytes]) -> bytes:
        named = line[2] or line[3] or b""
        return line[1] + (named if named == b"*" or named.decode().lower() == token.lower() else _OTHER)

    text = _LINE_END.sub(b"\n", body[:_MOST_BYTES].removeprefix(b"\xef\xbb\xbf"))
    return _AGENT.sub(rewrite, text)
