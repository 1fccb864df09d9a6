"""Sources that are held: the schedule does not start them until they are resumed.

A source is held by a file beside its lock, so the schedule of this machine sees it at its next look, and whoever has no
other tool can hold a source with `touch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX: Final = ".paused"


def pause(folder: Path, source: str) -> None:
    """Hold a source."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{source}{_SUFFIX}").touch()


def resume(folder: Path, source: str) -> None:
    """Let the schedule start a source again."""
    (folder / f"{source}{_SUFFIX}").unlink(missing_ok=True)


def list_paused(folder: Path) -> set[str]:
    """Return the names of the sources that are held."""
    return {path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}")}
