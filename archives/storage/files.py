"""What makes a file on disk ours alone while we write it, and there to stay once we say so."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lock_file(descriptor: int) -> bool:
    """Take the file's lock without waiting; False if a living process holds it.

    The kernel drops the lock with its holder, however that one dies.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether a living process holds the file's lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not lock_file(descriptor)
    finally:
        os.close(descriptor)


def is_same_file(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the open file, which may have moved on before we had its lock."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def make_private(path: Path) -> None:
    """Make an empty file that only we may read or write; of one that is there and ours, take others' rights.

    What steers a run, or holds what only its user may know, is no business of the other users of a machine.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # By its name: to open and close it would drop the locks that this process has on it.
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(0o600)


def sync_directory(path: Path) -> None:
    """Put names made, changed or removed in a directory on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
