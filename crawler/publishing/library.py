"""A data directory as a library: the posts of all its collections, and the capture behind each.

Posts know nothing of the archive and the archive nothing of posts; here the two meet for whoever wants to read both
from Python.

Example:
    library = Library(Path("data"))
    for record in library.iter_posts(source="finews", first_day=date(2026, 11, 1)):
        print(record.headline, library.read_capture(record).url)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archives.captures.revisits import resolve_capture
from archives.errors import NotArchived
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection, list_collections
from archives.warc.reader import read_capture
from crawler.publishing.changes import ChangeLog
from crawler.reparsing.ledger import find_ledger, refresh_ledger
from crawler.sources.archived import find_definitions
from pipelines.exports.store import PostStore
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import date
    from pathlib import Path

    from archives.warc.reader import Capture
    from crawler.sources import Source
    from pipelines.exports.records import PostRecord


@dataclass(frozen=True, slots=True)
class Library:
    """The posts and captures below one data directory."""

    data_dir: Path

    def list_collections(self) -> list[str]:
        """Return the names of the collections."""
        return list_collections(self.data_dir)

    def open_store(self, collection: str) -> PostStore:
        """Return the posts of one collection.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        opened = self.open_collection(collection)
        refresh_ledger(opened)
        definition_for = self.find_definitions(collection)

        def options_for(name: str) -> PostOptions:
            source = definition_for(name)
            return source.post if source else PostOptions()

        return PostStore(find_ledger(opened), collection, options_for)

    def find_definitions(self, collection: str) -> Callable[[str], Source | None]:
        """Return what gives the definition of a source as a collection knows it, by its name.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        return find_definitions(self.open_collection(collection))

    def open_log(self, collection: str) -> ChangeLog:
        """Return the log of changes of one collection, made of what the ledger says where there is none yet.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        opened = self.open_collection(collection)
        log = ChangeLog(opened, find_definitions(opened))
        if log.is_empty:
            log.account()
        return log

    def open_collection(self, name: str) -> Collection:
        """Return one collection.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        return Collection.open(self.data_dir, name)

    def iter_posts(
        self,
        *,
        collection: str = "",
        source: str = "",
        first_day: date | None = None,
        last_day: date | None = None,
        category: str = "",
        tag: str = "",
    ) -> Generator[PostRecord, None, None]:
        """Yield posts by collection and day, read as they are asked for; each argument narrows them down."""
        for name in [collection] if collection else self.list_collections():
            yield from self.open_store(name).iter_records(
                source=source, first_day=first_day, last_day=last_day, category=category, tag=tag
            )

    def read_capture(self, record: PostRecord) -> Capture:
        """Return the capture that a post's body was read from; a revisit comes with its original.

        Raises:
            archives.errors.RecordError: its record is damaged.
            archives.errors.NotArchived: the post has no capture, or its file is not there.
        """
        if record.capture is None:
            raise NotArchived(f"post {record.id} was made without an archive, so no capture stands behind it")
        collection = self.open_collection(record.collection)
        capture = read_capture(collection, record.capture.file, record.capture.offset)
        with CollectionIndex(collection) as index:
            return resolve_capture(index, capture)
