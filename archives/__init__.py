"""Raw captures: exchanges stored as WARC records, found through an index, verified by digests.

This package knows bytes. It imports neither a crawler nor a post, and works for someone who holds only the
files.

The names in `__all__` are for users of the library, and described in `docs/library.md`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archives.captures.revisits import read_resolved
    from archives.captures.writer import WarcWriter
    from archives.errors import ArchiveError, NotArchived, RecordError, StoreError
    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection, list_collections
    from archives.storage.schemes import Blob, Storage
    from archives.warc.parser import Record
    from archives.warc.reader import Capture, iter_records, read_capture
    from archives.warc.records import Exchange, Location

__all__ = [
    "ArchiveError",
    "Blob",
    "Capture",
    "Collection",
    "CollectionIndex",
    "Exchange",
    "IndexEntry",
    "Location",
    "NotArchived",
    "Record",
    "RecordError",
    "Storage",
    "StoreError",
    "WarcWriter",
    "iter_records",
    "list_collections",
    "read_capture",
    "read_resolved",
]

# Each is imported when it is first asked for, because importing them all is slow (PEP 562).
_HOMES = {
    "ArchiveError": "archives.errors",
    "Blob": "archives.storage.schemes",
    "Capture": "archives.warc.reader",
    "Collection": "archives.storage.collection",
    "CollectionIndex": "archives.index.catalogue",
    "Exchange": "archives.warc.records",
    "IndexEntry": "archives.index.cdxj",
    "Location": "archives.warc.records",
    "NotArchived": "archives.errors",
    "Record": "archives.warc.parser",
    "RecordError": "archives.errors",
    "Storage": "archives.storage.schemes",
    "StoreError": "archives.errors",
    "WarcWriter": "archives.captures.writer",
    "iter_records": "archives.warc.reader",
    "list_collections": "archives.storage.collection",
    "read_capture": "archives.warc.reader",
    "read_resolved": "archives.captures.revisits",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
