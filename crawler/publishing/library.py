"""A data directory as a library: the posts of all its collections, and the capture behind each.

Posts know nothing of the archive and the archive nothing of posts; this class gives Python programs both.

Example:
    library = Library("data")
    for post in library.posts(source="finews", since=date(2026, 11, 1)):
        print(post.headline, library.capture(post).url)
    changes = list(library.changes(since="start"))
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from archives.captures.revisits import resolve_capture
from archives.erasure.exclusions import load_exclusions
from archives.errors import CollectionError, NotArchived
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection, list_collections
from archives.warc.reader import read_capture
from crawler.changelog.cursors import START
from crawler.changelog.log import ChangeLog
from crawler.publishing.stream import ChangeStream
from crawler.reparsing.ledger import describe_remedy, find_ledger, open_ledger_file, refresh_ledger
from crawler.sources.archived import find_definitions
from pipelines.exports.store import PostStore
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from archives.warc.reader import Capture
    from crawler.sources import Source
    from pipelines.exports.records import PostRecord
    from pipelines.posts.items import Post

# No zone is further from UTC.
_DAY = timedelta(days=1)


class Library:
    """The posts and captures below one data directory.

    Args:
        data_dir: the setting `DATA_DIR`.

    Attributes:
        left_out: how many posts were passed over because their addresses are excluded.
    """

    __slots__ = ("data_dir", "left_out")

    def __init__(self, data_dir: Path | str) -> None:
        self.data_dir = Path(data_dir)
        self.left_out = 0

    def __repr__(self) -> str:
        return f"Library({str(self.data_dir)!r})"

    @property
    def collections(self) -> dict[str, Collection]:
        """The collections by name, sorted, as they are at this moment."""
        return {name: self.open_collection(name) for name in list_collections(self.data_dir)}

    def posts(
        self,
        *,
        collection: str = "",
        source: str = "",
        since: date | None = None,
        until: date | None = None,
        category: str = "",
        tag: str = "",
    ) -> Generator[PostRecord, None, None]:
        """Return posts by collection and day, read as they are requested; each argument narrows them down.

        Args:
            since: the first day to take, in the zone of each source, or the first instant: a datetime with a zone.
            until: the last day or instant, likewise.
            category: a section or its slug.

        Raises:
            ValueError: an instant has no zone.
            archives.errors.CollectionError: there is no such collection; raised when the first post is requested.
        """
        first, last = _find_day(since, -_DAY), _find_day(until, _DAY)

        def iter_posts() -> Generator[PostRecord, None, None]:
            for name in [collection] if collection else list_collections(self.data_dir):
                records = self.open_store(name).iter_records(
                    source=source, first_day=first, last_day=last, category=category, tag=tag
                )
                yield from (record for record in records if _is_between(record.datePublished, since, until))

        return iter_posts()

    def changes(self, since: str = START, *, collection: str = "") -> Iterator[PostRecord]:
        """Return the posts that changed since a cursor: each once, as it is now, with `change`.

        Args:
            since: the `change.cursor` of the last post that you have stored, or `start`. Where the log no longer holds
                it, all changes come again; drop posts that do not appear.
            collection: only its changes; those of all come with cursors of all.

        Raises:
            CursorError: it is not a cursor of these collections; raised when the first post is requested.
            archives.errors.CollectionError: there is no such collection; likewise.
        """
        return ChangeStream(self, collection).read(since)

    def capture(self, post: PostRecord) -> Capture:
        """Return the capture that a post's body was read from; a revisit comes with its original.

        Raises:
            archives.errors.RecordError: its record is damaged.
            archives.errors.NotArchived: the post has no capture, or its file is not there.
        """
        if post.capture is None:
            raise NotArchived(f"post {post.id} was made without an archive, so no capture stands behind it")
        collection = self.open_collection(post.collection)
        capture = read_capture(collection, post.capture.file, post.capture.offset)
        with CollectionIndex(collection) as index:
            return resolve_capture(index, capture)

    def open_collection(self, name: str) -> Collection:
        """Return one collection.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        return Collection.open(self.data_dir, name)

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

        return PostStore(
            find_ledger(opened), collection, options_for, hides=self._build_test(), open_ledger=open_ledger_file
        )

    def _build_test(self) -> Callable[[Post], bool] | None:
        """Return what tells whether a post's address is excluded; None if nothing is."""
        exclusions = load_exclusions(self.data_dir)
        if not exclusions:
            return None

        def hides(post: Post) -> bool:
            is_hidden = exclusions.excludes(post.url, post.shareLink)
            self.left_out += is_hidden
            return is_hidden

        return hides

    def find_definitions(self, collection: str) -> Callable[[str], Source | None]:
        """Return what gives the definition of a source as a collection knows it, by its name.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        return find_definitions(self.open_collection(collection))

    def open_log(self, collection: str, *, fills: bool = True) -> ChangeLog:
        """Return the log of changes of one collection.

        Args:
            fills: enter what the ledger says into a log that is new.

        Raises:
            archives.errors.CollectionError: there is no such collection, or its ledger has been deleted.
        """
        opened = self.open_collection(collection)
        log = ChangeLog(opened, find_definitions(opened))
        if log.has_lost_ledger:
            log.close()
            words = f"the posts of {collection} have no ledger (indexes/ledger.sqlite); {describe_remedy(collection)}"
            raise CollectionError(words, path=find_ledger(opened))
        if fills and log.is_empty:
            log.account()
        return log


def _find_day(bound: date | None, margin: timedelta) -> date | None:
    """Return the day that a bound names; of an instant, one that is surely outside it in every zone.

    Raises:
        ValueError: an instant has no zone.
    """
    if not isinstance(bound, datetime):
        return bound
    if bound.tzinfo is None:
        raise ValueError(f"{bound.isoformat()} has no zone; give it one (tzinfo=UTC), or name a day (datetime.date)")
    return bound.astimezone(UTC).date() + margin


def _is_between(instant: datetime | None, since: date | None, until: date | None) -> bool:
    """Whether an instant is in the bounds that are instants; days have been looked at before."""
    is_late = not isinstance(since, datetime) or (instant is not None and instant >= since)
    return is_late and (not isinstance(until, datetime) or (instant is not None and instant <= until))
