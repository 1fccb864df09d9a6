"""Rebuilds the ledger of a collection from the archive if an earlier version wrote it."""

from __future__ import annotations

import json
import logging
import sqlite3
import tempfile
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from archives.errors import CollectionError
from crawler.reparsing.contents import CollectionContents
from crawler.reparsing.reparse import Reparsed, gather, write_posts
from crawler.sources import SourceError
from crawler.sources.archived import build_options
from pipelines.dates.model import Precision
from pipelines.posts.items import Origin, Statement
from pipelines.posts.ledger import Ledger, LedgerOutdated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archives.storage.collection import Collection
    from crawler.sources import Source

logger = logging.getLogger(__name__)

LEDGER_NAME = "ledger.sqlite"
_KEPT_FIELDS = ("headline", "articleSection", "keywords", "articleBody", "author", "publisher", "symbols")


def find_ledger(collection: Collection) -> Path:
    """Return the path of a collection's ledger, which may not be there yet."""
    return collection.indexes_dir / LEDGER_NAME


def find_posts_dir(collection: Collection) -> Path:
    """Return the folder of a collection's post files."""
    return collection.path.parent.parent / "_posts" / collection.name


def open_ledger(collection: Collection) -> Ledger:
    """Open a collection's ledger; one that an earlier version wrote is rebuilt from the archive first.

    Raises:
        CollectionError: a later version wrote it, or it cannot be rebuilt.
    """
    path = find_ledger(collection)
    try:
        return Ledger(path)
    except LedgerOutdated as outdated:
        if outdated.is_newer:
            raise CollectionError(str(outdated), path=path) from outdated
    _rebuild(collection, path)
    return Ledger(path)


def refresh_ledger(collection: Collection) -> None:
    """Make a collection's ledger again where an earlier version wrote it; do nothing if there is none.

    Raises:
        CollectionError: a later version wrote it, or it cannot be rebuilt.
    """
    if find_ledger(collection).exists():
        open_ledger(collection).close()


def _rebuild(collection: Collection, path: Path) -> None:
    logger.warning(
        "The ledger of collection %s was written by an earlier version; it is rebuilt from the archive",
        collection.name,
    )
    contents = CollectionContents(collection)
    try:
        sources = contents.find_sources()
    except SourceError:
        sources = []
    with (
        tempfile.TemporaryDirectory(prefix="newsreel-") as scratch,
        closing(Ledger(Path(scratch, LEDGER_NAME), is_scratch=True)) as ledger,
    ):
        done = gather(contents, sources, ledger)
        if not done.is_whole:
            raise CollectionError(str(LedgerOutdated(path, is_newer=False)), path=path)
        for statement in _iter_unarchived(path):
            ledger.add(statement)
        ledger.record_joined(_list_joined(path))
        write_posts(ledger, find_posts_dir(collection), build_options(collection, sources), Reparsed())
        _replace(ledger, path)


def _replace(ledger: Ledger, path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    ledger.copy_to(path)


def prepare_ledger(collection: Collection, scratch: Path, sources: Iterable[Source]) -> set[str]:
    """Begin a reparse's ledger with what it does not touch: the posts of other sources, and their claims to names.

    Returns:
        The post files of the sources that are about to be read again.
    """
    if not find_ledger(collection).exists():
        return set()
    with closing(open_ledger(collection)) as current:
        current.copy_to(scratch)
    with closing(Ledger(scratch)) as ledger:
        files = ledger.list_files()
        kept = list(ledger.iter_unarchived())
        for source in sources:
            ledger.forget(source.name)
        for statement in kept:
            ledger.add(statement)
        return files - ledger.list_files()


def adopt_ledger(remade: Path, collection: Collection, posts_dir: Path, old_files: set[str]) -> None:
    """Put a reparse's ledger in the collection's place; remove the post files that stand for no post any more."""
    with closing(Ledger(remade)) as ledger:
        for name in old_files - ledger.list_files():
            with suppress(FileNotFoundError):
                (posts_dir / name).unlink()
        ledger.copy_to(find_ledger(collection))


def _list_joined(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database, suppress(sqlite3.OperationalError):
        return [name for (name,) in database.execute("SELECT file FROM joined")]
    return []


def _iter_unarchived(path: Path) -> Iterator[Statement]:
    """Yield what an old ledger knows of posts that no capture stands behind: a reparse cannot rebuild them."""
    with closing(sqlite3.connect(path)) as database:
        for (state,) in database.execute("SELECT state FROM posts"):
            values = json.loads(state)
            if values.get("capture") is None and values.get("articleBody"):
                yield _load_old(values)


def _load_old(values: dict[str, object]) -> Statement:
    statement = Statement(
        source=str(values["source"]),
        identifier=str(values["identifier"]),
        url=str(values.get("url") or ""),
        origin=Origin.FOREIGN,
        is_normalised=True,
    )
    for name in _KEPT_FIELDS:
        setattr(statement, name, values.get(name) or getattr(statement, name))
    if values.get("datePublished"):
        statement.datePublished = datetime.fromisoformat(str(values["datePublished"]))
        statement.datePublished_precision = Precision(str(values["datePublished_precision"]))
    return statement
