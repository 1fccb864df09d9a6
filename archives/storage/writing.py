"""A lock that keeps who removes captures away from writers, which may refer to any capture that is there."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from archives.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.storage.collection import Collection


def join_writers(collection: Collection) -> int:
    """Take the lock shared with other writers, once no process removes captures; closing the descriptor releases it.

    The folder itself is locked. On a file system that cannot do that, no lock is taken.
    """
    descriptor = os.open(collection.archive_dir, os.O_RDONLY | os.O_DIRECTORY)
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextmanager
def keep_writers_out(collection: Collection) -> Iterator[None]:
    """Let no crawl write to a collection meanwhile; one that begins waits.

    Raises:
        CollectionError: one is writing.
    """
    words = f"{collection.name} is being written to; wait for the crawl to end"
    descriptor = os.open(collection.archive_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CollectionError(words, path=collection.archive_dir) from error
        except OSError:  # a file system that locks no folders
            pass
        if opened := next(collection.iter_open(), None):
            raise CollectionError(f"{opened.name} is still being written; wait for the crawl to end", path=opened)
        yield
    finally:
        os.close(descriptor)
