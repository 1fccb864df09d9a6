"""Progress of long work: a bar on a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def show_progress(what: str, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Show a bar on standard error while the block runs, if somebody is looking.

    Args:
        what: said beside the bar.
        total: how many steps there are; None where nobody knows.

    Yields:
        A function to be called after each step with a word on it.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=total)

        def advance(word: str = "") -> None:
            progress.update(task, advance=1, description=f"{what} {word}".strip())

        yield advance
