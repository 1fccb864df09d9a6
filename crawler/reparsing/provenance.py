"""Compares two trees of post files byte by byte, to prove that posts follow from the archive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from crawler.environment import name_program

if TYPE_CHECKING:
    from pathlib import Path


class Change(StrEnum):
    """How a post file differs from what its captures make."""

    MISSING = "missing"
    CHANGED = "changed"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One post file that is not what a reparse makes."""

    name: str
    change: Change
    on_disk: bytes
    remade: bytes

    @property
    def message(self) -> str:
        """One sentence: what, where, what next."""
        reparse = f"{name_program()} reparse"
        return {
            Change.MISSING: f"post file {self.name} is missing; '{reparse}' makes it from the archive",
            Change.CHANGED: f"post file {self.name} differs from what its captures make; see '{reparse} --diff'",
            Change.UNEXPECTED: f"post file {self.name} stands on no capture; it was not made by this archive",
        }[self.change]


def compare_posts(posts_dir: Path, remade_dir: Path) -> list[Difference]:
    """Return the differences between the posts on disk and a reparse of them, by file name."""
    names = sorted({*_list_names(posts_dir), *_list_names(remade_dir)})
    return [difference for name in names if (difference := _compare(posts_dir / name, remade_dir / name))]


def _list_names(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.md")] if folder.is_dir() else []


def _compare(on_disk: Path, remade: Path) -> Difference | None:
    is_there, is_remade = on_disk.is_file(), remade.is_file()
    data = on_disk.read_bytes() if is_there else b""
    wanted = remade.read_bytes() if is_remade else b""
    if is_there and is_remade and data == wanted:
        return None
    change = Change.CHANGED if is_there and is_remade else Change.MISSING if is_remade else Change.UNEXPECTED
    return Difference(name=on_disk.name, change=change, on_disk=data, remade=wanted)
