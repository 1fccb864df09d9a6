"""Parses a publisher's date to an instant, with no more precision than was stated.

Pages date themselves in some eighty languages, five calendars and every abbreviation of a time zone, and half of them
leave out the year, the day or the zone. What is left out is taken from the capture: its instant, and the zone of the
source. Nothing is taken from the clock of the machine that reads, so the same bytes give the same instant for ever;
and where the text does not say which day, the answer is a refusal with a reason.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from pipelines.dates import cldr
from pipelines.dates import patterns as shapes
from pipelines.dates import vocabulary as words
from pipelines.dates.calendars import normalise_years
from pipelines.dates.digits import EPOCH, read_digits, read_epoch
from pipelines.dates.iso import match_plain, read_offset
from pipelines.dates.model import DateRefused, FoundDay, Precision, StatedDate, drop_overlaps
from pipelines.dates.times import TimeOfDay, find_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SLACK", "DateRefused", "StatedDate", "parse_date"]

SLACK = timedelta(days=1)

_MAX_CHARS = 400
_CLOCK_SLACK = timedelta(minutes=15)
_FIRST_GREGORIAN_YEAR = 1583
# What databases and runtimes write for "no date": year one, SQL Server's and OLE's day zero, Unix's.
_ZERO_DAYS = frozenset([date(1899, 12, 30), date(1900, 1, 1), date(1970, 1, 1)])
_MIDNIGHT = EPOCH.time()


def parse_date(found: str, *, zone: tzinfo, captured_at: datetime, language: str = "") -> StatedDate:
    """Return the instant that a text states, read at its capture.

    An explicit offset wins over an abbreviation, which the source's zone explains where it knows it, and that over the
    zone itself. A day without a year is the latest such day not after the capture. In the hour that a change of clocks
    leaves out the offset before it holds, in the repeated hour the first.

    Args:
        zone: zone of the source.
        captured_at: aware instant of the capture; relative words count from it.
        language: BCP 47 tag of the page, for the order of day and month and for month names.

    Raises:
        DateRefused: the text states no day, or one that cannot be.

    Spec: ISO 8601; RFC 2822 §3.3; RFC 5545 §3.3.5 (hours that clocks leave out or repeat).
    """
    reader = _Reader(found, zone=zone, captured_at=captured_at, language=language.lower())
    try:
        return reader.read()
    except OverflowError:
        raise DateRefused("impossible", found) from None


class _Reader:
    """One reading of one text: the rules in the order of how much they leave open."""

    def __init__(self, found: str, *, zone: tzinfo, captured_at: datetime, language: str) -> None:
        self._found = found
        self._zone = zone
        self._captured_at = captured_at
        self._language = language
        self._zone_key = str(getattr(zone, "key", ""))
        self._text = ""

    @cached_property
    def _local(self) -> datetime:
        return self._captured_at.astimezone(self._zone)

    def read(self) -> StatedDate:
        if plain := match_plain(self._found):
            return self._check(self._read_plain(plain))
        self._text = normalise_years(
            words.fold(self._found[:_MAX_CHARS]),
            found=self._found[:_MAX_CHARS],
            language=self._language,
            zone_key=self._zone_key,
            today=self._local.date(),
        )
        if not self._text:
            raise DateRefused("empty", self._found)
        stated = (
            self._find_number()
            or self._find_day()
            or self._find_span()
            or self._find_local_span()
            or self._find_day_word()
            or self._find_clock()
        )
        if stated is None:
            raise DateRefused("no_date", self._found)
        return self._check(stated)

    def _check(self, stated: StatedDate) -> StatedDate:
        instant = stated.instant
        if instant == EPOCH or (instant.date() in _ZERO_DAYS and instant.hour == instant.minute == 0):
            raise DateRefused("epoch_zero", self._found)
        if instant > self._captured_at + SLACK:
            raise DateRefused("future", self._found)
        return stated

    def _read_plain(self, found: re.Match[str]) -> StatedDate:
        """Read the form that leaves nothing to interpret, and that most machines write."""
        year, month, day, hour, minute, second, _ = found.groups()
        on = FoundDay(year=int(year), month=int(month), day=int(day), start=0, end=10)
        if hour is None:
            return self._build(on, None)
        time = TimeOfDay(
            hour=int(hour),
            minute=int(minute),
            second=int(second or 0),
            precision=Precision.SECOND if second else Precision.MINUTE,
            end=found.end(),
            offset=read_offset(found["offset"] or ""),
        )
        return self._build(on, time)

    # Numbers alone

    def _find_number(self) -> StatedDate | None:
        if compact := read_digits(self._text, found=self._found):
            return self._build(*compact)
        instant = read_epoch(self._text, found=self._found)
        if instant is None:
            return None
        return StatedDate(instant=self._settle(instant.astimezone(self._zone)), precision=Precision.SECOND)

    # Days with and without a year

    def _find_day(self) -> StatedDate | None:
        days = drop_overlaps(self._iter_days())
        # Beside a Gregorian day a year before its calendar is one of another calendar.
        known = [day for day in days if day.year is not None and day.year >= _FIRST_GREGORIAN_YEAR]
        dated = known or [day for day in days if day.year is not None] or days
        if not dated:
            return None
        chosen = next((day for day in dated if not self._is_modification(day, days)), dated[0])
        time = self._find_time_beside(chosen, days)
        if chosen.year is None and time is not None:
            behind = shapes.YEAR_BEHIND.match(self._text, time.end)
            if behind:
                return self._build(
                    FoundDay(year=int(behind["year"]), month=chosen.month, day=chosen.day, start=0, end=0), time
                )
        return self._build(chosen, time)

    def _iter_days(self) -> Iterator[FoundDay]:
        for pattern in (*shapes.SEPARATED_DATES, *shapes.NAMED_DATES, *shapes.YEARLESS_DATES):
            for found in pattern.finditer(self._text):
                day = self._read_day(found)
                if day is not None:
                    yield day
        yield from cldr.iter_days(self._text, self._language, self._read_year)

    def _read_day(self, found: re.Match[str]) -> FoundDay | None:
        groups = found.groupdict()
        if groups.get("name"):
            month = self._find_month(groups["name"], is_joined=bool(shapes.JOINED_NAME.search(found[0])))
            if not month:
                return None
            year = self._read_year(groups["year"].removeprefix("'")) if groups.get("year") else None
            return FoundDay(year=year, month=month, day=int(groups["day"]), start=found.start(), end=found.end())
        if groups.get("a"):
            order = self._order(found)
            if order is None or (order[0] is None and not self._is_saying_little_else(found)):
                return None
            return FoundDay(year=order[0], month=order[1], day=order[2], start=found.start(), end=found.end())
        year = self._read_year(groups["year"]) if groups.get("year") else None
        return FoundDay(
            year=year, month=int(groups["month"]), day=int(groups["day"]), start=found.start(), end=found.end()
        )

    def _is_saying_little_else(self, found: re.Match[str]) -> bool:
        """Return whether `1/2` can be a day: a time of day or a label is beside it, or nothing."""
        rest = self._text[: found.start()] + self._text[found.end() :]
        has_label = self._text[: found.start()].rstrip().endswith(":") or bool(shapes.LABEL.search(rest))
        return has_label or bool(re.search(r"\d:\d\d", rest)) or not re.search(r"[^\W_]{2}", rest)

    def _find_month(self, name: str, *, is_joined: bool) -> int:
        own = words.MONTHS_BY_LANGUAGE.get(self._language.split("-")[0])
        if own is not None and name not in own and len(name) <= 3 and not is_joined:
            # `ago`, `out` and `pro` are words of other languages; the short months of English and German are none.
            return words.MONTHS_BY_LANGUAGE["en"].get(name) or words.MONTHS_BY_LANGUAGE["de"].get(name, 0)
        return (own or {}).get(name) or words.MONTHS.get(name, 0)

    def _read_year(self, digits: str) -> int:
        """Return the year, a year of two digits being the latest such year that the capture can know."""
        year = int(digits)
        if len(digits) > 2:
            return year
        newest = (self._captured_at + SLACK).year
        full_year = newest - (newest - year) % 100
        if full_year < EPOCH.year:
            raise DateRefused("ambiguous", self._found)
        return full_year

    def _order(self, found: re.Match[str]) -> tuple[int | None, int, int] | None:
        """Return year, month and day of numbers that do not say which is which."""
        a, b, c = found["a"], found["b"], found.groupdict().get("c")
        is_year_first = self._language.split("-")[0] in ("zh", "ja", "ko", "hu", "lt", "mn")
        if c is not None and len(c) == 2 and is_year_first:
            return self._read_year(a), int(b), int(c)
        if len(a) > 2:
            return None
        year = self._read_year(c) if c else None
        first, second = int(a), int(b)
        if first == second or second > 12 or first > 12:
            return (year, first, second) if first <= 12 else (year, second, first)
        is_month_first = (c is None and is_year_first) or self._is_month_first(found, is_year_first=is_year_first)
        return (year, first, second) if is_month_first else (year, second, first)

    def _is_month_first(self, found: re.Match[str], *, is_year_first: bool) -> bool:
        language, _, region = self._language.partition("-")
        if found.groupdict().get("sep", ".") == "." and region != "us":
            return False
        if language == "en":
            is_american = self._zone_key.startswith(("America/", "US/", "Pacific/Honolulu", "Asia/Manila"))
            has_am_pm = not region and self._zone_key in ("", "UTC") and self._has_am_pm()
            return region in ("us", "ph") or (is_american and region in ("", "ca")) or has_am_pm
        if is_year_first or not language:
            if self._has_am_pm():
                return True
            if not self._zone_key.startswith(("Europe/", "Africa/", "Australia/", "Asia/Hong_Kong", "Asia/Macau")):
                raise DateRefused("ambiguous", self._found)
        return False

    def _has_am_pm(self) -> bool:
        """Return whether the text has a time with AM or PM."""
        return bool(re.search(r"\d ?[ap]m\b", self._text))

    def _is_modification(self, day: FoundDay, days: Iterable[FoundDay]) -> bool:
        """Return whether the words before the day say that it is the update's."""
        start = max((other.end for other in days if other.end <= day.start), default=0)
        label = self._text[start : day.start]
        updated = max((label.rfind(word) for word in words.MODIFIED), default=-1)
        return updated >= 0 and updated > max(label.rfind(word) for word in words.PUBLISHED)

    # Times of day

    def _find_time_beside(self, day: FoundDay, days: Iterable[FoundDay]) -> TimeOfDay | None:
        """Return the time that belongs to the day: behind it up to the next day or update, or else just before it."""
        end = min((other.start for other in days if other.start >= day.end), default=len(self._text))
        behind = self._text[day.end : end]
        cut = min((at for word in words.MODIFIED if (at := behind.find(word)) >= 0), default=len(behind))
        time = self._find_time_in(day.end, day.end + cut, is_beside_day=True)
        if time is not None:
            return time
        start = max((other.end for other in days if other.end <= day.start), default=0)
        before = self._find_time_in(max(start, day.start - 40), day.start)
        return before if before is not None and not re.search(r"\d", self._text[before.end : day.start]) else None

    def _find_time_in(self, start: int, end: int, *, is_beside_day: bool = False) -> TimeOfDay | None:
        return find_time(self._text, start, end, found=self._found, is_beside_day=is_beside_day)

    # Relative to the capture

    def _find_span(self) -> StatedDate | None:
        """Return the instant so many units before the capture; its precision is that of the smallest unit."""
        if shapes.JUST_NOW.search(self._text) and len(self._text) <= 40:
            return StatedDate(instant=self._settle(self._local), precision=Precision.MINUTE)
        if not shapes.AGO.search(self._text):
            return None
        spans = max((list(pattern.finditer(self._text)) for pattern in (shapes.SPAN, shapes.UNSPACED_SPAN)), key=len)
        if not spans:
            return self._find_bare_span()
        total = relativedelta()
        for span in spans[:2]:
            total += self._measure(span)
        unit = _read_unit(spans[:2][-1])
        if unit in ("second", "minute") or (unit == "hour" and spans[0]["half"]):
            precision = Precision.HOUR if spans[0]["few"] else Precision.MINUTE
        elif unit == "hour" and not spans[0]["few"]:
            precision = Precision.HOUR
        else:
            return self._build_days_back(total, spans[-1].end())
        return StatedDate(instant=self._count_back(total), precision=precision)

    def _measure(self, span: re.Match[str]) -> relativedelta:
        unit = _read_unit(span)
        if span["few"] and unit not in ("second", "minute", "hour"):
            raise DateRefused("ambiguous", self._found)
        if span["half"]:
            if unit != "hour":
                raise DateRefused("ambiguous", self._found)
            return relativedelta(minutes=30)
        count = 0 if span["few"] else int(span["count"] or 1)
        return relativedelta(**{f"{unit}s": count})  # type: ignore[arg-type]

    def _find_bare_span(self) -> StatedDate | None:
        """Return the instant for a unit that stands for one of it: `час назад`."""
        found = shapes.BARE_SPAN.search(self._text)
        if found is None:
            return None
        word = found["before"] or found["after"]
        unit = words.UNITS.get(word) or words.PAIRS[word]
        return self._build_back(unit, 2 if word in words.PAIRS else 1, found.end())

    def _find_local_span(self) -> StatedDate | None:
        """Return the instant for a span as CLDR words it in the language of the page."""
        found = cldr.find_span(self._text, self._language)
        return self._build_back(*found) if found else None

    def _build_back(self, unit: str, count: int, position: int) -> StatedDate:
        """Return the instant or the day so many units before the capture; the span ends at the position."""
        back = relativedelta(**{f"{unit}s": count})  # type: ignore[arg-type]
        if unit not in ("minute", "hour"):
            return self._build_days_back(back, position)
        return StatedDate(instant=self._count_back(back), precision=Precision(unit))

    def _count_back(self, back: relativedelta) -> datetime:
        """Return the instant that lies so many hours, minutes and seconds of elapsed time before the capture."""
        try:
            began = self._captured_at.astimezone(UTC) - back
        except ValueError as error:  # relativedelta's word for a year before 1
            raise OverflowError(str(error)) from error
        return self._settle(began.astimezone(self._zone))

    def _build_days_back(self, back: relativedelta, position: int) -> StatedDate:
        try:
            day = self._local.date() - back
        except ValueError:
            raise DateRefused("impossible", self._found) from None
        return self._build_on(day, self._find_time_in(position, len(self._text)))

    def _find_day_word(self) -> StatedDate | None:
        strange = words.FALSE_FRIENDS.get(self._language.split("-")[0], frozenset())
        found = next((m for m in shapes.DAY_WORD.finditer(self._text) if m["word"] not in strange), None)
        if found is None:
            return self._find_weekday()
        time = self._find_time_in(found.start(), len(self._text)) or self._find_time_in(0, found.start())
        if time is None and not self._is_standing_alone(found):
            return None
        return self._build_on(self._local.date() - timedelta(days=words.DAYS_AGO[found["word"]]), time)

    def _find_weekday(self) -> StatedDate | None:
        """Return the latest such weekday, or last week's where the text says so in Chinese."""
        found = shapes.WEEKDAY.search(self._text)
        if found is None:
            return None
        time = self._find_time_in(found.end(), len(self._text)) or self._find_time_in(0, found.start())
        if time is None and not self._is_standing_alone(found):
            return None
        today = self._local.date()
        weekday = words.WEEKDAYS[found["word"]] - 1
        if found["last"]:
            return self._build_on(today - timedelta(days=today.weekday() + 7 - weekday), time)
        return self._build_latest_on(today - timedelta(days=(today.weekday() - weekday) % 7), time, days=7)

    def _is_standing_alone(self, found: re.Match[str]) -> bool:
        """Return whether nothing but a label is beside the word: `USA Today` is not a day."""
        before, after = self._text[: found.start()], self._text[found.end() :]
        has_label = not before.strip() or before.rstrip().endswith(":") or bool(shapes.LABEL.search(before))
        return has_label and (after.strip() in words.HALVES or not re.search(r"[^\W_]", after))

    def _find_clock(self) -> StatedDate | None:
        """Return the latest instant not after the capture at a time of day that stands alone."""
        time = self._find_time_in(0, len(self._text))
        if time is None or time.precision is Precision.HOUR or len(re.findall(r"[^\W\d_]", self._text)) > 30:
            return None
        if shapes.DAY_AND_YEAR.search(self._text):
            return None
        return self._build_latest_on(self._local.date(), time, days=1)

    def _build_latest_on(self, on: date, time: TimeOfDay | None, *, days: int) -> StatedDate:
        """Return the instant on the day, or so many days earlier where the capture had not seen it yet."""
        stated = self._build_on(on, time)
        if stated.instant > self._captured_at + _CLOCK_SLACK:
            return self._build_on(on - timedelta(days=days), time)
        return stated

    # Instants

    def _build(self, day: FoundDay, time: TimeOfDay | None) -> StatedDate:
        if day.year is None:
            return self._build_latest(day, time)
        if day.year <= 1 or (day.month == 0 and day.day == 0):
            raise DateRefused("year_zero", self._found)
        if day.year < _FIRST_GREGORIAN_YEAR:
            raise DateRefused("impossible", self._found)
        try:
            on = date(day.year, day.month, day.day)
        except ValueError:
            raise DateRefused("impossible", self._found) from None
        return self._build_on(on, time)

    def _build_latest(self, day: FoundDay, time: TimeOfDay | None) -> StatedDate:
        newest = self._local.year + 1
        for year in range(newest, newest - 10, -1):
            try:
                on = date(year, day.month, day.day)
            except ValueError:
                continue
            stated = self._build_on(on, time)
            if stated.instant <= self._captured_at + SLACK:
                return stated
        raise DateRefused("impossible", self._found)

    def _build_on(self, on: date, time: TimeOfDay | None) -> StatedDate:
        wall = datetime.combine(on, _MIDNIGHT)
        if time is None:
            return StatedDate(instant=self._settle(wall.replace(tzinfo=self._zone)), precision=Precision.DAY)
        if not time.is_possible():
            raise DateRefused("impossible", self._found)
        wall += timedelta(hours=time.hour, minutes=time.minute, seconds=time.second)
        return StatedDate(instant=self._settle(self._locate(wall, time)), precision=time.precision)

    def _locate(self, wall: datetime, time: TimeOfDay) -> datetime:
        if time.offset is not None:
            return wall.replace(tzinfo=timezone(time.offset))
        if not time.zone_name:
            return wall.replace(tzinfo=self._zone)
        name = words.SAME_ZONE_NAMES.get(time.zone_name, time.zone_name)
        if name in ("z", "ut", "utc", "gmt"):
            # Even where London's zone calls its winter GMT: a page that says GMT in summer says UTC.
            return wall.replace(tzinfo=UTC)
        season = [wall.replace(tzinfo=self._zone, month=month, day=1) for month in (1, 7)]
        if any((moment.tzname() or "").lower() == name for moment in season):
            first, second = wall.replace(tzinfo=self._zone), wall.replace(tzinfo=self._zone, fold=1)
            return second if (first.tzname() or "").lower() != name == (second.tzname() or "").lower() else first
        if name in words.ZONES:
            return wall.replace(tzinfo=ZoneInfo(words.ZONES[name]))
        return wall.replace(tzinfo=timezone(timedelta(minutes=words.OFFSETS[name])))

    def _settle(self, instant: datetime) -> datetime:
        """Return the instant in a fixed offset and whole seconds, moved out of an hour that clocks leave out."""
        settled = instant.astimezone(UTC).replace(microsecond=0).astimezone(instant.tzinfo)
        return settled.replace(tzinfo=timezone(settled.utcoffset() or timedelta()))


def _read_unit(span: re.Match[str]) -> str:
    return words.UNITS.get(span["unit"]) or words.SHORT_UNITS[span["unit"]]
