"""What earlier runs captured, and so what this run need not ask for.

It decides which links are worth following, never what a page states. It knows no Scrapy and no network, so that a
simulated year (`benchmarks.year`) is decided by the same code as a crawl.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, Protocol

from archives.warc.records import quote_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from archives.index.cdxj import IndexEntry

_FIRST_PAUSE: Final = timedelta(hours=1)
# Of a list that changes now and then: from how many captures its pace is learned, and the bounds of a pause.
_FEW, _MANY = 4, 16
_SHORTEST_PAUSE: Final = timedelta(minutes=10)
_LONGEST_PAUSE: Final = timedelta(hours=6)


class Captures(Protocol):
    """The part of `archives.index.catalogue.CollectionIndex` that is needed."""

    def iter_captures(self, url: str, *, is_reverse: bool = False) -> Iterator[IndexEntry]:
        """Yield the captures of an address and of those with the same key, in the order of capture or back in time."""

    def find_nearest(self, url: str, *, is_exact: bool = False) -> IndexEntry | None:
        """Return the latest capture."""


class CaptureMemory:
    """What the captures of earlier runs say of an address.

    Args:
        settles_after: an article captured first so long ago is not expected to change.
        clock: seconds since the epoch.
    """

    def __init__(self, captures: Captures, *, settles_after: timedelta, clock: Callable[[], float] = time.time) -> None:
        self._captures = captures
        self._settles_after = settles_after
        self._clock = clock

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def is_archived(self, url: str) -> bool:
        """Return whether an earlier run has a good capture of an address; an error page is none."""
        return any(self._iter_exact(url))

    def find_spelling(self, url: str) -> str:
        """Return the address under which the latest good capture of a place was made, of all spellings of it, or ''."""
        if self.is_archived(url):
            return url
        return next((entry.url for entry in self._iter_good(url)), "")

    def was_archived(self, url: str, before: datetime) -> bool:
        """Return whether an address had a good capture before an instant."""
        return any(entry.captured_at < before for entry in self._iter_exact(url))

    def find_last_good(self, url: str) -> datetime | None:
        """Return when the last good capture of an address was made, or None."""
        return next((entry.captured_at for entry in self._iter_exact(url, is_reverse=True)), None)

    def is_settled(self, url: str) -> bool:
        """Return whether the first good capture of an article is so old that changes are no longer expected."""
        first = next(self._iter_good(url), None)
        return first is not None and self._now - first.captured_at > self._settles_after

    def is_changed(self, url: str, changed_at: datetime) -> bool:
        """Return whether an article is to be fetched again because its publisher says when it last changed.

        Some publishers say so of every article every day. Where the last fetch found the page as it was before, the
        next one waits as long as the page is known not to have changed.
        """
        good = list(self._iter_exact(url))
        if not good or changed_at <= good[-1].captured_at:
            return False
        was_unchanged = len(good) > 1 and good[-1].digest == good[-2].digest
        pause = good[-1].captured_at - good[0].captured_at
        return not was_unchanged or self._now - good[-1].captured_at >= pause

    def is_due(self, url: str) -> bool:
        """Return whether a list may have changed: half the average time between its changes has passed.

        The archive shows how often it changed between the last captures. A pause is at most six hours, and a list of
        which little is known, or that changes within minutes, is always due.
        """
        latest = list(islice(self._iter_exact(url, is_reverse=True), _MANY))
        if len(latest) < _FEW:
            return True
        changes = sum(later.digest != earlier.digest for later, earlier in pairwise(latest))
        pause = (latest[0].captured_at - latest[-1].captured_at) / (2 * max(1, changes))
        is_short = pause < _SHORTEST_PAUSE
        return is_short or self._now - latest[0].captured_at >= min(pause, _LONGEST_PAUSE)

    def is_gone(self, url: str) -> bool:
        """Return whether an article was not there when it was last asked for, and asking again can wait.

        410 is said for good. 404 may be said of what is announced too early, so it is requested again, each time after
        twice as long as before, until it is settled.

        Spec: RFC 9110 §15.5.5 (404), §15.5.11 (410).
        """
        last = self._captures.find_nearest(url, is_exact=True)
        if last is None or last.status not in (404, 410):
            return False
        first = next(iter(self._captures.iter_captures(url)), last)
        pause = max(_FIRST_PAUSE, last.captured_at - first.captured_at)
        return last.status == 410 or self._now - last.captured_at < pause

    def _iter_exact(self, url: str, *, is_reverse: bool = False) -> Iterator[IndexEntry]:
        """Yield the good captures of an address, in the order of capture or back in time."""
        quoted = quote_uri(url)
        return (entry for entry in self._iter_good(url, is_reverse=is_reverse) if entry.url == quoted)

    def _iter_good(self, url: str, *, is_reverse: bool = False) -> Iterator[IndexEntry]:
        """Yield the good captures of an address and of those with the same key."""
        entries = self._captures.iter_captures(url, is_reverse=is_reverse)
        return (entry for entry in entries if entry.status is not None and entry.status < 400)
