"""The result of reading a date: an instant with a precision, or the reason for refusing it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Precision(StrEnum):
    """How much of an instant the publisher stated."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class DateRefused(ValueError):
    """The text does not state a day that can be believed.

    Attributes:
        reason: short name to count by: empty, no_date, impossible, year_zero, epoch_zero, future, ambiguous.
        found: the text as found.
    """

    def __init__(self, reason: str, found: str) -> None:
        shown = found if len(found) <= 80 else found[:79] + "…"
        super().__init__(f"no date taken from {shown!r}: {reason}; keep the text as found, or name a better selector")
        self.reason = reason
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedDate:
    """An instant as a publisher stated it.

    Attributes:
        instant: aware, in the offset stated or else the source's; local midnight where only the day was stated.
        precision: how much of the instant was stated.
    """

    instant: datetime
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDay:
    """A day found in a text; `year` is None if the text leaves it out."""

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
