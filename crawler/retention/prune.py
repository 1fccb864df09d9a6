"""Lets go what `select` chose: post files, captures, and what the ledger knows of both."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from archives.erasure.register import load_register
from archives.merging.parts import realign_parts
from crawler.publishing.erasing import remove
from crawler.reparsing.ledger import find_ledger, find_posts_dir, open_ledger
from crawler.reparsing.places import follow_captures
from crawler.reparsing.reparse import Reparsed, write_posts
from crawler.sources.archived import build_options
from pipelines.posts.statement_set import drop_captures

if TYPE_CHECKING:
    from archives.storage.collection import Collection
    from crawler.publishing.library import Library
    from crawler.retention.selection import Selection
    from crawler.sources import Source


def finish_pruning(collection: Collection) -> None:
    """Complete an interrupted prune: update the offsets of captures that moved.

    Raises:
        ArchiveError: the register, the index or the ledger cannot be read.
    """
    erasures = load_register(collection).erasures
    rewritten = {file.name for file in erasures[-1].files if file.after} if erasures and erasures[-1].is_pruned else ()
    for warc in collection.iter_warcs():
        if warc.name in rewritten:
            realign_parts(collection, warc)
    follow_captures(collection, rewritten)


def prune(library: Library, collection: Collection, source: Source, selection: Selection, *, at: str) -> int:
    """Let go what is no longer kept of a source; posts that stay are not changed by it.

    Args:
        at: instant, ISO 8601, UTC.

    Returns:
        How many bytes of WARC files were freed.

    Raises:
        ArchiveError, OSError: a file cannot be read or written, or a crawl is writing; run it again to continue.
    """
    before = _measure(collection)
    erasure = remove(
        library,
        collection,
        selection.target,
        selection.records,
        emptied=selection.emptied,
        at=at,
        reason=f"beyond what is kept of {selection.source}",
    )
    if find_ledger(collection).is_file():
        with closing(open_ledger(collection)):
            drop_captures(find_ledger(collection), selection.dropped)
        follow_captures(collection, {file.name for file in erasure.files if file.after})
        with closing(open_ledger(collection)) as ledger:
            write_posts(ledger, find_posts_dir(collection), build_options(collection, [source]), Reparsed())
    return before - _measure(collection)


def _measure(collection: Collection) -> int:
    return sum(warc.stat().st_size for warc in collection.iter_warcs() if warc.is_file())
