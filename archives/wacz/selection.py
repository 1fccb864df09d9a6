"""Parses the options that select captures for a part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from archives.errors import CollectionError, RecordError
from archives.warc.reader import read_warcinfo

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection

_DIGITS: Final = (4, 6, 8, 10, 12, 14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is asked of a capture; a condition that is None asks nothing.

    Attributes:
        until: included.
        url: searched for in the address.
        is_of_source: asked last.
    """

    since: datetime | None = None
    until: datetime | None = None
    url: re.Pattern[str] | None = None
    is_of_source: Callable[[IndexEntry], bool] | None = None

    def __call__(self, entry: IndexEntry) -> bool:
        """Return whether a capture is meant."""
        if self.since is not None and entry.captured_at < self.since:
            return False
        if self.until is not None and entry.captured_at > self.until:
            return False
        if self.url is not None and self.url.search(entry.url) is None:
            return False
        return self.is_of_source is None or self.is_of_source(entry)


def add_part_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose captures."""
    parser.add_argument("--since", metavar="DATE", help="only captures from this day or timestamp (UTC) on")
    parser.add_argument("--until", metavar="DATE", help="only captures up to the end of this day, month or second")
    parser.add_argument("--source", metavar="NAME", help="only captures of this source")
    parser.add_argument("--url", metavar="PATTERN", help="only addresses in which this regular expression is found")


def build_selection(
    options: argparse.Namespace, find_owner: Callable[[str], Callable[[IndexEntry], bool]]
) -> Selection | None:
    """Return what the options ask; None if they ask nothing.

    Args:
        find_owner: given a source's name, what tells whether a capture is of that source.

    Raises:
        CollectionError: a date or a pattern is none.
    """
    if not any((options.since, options.until, options.source, options.url)):
        return None
    try:
        return Selection(
            since=parse_bound(options.since) if options.since else None,
            until=parse_bound(options.until, is_end=True) if options.until else None,
            url=re.compile(options.url) if options.url else None,
            is_of_source=find_owner(options.source) if options.source else None,
        )
    except (re.error, RecursionError, OverflowError) as error:
        raise CollectionError(f"--url {options.url!r} is not a regular expression: {error}") from error
    except ValueError as error:
        raise CollectionError(str(error)) from error


def find_files_of(collection: Collection, source: str) -> Callable[[IndexEntry], bool]:
    """Return what tells whether a capture is in a file whose warcinfo record names a source.

    Raises:
        CollectionError: no file does.
    """
    names = set()
    for warc in collection.iter_warcs():
        try:
            if read_warcinfo(warc).get("source") == source:
                names.add(warc.name)
        except RecordError:
            continue
    if not names:
        message = f"no file of {collection.name} says that it is of the source {source}"
        raise CollectionError(message, path=collection.path)
    return lambda entry: entry.filename in names


def parse_bound(text: str, *, is_end: bool = False) -> datetime:
    """The first instant of a year, month, day, hour, minute or second (UTC), or the last.

    Args:
        text: digits of a timestamp, or a date such as `2026-03-04`.

    Raises:
        ValueError: it is neither.
    """
    digits = re.sub(r"[-:TZ ]", "", text)
    if len(digits) not in _DIGITS or not digits.isdecimal() or not digits.isascii():
        raise ValueError(f"{text!r} is not a date such as 2026-03-04, nor a timestamp of 4 to 14 digits")
    parts = [int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, len(digits), 2))]
    year, month, day, hour, minute, second = [*parts, *(1, 1, 1, 0, 0, 0)[len(parts) :]]
    try:
        first = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return _find_end(first, len(parts)) if is_end else first
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not an instant ({error})") from error


def _find_end(first: datetime, parts: int) -> datetime:
    if parts == 1:
        beyond = first.replace(year=first.year + 1)
    elif parts == 2:
        beyond = (first + timedelta(days=32)).replace(day=1)
    else:
        beyond = first + timedelta(**{("days", "hours", "minutes", "seconds")[parts - 3]: 1})
    return beyond - timedelta(microseconds=1)
