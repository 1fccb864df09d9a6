"""Asks a CDX server which captures of a site it has: that of a Wayback Machine, of pywb, or of Common Crawl.

Spec: https://github.com/internetarchive/wayback/tree/master/wayback-cdx-server (parameters, JSON, resumption key).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from archives.errors import BackfillError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date

_PAGE_LINES: Final = 5_000
# What servers call the same things.
_NAMES: Final = {"original": "url", "statuscode": "status", "mimetype": "mime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCapture:
    """One capture that a server lists.

    Attributes:
        timestamp: 14 digits.
        filename: of the WARC file that holds it, where the server says so.
    """

    url: str
    timestamp: str
    status: str = ""
    filename: str = ""
    offset: int = 0
    length: int = 0


def iter_latest(
    ask: Callable[[str], bytes], server: str, prefix: str, *, since: date | None = None
) -> Iterator[HeldCapture]:
    """Yield of each address that begins with `prefix` the latest capture that was answered 200.

    Args:
        ask: address to the body of its answer.
        server: address of the CDX server.

    Raises:
        BackfillError: the server's answer cannot be read.
    """
    latest: HeldCapture | None = None
    for held in _iter_captures(ask, server, prefix, since):
        if held.status != "200":
            continue
        if latest is not None and latest.url != held.url:
            yield latest
        latest = held
    if latest is not None:
        yield latest


def _iter_captures(ask: Callable[[str], bytes], server: str, prefix: str, since: date | None) -> Iterator[HeldCapture]:
    query = {"url": prefix, "matchType": "prefix", "output": "json"}
    if since is not None:
        query["from"] = f"{since:%Y%m%d}"
    limits = {"limit": str(_PAGE_LINES), "showResumeKey": "true"}
    resume = ""
    while True:
        page, key = _read_page(ask(_build_address(server, query | limits | ({"resumeKey": resume} if resume else {}))))
        if not key and not resume and len(page) >= _PAGE_LINES:  # a server without keys; it is asked for all at once
            page, _ = _read_page(ask(_build_address(server, query)))
        yield from page
        if not key or key == resume:
            return
        resume = key


def _build_address(server: str, query: dict[str, str]) -> str:
    return f"{server}{'&' if '?' in server else '?'}{urlencode(query)}"


def _read_page(body: bytes) -> tuple[list[HeldCapture], str]:
    """Return the captures of an answer and the key of the next page, or ''."""
    text = body.decode("utf-8", "replace").strip()
    try:
        if text.startswith("["):
            return _read_rows(json.loads(text))
        return _read_lines(text.splitlines())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        beginning = " ".join(text[:80].split())
        words = f"the CDX server answers what is not a list of captures ({beginning!r}); give the address of its API"
        raise BackfillError(words) from error


def _read_rows(rows: list[list[str]]) -> tuple[list[HeldCapture], str]:
    """Read a list of lists: names, captures, and the key behind an empty one."""
    names, key = (rows[0] if rows else []), ""
    if len(rows) > 2 and not rows[-2]:
        key = rows[-1][0]
        rows = rows[:-2]
    return [_build_held(dict(zip(names, row, strict=False))) for row in rows[1:] if row], key


def _read_lines(lines: Iterable[str]) -> tuple[list[HeldCapture], str]:
    """Read an object a line; the key stands alone on the last."""
    page, key = [], ""
    for line in lines:
        if line.startswith("{"):
            page.append(_build_held(json.loads(line)))
        elif line.strip():
            key = line.strip()
    if key and not page:
        raise ValueError(key)
    return page, key


def _build_held(fields: dict[str, Any]) -> HeldCapture:
    known = {_NAMES.get(name, name): str(value) for name, value in fields.items()}
    return HeldCapture(
        url=known["url"],
        timestamp=known["timestamp"],
        status=known.get("status", ""),
        filename=known.get("filename", ""),
        offset=_read_number(known.get("offset", "")),
        length=_read_number(known.get("length", "")),
    )


def _read_number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
