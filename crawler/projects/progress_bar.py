"""The progress bar of commands."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def show_progress(what: str, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Show a bar on standard error while the block runs, if it is a terminal.

    Args:
        what: shown beside the bar.
        total: the number of steps; None if unknown.

    Yields:
        A function to call after each step, with a word that describes it.
    """
    if not sys.stderr.isatty():
        yield _show_nothing
        return
    # Not loaded where nothing is shown: it takes as long as reading a dozen pages.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)

        def advance(word: str = "") -> None:
            progress.update(task, advance=1, description=f"{what} {word}".strip())

        yield advance


def _show_nothing(word: str = "") -> None:
    """Do what `advance` does where there is no terminal."""
