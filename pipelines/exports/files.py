"""Files and folders that are replaced whole or not at all.

An export is written beside its target under a name that nobody else has, put on disk, and then takes the target's
place in one step. So whoever reads sees the old one or the new one, an export that is killed leaves the old one, and
of two at once the one that ends last stands.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.exports.records import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "_newsreel.json"

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
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


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
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
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
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
