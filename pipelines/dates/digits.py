"""Dates in digits and nothing else: `20260315`, `20260315103000Z`, seconds or milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from pipelines.dates import patterns as shapes
from pipelines.dates.iso import read_offset
from pipelines.dates.model import DateRefused, FoundDay, Precision
from pipelines.dates.times import TimeOfDay

if TYPE_CHECKING:
    import re

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_digits(text: str, *, found: str) -> tuple[FoundDay, TimeOfDay | None] | None:
    """Return day and time of a folded text of 8, 12, 14 or 17 digits, with an offset behind the time or without.

    Args:
        found: the text before folding, for the error.
    """
    match = shapes.COMPACT.fullmatch(text)
    if match is None:
        return None
    if not match["digits"].strip("0"):
        raise DateRefused("year_zero", found)
    day = FoundDay(year=int(match["year"]), month=int(match["month"]), day=int(match["day"]), start=0, end=8)
    return day, _read_time(match) if match["hour"] else None


def _read_time(match: re.Match[str]) -> TimeOfDay:
    return TimeOfDay(
        hour=int(match["hour"]),
        minute=int(match["minute"]),
        second=int(match["second"] or 0),
        precision=Precision.SECOND if match["second"] else Precision.MINUTE,
        end=match.end(),
        offset=read_offset((match["offset"] or "").upper()),
    )


def read_epoch(text: str, *, found: str) -> datetime | None:
    """Return the instant of a folded text that counts from 1970: seconds or finer, or what .NET writes in JSON."""
    if ms_date := shapes.MS_DATE.fullmatch(text):
        return _count_from_epoch(int(ms_date["number"]), per_second=1000, found=found)
    number = shapes.NUMBER.fullmatch(text)
    if number is None:
        return None
    digits = number["number"]
    if not digits.strip("0-"):
        raise DateRefused("epoch_zero", found)
    if len(digits) not in (9, 10, 13, 16, 19):
        return None
    return _count_from_epoch(int(digits), per_second=10 ** max(0, len(digits) - 10), found=found)


def _count_from_epoch(number: int, *, per_second: int, found: str) -> datetime:
    instant = EPOCH + timedelta(seconds=number // per_second)
    if instant.year < 1900:
        raise DateRefused("year_zero", found)
    return instant
