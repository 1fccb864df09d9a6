"""What single captures state, kept in a file while a reparse joins it: the log of changes is made again from that."""

from __future__ import annotations

import sqlite3
from itertools import groupby
from typing import TYPE_CHECKING

from pipelines.posts.items import Post, dump_post, load_post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class PieceFile:
    """Collects posts as `crawler.publishing.history.CollectPipeline` hands them over; gives them back by article."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE piece (source TEXT, identifier TEXT, state TEXT)")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def append(self, piece: Post) -> None:
        """Keep what one capture states."""
        self._database.execute("INSERT INTO piece VALUES (?, ?, ?)", (*piece.key, dump_post(piece)))

    def add_file(self, path: Path) -> None:
        """Take over what another file holds."""
        self._database.execute("ATTACH ? AS other", (str(path),))
        self._database.execute("INSERT INTO piece SELECT source, identifier, state FROM other.piece ORDER BY rowid")
        self._database.execute("DETACH other")

    def __iter__(self) -> Iterator[tuple[tuple[str, str], list[Post]]]:
        """Yield the pieces of each post."""
        rows = self._database.execute("SELECT source, identifier, state FROM piece ORDER BY source, identifier, rowid")
        for key, group in groupby(rows, key=lambda row: (row[0], row[1])):
            yield key, [load_post(state) for *_, state in group]
