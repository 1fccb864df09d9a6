"""Updates the ledger's capture references after WARC files were merged or rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import OPEN_SUFFIX
from crawler.reparsing.ledger import find_ledger, refresh_ledger
from pipelines.posts.statement_set import list_files, move_captures

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archives.storage.collection import Collection


def follow_captures(collection: Collection, rewritten: Iterable[str] = ()) -> int:
    """Note in the ledger where the captures are that it looks for in files that are gone or were rewritten.

    Args:
        rewritten: names of WARC files whose records have other offsets than before.

    Returns:
        How many captures have another place now.

    Raises:
        CollectionError: the ledger or the index cannot be read.
    """
    path = find_ledger(collection)
    if not path.is_file():
        return 0
    refresh_ledger(collection)
    there = {warc.name for warc in collection.iter_warcs()}
    there |= {warc.name.removesuffix(OPEN_SUFFIX) for warc in collection.iter_open()}
    files = (list_files(path) - there) | set(rewritten)
    if not files:
        return 0
    with CollectionIndex(collection) as index:

        def find_place(record_id: str, at: datetime) -> tuple[str, int] | None:
            entry = index.find_record(record_id, at)
            return (entry.filename, entry.offset) if entry else None

        return move_captures(path, files, find_place)
