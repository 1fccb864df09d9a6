"""Legitimate changes of a closed WARC file: erased records, merged into another file, or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archives.erasure.register import load_register
from archives.merging.parts import MergedParts
from archives.storage.copying import hash_parts, iter_range
from archives.storage.remote_files import find_digest

if TYPE_CHECKING:
    from archives.merging.parts import Merge, Part
    from archives.storage.collection import Collection


class FileChanges:
    """Compares files with what was noted of them when they were closed.

    Raises:
        CollectionError: the register of erasures is damaged.
    """

    def __init__(self, collection: Collection) -> None:
        self._archive_dir = collection.archive_dir
        self._register = load_register(collection)
        self._merged = MergedParts(collection)
        self._digests: dict[str, str] = {}

    def is_same(self, name: str, sha256: str) -> bool:
        """Return whether a file that is there is the one that was noted, but for what was erased from it."""
        return self._register.find_origin(name, self._find_digest(name)) == sha256

    def accounts_for(self, name: str, sha256: str) -> bool:
        """Return whether a file that is missing was dropped as a whole, or is part of another, as it was noted.

        Raises:
            CollectionError: a list of parts is damaged.
        """
        if self._register.is_dropped(name, sha256):
            return True
        found = self._merged.find(name)
        if found is None:
            return False
        merge, part = found
        return self._register.find_origin(name, part.sha256) == sha256 and self._holds(merge, part)

    def _holds(self, merge: Merge, part: Part) -> bool:
        """Return whether a merged file still holds the bytes of a part, but for what was erased from it since."""
        path = self._archive_dir / merge.name
        try:
            digest = self._find_digest(merge.name)
        except FileNotFoundError:
            return self._register.is_dropped(merge.name, merge.sha256)
        if digest == merge.sha256 and path.is_file():
            with path.open("rb") as stream:
                return hash_parts(iter_range(stream, part.offset, part.bytes)) == part.sha256
        return self._register.find_origin(merge.name, digest) == merge.sha256

    def _find_digest(self, name: str) -> str:
        if name not in self._digests:
            self._digests[name] = find_digest(self._archive_dir / name)
        return self._digests[name]
