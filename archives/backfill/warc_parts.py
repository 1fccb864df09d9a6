"""Takes the captures of a site out of somebody's WARC file, byte for byte, with their requests and remarks.

The new file keeps the warcinfo record of the old one, so that it says who captured, and begins with a record that says
which file it is a part of.
"""

from __future__ import annotations

from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from archives.errors import BackfillError
from archives.mending.output import RecordOutput, hash_warc
from archives.mending.units import RecordUnit, iter_units
from archives.storage.collection import WARC_SUFFIXES
from archives.storage.remote_files import open_warc
from archives.transfer.importing import Added, add_file
from archives.urls import format_warc_date
from archives.warc.reader import is_capture
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archives.storage.collection import Collection
    from archives.warc.parser import Record

_RELATED: Final = ("WARC-Concurrent-To", "WARC-Refers-To")
_SMALL: Final = frozenset((RecordType.REQUEST, RecordType.METADATA))


def take_part(
    collection: Collection,
    warc: Path,
    is_selected: Callable[[str, str], bool],
    *,
    origin: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Added | None:
    """Add the selected captures of a WARC file to a collection; return None if none is selected.

    Args:
        is_selected: asked with the address and the `WARC-Date` of each capture.
        origin: where the file came from: its address, or its name.

    Raises:
        BackfillError: it is called like no WARC file.
        RecordError: it is damaged beyond reading.
        OSError: it cannot be read, or the disk does not take the part.
    """
    suffix = next((suffix for suffix in WARC_SUFFIXES if warc.name.endswith(suffix)), None)
    if suffix is None or not suffix.startswith(".warc"):
        raise BackfillError(f"{warc.name} is not called .warc or .warc.gz; rename it if it is such a file", path=warc)
    records = (unit.record for unit in _iter_readable(warc))
    captures = {record.record_id for record in records if is_capture(record) and _is_selected(record, is_selected)}
    if not captures:
        return None
    ending = ".warc" if suffix == ".warc" else ".warc.gz"
    with TemporaryDirectory(prefix=".newsreel-part-", dir=collection.path) as folder:
        part = type(warc)(folder, f"{warc.name.removesuffix(suffix)}-part{ending}")
        with part.open("wb") as stream, open_warc(warc) as source:
            sha256 = hash_warc(warc)
            output = RecordOutput(stream, source, name=part.name, sha256=sha256, at=format_warc_date(clock()))
            _write_part(output, warc, captures, (("part-of", origin), ("part-of-sha256", sha256)))
        return add_file(collection, part)


def _write_part(output: RecordOutput, warc: Path, captures: set[str], note: tuple[tuple[str, str], ...]) -> None:
    is_noted = False
    for unit in _iter_readable(warc):
        record = unit.record
        if record.type == RecordType.WARCINFO:
            output.write(unit)
            continue
        if not is_noted:
            is_noted = True
            output.write_note(-1, note)
        belongs = record.type in _SMALL and any(record.get(name) in captures for name in _RELATED)
        if record.record_id in captures or belongs:
            output.write(unit)


def _is_selected(record: Record, is_selected: Callable[[str, str], bool]) -> bool:
    return is_selected((record.get("WARC-Target-URI") or "").strip("<>"), record.get("WARC-Date") or "")


def _iter_readable(warc: Path) -> Iterator[RecordUnit]:
    return (unit for unit in iter_units(warc) if isinstance(unit, RecordUnit))
