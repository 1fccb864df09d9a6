"""Temporary files and folders that are replaced atomically.

A file is written beside its place under a temporary name, put on disk, and renamed. Its writer keeps it open and locked
until then. A writer that is killed leaves it behind; its name is one that nobody else uses and its lock is free, so the
next writer in that folder removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# In a folder that was written whole; its lock is the folder's.
MARK: Final = "_newsreel.json"
# In a temporary folder: what had the name that the writer was about to give to something else.
ASIDE: Final = "replaced"
# `archives.storage.files` uses the same names and locks, so each removes what the other's killed writers left.
_TEMPORARY: Final = re.compile(r"\.newsreel-[0-9a-f]{16}\.tmp")
_NOT_FOR_FOLDERS: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """A file or folder that only we write to; it is not swept while its descriptor is open.

    Attributes:
        descriptor: of the file, or of the folder's mark.
    """

    path: Path
    descriptor: int

    def discard(self) -> None:
        """Remove it, unless it has been renamed, and close it."""
        try:
            with suppress(OSError):  # the next writer will
                _remove(self.path)
        finally:
            os.close(self.descriptor)


def make_file(parent: Path) -> Temporary:
    """Make an empty file that only its owner may read.

    Raises:
        OSError: the folder is not there, or cannot be written.
    """
    return _make(parent, _open_file)


def make_folder(parent: Path) -> Temporary:
    """Make a folder that holds an empty mark; errors as `make_file`."""
    return _make(parent, _open_folder, MARK)


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders that killed writers left in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and not entry.is_symlink():
                with suppress(OSError):  # another user's, or another writer was first
                    _remove_left_over(Path(entry.path))


def sync_folder(path: Path) -> None:
    """Put names made or changed in a folder on the disk, where its file system can do that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def _make(parent: Path, open_new: Callable[[Path], int | None], lock: str = "") -> Temporary:
    while True:
        path = parent / f".newsreel-{secrets.token_hex(8)}.tmp"
        descriptor = open_new(path)
        if descriptor is None:
            continue
        if _has_lock(descriptor, path / lock):
            return Temporary(path=path, descriptor=descriptor)
        os.close(descriptor)  # another writer came between and took it for left over


def _open_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)


def _open_folder(path: Path) -> int | None:
    path.mkdir()
    try:
        return os.open(path / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except FileNotFoundError:  # another writer came between and took it for left over
        return None


def _find_lock(path: Path) -> Path:
    """Return the file whose lock says that the writer lives; on a shared disk only files have locks."""
    return path / MARK if path.is_dir() else path


def _has_lock(descriptor: int, path: Path) -> bool:
    """Take the lock of an open file; False if another process has it, or the name means another file by now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks, where nothing is swept either
        return True


def _remove_left_over(path: Path) -> None:
    lock = _find_lock(path)
    if not lock.is_file():
        path.rmdir()  # its writer died before it made the mark; a living one makes another folder
        return
    descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), lock.stat()):
            _remove(path)
    finally:
        os.close(descriptor)


def _restore(path: Path) -> None:
    """Put back what had been moved aside, if the writer failed or was killed before something else had its name."""
    for old in (path / ASIDE).glob("*"):
        if not (path.parent / old.name).exists():
            old.replace(path.parent / old.name)


def _remove(path: Path) -> None:
    if path.is_dir():
        _restore(path)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
