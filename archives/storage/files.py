"""Exclusive, atomic and durable file writing: locks, renames, syncs.

A file that is written whole is written under a temporary name in its folder, put on disk, and then given its own name
in one step. A writer that is killed leaves the temporary file; its name is one that nobody else uses and its lock is
free, so the next writer in that folder removes it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# `pipelines.whole_files` uses the same: each removes what the other's killed writers left.
_TEMPORARY: Final = re.compile(r"\.newsreel-[0-9a-f]{16}\.tmp")
_PUBLIC_MODE: Final = 0o666
_READ_AT_ONCE: Final = 1 << 20
_NOT_FOR_FOLDERS: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


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

    What steers a run, or holds what only its user may know, is not the business of the other users of a machine.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # By its name: to open and close it would drop the locks that this process has on it.
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(0o600)


def sync_directory(path: Path) -> None:
    """Put names made, changed or removed in a directory on the disk, where its file system can do that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def sync_file(stream: BinaryIO) -> None:
    """Put what has been written to a file on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def hash_file(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_span(path: Path, first: int, beyond: int) -> str:
    """Return the SHA-256 of a file's bytes from `first` up to, but without, `beyond`, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(first)
        while chunk := file.read(min(_READ_AT_ONCE, beyond - file.tell())):
            digest.update(chunk)
    return digest.hexdigest()


def write_file(target: Path, data: bytes, *, mode: int = _PUBLIC_MODE) -> None:
    """Write a file whole or not at all, in place of the one that is there; parameters and errors as `replace_file`."""
    with replace_file(target, mode=mode) as stream:
        stream.write(data)


def create_file(target: Path, data: bytes, *, mode: int = _PUBLIC_MODE) -> bool:
    """Write a file whole or not at all; False if there is one, which is left alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_temporary(target.parent, mode=mode) as stream:
        stream.write(data)
        sync_file(stream)
        return link_file(stream, target)


@contextmanager
def replace_file(target: Path, *, mode: int = _PUBLIC_MODE) -> Iterator[BinaryIO]:
    """Give a file to write to; it takes the target's place when the block ends well, and is on the disk then.

    Args:
        mode: of the file, less what the umask takes away.

    Raises:
        OSError: the disk does not take it, or the target is no file; what lay at the target is there still.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _refuse_special(target)
    with open_temporary(target.parent, mode=mode) as stream:
        yield stream
        sync_file(stream)
        Path(stream.name).replace(target)
        sync_directory(target.parent)


def _refuse_special(target: Path) -> None:
    """Refuse a folder, a device, a pipe and /dev/stdout: a rename would put a file in its place, for all programs."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    is_descriptor = target.is_symlink() and target.readlink().is_relative_to("/proc")
    if is_descriptor or (target.exists() and not target.is_file()):
        raise PermissionError(errno.EPERM, "It is a device or a pipe, which no file replaces", str(target))


def link_file(stream: BinaryIO, target: Path) -> bool:
    """Give a temporary file that is on the disk a name to keep; False if another file has that name."""
    try:
        os.link(stream.name, target)
    except FileExistsError:
        return False
    sync_directory(target.parent)
    return True


@contextmanager
def open_temporary(folder: Path, *, mode: int = _PUBLIC_MODE) -> Iterator[BinaryIO]:
    """Give a file to write to, which goes when the block ends, unless it has been renamed; `name` is its path."""
    _sweep(folder)
    stream = _create_temporary(folder, mode)
    try:
        with stream:
            yield stream
    finally:
        Path(stream.name).unlink(missing_ok=True)


def _create_temporary(folder: Path, mode: int) -> BinaryIO:
    while True:
        path = folder / f".newsreel-{secrets.token_hex(8)}.tmp"
        stream = open(path, "xb", opener=partial(os.open, mode=mode))  # noqa: SIM115 (the caller closes it)
        try:
            if lock_file(stream.fileno()) and is_same_file(stream.fileno(), path):
                return stream
        except OSError:  # a file system without locks, where nothing is swept either
            return stream
        # Another writer came between and took it for left over.
        stream.close()


def _sweep(folder: Path) -> None:
    """Remove the temporary files that killed writers left in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name):
                with suppress(OSError):  # another user's, or another writer was first
                    _remove_left_over(Path(entry.path))


def _remove_left_over(path: Path) -> None:
    # For writing, because NFS locks nothing else.
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if lock_file(descriptor) and is_same_file(descriptor, path):
            path.unlink()
    finally:
        os.close(descriptor)
