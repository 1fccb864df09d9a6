"""The CDX server: index lines by address, time and property, for programs.

The parameters are those of the Wayback CDX server and pywb: `url` (with an optional `*` at either end),
`matchType`, `from`, `to`, `limit`, `sort`, `closest`, `filter`, `fl`, `output`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from archives.index.cdxj import dump_line, find_key
from archives.replay.http import Response, build_text
from archives.replay.lookup import Moment, parse_moment
from archives.replay.routes import complete_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry
    from archives.replay.http import Request

MAX_LINES: Final = 100_000
# A filter that matches nothing would otherwise read the index of a large collection to its end.
MAX_LOOKED_AT: Final = 2_000_000
_MATCHES: Final = ("exact", "prefix", "host", "domain")
_TEXT_FIELDS: Final = ("urlkey", "timestamp", "url", "mime", "status", "digest", "length", "offset", "filename")
_NAMES: Final = {"original": "url", "mimetype": "mime", "statuscode": "status"}
_MAX_PATTERN: Final = 200
_PLAIN_PATTERN: Final = re.compile(r"[\w./:|-]*(?:\.\*)?[\w./:|-]*")
_OPERATORS: Final = re.compile(r"(!?)([=~]?)([a-z_]+):(.*)", re.DOTALL)


class BadQuery(ValueError):
    """A query is malformed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query.

    Attributes:
        moments: the span, both ends included; None if it is open.
        closest: the moment around which captures are wanted, nearest first.
        filters: whether a line's fields pass.
    """

    url: str
    match: str = "exact"
    moments: tuple[Moment | None, Moment | None] = (None, None)
    closest: Moment | None = None
    is_reverse: bool = False
    limit: int = MAX_LINES
    filters: tuple[Filter, ...] = ()
    fields: tuple[str, ...] = ()
    output: str = "cdxj"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A condition on a field of a line."""

    name: str
    value: str
    is_negated: bool = False
    is_exact: bool = False
    pattern: re.Pattern[str] | None = None

    def passes(self, values: dict[str, str]) -> bool:
        """Return whether a line meets the condition."""
        found = values.get(self.name, "")
        if self.pattern is not None:
            holds = self.pattern.match(found) is not None
        else:
            holds = found == self.value if self.is_exact else self.value in found
        return holds != self.is_negated


def answer_query(index: CollectionIndex, request: Request) -> Response:
    """Return the lines that a request asks for."""
    query = parse_query(request.target.partition("?")[2])
    chosen = islice(_iter_chosen(index, query), query.limit)
    if query.output == "json":
        lines = [json.dumps(_choose(values, query.fields), ensure_ascii=False) for _, values in chosen]
        return build_text("".join(line + "\n" for line in lines), content_type="application/x-ndjson")
    if query.output == "text" or query.fields:
        names = query.fields or _TEXT_FIELDS
        return build_text("".join(" ".join(values.get(n, "-") for n in names) + "\n" for _, values in chosen))
    return build_text("".join(dump_line(entry) + "\n" for entry, _ in chosen), content_type="text/x-cdxj")


def parse_query(text: str) -> Query:
    """Parse the arguments of a query.

    Raises:
        BadQuery: an argument is malformed.
    """
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=50)
    given = dict(pairs)
    url, match = _parse_url(given.get("url", ""), given.get("matchType", "exact"))
    sort = given.get("sort", "")
    closest = _parse_moment(given.get("closest", "")) if given.get("closest") else None
    if sort == "closest" and closest is None:
        raise BadQuery("sort=closest needs closest=TIMESTAMP")
    limit = given.get("limit", "") or str(MAX_LINES)
    if not limit.isdecimal():
        raise BadQuery(f"limit must be a number: {limit[:20]!r}")
    output = given.get("output", "cdxj")
    if output not in {"cdxj", "json", "text"}:
        raise BadQuery("output must be cdxj, json or text")
    return Query(
        url=url,
        match=match,
        moments=(_parse_moment(given.get("from", "")), _parse_moment(given.get("to", ""), is_end=True)),
        closest=closest,
        is_reverse=sort == "reverse",
        limit=min(int(limit), MAX_LINES),
        filters=tuple(_parse_filter(value) for name, value in pairs if name == "filter"),
        fields=tuple(_NAMES.get(n, n) for n in (given.get("fl") or given.get("fields") or "").split(",") if n),
        output=output,
    )


def _parse_url(url: str, match: str) -> tuple[str, str]:
    if not url:
        raise BadQuery("url is missing; give an address, such as url=example.com/*")
    if match not in _MATCHES:
        raise BadQuery(f"matchType must be one of {', '.join(_MATCHES)}")
    if url.startswith("*."):
        return complete_url(url[2:]), "domain"
    if url.endswith("*"):
        return complete_url(url[:-1]), "prefix"
    return complete_url(url), match


def _parse_moment(digits: str, *, is_end: bool = False) -> Moment | None:
    if not digits:
        return None
    try:
        moment = parse_moment(digits)
    except ValueError as error:
        raise BadQuery(f"{digits[:20]!r} is not a timestamp of 4 to 17 digits") from error
    return Moment(moment.first, _find_end(digits, moment)) if is_end else moment


def _find_end(digits: str, moment: Moment) -> datetime:
    """Return the last instant of the year, month, day, hour or minute that the digits name."""
    first = moment.first
    if len(digits) < 6:
        beyond = first.replace(year=first.year + 1)
    elif len(digits) < 8:
        beyond = (first + timedelta(days=32)).replace(day=1)
    else:
        widths = {8: timedelta(days=1), 10: timedelta(hours=1), 12: timedelta(minutes=1)}
        beyond = first + widths.get(len(digits), moment.last - first + timedelta(microseconds=1))
    return beyond - timedelta(microseconds=1)


def _parse_filter(text: str) -> Filter:
    found = _OPERATORS.fullmatch(text)
    if found is None or len(text) > _MAX_PATTERN:
        raise BadQuery(f"filter {text[:40]!r} is not [!][=|~]FIELD:VALUE")
    negation, operator, name, value = found.groups()
    if operator == "~" and not _PLAIN_PATTERN.fullmatch(value):
        raise BadQuery("a ~ filter may contain only letters, digits, _ . / : | - and one .*")
    return Filter(
        name=_NAMES.get(name, name),
        value=value,
        is_negated=bool(negation),
        is_exact=operator == "=",
        pattern=re.compile(value) if operator == "~" else None,
    )


def _iter_chosen(index: CollectionIndex, query: Query) -> Iterator[tuple[IndexEntry, dict[str, str]]]:
    since, until = query.moments
    for entry in islice(_iter_entries(index, query), MAX_LOOKED_AT):
        if (since and entry.captured_at < since.first) or (until and entry.captured_at > until.last):
            continue
        values = build_values(entry)
        if all(condition.passes(values) for condition in query.filters):
            yield entry, values


def _iter_entries(index: CollectionIndex, query: Query) -> Iterable[IndexEntry]:
    if query.match == "exact":
        return _iter_exact(index, query)
    key = find_key(query.url)
    if query.match == "prefix":
        return index.iter_prefix(query.url)
    host = key.partition(")")[0]
    if query.match == "host":
        return index.iter_keys(f"{host})", f"{host}*")
    # Between the comma of a longer host and the bracket that ends this one there is nothing else.
    return merge(
        index.iter_keys(f"{host})", f"{host}*"),
        index.iter_keys(f"{host},", f"{host}-"),
        key=lambda entry: (entry.urlkey, entry.captured_at),
    )


def _iter_exact(index: CollectionIndex, query: Query) -> Iterable[IndexEntry]:
    if query.closest is not None:
        at = query.closest.first
        before = index.iter_captures(query.url, until=at, is_reverse=True)
        after = index.iter_captures(query.url, since=at + timedelta(microseconds=1))
        return merge(before, after, key=lambda entry: abs(entry.captured_at - at))
    since, until = query.moments
    return index.iter_captures(
        query.url,
        since=since.first if since else None,
        until=until.last if until else None,
        is_reverse=query.is_reverse,
    )


def build_values(entry: IndexEntry) -> dict[str, str]:
    """Return the fields of a line, as text."""
    return {
        "urlkey": entry.urlkey,
        "timestamp": entry.timestamp,
        "url": entry.url,
        "mime": entry.mime,
        "status": "-" if entry.status is None else str(entry.status),
        "digest": entry.digest,
        "length": str(entry.length),
        "offset": str(entry.offset),
        "filename": entry.filename,
        "record_id": entry.record_id,
    }


def _choose(values: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: values[name] for name in names if name in values} if names else values
