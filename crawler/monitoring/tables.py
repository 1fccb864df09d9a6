"""Tables on a terminal that never truncate numbers, however narrow the terminal is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP: Final = 2
_PIPE_WIDTH: Final = 200
# A text that is cut at so many columns still tells what it is.
_LEAST_TEXT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        rank: where there is no room for all, the column with the highest rank goes first; 0 always stays.
        is_text: it is at the left, and may be cut; a number is shown whole or not at all.
    """

    heading: str
    rank: int = 0
    is_text: bool = False


def open_console() -> Console:
    """Return a console on standard output that prints every text as it is, brackets included.

    What goes to a pipe or a file is not cut at 80 columns.
    """
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def build_table(columns: Sequence[Column], rows: Sequence[tuple[Sequence[str], str]], *, width: int) -> Table:
    """Return a table of those columns for which there is room.

    Args:
        rows: one cell a column, and the style of the row.
        width: of the terminal, in columns.
    """
    widths = [
        max([len(column.heading), *(Text(cells[place]).cell_len for cells, _ in rows)])
        for place, column in enumerate(columns)
    ]
    least = [min(w, _LEAST_TEXT) if c.is_text else w for w, c in zip(widths, columns, strict=True)]
    kept = list(range(len(columns)))
    while sum(least[place] for place in kept) + _GAP * (len(kept) - 1) > width:
        last = max(kept, key=lambda place: (columns[place].rank, place))
        if columns[last].rank == 0:
            break
        kept.remove(last)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for place in kept:
        column = columns[place]
        table.add_column(
            column.heading,
            justify="left" if column.is_text else "right",
            no_wrap=True,
            min_width=least[place],
        )
    for cells, style in rows:
        table.add_row(*(Text(cells[place]) for place in kept), style=style)
    return table
