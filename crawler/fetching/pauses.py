"""Pauses hosts that ask for it (429, 503); their requests wait in the frontier.

A request that is answered 429 or 503 with Retry-After goes back to the frontier, where it survives a crash as any other
does, and nothing is asked of the host until its time has come. The frontier also keeps the pauses, so that the next run
waits for what is left of them. A host that refuses without a time is given pauses that
double with each refusal.

Spec: RFC 9110 §10.2.3 (Retry-After), §15.6.4 (503); RFC 6585 §4 (429).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

META_PAUSES: Final = "pauses"
META_WAITS: Final = "waits"
META_PUT_OFF: Final = "put_off"
_STATUSES: Final = frozenset({429, 503})
_MOST_PAUSES: Final = 5
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_SECONDS: Final = re.compile(r"\+?([0-9]+(?:\.[0-9]*)?)\s*(?:s|secs?|seconds?)?", re.IGNORECASE)
_FIRST_UNIX_TIME: Final = 1_500_000_000
_LAST_UNIX_TIME: Final = 5_000_000_000
_MOST_SECONDS: Final = 999_999_999.0


@dataclass(slots=True)
class _Rest:
    until: float = 0.0
    refusals: int = 0


class HostPauses:
    """Until when each host rests. An extension, because frontier and middleware share it.

    `RETRY_AFTER_MAX` bounds a pause, in seconds; a host that wants a longer one is asked again after it.

    Stats: `pauses/count`, `pauses/requests` that waited for one, `pauses/given_up`, `pauses/resumed`.
    """

    def __init__(self, crawler: Crawler, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._most_s = crawler.settings.getfloat("RETRY_AFTER_MAX")
        self._stats = crawler.stats
        self._hosts: dict[str, _Rest] = {}
        self._keep: Callable[[str, float], None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the extension for one run."""
        return cls(crawler)

    def resume(self, pauses: Mapping[str, float], keep: Callable[[str, float], None]) -> None:
        """Go on with the pauses that were not over when an earlier run ended.

        Args:
            pauses: host to the seconds that are left.
            keep: is called with each new pause of this run, as host and seconds.
        """
        self._keep = keep
        now = self._clock()
        for host, left_s in pauses.items():
            self._hosts[host] = _Rest(until=now + min(left_s, self._most_s), refusals=1)
        if pauses:
            self._stats.inc_value("pauses/resumed", len(pauses))
            logger.info("Still left alone, as they asked an earlier run: %s", ", ".join(sorted(pauses)))

    def find_left(self, host: str) -> float:
        """Return the seconds for which a host is still to be left alone; 0 if it may be asked."""
        rest = self._hosts.get(host)
        return max(0.0, rest.until - self._clock()) if rest is not None else 0.0

    def note(self, host: str, response: Response) -> None:
        """Note what a host answers, as soon as it does: the next request may be on its way already."""
        if response.status in _STATUSES:
            self.refuse(host, parse_retry_after(response.headers.get(b"Retry-After") or b""))
        elif response.status < 400:
            self.welcome(host)

    def refuse(self, host: str, wanted_s: float | None) -> None:
        """Note that a host has refused.

        Args:
            wanted_s: the pause it asks for; None if it says nothing.
        """
        rest = self._hosts.setdefault(host, _Rest())
        now = self._clock()
        is_new = rest.until <= now  # what was under way when the pause began is not a further refusal
        if is_new:
            rest.refusals += 1
            self._stats.inc_value("pauses/count")
        growing_s = min(_FIRST_PAUSE_S * 2 ** (rest.refusals - 1), _LONGEST_PAUSE_S)
        left_s = growing_s if wanted_s is None else min(wanted_s, self._most_s)
        if rest.until < now + left_s:
            rest.until = now + left_s
            if self._keep is not None:
                self._keep(host, left_s)
        if is_new:
            logger.info("%s asks for a pause; it is left alone for a while", host)

    def welcome(self, host: str) -> None:
        """Note that a host has answered as it should."""
        rest = self._hosts.get(host)
        if rest is not None and not self.find_left(host):
            del self._hosts[host]


class PauseMiddleware:
    """Sends requests to resting hosts back to the frontier; the download handler notes which rest.

    Args:
        sleep: waits for a number of seconds, by the clock that `pauses` reads.
    """

    def __init__(
        self, crawler: Crawler, pauses: HostPauses, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._crawler = crawler
        self._pauses = pauses
        self._sleep = sleep

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run."""
        return cls(crawler, crawler.get_extension(HostPauses) or HostPauses(crawler))

    async def process_request(self, request: Request) -> Request | None:
        """Let a request pass, or put it off."""
        left = self._pauses.find_left(_find_host(request))
        was_put_off = request.meta.pop(META_PUT_OFF, False)
        if not left:
            return None
        self._crawler.stats.inc_value("pauses/requests")
        # Other schedulers than our frontier would hand it out again at once.
        if META_WAITS in request.meta or was_put_off:
            await self._sleep(left)
            return None
        return request.replace(dont_filter=True, meta=request.meta | {META_PUT_OFF: True})

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        """Make a request later that the host asks us to make later."""
        if response.status not in _STATUSES or parse_retry_after(response.headers.get(b"Retry-After") or b"") is None:
            return response
        times = request.meta.get(META_PAUSES, 0) + 1
        if times > _MOST_PAUSES:
            self._crawler.stats.inc_value("pauses/given_up")
            return response
        self._crawler.stats.inc_value("pauses/requests")
        return request.replace(dont_filter=True, meta=request.meta | {META_PAUSES: times})


def parse_retry_after(value: bytes, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After field asks for; None if it says nothing that can be read.

    Besides what the standard allows, seconds may have a fraction and a unit, and a date may be in ISO 8601 or a Unix
    time.

    Args:
        now: aware; of a date, the seconds from then on count.
    """
    text = value.decode("latin-1").strip()
    now = now or datetime.now(UTC)
    if number := _SECONDS.fullmatch(text):
        seconds = float(number[1])
        is_date = _FIRST_UNIX_TIME <= seconds < _LAST_UNIX_TIME
        return max(0.0, seconds - now.timestamp()) if is_date else min(seconds, _MOST_SECONDS)
    until = _parse_date(text)
    return max(0.0, (until - now).total_seconds()) if until is not None else None


def _parse_date(text: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):
            until = parse(text)
            return until if until.tzinfo else until.replace(tzinfo=UTC)
    return None


def _find_host(request: Request) -> str:
    return urlsplit(request.url).hostname or ""
