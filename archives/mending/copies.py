"""Write a collection of repaired copies; the original files are never modified.

A `metadata` record after each changed record describes the change. A record at the start of each copy gives the name
and SHA-256 of its original, so every change can be verified, and a second run skips files that have a copy.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from archives.errors import CollectionError
from archives.index.cdxj import dump_line
from archives.index.sidecars import salvage_sidecar, write_sidecar
from archives.mending.output import RecordOutput, hash_warc
from archives.mending.rewriting import Mended, mend_record, refer_to
from archives.mending.units import LostUnit, RecordUnit, iter_units
from archives.storage.collection import Collection
from archives.storage.files import hash_file, link_file, open_temporary, replace_file, sync_file, write_file
from archives.storage.remote_files import open_warc
from archives.urls import format_warc_date
from archives.verify.digest_checks import Verdict
from archives.verify.repairs import Repair, find_repair, is_ours, judge_digests
from archives.warc.reader import iter_records
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_CHUNK_BYTES: Final = 1024 * 1024
_SOURCE_FIELD: Final = "mended-from-sha256"
_ARC_SUFFIXES: Final = (".arc", ".arc.gz")
# Beside the files; run manifests are not taken over, because they hold the digests of the originals.
_COMPANIONS: Final = ("erased.jsonl", "imports.jsonl")


@dataclass(slots=True, kw_only=True)
class MendedFile:
    """The result for one file.

    Attributes:
        faults: how many records had each; `shared-member` counts records that shared their gzip member with others.
        lost: what could not be read and is left out, in words.
        damaged: records whose bytes have changed since they were written; they are copied as they are.
        is_new: False if the copy was there already.
    """

    source: Path
    target: Path
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    damaged: int = 0
    is_new: bool = True

    @property
    def is_mended(self) -> bool:
        """Whether the copy differs from its original."""
        return bool(self.faults or self.lost)


@dataclass(slots=True)
class _Plan:
    """What is to be done to a file, by the place of each record in the order of the file."""

    file: MendedFile
    repairs: dict[int, Repair] = field(default_factory=dict)
    has_shared: bool = False


def mend_collection(
    collection: Collection,
    target: Collection,
    *,
    warcs: Iterable[Path] | None = None,
    progress: Callable[[str], None] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[MendedFile]:
    """Write a collection that holds every file of another one, repaired where its writer was wrong.

    Args:
        target: made if anything is to be mended; files in it that were made from the same originals are left alone.
        warcs: the files; by default all that are closed.
        progress: called with the name of each file before it is read, once to find faults and once to copy.
        clock: gives the instant that the records of changes state.

    Returns:
        The result for each file; nothing is written if no file needs a repair.

    Raises:
        CollectionError: the target is the collection itself, or holds another file by the same name.
        OSError: a file cannot be read, or the disk does not take a copy.
    """
    if target.path.resolve() == collection.path.resolve():
        raise CollectionError("a repaired copy does not go beside its original; name another collection")
    report = progress or (lambda _name: None)
    digests: dict[str, str] = {}
    plans = []
    for warc in list(collection.iter_warcs()) if warcs is None else list(warcs):
        report(warc.name)
        plans.append(_plan_file(warc, target, digests))
    if not any(plan.file.is_mended for plan in plans):
        return [plan.file for plan in plans]
    at = format_warc_date(clock())
    target.archive_dir.mkdir(parents=True, exist_ok=True)
    for plan in plans:
        report(plan.file.source.name)
        _write_copy(plan, digests, at)
        if plan.file.is_new or not target.sidecar_path(plan.file.target.name).exists():
            entries, _ = salvage_sidecar(plan.file.target)
            write_sidecar(target, plan.file.target.name, map(dump_line, entries))
    _copy_companions(collection, target)
    return [plan.file for plan in plans]


def _plan_file(warc: Path, target: Collection, digests: dict[str, str]) -> _Plan:
    """Find what is wrong in a file; new payload digests of records are added to `digests` by record id."""
    name = warc.name.removesuffix(".zst") + ".gz" if warc.name.endswith(".zst") else warc.name
    plan = _Plan(MendedFile(source=warc, target=target.archive_dir / name))
    if warc.name.endswith(_ARC_SUFFIXES):
        plan.file.target = target.archive_dir / warc.name
        return plan
    has_wire = False
    for number, unit in enumerate(iter_units(warc)):
        if isinstance(unit, LostUnit):
            plan.file.lost.append(_describe_loss(unit))
            continue
        record = unit.record
        if not record.version:
            return _Plan(MendedFile(source=warc, target=target.archive_dir / warc.name))
        has_wire = is_ours(record) if record.type == RecordType.WARCINFO else has_wire
        plan.file.faults["shared-member"] += not unit.is_alone
        plan.has_shared |= not unit.is_alone
        if not has_wire and (repair := _find_repair(unit, plan.file)):
            plan.repairs[number] = repair
            plan.file.faults.update(map(str, repair.faults))
            if "Payload" in repair.wrong_digests:
                digests[record.record_id] = mend_record(unit, repair).payload_digest
        elif record.type == RecordType.REVISIT and (record.get("WARC-Refers-To") or "") in digests:
            plan.file.faults["digest-of-mended-original"] += 1
    plan.file.faults = +plan.file.faults
    if not plan.file.is_mended:
        plan.file.target = target.archive_dir / warc.name
    return plan


def _find_repair(unit: RecordUnit, file: MendedFile) -> Repair | None:
    verdicts = judge_digests(unit.record)
    file.damaged += verdicts.get("Block") is Verdict.BAD
    return find_repair(unit.record, verdicts)


def _describe_loss(unit: LostUnit) -> str:
    what = "the end of the file" if unit.is_tail else "bytes"
    return f"{what} from offset {unit.offset} on, {unit.length} bytes: {'; '.join(unit.reasons)}"


def _write_copy(plan: _Plan, digests: Mapping[str, str], at: str) -> None:
    file = plan.file
    if file.target.exists():
        file.is_new = False
        is_same = _find_source(file.target) == hash_warc(file.source)
        if not (is_same if file.is_mended else hash_file(file.target) == hash_warc(file.source)):
            message = (
                f"{file.target.name} is in {file.target.parent.parent.name} already and was made from another file"
            )
            raise CollectionError(f"{message}; name another collection", path=file.target)
        return
    if not file.is_mended:
        _copy_file(file.source, file.target)
        return
    with replace_file(file.target) as stream, open_warc(file.source) as source:
        output = RecordOutput(stream, source, name=file.target.name, sha256=hash_warc(file.source), at=at)
        writer = _CopyWriter(output, plan)
        for number, unit in enumerate(iter_units(file.source)):
            writer.write(number, unit, digests)
        writer.tell_source()


class _CopyWriter:
    """Writes one repaired copy."""

    def __init__(self, output: RecordOutput, plan: _Plan) -> None:
        self._output = output
        self._plan = plan
        self._has_source = False

    def write(self, number: int, unit: RecordUnit | LostUnit, digests: Mapping[str, str]) -> None:
        """Write a unit, and behind it what was changed in it."""
        if isinstance(unit, LostUnit):
            self.tell_source()
            self._output.write_note(number, self._describe_loss(unit))
            return
        record = unit.record
        if record.type != RecordType.WARCINFO:
            self.tell_source()
        repair = self._plan.repairs.get(number)
        referred = digests.get(record.get("WARC-Refers-To") or "") if record.type == RecordType.REVISIT else None
        if repair is not None:
            self._put_mended(number, mend_record(unit, repair))
        elif referred is not None:
            self._put_mended(number, refer_to(unit, referred))
        else:
            self._output.write(unit)
        if record.type == RecordType.WARCINFO:
            self.tell_source()

    def tell_source(self) -> None:
        """Say which file the copy is made from, once."""
        if not self._has_source:
            self._has_source = True
            fields = (("mended-from", self._plan.file.source.name), (_SOURCE_FIELD, self._output.sha256))
            self._output.write_note(-1, fields)

    def _put_mended(self, number: int, mended: Mended) -> None:
        self._output.put(mended.header, mended.iter_block(), is_large=mended.record.is_large)
        self._output.write_note(number, mended.fields, refers_to=mended.record.record_id)

    def _describe_loss(self, unit: LostUnit) -> tuple[tuple[str, str], ...]:
        return (
            ("fault", "cut-tail" if unit.is_tail else "unreadable"),
            ("offset-before", str(unit.offset)),
            ("length-before", str(unit.length)),
            ("sha256-before", self._output.hash_source(unit.offset, unit.length)),
            *(("reason", " ".join(reason.split())) for reason in unit.reasons),
        )


def _find_source(path: Path) -> str:
    """The SHA-256 of the file that a repaired copy was made from; empty if it says none."""
    for number, record in enumerate(iter_records(path)):
        if record.type == RecordType.METADATA:
            for line in record.start.decode("utf-8", "replace").splitlines():
                name, _, value = line.partition(":")
                if name == _SOURCE_FIELD:
                    return value.strip()
        if number > 1:
            break
    return ""


def _copy_file(source: Path, target: Path) -> None:
    """Give a file that needs no repair a place in the copy: as a second name, or else by its bytes."""
    with suppress(OSError):
        os.link(source, target)
        return
    with open_temporary(target.parent) as copy, open_warc(source) as stream:
        shutil.copyfileobj(stream, copy, _CHUNK_BYTES)
        sync_file(copy)
        link_file(copy, target)


def _copy_companions(collection: Collection, target: Collection) -> None:
    for name in _COMPANIONS:
        path = collection.path / name
        if path.is_file() and not (target.path / name).exists():
            write_file(target.path / name, path.read_bytes())
    for path in sorted(collection.pages_dir.glob("[!.]*.jsonl")) if collection.pages_dir.is_dir() else ():
        if not (target.pages_dir / path.name).exists():
            write_file(target.pages_dir / path.name, path.read_bytes())
