"""A temporary file belongs to its writer while that one lives, and to nobody afterwards."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives.storage import files as archive_files
from pipelines.whole_files import MARK, Temporary, make_file, make_folder, sweep

if TYPE_CHECKING:
    from collections.abc import Callable


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave(temporary: Temporary) -> str:
    """Do what the kernel does when the writer is killed."""
    os.close(temporary.descriptor)
    return temporary.path.name


@pytest.mark.parametrize("make", [make_file, make_folder])
def test_what_is_being_written_is_left_alone_and_what_was_left_goes(
    make: Callable[[Path], Temporary], tmp_path: Path
) -> None:
    ours, left = make(tmp_path), make(tmp_path)
    leave(left)
    sweep(tmp_path)
    assert list_names(tmp_path) == [ours.path.name]
    ours.discard()
    assert list_names(tmp_path) == []


@pytest.mark.parametrize("make", [make_file, make_folder])
def test_what_has_been_renamed_stays(make: Callable[[Path], Temporary], tmp_path: Path) -> None:
    temporary = make(tmp_path)
    temporary.path.replace(tmp_path / "a")
    temporary.discard()
    sweep(tmp_path)
    assert list_names(tmp_path) == ["a"]


def test_only_our_own_temporary_files_are_removed(tmp_path: Path) -> None:
    others = [".0123456789abcdef.tmp", ".newsreel-0123456789abcdef.tmp.old", ".newsreel-0.tmp", "a.tmp"]
    for name in others:
        (tmp_path / name).touch()
    link, full, empty = (f".newsreel-0123456789abcde{digit}.tmp" for digit in "012")
    (tmp_path / link).symlink_to(tmp_path / "a.tmp")
    (tmp_path / full).mkdir()
    (tmp_path / full / "a").touch()
    (tmp_path / full / MARK).symlink_to(tmp_path / "a.tmp")
    (tmp_path / empty).mkdir()
    sweep(tmp_path)
    assert list_names(tmp_path) == sorted([*others, link, full])


@pytest.mark.parametrize("make", [make_file, make_folder])
def test_a_folder_that_is_gone_is_an_error(make: Callable[[Path], Temporary], tmp_path: Path) -> None:
    sweep(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        make(tmp_path / "gone")


@pytest.mark.parametrize("make", [make_file, make_folder])
def test_a_writer_whose_file_is_taken_for_left_over_makes_another(
    make: Callable[[Path], Temporary], tmp_path: Path
) -> None:
    """Sweepers come at every instant, also between the making of a file and its lock."""

    def write(number: int) -> None:
        for _ in range(30):
            sweep(tmp_path)
            temporary = make(tmp_path)
            temporary.path.replace(tmp_path / f"{number}-{temporary.path.name[10:-4]}")
            temporary.discard()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(list_names(tmp_path)) == 240
    assert not [name for name in list_names(tmp_path) if name.startswith(".")]


def test_archives_and_pipelines_remove_what_the_other_left(tmp_path: Path) -> None:
    name = leave(make_file(tmp_path))
    living = make_file(tmp_path)
    with archive_files.open_temporary(tmp_path) as stream:
        assert not (tmp_path / name).exists()
        sweep(tmp_path)
        assert Path(stream.name).exists()
    assert list_names(tmp_path) == [living.path.name]
    living.discard()
    Path(stream.name).touch()
    sweep(tmp_path)
    assert list_names(tmp_path) == []
