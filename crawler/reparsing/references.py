"""Checks that the captures named in posts exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import OPEN_SUFFIX
from archives.verify.findings import Problem
from crawler.environment import name_program
from crawler.reparsing.ledger import find_ledger, open_ledger
from pipelines.posts.items import load_post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.storage.collection import Collection
    from pipelines.posts.items import Post


def verify_references(collection: Collection) -> list[Problem]:
    """Return a problem for every capture that a post was read from, as the ledger knows it, and that is not there."""
    if not find_ledger(collection).is_file():
        return []
    ledger = open_ledger(collection)
    try:
        with CollectionIndex(collection) as index:
            return [
                problem
                for _, file, state in ledger.iter_filed()
                for problem in _iter_problems(index, load_post(state), file)
            ]
    finally:
        ledger.close()


def _iter_problems(index: CollectionIndex, post: Post, file: str) -> Iterator[Problem]:
    archive_dir = index.collection.archive_dir
    capture = post.capture
    # A file that is still being written is in no catalogue.
    if capture is None or (archive_dir / (capture.file + OPEN_SUFFIX)).exists():
        return
    entry = index.find_record(capture.record_id, capture.captured_at)
    if entry is not None and (entry.filename, entry.offset) == (capture.file, capture.offset):
        return
    what = f"post {file} refers to {capture.record_id} in {capture.file} at offset {capture.offset}"
    there = "in no file" if entry is None else f"in {entry.filename} at offset {entry.offset}"
    yield Problem(
        kind="dangling-post",
        path=archive_dir / capture.file,
        offset=capture.offset,
        record_id=capture.record_id,
        message=f"{what}, which is {there}; restore the file from a copy, or run '{name_program()} reparse'",
    )
