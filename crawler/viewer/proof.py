"""Proof on demand: reads the bytes that a post names and computes their digests."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archives.errors import ArchiveError, NotArchived
from archives.replay.citations import cite_sentence, dump_citation
from archives.replay.lookup import build_stamp
from archives.signed_log.timestamps import find_logged
from archives.urls import parse_warc_date
from archives.verify.digest_checks import DigestChecks, Verdict
from archives.warc.reader import open_record
from crawler.environment import name_program
from crawler.reparsing.ledger import open_ledger
from crawler.sources.archived import find_definition
from pipelines.posts.items import Origin
from pipelines.posts.options import PostOptions
from pipelines.posts.post_files import render
from pipelines.posts.settle import PostRefused, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry
    from archives.replay.citations import Evidence
    from archives.storage.collection import Collection
    from archives.warc.parser import Record
    from pipelines.exports.records import PostRecord

# A digest of other bytes of the record, as other tools state it, shows that nothing was changed.
_HOLDS: Final = {Verdict.GOOD: True, Verdict.OF_OTHER_BYTES: True, Verdict.BAD: False}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: None if it could not be."""

    what: str
    holds: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A capture that a post rests on.

    Attributes:
        fields: the fields that it gave, each with the place on its page.
        entry: None if the index does not know it.
    """

    record_id: str
    origin: Origin
    fields: tuple[tuple[str, str], ...]
    entry: IndexEntry | None
    checks: tuple[Check, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether every check that could be made went well."""
        return self.entry is not None and all(check.holds is not False for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One capture in which a sentence stands.

    Attributes:
        stamp: the time of the capture in the viewer's addresses.
        text: what `newsreel prove` reads.
        logged_at: when its file was entered in the signed log; empty if it was not.
        stamped_at: when the log got the first time-stamp behind that entry; empty if it has none.
    """

    evidence: Evidence
    stamp: str
    text: str
    logged_at: str
    stamped_at: str


def list_citations(
    index: CollectionIndex, urls: Iterable[str], sentence: str, on_unread: Callable[[ArchiveError], object]
) -> list[Citation]:
    """The captures of some addresses in which a sentence stands.

    Args:
        on_unread: called for each capture that cannot be read, and is passed over.
    """
    found = (evidence for url in urls for evidence in cite_sentence(index, url, sentence, on_unread))
    return [_build_citation(index.collection, evidence) for evidence in found]


def _build_citation(collection: Collection, evidence: Evidence) -> Citation:
    logged_at, stamped_at = find_logged(collection, evidence.filename)
    text = json.dumps(dump_citation(evidence), ensure_ascii=False)
    stamp = build_stamp(parse_warc_date(evidence.captured_at))
    return Citation(evidence=evidence, stamp=stamp, text=text, logged_at=logged_at, stamped_at=stamped_at)


def list_witnesses(index: CollectionIndex, record: PostRecord) -> list[Witness]:
    """The captures behind a post, that of its body first."""
    fields: dict[str, list[tuple[str, str]]] = {}
    origins: dict[str, Origin] = {}
    instants = {}
    for name, evidence in record.evidence.items():
        fields.setdefault(evidence.record_id, []).append((name, evidence.place))
        origins[evidence.record_id] = evidence.origin
        instants[evidence.record_id] = evidence.captured_at
    if record.capture is not None:
        fields.setdefault(record.capture.record_id, [])
        origins.setdefault(record.capture.record_id, Origin.ARTICLE)
        instants[record.capture.record_id] = record.capture.captured_at
    first = record.capture.record_id if record.capture else ""
    witnesses = []
    for record_id in sorted(filter(None, fields), key=lambda name: (name != first, instants[name], name)):
        entry = index.find_record(record_id, instants[record_id])
        witnesses.append(
            Witness(
                record_id=record_id,
                origin=origins[record_id],
                fields=tuple(fields[record_id]),
                entry=entry,
                checks=check_record(index.collection, entry) if entry else (),
            )
        )
    return witnesses


def check_record(collection: Collection, entry: IndexEntry) -> tuple[Check, ...]:
    """Whether the bytes at a place are the record that the index means, and are as they were written."""
    try:
        with open_record(collection.archive_dir / entry.filename, entry.offset) as record:
            parts = ("Block",) if record.type == "revisit" else ("Block", "Payload")
            digests = [_check_digest(record, part) for part in parts]
    except (ArchiveError, OSError) as error:
        return (Check("the record can be read", holds=False, detail=str(error)),)
    return (Check("record id", record.record_id == entry.record_id, record.record_id), *digests)


def _check_digest(record: Record, part: str) -> Check:
    label = record.get(f"WARC-{part}-Digest")
    what = f"{part.lower()} digest"
    if not label:
        return Check(what, None, "none was written")
    return Check(what, _HOLDS.get(DigestChecks(record).judge(part, label)), label)


def check_file(collection: Collection, posts_dir: Path, record: PostRecord) -> Check:
    """Whether the post file is, to the byte, what the ledger's captures say it is."""
    what = "post file"
    try:
        on_disk = (posts_dir / record.file).read_bytes()
    except OSError:
        return Check(what, holds=None, detail=f"{record.file} is not there; '{name_program()} reparse' rebuilds it")
    source = find_definition(collection, record.source)
    options = source.post if source else PostOptions()
    with closing(open_ledger(collection)) as ledger:
        statements = ledger.list_statements(record.key)
    if not statements:
        raise NotArchived(f"post {record.id} is no longer in the ledger")
    try:
        wanted = render(settle(statements, options), options)
    except PostRefused as refusal:
        return Check(what, holds=False, detail=str(refusal))
    return Check(what, on_disk == wanted, f"{record.file}, {len(on_disk):,} bytes")


def choose_page(witnesses: list[Witness]) -> IndexEntry | None:
    """The capture to show beside a post: the article's page as a reader saw it, else that of the body."""
    known = [(witness, witness.entry) for witness in witnesses if witness.entry is not None]
    for witness, entry in known:
        if witness.origin is Origin.ARTICLE:
            return entry
    for _, entry in known:
        if "html" in entry.mime:
            return entry
    return known[0][1] if known else None
