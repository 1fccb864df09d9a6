"""The item of this project: a post, and where it came from.

A spider yields one `Post` for every capture that says something about an article: a listing gives a headline, a share
link's address gives a text. The stages normalise each, and the ledger merges those of one article into the post that
is written. Field names are schema.org's NewsArticle properties where it has them; a name that ends in `_found` holds
the text exactly as the capture gave it, beside what was made of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any


class Precision(StrEnum):
    """How much of an instant the publisher stated."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class Origin(StrEnum):
    """What kind of capture a post was read from."""

    TEXT = "text"
    ARTICLE = "article"
    LISTING = "listing"
    SHARE = "share"
    FEED = "feed"
    SITEMAP = "sitemap"
    FOREIGN = "foreign"


HEARSAY = frozenset((Origin.FEED, Origin.SITEMAP))
"""Captures that speak of articles without being of them: alone they make no post."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRef:
    """The capture a post was read from.

    Attributes:
        record_id: WARC-Record-ID with its angle brackets.
        captured_at: aware UTC instant the capture began.
        payload_digest: labelled, `sha1:BASE32`.
        file: name of the WARC file inside the collection's `archive/`.
        offset: bytes from the start of that file.
    """

    record_id: str
    captured_at: datetime
    payload_digest: str
    file: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Which capture gave a field.

    Attributes:
        origin: what kind of capture it was.
        captured_at: aware UTC instant the capture began.
        record_id: WARC-Record-ID, empty for an item that no capture stands behind.
        place: where on the page it was found, such as `source: h1` or `jsonld:headline`; empty where nobody says.
    """

    origin: Origin
    captured_at: datetime
    record_id: str
    place: str = ""


@dataclass(slots=True, kw_only=True, repr=False)
class Post:
    """One article, or the part of it that one capture states.

    Attributes:
        source: name of the source that it belongs to.
        identifier: the publisher's own id, or the article's canonical URL where it has none.
        url: address of the article for readers.
        headline: one line of text, never markup.
        datePublished: aware, or None; `datePublished_precision` says how much of it was stated.
        articleSection: names of the sections (the medium, for an aggregator) as the reader sees them.
        keywords: tags as the reader sees them.
        articleBody: sanitised HTML.
        symbols: securities that the body names, as `pipelines.names.symbols` writes them, sorted.
        shareLink: the publisher's share link, empty where it has none.
        capture: the capture that the body was read from, once the post is finished; before that, the one this part
        was
            read from.
        places: field name to the place on the page that gave it, until the evidence is attested.
        evidence: field name to the capture that gave it.
        waits_for: a kind of capture without which the post should not be written yet.
    """

    source: str = ""
    identifier: str = ""
    url: str = ""
    origin: Origin = Origin.FOREIGN
    headline: str = ""
    headline_found: str = ""
    datePublished: datetime | None = None
    datePublished_precision: Precision | None = None
    datePublished_found: str = ""
    dateModified: datetime | None = None
    dateModified_precision: Precision | None = None
    dateModified_found: str = ""
    articleSection: list[str] = field(default_factory=list)
    articleSection_found: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    keywords_found: list[str] = field(default_factory=list)
    articleBody: str = ""
    articleBody_found: str = ""
    author: list[str] = field(default_factory=list)
    publisher: str = ""
    inLanguage: str = ""
    symbols: list[str] = field(default_factory=list)
    shareLink: str = ""
    capture: CaptureRef | None = None
    places: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    waits_for: Origin | None = None

    def __repr__(self) -> str:
        return f"<Post {self.source}/{self.identifier} {self.headline or self.headline_found!r}>"

    @property
    def key(self) -> tuple[str, str]:
        """What makes two posts the same article."""
        return (self.source, self.identifier)


_NAMES = tuple(entry.name for entry in fields(Post))


def dump_post(post: Post) -> str:
    """Write a post as one line of JSON; instants become ISO 8601 text."""
    return json.dumps({name: getattr(post, name) for name in _NAMES}, ensure_ascii=False, default=_dump_value)


def load_post(text: str) -> Post:
    """Read what `dump_post` wrote."""
    values: dict[str, Any] = json.loads(text)
    values["origin"] = Origin(values["origin"])
    values["waits_for"] = Origin(values["waits_for"]) if values["waits_for"] else None
    for name in ("datePublished", "dateModified"):
        values[name] = _load_instant(values[name])
        precision = values[f"{name}_precision"]
        values[f"{name}_precision"] = Precision(precision) if precision else None
    if values["capture"]:
        values["capture"]["captured_at"] = _load_instant(values["capture"]["captured_at"])
        values["capture"] = CaptureRef(**values["capture"])
    values["evidence"] = {name: _load_evidence(entry) for name, entry in values["evidence"].items()}
    return Post(**values)


def _dump_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return {name: getattr(value, name) for name in value.__slots__}


def _load_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _load_evidence(entry: dict[str, str]) -> Evidence:
    return Evidence(
        origin=Origin(entry["origin"]),
        captured_at=datetime.fromisoformat(entry["captured_at"]),
        record_id=entry["record_id"],
        place=entry.get("place", ""),
    )
