"""The parts of a merged WARC file: their names, offsets and digests.

One JSON file for each merged file, `merged/NAME.json` in the collection. It is written before the merged file takes its
place, so that a merge that was cut short can be finished or undone, and it stays: the manifests of runs and the signed
log name the files as they were closed, and the name of a file tells which run a capture is of.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from archives.errors import CollectionError
from archives.storage.files import write_file
from archives.warc.reader import iter_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archives.storage.collection import Collection

FOLDER: Final = "merged"
_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the files that were joined.

    Attributes:
        name: of the file; it is no longer there.
        offset: where it begins in the merged file, in bytes.
        sha256: of the file, hexadecimal.
    """

    name: str
    offset: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A merged file.

    Attributes:
        at: instant of the merge, ISO 8601, UTC.
        sha256: of the merged file, hexadecimal.
        parts: in their order in the file.
    """

    name: str
    at: str
    bytes: int
    sha256: str
    parts: tuple[Part, ...]

    def find_part(self, offset: int) -> Part:
        """Return the part that a byte of the merged file belongs to."""
        return self.parts[max(0, bisect_right(self.parts, offset, key=lambda part: part.offset) - 1)]


class WrittenFiles:
    """Tells the file that a capture was written to, which is another than the one it is in where files were merged."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._merges: dict[str, Merge | None] = {}

    def find_name(self, filename: str, offset: int) -> str:
        """Return the name under which the file was closed that holds the bytes at a place.

        Raises:
            CollectionError: the list of parts is damaged.
        """
        if filename not in self._merges:
            self._merges[filename] = load_merge(self._collection, filename)
        merge = self._merges[filename]
        return merge.find_part(offset).name if merge else filename


class MergedParts:
    """Finds the files that went into merged ones."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._found: dict[str, tuple[Merge, Part]] | None = None

    def find(self, name: str) -> tuple[Merge, Part] | None:
        """Return the merged file that a file went into, and which part of it this is; None if it was not merged."""
        if self._found is None:
            self._found = {part.name: (merge, part) for merge in iter_merges(self._collection) for part in merge.parts}
        return self._found.get(name)


def find_parts_file(collection: Collection, name: str) -> Path:
    """Return where the parts of a merged file are listed."""
    return collection.path / FOLDER / (name + _SUFFIX)


def load_merge(collection: Collection, name: str) -> Merge | None:
    """Return what a WARC file was made of; None if it is not a merged one.

    Raises:
        CollectionError: the list of parts is damaged.
    """
    path = find_parts_file(collection, name)
    try:
        values = json.loads(path.read_bytes())
        return Merge(**values | {"parts": tuple(Part(**part) for part in values["parts"])})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        words = f"{path.name} is damaged ({error}), so the parts of {name} are unknown"
        raise CollectionError(f"{words}; restore it from a copy", path=path) from error


def iter_merges(collection: Collection) -> Iterator[Merge]:
    """Yield every merge of a collection, by the name of the merged file.

    Raises:
        CollectionError: a list of parts is damaged.
    """
    for path in sorted((collection.path / FOLDER).glob(f"[!.]*{_SUFFIX}")):
        if merge := load_merge(collection, path.name.removesuffix(_SUFFIX)):
            yield merge


def realign_parts(collection: Collection, warc: Path) -> None:
    """Note where the parts of a merged file begin, once records were cut out of it; other files are left alone.

    A part begins with the warcinfo record that names it.
    """
    merge = load_merge(collection, warc.name)
    if merge is None:
        return
    offsets = {record.get("WARC-Filename"): record.offset for record in iter_records(warc) if record.type == "warcinfo"}
    parts = tuple(replace(part, offset=offsets.get(part.name, part.offset)) for part in merge.parts)
    write_merge(collection, replace(merge, parts=parts))


def write_merge(collection: Collection, merge: Merge) -> None:
    """Write what a file is made of; it is on disk when the call returns."""
    write_file(find_parts_file(collection, merge.name), json.dumps(asdict(merge)).encode() + b"\n")
