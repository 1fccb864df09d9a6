"""The titles of archived pages, read from their bytes when a list first shows them, and remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError
from archives.index.cdxj import REVISIT_MIME
from archives.replay.rewriting.content import MAX_PAGE_BYTES, PAGE_MIMES, find_title

if TYPE_CHECKING:
    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry

_REMEMBERED: Final = 8192
_WITH_TITLE: Final = PAGE_MIMES | {REVISIT_MIME}


class Titles:
    """The titles of the pages that were requested last, of all collections."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, index: CollectionIndex, entry: IndexEntry) -> str:
        """Return the title of an archived page; empty if it has none or cannot be read."""
        if entry.mime not in _WITH_TITLE or entry.status not in (200, 304, None):
            return ""
        key = (index.collection.name, entry.record_id)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        title = _read_title(index, entry)
        with self._lock:
            self._known[key] = title
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return title


def _read_title(index: CollectionIndex, entry: IndexEntry) -> str:
    try:
        return find_title(read_resolved(index, entry, max_bytes=MAX_PAGE_BYTES))
    except ArchiveError:  # the page itself shows what is wrong
        return ""
