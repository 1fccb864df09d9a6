"""The addresses of the viewer itself: which path is a memento, a TimeGate, a TimeMap, a calendar.

Spec: RFC 7089 §4. The paths have the form of those of the Wayback Machine and pywb, so that other tools can use them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from archives.replay.rewriting.links import normalise_dots
from archives.warc.records import quote_uri

_PATH: Final = re.compile(r"/([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?:/(.*))?", re.DOTALL)
_MEMENTO: Final = re.compile(r"([0-9]{4,17})([a-z]{2}_|txt_)?/(.+)", re.DOTALL)
_TIMEMAP: Final = re.compile(r"timemap/(link|json)/(.+)", re.DOTALL)
_CALENDAR: Final = re.compile(r"([0-9]{4}|[0-9]{8}|)\*/(.+)", re.DOTALL)
_SCHEME: Final = re.compile(r"(?i)([a-z][a-z0-9+.-]*):(/{0,2})(?=[^/])")
RAW: Final = "id_"


class Kind(StrEnum):
    """Kinds of paths."""

    COLLECTION = "collection"
    MEMENTO = "memento"
    TIMEGATE = "timegate"
    TIMEMAP = "timemap"
    CALENDAR = "calendar"
    CDX = "cdx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A parsed path of a collection.

    Attributes:
        stamp: the digits of a memento as received; of a calendar the year or day.
        modifier: `id_`, `mp_` and their like; empty for a page with its banner.
        form: of a TimeMap: `link` or `json`.
    """

    kind: Kind
    collection: str
    url: str = ""
    stamp: str = ""
    modifier: str = ""
    form: str = ""


def find_place(target: str) -> Place | None:
    """Return what a request asks for; None if it is not a path of a collection."""
    path, mark, query = target.partition("?")
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    name, rest = match[1], match[2] or ""
    if rest in {"", "cdx"}:
        return Place(kind=Kind.CDX if rest else Kind.COLLECTION, collection=name)
    return _find_inner(name, rest + mark + query)


def _find_inner(name: str, rest: str) -> Place:
    if found := _MEMENTO.fullmatch(rest):
        stamp, modifier, url = found.groups()
        kind = Kind.MEMENTO
        return Place(kind=kind, collection=name, stamp=stamp, modifier=modifier or "", url=complete_url(url))
    if found := _TIMEMAP.fullmatch(rest):
        return Place(kind=Kind.TIMEMAP, collection=name, form=found[1], url=complete_url(found[2]))
    if found := _CALENDAR.fullmatch(rest):
        return Place(kind=Kind.CALENDAR, collection=name, stamp=found[1], url=complete_url(found[2]))
    return Place(kind=Kind.TIMEGATE, collection=name, url=complete_url(rest.removeprefix("timegate/")))


def complete_url(url: str) -> str:
    """Complete an address as people type it, or whose slashes a proxy has merged."""
    scheme = _SCHEME.match(url)
    if scheme is None or re.match(r"[^/]*\.[^/]*:[0-9]|localhost:", url):
        return normalise_dots(quote_uri("http://" + url.lstrip("/")))
    if scheme[1].lower() in {"http", "https"}:
        url = f"{scheme[1].lower()}://{url[scheme.end() :]}"
        return normalise_dots(quote_uri(url))
    return quote_uri(url)


def build_path(collection: str, url: str, *, stamp: str = "", modifier: str = "") -> str:
    """Return the path of a memento; without a stamp, of the TimeGate."""
    return f"/{collection}/{stamp}{modifier}/{url}" if stamp else f"/{collection}/{url}"


def build_calendar_path(collection: str, url: str, span: str = "") -> str:
    """Return the path of the calendar of an address; `span` is a year (4 digits) or a day (8)."""
    return f"/{collection}/{span}*/{url}"


def build_prefix_path(collection: str, prefix: str, page: int) -> str:
    """Return the path of a page of the addresses that begin alike; the first is also their calendar's path."""
    return f"/{collection}/?{urlencode({'prefix': prefix, 'page': page})}"


def build_timemap_path(collection: str, url: str, form: str = "link") -> str:
    """Return the path of a TimeMap."""
    return f"/{collection}/timemap/{form}/{url}"


def build_cdx_path(collection: str, url: str) -> str:
    """Return the path of the index lines of an address."""
    quoted = url.replace("%", "%25").replace("&", "%26").replace("#", "%23").replace("+", "%2B")
    return f"/{collection}/cdx?url={quoted}"
