"""Test cases of a source: a captured page with the post that it should make.

A case is a directory of two files: `capture.warc.gz`, which holds the page's response record byte for byte, and
`expected.json`, which a person mends until it says what is true. A case needs no network, no clock and no settings.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.index.sidecars import rebuild
from archives.storage.collection import Collection
from crawler.reparsing.reparse import MAX_BYTES
from crawler.source_tools.pages import CAPTURE_PLACE, RawPage, build_page
from crawler.source_tools.preview import Preview, build_preview
from pipelines.page.limits import PageRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.index.cdxj import IndexEntry
    from crawler.sources import Source

CAPTURE_NAME = "capture.warc.gz"
EXPECTED_NAME = "expected.json"
_GZIP = b"\x1f\x8b"
# `canonicalUrl` is in cases of before; `url` replaces it.
_NOT_CHECKED = ("url", "evidence", "refused", "notes", "canonicalUrl")


class CaseError(ValueError):
    """A case that cannot be read or written; the sentence says where, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCheck:
    """One field of one case.

    Attributes:
        place: where the field was found.
    """

    case: str
    field: str
    expected: Any
    found: Any
    place: str = ""

    @property
    def is_same(self) -> bool:
        """Return whether what was found is what is expected."""
        return bool(self.expected == self.found)


def record_case(folder: Path, held: Collection, entry: IndexEntry, source: Source | None) -> Preview:
    """Write a capture as a case and return the post that its page makes now, which is taken as expected.

    Raises:
        CaseError: there is a case already, or the capture cannot be read.
    """
    if any((folder / name).exists() for name in (CAPTURE_NAME, EXPECTED_NAME)):
        raise CaseError(f"{folder} holds a case already; name another directory with -o")
    try:
        with CollectionIndex(held) as index:
            capture = read_resolved(index, entry)
            entries = [entry]
            if capture.original is not None:
                original = index.find_record(capture.original.record_id, capture.original.captured_at)
                entries += [original] if original else []
        data = b"".join(_read_member(held, part) for part in entries)
    except (ArchiveError, OSError) as error:
        raise CaseError(f"the capture cannot be read: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CAPTURE_NAME).write_bytes(data)
    expected = {"url": entry.url, "captured_at": entry.captured_at.isoformat(), "fields": {}}
    (folder / EXPECTED_NAME).write_text(_dump(expected), "utf-8")
    preview = _preview(_read_page(folder, expected), source)
    expected["fields"] = {key: value for key, value in preview.to_dict().items() if key not in _NOT_CHECKED}
    (folder / EXPECTED_NAME).write_text(_dump(expected), "utf-8")
    return preview


def find_capture(
    data_dir: Path, target: str, collection: str, at: datetime | None
) -> tuple[Collection, IndexEntry | None]:
    """Return the capture that a target names: `collection/file@offset`, or an address in a collection.

    Raises:
        ArchiveError: there is no such collection.
        CaseError: the target names neither.
    """
    place = CAPTURE_PLACE.fullmatch(target)
    if not collection and not place:
        raise CaseError(f"{target} is neither an address nor COLLECTION/FILE@OFFSET; name one of the two")
    held = Collection.open(data_dir, collection or (place["collection"] if place else ""))
    with CollectionIndex(held) as index:
        if collection:
            return held, index.find_nearest(target, at)
        wanted = (place["filename"], int(place["offset"])) if place else ()
        return held, next((entry for entry in index.iter_entries() if (entry.filename, entry.offset) == wanted), None)


def list_cases(folder: Path) -> list[Path]:
    """Return the cases in a directory and below it, which may be one itself."""
    return sorted(path.parent for path in folder.rglob(EXPECTED_NAME))


def check_case(folder: Path, source: Source, *, name: str) -> Iterator[FieldCheck]:
    """Yield a check for each field that a case expects.

    Raises:
        CaseError: the case is damaged, or expects a field that no post has.
    """
    try:
        expected = json.loads((folder / EXPECTED_NAME).read_text("utf-8"))
        fields: dict[str, Any] = dict(expected["fields"])
        page = _read_page(folder, expected)
        preview = _preview(page, source)
    except CaseError:
        raise
    except (OSError, ValueError, KeyError, TypeError, ArchiveError) as error:
        raise CaseError(f"{folder / EXPECTED_NAME}: {error!r}; record the case again") from error
    found = {key: value for key, value in preview.to_dict().items() if key not in _NOT_CHECKED}
    for field, value in fields.items():
        if field in _NOT_CHECKED:
            continue
        if field not in found:
            known = ", ".join(found)
            raise CaseError(f"{folder / EXPECTED_NAME}: fields.{field}: is not a field; known are {known}")
        place = preview.statement.witnesses.get(field, "")
        yield FieldCheck(case=name, field=field, expected=value, found=found[field], place=place)


def _read_member(held: Collection, entry: IndexEntry) -> bytes:
    with (held.archive_dir / entry.filename).open("rb") as file:
        file.seek(entry.offset)
        data = file.read(entry.length)
    return data if data.startswith(_GZIP) else gzip.compress(data, mtime=0)


def _read_page(folder: Path, expected: dict[str, Any]) -> RawPage:
    """Return the page of a case, through an index that is thrown away afterwards."""
    at = datetime.fromisoformat(expected["captured_at"])
    with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
        held = Collection.open(Path(scratch), "case", create=True)
        (held.archive_dir / CAPTURE_NAME).write_bytes((folder / CAPTURE_NAME).read_bytes())
        rebuild(held)
        with CollectionIndex(held) as index:
            entry = index.find_nearest(expected["url"], at)
            if entry is None:
                raise CaseError(f"{folder / CAPTURE_NAME} does not hold {expected['url']}; record the case again")
            capture = read_resolved(index, entry)
            return build_page(held, capture, max_bytes=MAX_BYTES)


def _preview(page: RawPage, source: Source | None) -> Preview:
    try:
        return build_preview(page.document, rules=source)
    except PageRefused as error:
        raise CaseError(f"{page.url}: {error}") from error


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
