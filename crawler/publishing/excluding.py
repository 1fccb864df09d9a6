"""Applies an exclusion to a data directory: counts what is affected and publishes the removals."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archives.index.catalogue import CollectionIndex
from crawler.reparsing.ledger import find_ledger, open_ledger
from pipelines.posts.items import load_post

if TYPE_CHECKING:
    from archives.erasure.exclusions import Exclusions
    from crawler.publishing.library import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """How much of a collection some patterns meet."""

    collection: str
    captures: int
    posts: int


def count_met(library: Library, exclusions: Exclusions) -> list[Met]:
    """Return how many captures and posts of each collection the patterns meet, where they meet any.

    Raises:
        ArchiveError: a collection cannot be read.
    """
    found = []
    for name, collection in library.collections.items():
        with CollectionIndex(collection) as index:
            captures = sum(exclusions.excludes(entry.url) for entry in index.iter_entries())
        posts = 0
        if find_ledger(collection).is_file():
            with closing(open_ledger(collection)) as ledger, closing(ledger.iter_filed()) as filed:
                for _, _, state in filed:
                    post = load_post(state)
                    posts += exclusions.excludes(post.url, post.shareLink)
        if captures or posts:
            found.append(Met(collection=name, captures=captures, posts=posts))
    return found


def log_changes(library: Library) -> None:
    """Enter into each change log what is left out from now on, and what is no longer.

    Raises:
        ArchiveError: a collection cannot be read.
    """
    for name in library.collections:
        with closing(library.open_log(name)) as log:
            log.account()
