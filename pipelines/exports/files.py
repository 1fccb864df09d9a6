"""Files and folders that are replaced whole or not at all.

An export is written beside its target under a temporary name, put on disk, and then takes the target's place in one
step. So whoever reads sees the old one or the new one, and of two exports at once the one that ends last stands. An
export that is killed leaves the old one and its temporary file or folder; its name is one that nobody else uses and its
lock is free, so the next export in that folder removes it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pipelines.exports.records import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MARK = "_newsreel.json"
# `archives.storage.files` has the same: each removes what the other's killed writers left.
_TEMPORARY = re.compile(r"\.newsreel-[0-9a-f]{16}\.tmp")

# https://man7.org/linux/man-pages/man2/renameat2.2.html
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class ExportError(Exception):
    """An export could not be written; what lay at its target lies there still."""


@contextmanager
def replace_file(target: Path) -> Iterator[Path]:
    """Give a path to write to; the file takes the target's place when the block ends well.

    Raises:
        OSError: the folder cannot be written.
    """
    with _make_temporary(target.parent, _make_file) as temporary:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
        _sync(target.parent)


@contextmanager
def replace_folder(target: Path, kind: str) -> Iterator[Path]:
    """Give an empty folder to write to; it takes the target's place when the block ends well.

    Args:
        kind: the format, kept in the folder's mark. A folder without a mark was not made by an export and is left
            alone.

    Raises:
        ExportError: something else than an export lies at the target.
        OSError: the folder cannot be written.
    """
    if target.exists() and not _is_ours(target):
        raise ExportError(f"{target} holds files that no export made; name an empty or a new folder with -o")
    with _make_temporary(target.parent, _make_folder) as temporary:
        temporary.chmod(0o755)
        yield temporary
        mark = json.dumps({"schema": SCHEMA, "format": kind})
        (temporary / MARK).write_text(mark + "\n", "utf-8")
        os.sync()
        if target.exists():
            _exchange(temporary, target)
        else:
            temporary.replace(target)
        _sync(target.parent)


@contextmanager
def _make_temporary(parent: Path, make: Callable[[Path], int]) -> Iterator[Path]:
    """Make a file or folder that is ours alone, and remove it in the end, unless it has been renamed."""
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    while True:
        temporary = parent / f".newsreel-{secrets.token_hex(8)}.tmp"
        with suppress(FileNotFoundError):  # another export came between and took it for left over
            handle = make(temporary)
            if _has_lock(handle, _find_lock(temporary)):
                break
            os.close(handle)
    try:
        yield temporary
    finally:
        _remove(temporary)
        os.close(handle)


def _make_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)


def _make_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)


def _find_lock(path: Path) -> Path:
    """The file whose lock says that the writer lives; folders have none that several machines share."""
    return path / MARK if path.is_dir() else path


def _has_lock(handle: int, path: Path) -> bool:
    """Whether no other living process has the lock of what is open under this name, so that we have it now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks
        return True


def _sweep(folder: Path) -> None:
    """Remove what killed exports left in a folder."""
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name) and not path.is_symlink():
            with suppress(OSError):  # somebody else's, or another export was first
                _remove_left_over(path)


def _remove_left_over(path: Path) -> None:
    lock = _find_lock(path)
    if not lock.is_file():
        path.rmdir()  # before its lock was made; a living writer makes another
        return
    handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), lock.stat()):
            _remove(path)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir()))


def _exchange(left: Path, right: Path) -> None:
    """Let two folders change names, in one step where the system can."""
    library = ctypes.CDLL(None, use_errno=True)
    exchange = getattr(library, "renameat2", None)
    names = [os.fsencode(path) for path in (left, right)]
    if exchange and exchange(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return
    aside = left.with_name(left.name + ".old")
    right.replace(aside)
    left.replace(right)
    aside.replace(left)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system that cannot sync a folder
            os.fsync(handle)
    finally:
        os.close(handle)
