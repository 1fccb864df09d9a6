"""Paused sources: the schedule does not start them until they are resumed.

A source is paused by the file `NAME.paused` beside its lock. The schedule of this machine looks for it before each
start, so `touch` and `rm` work as well as the functions here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX: Final = ".paused"


def pause(folder: Path, source: str) -> None:
    """Pause a source."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{source}{_SUFFIX}").touch()


def resume(folder: Path, source: str) -> None:
    """Let the schedule start a source again."""
    (folder / f"{source}{_SUFFIX}").unlink(missing_ok=True)


def list_paused(folder: Path) -> set[str]:
    """Return the names of the paused sources."""
    return {path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}")}
