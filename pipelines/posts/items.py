"""The two items of this package: a statement (what one capture says about an article) and a post.

Field names are schema.org's NewsArticle properties where it has them; a name that ends in `_found` holds the text
exactly as the capture gave it, beside what was made of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

import msgspec

from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef


class Origin(StrEnum):
    """What kind of capture a statement was read from."""

    TEXT = "text"
    ARTICLE = "article"
    LISTING = "listing"
    SHARE = "share"
    FEED = "feed"
    SITEMAP = "sitemap"
    FOREIGN = "foreign"


ANNOUNCING = frozenset((Origin.FEED, Origin.SITEMAP))
"""Captures that name articles without being of them: alone they make no post."""

_NO_INSTANT = datetime.min.replace(tzinfo=UTC)
# The place of a date that nothing states: it is that of the first capture.
BY_CAPTURE: Final = "captured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Which capture gave a field.

    Attributes:
        origin: what kind of capture it was.
        captured_at: aware UTC instant the capture began.
        record_id: WARC-Record-ID, empty for an item that no capture stands behind.
        place: where on the page it was found, such as `source: h1` or `jsonld:headline`; empty if it is not known.
        agreeing: how many other witnesses on the page say the same.
        disagreeing: what the others say, each as `place: value`.
    """

    origin: Origin
    captured_at: datetime
    record_id: str
    place: str = ""
    agreeing: int = 0
    disagreeing: tuple[str, ...] = ()

    @property
    def confidence(self) -> str:
        """`high` where witnesses agree, `medium` where none does, `low` where one contradicts or no page states it."""
        if self.place == BY_CAPTURE:
            return "low"
        if self.disagreeing:
            return "medium" if self.agreeing else "low"
        return "high" if self.agreeing else "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A capture that was read as the article's and no longer looks like it: evidence without a voice.

    Attributes:
        record_id: WARC-Record-ID.
        captured_at: aware UTC instant the capture began.
        reason: `unlike`, `other_text`, `cut_short` or `garbled`, as `pipelines.posts.doubts` gives it.
    """

    record_id: str
    captured_at: datetime
    reason: str


@dataclass(slots=True, kw_only=True, repr=False)
class _Fields:
    """What a statement and a post have in common.

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
        shareLink: the publisher's share link, empty if it has none.
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
    author: list[str] = field(default_factory=list)
    publisher: str = ""
    inLanguage: str = ""
    symbols: list[str] = field(default_factory=list)
    shareLink: str = ""
    capture: CaptureRef | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.source}/{self.identifier} {self.headline or self.headline_found!r}>"

    @property
    def key(self) -> tuple[str, str]:
        """Source and identifier: what makes two statements, or two posts, of the same article."""
        return (self.source, self.identifier)


@dataclass(slots=True, kw_only=True, repr=False)
class Statement(_Fields):
    """What one capture says of one article.

    A page, an entry of a feed, a row of a listing each make one. Statements are read by `pipelines.read`, normalised by
    the item pipelines, kept by the ledger and settled into a post by `pipelines.settle`.

    Attributes:
        capture: the capture that it was read from; None for an item that no archive holds.
        captured_at: instant that relative dates count from, where it is known without `capture`.
        earliest: instant and record id of the first capture that says the same, where the ledger knows of several.
        articleBody_found: HTML of the body as found, until it is normalised.
        witnesses: field name to the place that gave it: `source: h1`, `jsonld:headline`, `meta:og:title`, `h1`.
        refused: field name to the reason for which what was found is not believed.
        agreeing: field name to how many other witnesses on the page say the same.
        disagreeing: field name to what the others say, each as `place: value`.
        is_normalised: every field has been made of what was found.
        waits_for: in a crawl, a kind of capture without which the post should not be written yet.
        is_silent: in a crawl, the answer of a capture that has nothing to say, or could not be made.
        template: fingerprint of the page's template; it is not part of what is said.
        read_at: id of the article at whose address the page was found, where the page says that it is another.
        passed_to: id of that other article, in what such a page says of the article at its own address.
        is_cut: the page has no end tag of its body, so that it may have been cut off.
    """

    captured_at: datetime | None = None
    earliest: tuple[datetime, str] | None = None
    articleBody_found: str = ""
    witnesses: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    agreeing: dict[str, int] = field(default_factory=dict)
    disagreeing: dict[str, list[str]] = field(default_factory=dict)
    is_normalised: bool = False
    waits_for: Origin | None = None
    is_silent: bool = False
    template: str = ""
    read_at: str = ""
    passed_to: str = ""
    is_cut: bool = False

    @property
    def at(self) -> datetime:
        """Instant of the capture; before all others where there is none."""
        return self.capture.captured_at if self.capture else _NO_INSTANT

    def find_claimed(self, name: str) -> str:
        """Return what the source's rule, or else the page, first claimed of a field, also where it had to give way."""
        refused = next((text for text in self.disagreeing.get(name, ()) if text.startswith("source: ")), "")
        return refused.partition(": ")[2].partition(": ")[2] or str(getattr(self, name) or "")


@dataclass(slots=True, kw_only=True, repr=False)
class Post(_Fields):
    """One article, settled from everything that was stated about it.

    Attributes:
        capture: the capture that the body was read from.
        evidence: field name to the capture that gave it.
        doubts: captures that no longer look like the article, the earliest first.
    """

    evidence: dict[str, Evidence] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)


# What belongs to a sighting or to a crawl, and not to what is said.
_NOT_SAID = frozenset(
    (
        "capture",
        "captured_at",
        "earliest",
        "articleBody_found",
        "is_normalised",
        "waits_for",
        "is_silent",
        "template",
        "evidence",
        "doubts",
    )
)
_DEFAULTS = {
    entry.name: entry.default_factory() if entry.default_factory is not MISSING else entry.default
    for entry in (*fields(Statement), *fields(Post))
}
_SAID = tuple(entry.name for entry in fields(Statement) if entry.name not in _NOT_SAID)
_POSTED = tuple(entry.name for entry in fields(Post) if entry.name not in _NOT_SAID)
_DATES = ("datePublished", "dateModified")
# JSON of a page may spell a lone surrogate, which no file can hold.
_SURROGATES = re.compile("[\ud800-\udfff]")


def dump_statement(statement: Statement) -> str:
    """Write what a normalised statement says as one line of JSON; equal statements give equal text.

    Which capture it was read from is not part of it. Fields that say nothing are left out.
    """
    return _dump(_list_values(statement, _SAID))


def digest_statement(text: str) -> bytes:
    """Return what two statements share that say the same, given what `dump_statement` wrote: 16 bytes."""
    return blake2b(text.encode(), digest_size=16).digest()


def load_statement(text: str, capture: CaptureRef | None) -> Statement:
    """Read what `dump_statement` wrote, as read from a capture."""
    try:
        statement = _decode_statement(text)
    except msgspec.DecodeError:
        statement = Statement(**_load_values(json.loads(text)))
    statement.capture, statement.is_normalised = capture, True
    return statement


def dump_post(post: Post) -> str:
    """Write a post as one line of JSON; instants become ISO 8601 text."""
    values = _list_values(post, _POSTED)
    if post.capture:
        values["capture"] = post.capture
    values["evidence"] = post.evidence
    if post.doubts:
        values["doubts"] = post.doubts
    return _dump(values)


def load_post(text: str) -> Post:
    """Read what `dump_post` wrote."""
    try:
        return _decode_post(text)
    except msgspec.DecodeError:
        return _load_old_post(text)


def _load_old_post(text: str) -> Post:
    values: dict[str, Any] = _load_values(json.loads(text))
    if values.get("capture"):
        values["capture"]["captured_at"] = datetime.fromisoformat(values["capture"]["captured_at"])
        values["capture"] = CaptureRef(**values["capture"])
    values["evidence"] = {name: _load_evidence(entry) for name, entry in values["evidence"].items()}
    values["doubts"] = [
        Doubt(**entry | {"captured_at": datetime.fromisoformat(entry["captured_at"])})
        for entry in values.get("doubts", ())
    ]
    return Post(**values)


def _list_values(item: _Fields, names: tuple[str, ...]) -> dict[str, Any]:
    values = ((name, getattr(item, name)) for name in names)
    return {name: value for name, value in values if value != _DEFAULTS[name]}


def _dump(values: dict[str, Any]) -> str:
    try:
        return _encode(values).decode()
    except UnicodeEncodeError:
        return _SURROGATES.sub(
            "\ufffd", json.dumps(values, ensure_ascii=False, default=_dump_value, separators=(",", ":"))
        )


def _load_values(values: dict[str, Any]) -> dict[str, Any]:
    if "origin" in values:
        values["origin"] = Origin(values["origin"])
    for name in _DATES:
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
            values[f"{name}_precision"] = Precision(values[f"{name}_precision"])
    return values


def _dump_text(value: Any) -> str:
    """Take a kind of text of its own for text, which a reader of the source's own may give, such as lxml's."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a value of a field")


_encode: Final = msgspec.json.Encoder(enc_hook=_dump_text).encode
# They accept standard forms only. Earlier versions also wrote lone surrogates and offsets with seconds.
_decode_statement: Final = msgspec.json.Decoder(Statement).decode
_decode_post: Final = msgspec.json.Decoder(Post).decode


def _dump_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return {name: getattr(value, name) for name in value.__slots__}


def _load_evidence(entry: dict[str, Any]) -> Evidence:
    return Evidence(
        origin=Origin(entry["origin"]),
        captured_at=datetime.fromisoformat(entry["captured_at"]),
        record_id=entry["record_id"],
        place=entry.get("place", ""),
        agreeing=entry.get("agreeing", 0),
        disagreeing=tuple(entry.get("disagreeing", ())),
    )
