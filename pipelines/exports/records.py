"""The record of a post, which has the same fields in every format.

A post is what the stages refine; a record is what becomes of it: finished, dated in its source's zone, with its text
beside its markup and with the captures it was read from. Names are schema.org's NewsArticle properties where it has
them. `COLUMNS` is the one place that says which fields there are, of which kind and with which meaning: the tables are
made from it, and `docs/exports.md` is held to it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pipelines.dates.iso import fit_offset
from pipelines.dates.model import Precision
from pipelines.markup.sanitise import find_text
from pipelines.markup.schemes import complete_address, complete_addresses
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Doubt, Evidence, Post

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelines.posts.options import PostOptions

SCHEMA = "newsreel-post/2"


class RecordRefused(ValueError):
    """A record that no format can hold.

    Attributes:
        record_id: the record's `id`.
    """

    def __init__(self, message: str, *, record_id: str) -> None:
        super().__init__(message)
        self.record_id = record_id


class ChangeKind(StrEnum):
    """What happened to a post since a cursor.

    `gone` and `doubtful` are about the article at its publisher: the post is still there, and comes along.
    """

    NEW = "new"
    UPDATED = "updated"
    MOVED = "moved"
    DOUBTFUL = "doubtful"
    GONE = "gone"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"

    @property
    def is_removed(self) -> bool:
        """Whether there is no post any more, so that its copies are to be deleted."""
        return self in (ChangeKind.WITHDRAWN, ChangeKind.ERASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A post's place in the log of changes.

    Attributes:
        version: 1 for the post as it was first made; grows with every change of its content.
        cursor: where to continue after this change.
    """

    kind: ChangeKind
    version: int
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRecord:
    """One post, ready to be handed over.

    Attributes:
        datePublished: aware, in the source's zone; None only where the post is removed.
        articleBody: sanitised HTML.
        text: the same as plain text, a line for each block.
        file: name of the post file.
        contentHash: of everything that a reader sees; it changes when the post does, and not when it is merely
            captured again.
        capture: the capture that the body was read from.
        doubts: captures that no longer look like the article, the earliest first.
        change: what happened to it, in an export of changes.
    """

    collection: str
    source: str
    identifier: str
    url: str = ""
    headline: str = ""
    datePublished: datetime | None = None
    datePublished_precision: Precision | None = None
    dateModified: datetime | None = None
    dateModified_precision: Precision | None = None
    articleSection: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    articleBody: str = ""
    text: str = ""
    author: tuple[str, ...] = ()
    publisher: str = ""
    inLanguage: str = ""
    shareLink: str = ""
    symbols: tuple[str, ...] = ()
    file: str = ""
    contentHash: str = ""
    capture: CaptureRef | None = None
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    change: Change | None = None

    @property
    def id(self) -> str:
        """What no two posts of a collection share."""
        return build_id(self.source, self.identifier)

    @property
    def unique_id(self) -> str:
        """What no two posts of a data directory share: with the collection, unless that is named after the source."""
        return self.id if self.collection == self.source else f"{self.collection}:{self.id}"

    @property
    def key(self) -> tuple[str, str]:
        """Source and identifier."""
        return (self.source, self.identifier)

    @property
    def published_at(self) -> datetime | None:
        """The instant of publication in UTC, for sorting."""
        return self.datePublished.astimezone(UTC) if self.datePublished else None

    @property
    def is_removed(self) -> bool:
        """Whether there is no post any more: the record only says which it was."""
        return self.change is not None and self.change.kind.is_removed

    @property
    def is_gone(self) -> bool:
        """Whether its publisher has taken the article back, or it is removed here."""
        return self.is_removed or (self.change is not None and self.change.kind is ChangeKind.GONE)


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    LIST = "list of texts"
    DATE = "date with offset"
    INSTANT = "instant in UTC"
    INTEGER = "integer"
    OBJECT = "object"


class Column(NamedTuple):
    """One column of every table."""

    name: str
    kind: Kind
    meaning: str


COLUMNS = (
    Column("schema", Kind.TEXT, "name and version of this list of columns"),
    Column("id", Kind.TEXT, "source and identifier, joined by a slash; no two posts of a collection share one"),
    Column("collection", Kind.TEXT, "collection that the post was made from"),
    Column("source", Kind.TEXT, "name of the source"),
    Column("identifier", Kind.TEXT, "the publisher's own id, or the canonical address"),
    Column("url", Kind.TEXT, "address of the article for readers; may be empty"),
    Column(
        "headline",
        Kind.TEXT,
        "one line of text, never markup; what a heading shows as text, "
        "such as the `<br>` of an article on HTML, is text",
    ),
    Column("datePublished", Kind.DATE, "as the publisher states it, in the source's zone"),
    Column("datePublished_precision", Kind.TEXT, "how much of it was stated: second, minute, hour or day"),
    Column("publishedAt", Kind.INSTANT, "the same instant in UTC"),
    Column("dateModified", Kind.DATE, "only where the publisher states it"),
    Column("dateModified_precision", Kind.TEXT, "how much of it was stated"),
    Column("articleSection", Kind.LIST, "sections, as the reader sees them"),
    Column("categories", Kind.LIST, "the sections' slugs, as in the post file"),
    Column("keywords", Kind.LIST, "tags, as the reader sees them"),
    Column("articleBody", Kind.TEXT, "the body as sanitised HTML"),
    Column("text", Kind.TEXT, "the body as plain text, one line a block"),
    Column("author", Kind.LIST, "names of the authors"),
    Column("publisher", Kind.TEXT, "the medium"),
    Column("inLanguage", Kind.TEXT, "BCP 47 tag of the language"),
    Column("shareLink", Kind.TEXT, "the publisher's share link"),
    Column("symbols", Kind.LIST, "securities that the body names"),
    Column("file", Kind.TEXT, "name of the post file"),
    Column("contentHash", Kind.TEXT, "SHA-256 of what a reader sees; changes when the post does"),
    Column("capture_record_id", Kind.TEXT, "WARC-Record-ID of the capture that the body was read from"),
    Column("capture_captured_at", Kind.INSTANT, "when that capture began"),
    Column("capture_payload_digest", Kind.TEXT, "its labelled payload digest"),
    Column("capture_file", Kind.TEXT, "its WARC file in the collection's archive"),
    Column("capture_offset", Kind.INTEGER, "bytes from the start of that file"),
    Column(
        "evidence", Kind.OBJECT, "field to what gave it: origin, captured_at, record_id, place, confidence, witnesses"
    ),
    Column(
        "doubts", Kind.OBJECT, "record id to captured_at and reason of captures that no longer look like the article"
    ),
    Column("change", Kind.TEXT, "in an export of changes: new, updated, moved, doubtful, gone, withdrawn or erased"),
    Column("version", Kind.INTEGER, "in an export of changes: number of the post's version, from 1"),
    Column("cursor", Kind.TEXT, "in an export of changes: where to continue after this row"),
)
NAMES = tuple(column.name for column in COLUMNS)
OF_CHANGE = ("change", "version", "cursor")
THIN = frozenset(
    ("schema", "id", "collection", "source", "identifier", "url", "headline", "datePublished", "contentHash")
).union(OF_CHANGE)
LISTS = ("articleSection", "categories", "keywords", "author", "symbols")
_ALONE = ("collection", "source", "identifier", "url", "headline", "publisher", "inLanguage", "shareLink")
TEXTS = (*_ALONE, "articleBody", "text", "file", "contentHash")


def build_id(source: str, identifier: str) -> str:
    """Return the `id` of a post."""
    return f"{source}/{identifier}"


def build_record(post: Post, options: PostOptions, *, collection: str, file: str = "") -> PostRecord:
    """Return the record of a finished post.

    Raises:
        RecordRefused: it holds a lone surrogate, which no format can hold.
    """
    published = fit_offset(post.datePublished.astimezone(options.zone)) if post.datePublished else None
    modified = fit_offset(post.dateModified.astimezone(options.zone)) if post.dateModified else None
    record = PostRecord(
        collection=collection,
        source=post.source,
        identifier=post.identifier,
        url=complete_address(post.url),
        headline=post.headline,
        datePublished=published,
        datePublished_precision=post.datePublished_precision,
        dateModified=modified,
        dateModified_precision=post.dateModified_precision,
        articleSection=tuple(post.articleSection),
        categories=tuple(options.build_category(name) for name in post.articleSection),
        keywords=tuple(post.keywords),
        articleBody=complete_addresses(post.articleBody, post.url),
        text=find_text(post.articleBody),
        author=tuple(post.author),
        publisher=post.publisher,
        inLanguage=post.inLanguage,
        shareLink=complete_address(post.shareLink, post.url),
        symbols=tuple(post.symbols),
        file=file,
        contentHash=hash_content(post),
        capture=post.capture,
        evidence=post.evidence,
        doubts=tuple(post.doubts),
    )
    refuse_surrogates(record)
    return record


def hash_content(post: Post) -> str:
    """Return a digest of what a reader sees of a finished post."""
    dates = [
        (instant.astimezone(UTC).isoformat() if instant else "", precision or "")
        for instant, precision in (
            (post.datePublished, post.datePublished_precision),
            (post.dateModified, post.dateModified_precision),
        )
    ]
    seen = [*post.key, post.url, post.headline, dates, post.articleSection, post.keywords, post.articleBody]
    seen += [post.author, post.publisher, post.inLanguage, post.shareLink]
    try:
        data = msgspec.json.encode(seen, enc_hook=str)
    except UnicodeEncodeError:  # a lone surrogate; otherwise both write the same bytes
        data = json.dumps(seen, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return "sha256:" + hashlib.sha256(data).hexdigest()


def refuse_surrogates(record: PostRecord) -> None:
    """Check that every text of a record can be written.

    Raises:
        RecordRefused: it holds a lone surrogate.
    """
    texts = [getattr(record, name) for name in (*_ALONE, "articleBody", "text")]
    if _is_sound("".join(chain(texts, *(getattr(record, name) for name in LISTS)))):
        return
    for name in (*_ALONE, "articleBody", "text"):
        if not _is_sound(getattr(record, name)):
            _refuse(record, name)
    for name in LISTS:
        if not all(map(_is_sound, getattr(record, name))):
            _refuse(record, name)


def _is_sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(record: PostRecord, name: str) -> None:
    where = record.id.encode("ascii", "backslashreplace").decode()
    message = f"{name} of {where} holds a lone surrogate, which no file can hold; reparse its collection"
    raise RecordRefused(message, record_id=record.id)


def dump_record(record: PostRecord) -> str:
    """Write a record as one line of JSON; instants become ISO 8601 text."""
    return json.dumps(build_object(record), ensure_ascii=False, separators=(",", ":"))


def build_object(record: PostRecord) -> dict[str, Any]:
    """Return the record as it is in JSON: empty fields are there, too, but for those of a change."""
    row: dict[str, Any] = dict(zip(NAMES, build_row(record), strict=True))
    for name in ("publishedAt", "capture_captured_at"):
        row[name] = _dump_instant(row[name])
    for name in LISTS:
        row[name] = list(row[name])
    if record.change is None:
        for name in OF_CHANGE:
            del row[name]
    return row


def build_thin_object(record: PostRecord) -> dict[str, Any]:
    """Return what names the post and the change, without its text."""
    return {name: value for name, value in build_object(record).items() if name in THIN}


def build_row(record: PostRecord) -> tuple[Any, ...]:
    """Return the values of `COLUMNS`: a list is a tuple, an instant a datetime in UTC, a date ISO 8601 text."""
    capture, change = record.capture, record.change
    return (
        SCHEMA,
        record.id,
        record.collection,
        record.source,
        record.identifier,
        record.url,
        record.headline,
        _dump_instant(record.datePublished),
        record.datePublished_precision,
        record.published_at,
        _dump_instant(record.dateModified),
        record.dateModified_precision,
        record.articleSection,
        record.categories,
        record.keywords,
        record.articleBody,
        record.text,
        record.author,
        record.publisher,
        record.inLanguage,
        record.shareLink,
        record.symbols,
        record.file,
        record.contentHash,
        capture.record_id if capture else None,
        capture.captured_at if capture else None,
        capture.payload_digest if capture else None,
        capture.file if capture else None,
        capture.offset if capture else None,
        {name: _dump_evidence(entry) for name, entry in record.evidence.items()},
        {
            doubt.record_id: {"captured_at": doubt.captured_at.isoformat(), "reason": doubt.reason}
            for doubt in record.doubts
        },
        change.kind if change else None,
        change.version if change else None,
        change.cursor if change else None,
    )


def iter_sound(records: Iterable[PostRecord]) -> Iterator[PostRecord]:
    """Pass records on that every format can hold.

    Raises:
        RecordRefused: one holds a lone surrogate.
    """
    for record in records:
        refuse_surrogates(record)
        yield record


def _dump_instant(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _dump_evidence(entry: Evidence) -> dict[str, Any]:
    return {
        "origin": entry.origin.value,
        "captured_at": entry.captured_at.isoformat(),
        "record_id": entry.record_id,
        "place": entry.place,
        "confidence": entry.confidence,
        "agreeing": entry.agreeing,
        "disagreeing": list(entry.disagreeing),
    }
