"""A lock is one holder's, and a name may come to mean another file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archives.storage.files import is_held, is_same_file, lock_file

if TYPE_CHECKING:
    from pathlib import Path


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
