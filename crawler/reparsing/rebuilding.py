"""Rebuilds from the archive a ledger that an earlier version wrote."""

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
    from collections.abc import Iterator

    from archives.storage.collection import Collection

logger = logging.getLogger(__name__)

_KEPT_FIELDS = ("headline", "articleSection", "keywords", "articleBody", "author", "publisher", "symbols")


def rebuild_ledger(collection: Collection, path: Path, posts_dir: Path) -> None:
    """Replace a ledger by one read from the archive, and write the posts again.

    Raises:
        CollectionError: the archive does not hold all of it.
    """
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
        closing(Ledger(Path(scratch, path.name), is_scratch=True)) as ledger,
    ):
        done = gather(contents, sources, ledger)
        if not done.is_whole:
            raise CollectionError(str(LedgerOutdated(path, is_newer=False)), path=path)
        for statement in _iter_unarchived(path):
            ledger.add(statement)
        ledger.record_joined(_list_joined(path))
        write_posts(ledger, posts_dir, build_options(collection, sources), Reparsed())
        _replace(ledger, path)


def _replace(ledger: Ledger, path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    ledger.copy_to(path)


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
