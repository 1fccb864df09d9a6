"""Files and folders that are replaced whole or not at all.

An export is written under a temporary name beside its target, which it replaces in one step. So a reader sees the
old one or the new one, and of two exports at once the one that ends last stands.
"""

from __future__ import annotations

import ctypes
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.exports.records import SCHEMA
from pipelines.whole_files import ASIDE, MARK, Temporary, make_file, make_folder, sweep, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# https://man7.org/linux/man-pages/man2/renameat2.2.html
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class ExportError(Exception):
    """An export could not be written; what lay at its target is there still."""


@contextmanager
def replace_file(target: Path) -> Iterator[Path]:
    """Give a path to write to; the file takes the target's place when the block ends well.

    Raises:
        ExportError: the target is a folder, a device or a pipe.
        OSError: the folder cannot be written.
    """
    if target.is_dir():
        raise ExportError(f"{target} is a folder; name a file")
    if _is_special(target):
        raise ExportError(f"{target} is a device or a pipe; name a file, or - for standard output")
    with _open_temporary(target.parent, make_file) as temporary:
        yield temporary.path
        os.fchmod(temporary.descriptor, 0o644)
        os.fsync(temporary.descriptor)
        temporary.path.replace(target)
        sync_folder(target.parent)


def _is_special(target: Path) -> bool:
    """Whether it is a device, a pipe or /dev/stdout: a rename would put a file in its place, for all programs."""
    is_descriptor = target.is_symlink() and target.readlink().is_relative_to("/proc")
    return is_descriptor or (target.exists() and not target.is_file())


@contextmanager
def replace_folder(target: Path, kind: str, *, is_own_file: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """Give an empty folder to write to; it takes the target's place when the block ends well.

    Args:
        kind: the format, kept in the folder's mark. A folder without a mark was not made by an export and is left
            alone.
        is_own_file: says of a file whether an export made it. The folder then gets no mark, for readers that refuse
            files of another kind; it may be replaced if all its files are such.

    Raises:
        ExportError: something else than an export is at the target.
        OSError: the folder cannot be written.
    """
    if target.exists() and not _is_ours(target, is_own_file or _is_never_own):
        raise ExportError(f"{target} holds files that no export made; name an empty or a new folder with -o")
    with _open_temporary(target.parent, make_folder) as temporary:
        folder = temporary.path / "new"
        folder.mkdir()
        folder.chmod(0o755)
        yield folder
        if not is_own_file:
            mark = json.dumps({"schema": SCHEMA, "format": kind})
            (folder / MARK).write_text(mark + "\n", "utf-8")
        os.sync()
        if target.exists():
            _exchange(folder, target)
        else:
            folder.replace(target)
        sync_folder(target.parent)


@contextmanager
def open_scratch() -> Iterator[Path]:
    """Give a folder among the system's temporary files; what a killed process left of one is removed as well."""
    with _open_temporary(Path(tempfile.gettempdir()), make_folder) as temporary:
        yield temporary.path


@contextmanager
def _open_temporary(parent: Path, make: Callable[[Path], Temporary]) -> Iterator[Temporary]:
    """Make a file or folder that is ours alone, and remove it in the end, unless it has been renamed."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    temporary = make(parent)
    try:
        yield temporary
    finally:
        temporary.discard()


def _is_ours(folder: Path, is_own_file: Callable[[Path], bool]) -> bool:
    if not folder.is_dir() or (folder / MARK).is_file():
        return folder.is_dir()
    return all(path.is_dir() or is_own_file(path) for path in folder.rglob("*"))


def _is_never_own(_: Path) -> bool:
    return False


def _exchange(folder: Path, target: Path) -> None:
    """Give a folder the target's name, in one step where the system can; the old one stays in the temporary folder."""
    library = ctypes.CDLL(None, use_errno=True)
    exchange = getattr(library, "renameat2", None)
    names = [os.fsencode(path) for path in (folder, target)]
    if exchange and exchange(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return
    aside = folder.parent / ASIDE
    aside.mkdir()
    target.replace(aside / target.name)
    folder.replace(target)
