"""All captures of an address on a calendar: a bar per year, a shade per day, a list per day.

The work grows with the number of days, not of captures, so ten thousand captures cost no more than ten.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from archives.replay.pages import CaptureRow, list_capture_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry

MAX_LISTED: Final = 500
_MONTHS: Final = tuple(calendar.month_name)
_SHADES: Final = ((50, 5), (20, 4), (6, 3), (2, 2), (1, 1), (0, 0))
_ONE_MICRO: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A year as a bar.

    Attributes:
        height: of the bar, from 0 to 10.
    """

    year: int
    count: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of a month.

    Attributes:
        shade: how dark it is shown, from 0 to 5.
    """

    day: date
    count: int
    shade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of which some day has a capture.

    Attributes:
        blanks: how many days of its first week belong to the month before.
    """

    name: str
    blanks: int
    days: Sequence[Day]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What `calendar.html` shows.

    Attributes:
        captures: how many there are on all days.
        days: on how many days there are some.
        shown: the year whose months are shown.
        chosen: the day whose captures are listed; None if the shown year has none.
        is_cut: whether that day has more captures than are listed.
    """

    collection: str
    url: str
    captures: int
    days: int
    first: date
    last: date
    years: Sequence[Year]
    shown: int
    months: Sequence[Month]
    chosen: date | None
    listed: Sequence[CaptureRow]
    is_cut: bool


def find_calendar(index: CollectionIndex, collection: str, url: str, span: str) -> Calendar | None:
    """Return the calendar of an address; None if it was never captured.

    Args:
        span: the year to show (4 digits) or the day to list (8); empty for the last.
    """
    days = index.count_days(url)
    if not days:
        return None
    year = int(span[:4]) if span else days[-1][0].year
    counts = {day: count for day, count in days if day.year == year}
    chosen = _parse_day(span) or (max(counts) if counts else None)
    entries = _list_day(index, url, chosen) if chosen else []
    return Calendar(
        collection=collection,
        url=url,
        captures=sum(count for _, count in days),
        days=len(days),
        first=days[0][0],
        last=days[-1][0],
        years=_list_years(days),
        shown=year,
        months=[_build_month(counts, year, month) for month in sorted({day.month for day in counts})],
        chosen=chosen,
        listed=list_capture_rows(collection, entries[:MAX_LISTED]),
        is_cut=len(entries) > MAX_LISTED,
    )


def _parse_day(span: str) -> date | None:
    try:
        return datetime.strptime(span, "%Y%m%d").replace(tzinfo=UTC).date() if len(span) == 8 else None
    except ValueError:
        return None


def _list_years(days: list[tuple[date, int]]) -> list[Year]:
    counts: dict[int, int] = dict.fromkeys(range(days[0][0].year, days[-1][0].year + 1), 0)
    for day, count in days:
        counts[day.year] += count
    most = max(counts.values())
    return [
        Year(year=year, count=count, height=0 if not count else 1 + count * 9 // most) for year, count in counts.items()
    ]


def _build_month(counts: dict[date, int], year: int, month: int) -> Month:
    blanks, length = calendar.monthrange(year, month)
    days = []
    for number in range(1, length + 1):
        day = date(year, month, number)
        count = counts.get(day, 0)
        days.append(Day(day=day, count=count, shade=next(shade for least, shade in _SHADES if count >= least)))
    return Month(name=_MONTHS[month], blanks=blanks, days=days)


def _list_day(index: CollectionIndex, url: str, day: date) -> list[IndexEntry]:
    """Return a day's captures: one more than are listed, if there are more."""
    since = datetime.combine(day, time(), UTC)
    until = since + timedelta(days=1) - _ONE_MICRO
    return list(islice(index.iter_captures(url, since=since, until=until), MAX_LISTED + 1))
