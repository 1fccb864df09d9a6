"""The posts of a collection as records, read lazily from its ledger.

A ledger holds what is known; what a source's options add to that (its zone, the tag of a medium) is given by whoever
opens the store, because sources are none of this package's business. Records come in the order of their post files'
names, which begin with the day; all of one iteration are of the same instant, whatever is written meanwhile.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pipelines.exports.records import build_record
from pipelines.posts.items import load_post
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from pipelines.exports.records import Change, PostRecord
    from pipelines.posts.items import Post
    from pipelines.posts.options import PostOptions


class PostStore:
    """The posts of one collection.

    Args:
        ledger: its path; a collection without one has no posts.
        options_for: gives a source's options by its name.
        hides: asked for each post that has a file, whether to leave it out.
        open_ledger: opens the ledger each time that posts are read.
    """

    def __init__(
        self,
        ledger: Path,
        collection: str,
        options_for: Callable[[str], PostOptions],
        *,
        hides: Callable[[Post], bool] | None = None,
        open_ledger: Callable[[Path], Ledger] = Ledger,
    ) -> None:
        self.collection = collection
        self._path = ledger
        self._options_for = options_for
        self._hides = hides
        self._open_ledger = open_ledger

    def iter_records(
        self,
        *,
        source: str = "",
        first_day: date | None = None,
        last_day: date | None = None,
        category: str = "",
        tag: str = "",
    ) -> Iterator[PostRecord]:
        """Yield the posts that have a post file.

        Args:
            first_day: the first of the days to take, in the zone of each source.
            last_day: the last of them.
            category: a section or its slug.
        """
        if not self._path.exists():
            return
        since = first_day.isoformat() if first_day else ""
        until = (last_day + timedelta(days=1)).isoformat() if last_day else ""
        with closing(self._open_ledger(self._path)) as ledger:
            filed = ledger.iter_filed(source=source, since=since, until=until)
            with closing(filed):
                for _, file, state in filed:
                    post = load_post(state)
                    if self._hides is not None and self._hides(post):
                        continue
                    record = self._build(post, file)
                    if is_filed_under(record, category, tag):
                        yield record

    def iter_states(self, *, source: str = "") -> Iterator[tuple[str, str, str]]:
        """Yield source, file name and state of the posts that `iter_records` makes records of, in its order."""
        if not self._path.exists():
            return
        with closing(self._open_ledger(self._path)) as ledger, closing(ledger.iter_filed(source=source)) as filed:
            for key, file, state in filed:
                if self._hides is None or not self._hides(load_post(state)):
                    yield key[0], file, state

    def find_record(self, source: str, identifier: str, *, change: Change | None = None) -> PostRecord | None:
        """Return the record of one post, or None if it has no post file.

        Args:
            change: what happened to it, for the record.
        """
        return next(self.iter_found([((source, identifier), change)]))

    def iter_found(self, wanted: Iterable[tuple[tuple[str, str], Change | None]]) -> Iterator[PostRecord | None]:
        """Yield the record of each post that is asked for by its key, or None if it has no post file."""
        if not self._path.exists():
            yield from (None for _ in wanted)
            return
        with closing(self._open_ledger(self._path)) as ledger:
            for key, change in wanted:
                claim = ledger.find_claim(key)
                state = ledger.find_post(key) if claim else None
                if state and self._hides is not None and self._hides(state):
                    state = None
                record = self._build(state, claim.file) if state and claim else None
                yield replace(record, change=change) if record and change else record

    def _build(self, state: Post, file: str) -> PostRecord:
        return build_record(state, self._options_for(state.source), collection=self.collection, file=file)


def is_filed_under(record: PostRecord, category: str, tag: str) -> bool:
    """Return whether a record has the category and the tag that are requested, if any."""
    has_category = not category or category in record.articleSection or category in record.categories
    return has_category and (not tag or tag in record.keywords)
