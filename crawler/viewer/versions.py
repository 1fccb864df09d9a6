"""The versions of an article, for display."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archives.merging.parts import WrittenFiles
from archives.replay.lookup import build_stamp
from archives.replay.routes import build_path
from crawler.changelog.history import build_versions
from crawler.reparsing.ledger import open_ledger
from pipelines.markup.sanitise import find_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from archives.index.catalogue import CollectionIndex
    from pipelines.exports.records import PostRecord
    from pipelines.posts.items import Origin, Statement
    from pipelines.posts.options import PostOptions

MAX_SIGHTINGS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version of an article.

    Attributes:
        lines: what a reader sees, headline first, one line a block.
    """

    number: int
    captured_at: datetime
    record_id: str
    changed: tuple[str, ...]
    headline: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One capture that states something of an article.

    Attributes:
        path: of the memento.
        number: the version that the article was of by then; 0 before the first.
        is_first: whether that version begins with it.
        doubt: why the post does not rest on it; empty if it may.
    """

    captured_at: datetime
    path: str
    origin: Origin
    number: int
    is_first: bool
    doubt: str


def list_editions(
    index: CollectionIndex, record: PostRecord, options: PostOptions
) -> tuple[list[Edition], list[Sighting]]:
    """Return the versions of an article, and its latest captures, both the oldest first.

    Raises:
        archives.errors.CollectionError: the ledger cannot be read.
    """
    with closing(open_ledger(index.collection)) as ledger:
        sightings = ledger.list_sightings(record.key)
    editions = [
        Edition(
            number=version.number,
            captured_at=version.captured_at,
            record_id=version.record_id,
            changed=version.changed,
            headline=version.post.headline,
            lines=(version.post.headline, *find_text(version.post.articleBody).splitlines()),
        )
        for version in build_versions(sightings, options, WrittenFiles(index.collection))
    ]
    return editions, _list_sightings(index, sightings, editions, record)


def _list_sightings(
    index: CollectionIndex, sightings: Iterable[Statement], editions: Sequence[Edition], record: PostRecord
) -> list[Sighting]:
    doubts = {doubt.record_id: doubt.reason for doubt in record.doubts}
    firsts = {edition.record_id for edition in editions}
    known = {sighting.capture.record_id: sighting for sighting in sightings if sighting.capture is not None}
    latest = sorted(known.values(), key=lambda sighting: (sighting.at, sighting.origin))[-MAX_SIGHTINGS:]
    found = []
    for sighting in latest:
        capture = sighting.capture
        assert capture is not None
        entry = index.find_record(capture.record_id, capture.captured_at)
        stamp = build_stamp(capture.captured_at)
        found.append(
            Sighting(
                captured_at=capture.captured_at,
                path=build_path(record.collection, entry.url, stamp=stamp) if entry else "",
                origin=sighting.origin,
                number=sum(edition.captured_at <= capture.captured_at for edition in editions),
                is_first=capture.record_id in firsts,
                doubt=doubts.get(capture.record_id, ""),
            )
        )
    return found
