"""Finds the collection by its name and the capture by its address and time."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from archives.errors import CollectionError, NotArchived
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection, list_collections
from archives.urls import VIEW_PREFIX, format_timestamp
from archives.warc.records import quote_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archives.index.cdxj import IndexEntry

REFRESH_S: Final = 2.0
MAX_IDLE: Final = 16
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_STAMP: Final = re.compile(r"[0-9]{1,17}")
_LEAST: Final = "00000101000000000"
_ONE_MICRO: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """The span of time that a timestamp in an address covers."""

    first: datetime
    last: datetime


def parse_moment(digits: str) -> Moment:
    """Return the moment of 4 to 17 digits; missing digits take their lowest value.

    Raises:
        ValueError: there is no such moment.
    """
    if not _STAMP.fullmatch(digits) or len(digits) < 4:
        raise ValueError(f"not a timestamp: {digits!r}")
    if len(digits) % 2 and len(digits) < 15:
        digits += "1" if len(digits) in {5, 7} else "0"
    full = digits + _LEAST[len(digits) :]
    year, rest = int(full[:4]), [int(full[at : at + 2]) for at in range(4, 14, 2)]
    first = datetime(year, *rest, int(full[14:17]) * 1000, tzinfo=UTC)  # type: ignore[arg-type,misc]
    width = timedelta(milliseconds=1) if len(digits) > 14 else timedelta(seconds=1)
    return Moment(first, first + width - _ONE_MICRO)


def build_stamp(at: datetime, *, is_fine: bool = False) -> str:
    """Return 14 digits, or 17 where two captures share a second."""
    return format_timestamp(at) + (f"{at.microsecond // 1000:03}" if is_fine else "")


def find_memento(index: CollectionIndex, url: str, moment: Moment | None) -> IndexEntry | None:
    """Return the capture that a reader means: one within the moment, else the nearest; without a moment the latest.

    A redirect from one spelling of an address to another (http to https) has the key of its target and is passed over
    for a capture of the very address asked for, or a reader would go in circles.
    """
    if moment is not None:
        quoted = quote_uri(url)
        within = list(index.iter_captures(url, since=moment.first, until=moment.last))
        if within:
            return min(within, key=lambda entry: (entry.url != quoted, _is_moved(entry)))
    found = index.find_nearest(url, moment.first if moment else None)
    if found is None or found.url == quote_uri(url) or not _is_moved(found):
        return found
    return index.find_nearest(url, moment.first if moment else None, is_exact=True) or found


def find_unmoved(index: CollectionIndex, url: str, at: datetime) -> IndexEntry | None:
    """Return the capture nearest to `at` that is not a redirect."""
    after = next((e for e in index.iter_captures(url, since=at) if not _is_moved(e)), None)
    before = next((e for e in index.iter_captures(url, until=at, is_reverse=True) if not _is_moved(e)), None)
    found = [entry for entry in (before, after) if entry is not None]
    return min(found, key=lambda entry: abs(entry.captured_at - at), default=None)


def find_neighbours(index: CollectionIndex, entry: IndexEntry) -> tuple[IndexEntry | None, IndexEntry | None]:
    """Return the captures of the same address before and after one."""
    before = index.iter_captures(entry.url, until=entry.captured_at - _ONE_MICRO, is_reverse=True)
    after = index.iter_captures(entry.url, since=entry.captured_at + _ONE_MICRO)
    return next(before, None), next(after, None)


def find_screenshot(index: CollectionIndex, entry: IndexEntry) -> IndexEntry | None:
    """Return the screenshot taken of a page after this capture, and before it was fetched again; None without one."""
    picture = next(index.iter_captures(VIEW_PREFIX + entry.url, since=entry.captured_at), None)
    if picture is None:
        return None
    later = index.iter_captures(entry.url, since=entry.captured_at + _ONE_MICRO, until=picture.captured_at)
    # A document that the browser made of the response, such as the one shown, has no status.
    return None if any(other.status is not None for other in later) else picture


def _is_moved(entry: IndexEntry) -> bool:
    return entry.status in _REDIRECTS


class Library(Protocol):
    """The collections that a viewer shows."""

    def list_names(self) -> list[str]:
        """Return their names, sorted."""

    def find_collection(self, name: str) -> Collection | None:
        """Return the collection of a name; None if there is none."""


class Directory:
    """All collections of a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def list_names(self) -> list[str]:
        """Return the names of all collections, sorted."""
        return list_collections(self.data_dir)

    def find_collection(self, name: str) -> Collection | None:
        """Return one collection by its name."""
        try:
            return Collection.open(self.data_dir, name)
        except CollectionError:
            return None


class Single:
    """One collection, in any directory."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def list_names(self) -> list[str]:
        """Return its name."""
        return [self._collection.name]

    def find_collection(self, name: str) -> Collection | None:
        """Return the collection, if that is its name."""
        return self._collection if name == self._collection.name else None


class OpenIndexes:
    """The open indexes of a library: each serves one request at a time, and is refreshed every few seconds."""

    def __init__(self, library: Library, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.library = library
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: dict[Path, list[tuple[float, CollectionIndex]]] = {}

    @contextmanager
    def borrow(self, name: str) -> Iterator[CollectionIndex]:
        """Lend the index of a collection.

        Raises:
            NotArchived: there is no such collection.
        """
        collection = self.library.find_collection(name)
        if collection is None:
            raise NotArchived(f"There is no collection {name!r}. The front page lists all collections.")
        refreshed_at, index = self._take(collection)
        now = self._clock()
        if now - refreshed_at > REFRESH_S:
            index.refresh()
            refreshed_at = now
        try:
            yield index
        finally:
            self._put_back(collection, refreshed_at, index)

    def close(self) -> None:
        """Close every index that is not in use."""
        with self._lock:
            for idle in self._idle.values():
                for _, index in idle:
                    index.close()
            self._idle.clear()

    def _take(self, collection: Collection) -> tuple[float, CollectionIndex]:
        with self._lock:
            idle = self._idle.get(collection.path)
            if idle:
                return idle.pop()
        return float("-inf"), CollectionIndex(collection, for_readers=True)

    def _put_back(self, collection: Collection, refreshed_at: float, index: CollectionIndex) -> None:
        with self._lock:
            idle = self._idle.setdefault(collection.path, [])
            if len(idle) < MAX_IDLE:
                idle.append((refreshed_at, index))
                return
        index.close()
