"""Results of a verification: problems, notes, and the record ids and captures seen so far.

A problem is a loss, or a promise broken: bytes that are not as they were written, an index that points elsewhere, a
revisit without its original. A note is a convention of another tool that costs nobody anything.
"""

from __future__ import annotations

import zlib
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from archives.errors import Damage, RecordError
from archives.storage.databases import Schema, open_scratch
from archives.urls import build_instant, count_micros, is_same_instant
from archives.warc.reader import build_reference, is_capture
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from archives.warc.parser import Record

_SCRIPT: Final = """
CREATE TABLE seen (
    record_id TEXT PRIMARY KEY, url TEXT, place TEXT, at INTEGER, digest TEXT, type TEXT, print TEXT
) WITHOUT ROWID;
CREATE TABLE revisit (
    record_id TEXT, path TEXT, offset INTEGER, is_standard INTEGER, digest TEXT,
    referred_id TEXT, referred_url TEXT, referred_at INTEGER
);
"""
_SCHEMA: Final = Schema(version=2, script=_SCRIPT, is_derived=True)
_SECOND: Final = 1_000_000
_PROFILES: Final = ("/revisit/identical-payload-digest", "/revisit/server-not-modified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        kind: a short slug, for programs.
        message: what, where and what next, for people.
    """

    kind: str
    path: Path
    offset: int | None = None
    record_id: str | None = None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dangling:
    """A revisit whose original was not seen.

    Attributes:
        is_promise: it has a profile of the standard and names its original by record, address and date, as ours do.
    """

    record_id: str
    path: Path
    offset: int
    fault: str
    is_promise: bool


class Likeness(Enum):
    """How two records with one id are alike: to the byte, as two states of one capture, or not at all."""

    SAME = auto()
    CHANGED = auto()
    OTHER = auto()


class Twin(NamedTuple):
    """An earlier record with the same id: where it is, and how much it is like the later one."""

    place: str
    likeness: Likeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A record whose id was seen before.

    Attributes:
        first: the record that was seen before.
    """

    record_id: str
    filename: str
    offset: int
    first: Twin


class Notes:
    """What is unusual but harmless: listed where that is wanted, otherwise counted.

    Args:
        show: prints a note; None if they are only counted.
    """

    def __init__(self, show: Callable[[Problem], None] | None) -> None:
        self._show = show
        self._counts: Counter[str] = Counter()

    def add(self, note: Problem) -> None:
        """Show or count a note."""
        if self._show is not None:
            self._show(note)
        else:
            self._counts[note.kind] += 1

    def summarise(self) -> str:
        """Return a sentence about the notes that were not shown; empty if there are none."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self._counts.items()))
        return f"notes: {kinds}; --notes lists them" if kinds else ""


class Findings:
    """What the walk over a collection has seen so far; ids and captures go to a temporary database, not to memory.

    Args:
        database: a new file to keep them in for `take_in`; '' is a temporary one.
    """

    def __init__(self, on_note: Callable[[Problem], None] | None, *, database: str = "") -> None:
        self.problems: list[Problem] = []
        self._on_note = on_note
        self._database = open_scratch(database, _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(
        self, kind: str, path: Path, message: str, *, offset: int | None = None, record_id: str | None = None
    ) -> None:
        """Note a problem."""
        self.problems.append(Problem(kind=kind, path=path, offset=offset, record_id=record_id, message=message))

    def add_note(
        self, kind: str, path: Path, message: str, *, offset: int | None = None, record_id: str | None = None
    ) -> None:
        """Pass on what is unusual but harmless."""
        if self._on_note is not None:
            self._on_note(Problem(kind=kind, path=path, offset=offset, record_id=record_id, message=message))

    def add_damage(self, error: RecordError, path: Path) -> None:
        """Note what the reader could not read."""
        message = str(error) if path.name in str(error) else f"{path.name}: {error}"
        if error.damage is Damage.TRUNCATED_MEMBER and not path.name.endswith((".arc", ".arc.gz")):
            message += '; where there is no copy, "python -m archives mend" writes one without what is cut'
        self.add(error.damage, path, message, offset=error.offset, record_id=error.record_id)

    def list_offsets(self, path: Path) -> set[int]:
        """Where in a file problems were noted."""
        return {problem.offset for problem in self.problems if problem.path == path and problem.offset is not None}

    def see(self, record: Record, path: Path) -> Twin | None:
        """Remember a record; returns what is known of an earlier one with the same id."""
        if not record.record_id:
            return None
        mark = _build_print(record)
        ask = "SELECT place, print FROM seen WHERE record_id = ?"
        first = self._database.execute(ask, (record.record_id,)).fetchone()
        if first is None:
            at = _find_micros(record) if is_capture(record) else None
            place = f"{path.name} at offset {record.offset}"
            row = (record.record_id, record.url, place, at, record.get("WARC-Payload-Digest") or "", record.type, mark)
            self._database.execute("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        if record.type == RecordType.REVISIT:
            self._see_revisit(record, path)
        return None if first is None else Twin(first[0], _find_likeness(mark, first[1]))

    def take_in(self, database: Path) -> Iterator[Repeated]:
        """Go on from what another walk has seen, over other files; yields the records that both have seen."""
        self._database.execute("ATTACH ? AS other", (str(database),))
        ask = (
            "SELECT second.record_id, second.place, second.print, first.place, first.print "
            "FROM other.seen AS second JOIN seen AS first USING (record_id)"
        )
        for record_id, place, mark, first, first_mark in self._database.execute(ask).fetchall():
            name, _, offset = place.rpartition(" at offset ")
            twin = Twin(first, _find_likeness(mark, first_mark))
            yield Repeated(record_id=record_id, filename=name, offset=int(offset), first=twin)
        self._database.execute("INSERT OR IGNORE INTO seen SELECT * FROM other.seen")
        self._database.execute("INSERT INTO revisit SELECT * FROM other.revisit")
        self._database.execute("DETACH other")

    def _see_revisit(self, record: Record, path: Path) -> None:
        reference = build_reference(record)
        row = (
            record.record_id,
            str(path),
            record.offset,
            (record.get("WARC-Profile") or "").endswith(_PROFILES),
            record.get("WARC-Payload-Digest") or "",
            reference.record_id,
            reference.url,
            count_micros(reference.at) if reference.at else None,
        )
        self._database.execute("INSERT INTO revisit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def iter_dangling(self) -> Iterator[Dangling]:
        """Revisits whose original was not seen; to be requested once, when everything has been."""
        self._database.execute("CREATE INDEX seen_digest ON seen (digest)")
        self._database.execute("CREATE INDEX seen_url ON seen (url)")
        with closing(self._database.execute("SELECT * FROM revisit")) as rows:
            for record_id, path, offset, is_standard, digest, *referred in rows:
                fault = self._find_fault(digest, *referred)
                if fault is not None:
                    yield Dangling(
                        record_id=record_id,
                        path=Path(path),
                        offset=offset,
                        fault=fault,
                        is_promise=bool(is_standard) and all(referred),
                    )

    def _find_fault(self, digest: str, referred_id: str, url: str, at: int | None) -> str | None:
        if not (referred_id and url and at is not None):
            return None if self._has_original(digest, referred_id, url, at) else "has no original here"
        ask = "SELECT url, at, digest FROM seen WHERE record_id = ?"
        found = self._database.execute(ask, (referred_id,)).fetchone()
        if found is None:
            return f"refers to {referred_id}, which is not here"
        if found[0] != url or found[1] is None or not is_same_instant(build_instant(at), build_instant(found[1])):
            return f"refers to {referred_id} by another address or date than it has"
        if digest and found[2] and digest != found[2]:
            return f"refers to {referred_id}, which has another payload"
        return None

    def _has_original(self, digest: str, referred_id: str, url: str, at: int | None) -> bool:
        ask = (
            "SELECT 1 FROM seen WHERE type != 'revisit' AND at IS NOT NULL AND "
            "(record_id = ? OR (digest = ? AND digest != '') OR (url = ? AND at BETWEEN ? AND ?)) LIMIT 1"
        )
        begun = None if at is None else at - at % _SECOND
        last = None if begun is None else begun + _SECOND - 1
        return self._database.execute(ask, (referred_id, digest, url, begun, last)).fetchone() is not None


def _build_print(record: Record) -> str:
    """What two copies of a record have alike: the event, and behind a tab the bytes."""
    event = f"{record.type} {record.url} {record.get('WARC-Date')}" if record.url else ""
    what = record.get("WARC-Block-Digest") or zlib.crc32(record.start)
    return f"{event}\t{record.size} {what}"


def _find_likeness(one: str, other: str) -> Likeness:
    if one == other:
        return Likeness.SAME
    event = one.partition("\t")[0]
    return Likeness.CHANGED if event and event == other.partition("\t")[0] else Likeness.OTHER


def _find_micros(record: Record) -> int | None:
    try:
        return count_micros(record.captured_at)
    except RecordError:
        return None
