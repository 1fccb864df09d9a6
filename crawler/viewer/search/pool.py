"""The search indexes of all collections, opened on demand, with merged results."""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from archives.storage.collection import list_collections
from crawler.viewer.search.index import PostIndex
from crawler.viewer.search.lookup import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.publishing.library import Library
    from crawler.viewer.search.lookup import Found, Place, Wanted


class IndexPool:
    """The search indexes of a data directory."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._indexes: dict[str, PostIndex] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every index."""
        with self._lock:
            for index in self._indexes.values():
                index.close()
            self._indexes.clear()

    def find(self, name: str) -> PostIndex:
        """Return the index of a collection.

        Raises:
            archives.errors.CollectionError: there is no such collection.
        """
        with self._lock:
            if name not in self._indexes:
                self._indexes[name] = PostIndex(self._library, name)
            return self._indexes[name]

    def list_names(self) -> list[str]:
        """Return the names of all collections."""
        return list_collections(self._library.data_dir)

    def list_posts(self, names: Sequence[str], wanted: Wanted, *, limit: int, offset: int = 0) -> list[Found]:
        """Return posts of several collections, in the order that is wanted."""
        if len(names) == 1:
            places = self.find(names[0]).list_places(wanted, limit=limit, offset=offset)
        else:
            found = [self.find(name).list_places(wanted, limit=offset + limit) for name in names]
            merged = heapq.merge(*found, key=_rank if wanted.by_relevance else _age)
            places = list(islice(merged, offset, offset + limit))
        numbers: dict[str, list[int]] = {}
        for place in places:
            numbers.setdefault(place.collection, []).append(place.number)
        phrases = wanted.parse().phrases
        posts = {name: iter(self.find(name).list_posts(chosen, phrases)) for name, chosen in numbers.items()}
        return [post for place in places if (post := next(posts[place.collection], None))]

    def count(self, names: Sequence[str], wanted: Wanted) -> int:
        """Return how many posts of several collections match; see `PostIndex.count` for the most that are counted."""
        return sum(self.find(name).count(wanted) for name in names)

    def count_labels(self, names: Sequence[str], wanted: Wanted) -> Counts:
        """Return how many posts of several collections have each label, and are of each day."""
        counts = [self.find(name).count_labels(wanted) for name in names]
        labels: dict[str, Counter[str]] = {}
        days: Counter[str] = Counter()
        for count in counts:
            days.update(count.days)
            for kind, numbers in count.labels.items():
                labels.setdefault(kind, Counter()).update(numbers)
        if len(names) > 1:
            labels["collection"] = Counter({name: count.total for name, count in zip(names, counts, strict=True)})
        is_cut = any(count.is_cut for count in counts)
        total = sum(count.total for count in counts)
        is_more = any(count.is_more for count in counts)
        return Counts(total=total, is_more=is_more, labels=labels, days={} if is_cut else days, is_cut=is_cut)

    def suggest(self, names: Sequence[str], wanted: Wanted) -> list[tuple[Wanted, int]]:
        """Return searches that find something where one finds nothing, and how many posts each finds."""
        found = {changed.words: changed for name in names for changed in self.find(name).suggest(wanted)}
        return [(changed, self.count(names, changed)) for changed in found.values()]

    def count_missing(self, names: Sequence[str]) -> dict[str, int]:
        """Return how many posts each index has still to take in, for those that have."""
        return {name: missing for name in names if (missing := self.find(name).missing)}


def _rank(place: Place) -> float:
    return place.rank


def _age(place: Place) -> _Newest:
    return _Newest(place.instant)


class _Newest(str):
    """An instant that sorts before earlier ones."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
