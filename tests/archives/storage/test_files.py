"""A lock is one holder's, a name may come to mean another file, and a file is written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives.storage.files import (
    create_file,
    is_held,
    is_same_file,
    lock_file,
    open_temporary,
    replace_file,
    write_file,
)
from tests.archives.conftest import limit_file_size
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_a_lock_is_held_until_its_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    with path.open("rb") as first, path.open("rb") as second:
        assert not is_held(path)
        assert lock_file(first.fileno())
        assert is_held(path)
        assert not lock_file(second.fileno())
    assert not is_held(path)
    assert not is_held(tmp_path / "missing")


def test_a_name_may_come_to_mean_another_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    with path.open("rb") as stream:
        assert is_same_file(stream.fileno(), path)
        path.rename(tmp_path / "b")
        assert not is_same_file(stream.fileno(), path)
        path.touch()
        assert not is_same_file(stream.fileno(), path)


# Whole files


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("umask")
def test_a_file_is_written_in_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a"
    write_file(path, b"1")
    write_file(path, b"2")
    write_file(path.with_name("b"), b"3", mode=0o600)
    assert path.read_bytes() == b"2"
    assert list_names(path.parent) == ["a", "b"]
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.with_name("b"))] == [0o640, 0o600]


@pytest.mark.usefixtures("umask")
def test_nothing_but_a_file_is_replaced(tmp_path: Path) -> None:
    folder, pipe, descriptor = (tmp_path / name for name in ("folder", "pipe", "descriptor"))
    folder.mkdir()
    os.mkfifo(pipe)
    with (tmp_path / "file").open("wb") as file:
        descriptor.symlink_to(f"/proc/self/fd/{file.fileno()}")
        for target, kind in ((folder, IsADirectoryError), (pipe, PermissionError), (descriptor, PermissionError)):
            with pytest.raises(kind, match=f": '{target}'"):
                write_file(target, b"new")
    assert pipe.is_fifo()
    assert descriptor.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["descriptor", "file", "folder", "pipe"]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert create_file(path, b"1", mode=0o600)
    assert not create_file(path, b"2")
    assert path.read_bytes() == b"1"
    assert list_names(tmp_path) == ["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("write", [write_file, create_file])
def test_bytes_are_on_disk_before_the_name_and_the_name_before_the_call_returns(
    write: Callable[[Path, bytes], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        found = os.fstat(descriptor)
        what = "folder" if stat.S_ISDIR(found.st_mode) else f"file of {found.st_size}"
        seen.append((what, (tmp_path / "a").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write(tmp_path / "a", b"1")
    assert seen == [("file of 1", False), ("folder", True)]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_file(path, b"old")
    for size in (10_000, 1_000_000):  # what a buffer holds until the end, and more
        with limit_file_size(100), pytest.raises(OSError, match="File too large"):
            write_file(path, b"n" * size)
        with limit_file_size(100), pytest.raises(OSError, match="File too large"):
            create_file(tmp_path / "b", b"n" * size)
    assert path.read_bytes() == b"old"
    assert list_names(tmp_path) == ["a"]


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_file(path, b"old")
    with pytest.raises(RuntimeError), replace_file(path) as stream:
        stream.write(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list_names(tmp_path) == ["a"]


SLOW = """
import sys, time
from pathlib import Path
from archives.storage.files import replace_file

with replace_file(Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    print(stream.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_goes_with_the_next_one_in_that_folder(tmp_path: Path) -> None:
    """While it lives it is left alone, by other processes and by this one."""
    path = tmp_path / "a"
    write_file(path, b"old")
    with subprocess.Popen([sys.executable, "-c", SLOW, path], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with open_temporary(tmp_path) as ours:
            write_file(tmp_path / "b", b"")
            assert left.read_bytes() == b"half"
            assert Path(ours.name).exists()
        process.kill()
        process.wait()
    assert left.read_bytes() == b"half"
    assert path.read_bytes() == b"old"
    write_file(tmp_path / "b", b"")
    assert list_names(tmp_path) == ["a", "b"]


def test_only_our_own_temporary_files_are_removed(tmp_path: Path) -> None:
    others = [".0123456789abcdef.tmp", ".newsreel-0123456789abcdef.tmp.old", ".newsreel-0.tmp", "a.tmp"]
    for name in others:
        (tmp_path / name).touch()
    folder, link = ".newsreel-0123456789abcdef.tmp", ".newsreel-0123456789abcde0.tmp"
    (tmp_path / folder).mkdir()
    (tmp_path / link).symlink_to(tmp_path / "a.tmp")
    (tmp_path / ".newsreel-0123456789abcde1.tmp").touch()
    write_file(tmp_path / "z", b"")
    assert list_names(tmp_path) == sorted([*others, folder, link, "z"])


def test_many_writers_in_one_folder_do_not_take_from_each_other(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(20):
            write_file(tmp_path / str(number), str(number).encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {str(n): str(n) for n in range(8)}
