"""Days as they stand in a text, before anybody knows whether they can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDay:
    """A day found in a text; `year` is None where the text leaves it out."""

    year: int | None
    month: int
    day: int
    start: int
    end: int


def drop_overlaps(days: Iterable[FoundDay]) -> list[FoundDay]:
    """Return the days in the order of the text, an earlier rule's reading before a later one's of the same words."""
    kept: list[FoundDay] = []
    for day in days:
        if all(day.end <= other.start or day.start >= other.end for other in kept):
            kept.append(day)
    return sorted(kept, key=lambda day: day.start)
