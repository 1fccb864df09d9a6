"""A disk that keeps nothing until it is asked to: what SQLite has synced is copied aside, and a power cut leaves that.

SQLite asks its files through a table of functions (a VFS). `install` puts one in front of the usual one whose `xSync`
also copies the file, so the copies are what a disk holds that loses everything that was written and not synced.

Spec: sqlite.org/vfs.html, sqlite.org/c3ref/io_methods.html.
"""

from __future__ import annotations

import ctypes
import shutil
from ctypes.util import find_library
from pathlib import Path
from typing import Any

_POINTER = ctypes.c_void_p
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int)
# Names are passed on as they are in memory: options follow behind them.
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)


class _Methods(ctypes.Structure):
    _fields_ = [
        ("version", ctypes.c_int),
        *((name, _POINTER) for name in ("close", "read", "write", "truncate")),
        ("sync", _POINTER),
        *((f"other{number}", _POINTER) for number in range(13)),
    ]


class _Vfs(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("version", "file_size", "path_size")),
        ("next", _POINTER),
        ("name", ctypes.c_char_p),
        ("data", _POINTER),
        ("open", _POINTER),
        *((f"other{number}", _POINTER) for number in range(15)),
    ]


_kept: list[Any] = []  # what SQLite points to must live as long as the process


def find_sqlite() -> Any:
    """The library that Python's own module uses, or None if it has one inside."""
    import sqlite3  # noqa: F401, PLC0415 (so that it is mapped)

    name, maps = find_library("sqlite3"), Path("/proc/self/maps")
    is_shared = maps.exists() and "libsqlite3" in maps.read_text("utf-8")
    return ctypes.CDLL(name) if name and is_shared else None


def install(folder: Path) -> None:
    """Copy every file that SQLite syncs from now on to a folder, under its name."""
    library = find_sqlite()
    library.sqlite3_vfs_find.restype = _POINTER
    usual = _Vfs.from_address(library.sqlite3_vfs_find(None))
    ours = _Vfs.from_buffer_copy(usual)
    ours.name = b"lazy"
    open_usual = _OPEN(usual.open)
    paths: dict[int, Path] = {}
    tables: dict[int, _Methods] = {}

    def sync(file: int, flags: int) -> int:
        usual_table = originals[ctypes.cast(file, ctypes.POINTER(_POINTER))[0]]
        done = _SYNC(usual_table.sync)(file, flags)
        path = paths.get(file)
        if done == 0 and path is not None:
            shutil.copyfile(path, folder / path.name)
        return int(done)

    originals: dict[int, _Methods] = {}
    call_sync = _SYNC(sync)

    def open_file(vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        done = open_usual(vfs, name, file, flags, out)
        if done == 0 and name:
            slot = ctypes.cast(file, ctypes.POINTER(_POINTER))
            there = slot[0]
            if there not in tables:
                table = _Methods.from_buffer_copy(_Methods.from_address(there))
                table.sync = ctypes.cast(call_sync, _POINTER).value
                tables[there] = table
                originals[ctypes.addressof(table)] = _Methods.from_address(there)
            slot[0] = ctypes.addressof(tables[there])
            paths[file] = Path(ctypes.string_at(name).decode())
        return int(done)

    call_open = _OPEN(open_file)
    ours.open = ctypes.cast(call_open, _POINTER).value
    _kept.extend([ours, call_open, call_sync, paths, tables, originals])
    assert library.sqlite3_vfs_register(ctypes.byref(ours), 1) == 0
