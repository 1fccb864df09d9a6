"""The Memento protocol: headers and lists that give the times of captures.

Spec: RFC 7089 §2 (headers and link relations), §4.1 and §4.2 (TimeGate), §5 (TimeMap).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from email.utils import format_datetime, parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from archives.replay.http import Response, build_text
from archives.replay.lookup import build_stamp, find_neighbours
from archives.replay.routes import build_path, build_timemap_path
from archives.urls import format_warc_date

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry

MAX_MEMENTOS: Final = 100_000
_GMT: Final = re.compile(r"\s*\w{3},\s+\d{1,2}\s+\w{3}\s+\d{4}\s+\d{2}:\d{2}:\d{2}\s+GMT\s*", re.ASCII)


def format_http_date(at: datetime) -> str:
    """Return an instant as HTTP writes it."""
    return format_datetime(at.replace(microsecond=0), usegmt=True)


def parse_accept_datetime(value: str) -> datetime | None:
    """Return the instant of an Accept-Datetime header; None if it is empty.

    Raises:
        ValueError: it is not an HTTP date.

    Spec: RFC 7089 §2.1.1.
    """
    if not value.strip():
        return None
    if not _GMT.fullmatch(value):
        raise ValueError(f"not an HTTP date: {value[:80]!r}")
    return parsedate_to_datetime(value.strip())


class Names:
    """The absolute addresses under which one collection's captures are found.

    Args:
        origin: scheme, host and port.
    """

    def __init__(self, origin: str, collection: str) -> None:
        self._origin = origin
        self._collection = collection

    def build_memento(self, entry: IndexEntry, *, is_fine: bool = False) -> str:
        """Return the address of a memento (URI-M)."""
        stamp = build_stamp(entry.captured_at, is_fine=is_fine)
        return self._origin + build_path(self._collection, entry.url, stamp=stamp)

    def build_timegate(self, url: str) -> str:
        """Return the address of a TimeGate (URI-G)."""
        return self._origin + build_path(self._collection, url)

    def build_timemap(self, url: str, form: str = "link") -> str:
        """Return the address of a TimeMap (URI-T)."""
        return self._origin + build_timemap_path(self._collection, url, form)


def build_memento_headers(index: CollectionIndex, entry: IndexEntry, names: Names) -> tuple[tuple[str, str], ...]:
    """Return `Memento-Datetime` and `Link` of a memento: its original, TimeGate, TimeMap and neighbours in time."""
    before, after = find_neighbours(index, entry)
    links = [*_build_common_links(entry.url, names), _build_memento_link(entry, names, "memento")]
    if before is not None:
        links.append(_build_memento_link(before, names, "prev memento"))
    if after is not None:
        links.append(_build_memento_link(after, names, "next memento"))
    return (("Memento-Datetime", format_http_date(entry.captured_at)), ("Link", ", ".join(links)))


def build_timegate_headers(entry: IndexEntry, names: Names) -> tuple[tuple[str, str], ...]:
    """Return `Vary` and `Link` of a TimeGate's answer.

    Spec: RFC 7089 §4.1.1.
    """
    return (
        ("Vary", "accept-datetime"),
        ("Link", ", ".join([*_build_common_links(entry.url, names), _build_memento_link(entry, names, "memento")])),
    )


def build_timemap(index: CollectionIndex, url: str, names: Names, form: str) -> Response | None:
    """Return the list of all mementos of an address; None if there is none."""
    entries = list(islice(index.iter_captures(url), MAX_MEMENTOS))
    if not entries:
        return None
    if form == "json":
        return build_text(_dump_json(url, entries, names), content_type="application/json")
    first, final = (format_http_date(entry.captured_at) for entry in (entries[0], entries[-1]))
    span = f';from="{first}";until="{final}"'
    lines = [
        f'<{url}>;rel="original"',
        f'<{names.build_timemap(url)}>;rel="self";type="application/link-format"{span}',
        f'<{names.build_timegate(url)}>;rel="timegate"',
    ]
    last = len(entries) - 1
    for number, (entry, is_fine) in enumerate(_iter_distinct(entries)):
        relation = " ".join([*["first"] * (number == 0), *["last"] * (number == last), "memento"])
        lines.append(_build_memento_link(entry, names, relation, is_fine=is_fine))
    return build_text(",\n".join(lines) + "\n", content_type="application/link-format")


def _dump_json(url: str, entries: list[IndexEntry], names: Names) -> str:
    listed = [
        {"uri": names.build_memento(entry, is_fine=is_fine), "datetime": _format_second(entry.captured_at)}
        for entry, is_fine in _iter_distinct(entries)
    ]
    document = {
        "original_uri": url,
        "self": names.build_timemap(url, "json"),
        "timegate_uri": names.build_timegate(url),
        "timemap_uri": {"link_format": names.build_timemap(url), "json_format": names.build_timemap(url, "json")},
        "mementos": {"list": listed, "first": listed[0], "last": listed[-1]},
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _format_second(at: datetime) -> str:
    return format_warc_date(at)[:19] + "Z"


def _iter_distinct(entries: list[IndexEntry]) -> Iterable[tuple[IndexEntry, bool]]:
    """Return each capture, and whether another one shares its second."""
    seconds = Counter(entry.timestamp for entry in entries)
    return ((entry, seconds[entry.timestamp] > 1) for entry in entries)


def _build_common_links(url: str, names: Names) -> list[str]:
    return [
        f'<{url}>; rel="original"',
        f'<{names.build_timegate(url)}>; rel="timegate"',
        f'<{names.build_timemap(url)}>; rel="timemap"; type="application/link-format"',
    ]


def _build_memento_link(entry: IndexEntry, names: Names, relation: str, *, is_fine: bool = False) -> str:
    target = names.build_memento(entry, is_fine=is_fine)
    return f'<{target}>; rel="{relation}"; datetime="{format_http_date(entry.captured_at)}"'
