"""A publisher's date as found to an instant, with no more precision than was stated.

Pages date themselves in some forty languages, three calendars and every abbreviation of a time zone, and half of them
leave out the year, the day or the zone. What is left out is taken from the capture: its instant, and the zone of the
source. Nothing is taken from the clock of the machine that reads, so the same bytes give the same instant for ever;
and where the text does not say which day, the answer is a refusal with a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from pipelines import date_words as words
from pipelines.items import Precision
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SLACK = timedelta(days=1)

_MAX_CHARS = 400
_CLOCK_SLACK = timedelta(minutes=15)
_FIRST_GREGORIAN_YEAR = 1583
# What databases and runtimes write for "no date": year one, SQL Server's and OLE's day zero, Unix's.
_ZERO_DAYS = frozenset([date(1899, 12, 30), date(1900, 1, 1), date(1970, 1, 1)])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867, "r": 2018, "h": 1988, "s": 1925}

_MONTH = rf"(?<![^\W\d_])(?P<name>{words.build_alternatives({w for t in words.MONTHS_BY_LANGUAGE.values() for w in t})})(?![^\W\d_])"
_NAMED_DATES = tuple(
    re.compile(pattern.replace("MONTH", _MONTH))
    for pattern in (
        r"(?<!\d)(?P<year>\d{4})[ .,/-]*(?:m\. |г\. )?MONTH[ .,/-]*(?P<day>\d{1,2})(?![\d:])",
        r"(?<!\d)(?<!\d:)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª|°|-?го|-?е)?[ .,/-]*(?:(?:de|del|di|of|d')[ .]*)?MONTH"
        r"(?:[ .,/-]*(?:(?:de|del|di|of|nam|م|พ\.ศ\.)[ .]*)?(?P<year>\d{4}|'\d\d|(?<=[/-])\d\d)(?![\d:]))?",
        r"MONTH[ .,/-]*(?P<day>\d{1,2})(?:st|nd|rd|th)?(?![\d:])(?:[ .,/-]*(?:de |del |of )?(?P<year>\d{4}|'\d\d)(?![\d:]))?",
    )
)
_SEPARATED_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\d)(?<!\d[.:])(?P<year>\d{4}|\d{2,3}(?= ?[年년])) ?[年년] ?(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2})(?!\d|:)",
        r"(?<!\d)(?P<day>\d{1,2}) ?(?:tháng|thang|thg) ?(?P<month>\d{1,2})(?!\d)[ ,]*(?:nam )?(?P<year>\d{4})(?!\d)",
        r"(?<!\d)(?<!\d[.:])(?P<year>\d{4}) ?(?P<sep>[-/.]) ?(?P<month>\d{1,2}) ?(?P=sep) ?(?P<day>\d{1,2})(?:(?!\d)|(?=\d\d:\d\d))",
        r"(?<!\d)(?<!\d[.:])(?P<a>\d{1,3}) ?(?P<sep>[-/.]) ?(?P<b>\d{1,2}) ?(?P=sep) ?(?P<c>\d{4}|\d\d)(?![\d:]|\.\d)",
        r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?=$|[ t_-]\d\d:?\d\d|[ ,])",
    )
)
_YEARLESS_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<!\d)(?<!年)(?<!년)(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2})(?!\d|:)",
        r"(?<!\d)(?P<day>\d{1,2}) ?(?:tháng|thang|thg) ?(?P<month>\d{1,2})(?!\d)",
        r"(?<!\d)(?<!\d[.:/-])(?P<a>\d{1,2})(?P<sep>[-/])(?P<b>\d{1,2})(?=[ ,|]|$|\D{1,12}\d{1,2}:)(?![-/])",
        r"(?<!\d)(?<!\d[.:/-])(?P<a>\d{1,2})\. ?(?P<b>\d{1,2})(?:\.(?!\d)|(?= \d{1,2}:\d\d))",
    )
)
_HALF = rf"(?P<after>{words.build_alternatives(words.HALVES)})(?![^\W\d_])"
_HALF_BEFORE = rf"(?P<before>{words.build_alternatives(w for w in words.HALVES if words.is_unspaced(w))}|\bo[os](?= ))"
_FREE = r"(?<!\d)(?<!\d[.:])"
_TIMES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:{_HALF_BEFORE} ?)?{_FREE}(?P<hour>\d{{1,2}}) ?: ?(?P<minute>\d\d)(?: ?: ?(?P<second>\d\d)(?:[.,]\d+)?)?"
        rf"(?![\d:])(?: ?{_HALF})?",
        rf"(?:{_HALF_BEFORE} ?)?{_FREE}(?P<hour>\d{{1,2}}) ?(?:[时時点點](?![间間])钟?|시(?!간)|[hч](?![^\W\d_]))"
        r" ?(?:(?P<minute>\d{1,2})(?!\d) ?(?:[分분]|min\b)?(?: ?(?P<second>\d{1,2}) ?[秒초])?|(?P<half>[半반]))?",
        rf"{_FREE}(?P<hour>\d{{1,2}})\.(?P<minute>\d\d)(?:\.(?P<second>\d\d))?(?![\d.]\d?)(?: ?{_HALF})?",
        rf"{_FREE}(?P<hour>\d{{1,2}}) ?(?:uhr\b|{_HALF})",
        rf"{_HALF_BEFORE} ?{_FREE}(?P<hour>\d{{1,2}})(?![\d:.])",
        r"(?<=\d{8}[t _-])(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?!\d)",
    )
)
_DOTTED = 2
_CLOCK_MARK = re.compile(r"(?:\b(?:kl|klo|kello|um|ore|alle|pukul|jam|at|a las|ob|godz|saat|в|o)\b[ .:]*)$")
_CLOCK_TAIL = re.compile(r" ?(?:uhr|h\b|wib\b|wita\b|wit\b|น)")
_ZONE = re.compile(
    r"[ ,]*(?:uhr|hrs?|h|น\.)?[ ,(\[]*(?:(?:utc|gmt) ?(?P<sign>[+-]) ?(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?"
    r"|(?P<iso_sign>[+-])(?P<iso_hours>\d\d):?(?P<iso_minutes>\d\d)?(?!\d)"
    rf"|(?P<name>{words.build_alternatives([*words.OFFSETS, *words.ZONES])})(?![^\W\d_]))"
)
_YEAR_BEHIND = re.compile(r"[ ,]*(?:[a-z]{1,5}|[+-]\d{4}|gmt[+-]\d{4})?[ ,]*(?P<year>\d{4})(?!\d)")
# `2022-02-1810:21`, where markup stood between, and the `03/Aug/2023:18:30:11` of server logs.
_GLUED_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d|/\d{4}:)(?=\d\d:\d\d)")
_ERA = re.compile(r"(令和|平成|昭和|大正|明治) ?(元|\d{1,2}) ?年")
_SHORT_ERA = re.compile(r"(?<![a-z])([rhs])(\d{1,2})([./-])(?=\d{1,2}[./-]\d{1,2})")
_ROC = re.compile(r"(?:中華民國|中华民国|民國|民国) ?(元|\d{1,3}) ?[年/.-]")
_NUMBER = re.compile(r"(?P<number>-?\d{1,19})(?:\.\d{1,9})?")
_MS_DATE = re.compile(r"\\?/date\((?P<number>-?\d{1,16})(?:[+-]\d{4})?\)\\?/")
_COUNT = (
    r"(?:(?P<count>\d{1,4})|(?P<half>半个?|half an?|(?:eine[r]? )?halben?|media)|(?P<few>几|幾|数|a few|few)"
    rf"|(?P<one>{words.build_alternatives(words.ONE)})(?= ))"
)
_SPAN = re.compile(
    rf"(?<![\w.:]){_COUNT} ?(?P<unit>{words.build_alternatives(words.UNITS)}|(?:[smhdw]|dk|sa)(?![^\W\d_]))"
)
_UNSPACED_SPAN = re.compile(
    rf"{_COUNT} ?(?P<unit>{words.build_alternatives(word for word in words.UNITS if words.is_unspaced(word))})"
)
_AGO = re.compile(words.build_bounded(words.AGO))
_BARE_UNIT = words.build_alternatives([*words.PAIRS, *(word for word in words.UNITS if len(word) > 1)])
_BARE_SPAN = re.compile(
    rf"(?<!\w)(?:(?P<before>{_BARE_UNIT})\w{{0,3}} (?:{_AGO.pattern})|(?:{_AGO.pattern}) (?P<after>{_BARE_UNIT})(?!\w))"
)
_JUST_NOW = re.compile(words.build_bounded(words.JUST_NOW))
# `今日头条` is a publisher, `今日上午` a day.
_NO_LONGER_WORD = rf"(?=$|[^\u3040-\u30ff\u4e00-\u9fff]|{words.build_alternatives(words.HALVES)})"
_DAY_WORD = re.compile(rf"(?P<word>{words.build_bounded(words.DAYS_AGO)}){_NO_LONGER_WORD}")
_WEEKDAY = re.compile(rf"(?P<last>上个?)?(?P<word>{words.build_bounded(words.WEEKDAYS)}){_NO_LONGER_WORD}")
_LABEL = re.compile("|".join(re.escape(word) for word in (*words.PUBLISHED, *words.MODIFIED)))


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
class _Day:
    """A day found in a text; `year` is None where the text leaves it out."""

    year: int | None
    month: int
    day: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Time:
    """A time of day found in a text; hour 24 is the midnight that ends the day."""

    hour: int
    minute: int
    second: int
    precision: Precision
    end: int
    offset: timedelta | None = None
    zone_name: str = ""


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
    return _Reader(found, zone=zone, captured_at=captured_at, language=language.lower()).read()


class _Reader:
    """One reading of one text: the rules in the order of how much they leave open."""

    def __init__(self, found: str, *, zone: tzinfo, captured_at: datetime, language: str) -> None:
        self._found = found
        self._zone = zone
        self._captured_at = captured_at
        self._local = captured_at.astimezone(zone)
        self._language = language
        self._zone_key = str(getattr(zone, "key", ""))
        self._text = self._normalise_years(words.fold(found[:_MAX_CHARS]))

    def read(self) -> StatedDate:
        if not self._text:
            raise DateRefused("empty", self._found)
        stated = (
            self._find_number() or self._find_day() or self._find_span() or self._find_day_word() or self._find_clock()
        )
        if stated is None:
            raise DateRefused("no_date", self._found)
        return self._check(stated)

    def _check(self, stated: StatedDate) -> StatedDate:
        instant = stated.instant
        if instant == _EPOCH or (instant.date() in _ZERO_DAYS and instant.hour == instant.minute == 0):
            raise DateRefused("epoch_zero", self._found)
        if instant > self._captured_at + SLACK:
            raise DateRefused("future", self._found)
        return stated

    def _normalise_years(self, text: str) -> str:
        """Write the years of Japan's eras, of the Republic of China and of the Buddhist era as Gregorian ones."""
        text = _GLUED_CLOCK.sub(lambda m: m[1].rstrip(":") + " ", text)
        text = _ERA.sub(lambda m: f"{_ERAS[m[1]] + (1 if m[2] == '元' else int(m[2]))}年", text)
        text = _ROC.sub(lambda m: f"{1911 + (1 if m[1] == '元' else int(m[1]))}{m[0][-1]}", text)
        if self._language.startswith("ja"):
            text = _SHORT_ERA.sub(lambda m: f"{_ERAS[m[1]] + int(m[2])}{m[3]}", text)
        if self._is_taiwanese():
            text = re.sub(
                r"(?<!\d)(?<!\d[.:/-])(1\d\d|\d\d(?=年))([年/.-])(?=\d{1,2}[月/.-]\d{1,2}(?!\d))",
                lambda m: f"{1911 + int(m[1])}{m[2]}",
                text,
            )
        if self._language.startswith("th"):
            text = re.sub(r"(?<!\d)2[45]\d\d(?!\d)", lambda m: str(int(m[0]) - 543), text)
        return text

    def _is_taiwanese(self) -> bool:
        return self._zone_key == "Asia/Taipei" or self._language.startswith(("zh-hant", "zh-tw"))

    # Numbers alone

    def _find_number(self) -> StatedDate | None:
        ms_date = _MS_DATE.fullmatch(self._text)
        if ms_date:
            return self._build_from_epoch(int(ms_date["number"]), per_second=1000)
        number = _NUMBER.fullmatch(self._text)
        if number is None:
            return None
        digits = number["number"]
        if digits.strip("0-") == "":
            raise DateRefused("year_zero" if len(digits) in (8, 12, 14) else "epoch_zero", self._found)
        if len(digits) in (8, 12, 14, 17) and "." not in self._text:
            return self._build_from_digits(digits)
        if len(digits) in (9, 10, 13, 16, 19):
            return self._build_from_epoch(int(digits), per_second=10 ** max(0, len(digits) - 10))
        return None

    def _build_from_digits(self, digits: str) -> StatedDate:
        day = _Day(year=int(digits[:4]), month=int(digits[4:6]), day=int(digits[6:8]), start=0, end=8)
        if len(digits) == 8:
            return self._build(day, None)
        has_second = len(digits) >= 14
        time = _Time(
            hour=int(digits[8:10]),
            minute=int(digits[10:12]),
            second=int(digits[12:14]) if has_second else 0,
            precision=Precision.SECOND if has_second else Precision.MINUTE,
            end=len(digits),
        )
        return self._build(day, time)

    def _build_from_epoch(self, number: int, *, per_second: int) -> StatedDate:
        try:
            instant = _EPOCH + timedelta(seconds=number // per_second)
        except OverflowError:
            raise DateRefused("impossible", self._found) from None
        if instant.year < 1900:
            raise DateRefused("year_zero", self._found)
        return StatedDate(instant=self._settle(instant.astimezone(self._zone)), precision=Precision.SECOND)

    # Days with and without a year

    def _find_day(self) -> StatedDate | None:
        days = _drop_overlaps(self._iter_days())
        dated = [day for day in days if day.year is not None] or days
        if not dated:
            return None
        chosen = next((day for day in dated if not self._is_modification(day, days)), dated[0])
        time = self._find_time_beside(chosen, days)
        if chosen.year is None and time is not None:
            behind = _YEAR_BEHIND.match(self._text, time.end)
            if behind:
                return self._build(
                    _Day(year=int(behind["year"]), month=chosen.month, day=chosen.day, start=0, end=0), time
                )
        return self._build(chosen, time)

    def _iter_days(self) -> Iterator[_Day]:
        for pattern in (*_SEPARATED_DATES, *_NAMED_DATES, *_YEARLESS_DATES):
            for found in pattern.finditer(self._text):
                day = self._read_day(found)
                if day is not None:
                    yield day

    def _read_day(self, found: re.Match[str]) -> _Day | None:
        groups = found.groupdict()
        if groups.get("name"):
            month = self._find_month(groups["name"])
            if not month:
                return None
            year = self._read_year(groups["year"].removeprefix("'")) if groups.get("year") else None
            return _Day(year=year, month=month, day=int(groups["day"]), start=found.start(), end=found.end())
        if groups.get("a"):
            order = self._order(found)
            if order is None or (order[0] is None and not self._is_saying_little_else(found)):
                return None
            return _Day(year=order[0], month=order[1], day=order[2], start=found.start(), end=found.end())
        year = self._read_year(groups["year"]) if groups.get("year") else None
        return _Day(year=year, month=int(groups["month"]), day=int(groups["day"]), start=found.start(), end=found.end())

    def _is_saying_little_else(self, found: re.Match[str]) -> bool:
        """Tell whether `1/2` can be a day: a time of day or a label stands beside it, or nothing does."""
        rest = self._text[: found.start()] + self._text[found.end() :]
        has_label = self._text[: found.start()].rstrip().endswith(":") or bool(_LABEL.search(rest))
        return has_label or bool(re.search(r"\d:\d\d", rest)) or not re.search(r"[^\W_]{2}", rest)

    def _find_month(self, name: str) -> int:
        own = words.MONTHS_BY_LANGUAGE.get(self._language.split("-")[0])
        if own is not None and name not in own and len(name) <= 3:
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
        if full_year < _EPOCH.year:
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
            return region in ("us", "ph") or (is_american and region in ("", "ca"))
        if is_year_first or not language:
            if re.search(r"\d ?[ap]m\b", self._text):
                return True
            if not self._zone_key.startswith(("Europe/", "Africa/", "Australia/", "Asia/Hong_Kong", "Asia/Macau")):
                raise DateRefused("ambiguous", self._found)
        return False

    def _is_modification(self, day: _Day, days: Iterable[_Day]) -> bool:
        """Tell whether the words before the day say that it is the update's."""
        start = max((other.end for other in days if other.end <= day.start), default=0)
        label = self._text[start : day.start]
        updated = max((label.rfind(word) for word in words.MODIFIED), default=-1)
        return updated >= 0 and updated > max(label.rfind(word) for word in words.PUBLISHED)

    # Times of day

    def _find_time_beside(self, day: _Day, days: Iterable[_Day]) -> _Time | None:
        """Return the time that belongs to the day: behind it up to the next day or update, or else just before it."""
        end = min((other.start for other in days if other.start >= day.end), default=len(self._text))
        behind = self._text[day.end : end]
        cut = min((at for word in words.MODIFIED if (at := behind.find(word)) >= 0), default=len(behind))
        time = self._find_time(day.end, day.end + cut, is_beside_day=True)
        if time is not None:
            return time
        start = max((other.end for other in days if other.end <= day.start), default=0)
        before = self._find_time(max(start, day.start - 40), day.start)
        return before if before is not None and not re.search(r"\d", self._text[before.end : day.start]) else None

    def _find_time(self, start: int, end: int, *, is_beside_day: bool = False) -> _Time | None:
        matches = []
        for index, pattern in enumerate(_TIMES):
            for found in pattern.finditer(self._text, start, end):
                if index != _DOTTED or self._is_dotted_time(found, start, is_beside_day=is_beside_day):
                    matches.append((found.start("hour"), index, found))
                    break
        if not matches:
            return None
        return self._read_time(min(matches)[2])

    def _is_dotted_time(self, found: re.Match[str], start: int, *, is_beside_day: bool) -> bool:
        """Tell whether `10.23` is a time: it follows a day or a word for the clock, or `Uhr` follows it."""
        before = self._text[start : found.start()]
        if is_beside_day and len(before) <= 14 and not re.search(r"\d", before):
            return True
        return bool(_CLOCK_MARK.search(before) or _CLOCK_TAIL.match(self._text, found.end()))

    def _read_time(self, found: re.Match[str]) -> _Time:
        groups = found.groupdict()
        half = words.HALVES.get(groups.get("before") or groups.get("after") or "", "")
        hour = _read_hour(int(groups["hour"]), half)
        minute = 30 if groups.get("half") else int(groups.get("minute") or 0)
        second = int(groups.get("second") or 0)
        if groups.get("second"):
            precision = Precision.SECOND
        else:
            precision = Precision.MINUTE if groups.get("minute") or groups.get("half") else Precision.HOUR
        if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
            raise DateRefused("impossible", self._found)
        offset, zone_name, end = self._find_offset(found.end())
        return _Time(
            hour=hour, minute=minute, second=second, precision=precision, end=end, offset=offset, zone_name=zone_name
        )

    def _find_offset(self, position: int) -> tuple[timedelta | None, str, int]:
        found = _ZONE.match(self._text, position)
        if found is None:
            return None, "", position
        name = found["name"]
        if name:
            return (None, name, found.end()) if self._is_zone_name(name) else (None, "", position)
        sign = found["sign"] or found["iso_sign"]
        hours = int(found["hours"] or found["iso_hours"])
        minutes = int(found["minutes"] or found["iso_minutes"] or 0)
        if hours > 14 or minutes > 59:
            return None, "", position
        offset = timedelta(hours=hours, minutes=minutes)
        return (-offset if sign == "-" else offset), "", found.end()

    def _is_zone_name(self, name: str) -> bool:
        """Tell whether the text writes the name in capitals, since `et`, `est` and `ist` are words as well."""
        return (
            not name.isascii() or name == "z" or bool(re.search(rf"(?<![A-Z]){name.upper()}(?![A-Za-z])", self._found))
        )

    # Relative to the capture

    def _find_span(self) -> StatedDate | None:
        """Return the instant so many units before the capture; its precision is that of the smallest unit."""
        if _JUST_NOW.search(self._text) and len(self._text) <= 40:
            return StatedDate(instant=self._settle(self._local), precision=Precision.MINUTE)
        if not _AGO.search(self._text):
            return None
        spans = max((list(pattern.finditer(self._text)) for pattern in (_SPAN, _UNSPACED_SPAN)), key=len)
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
        found = _BARE_SPAN.search(self._text)
        if found is None:
            return None
        word = found["before"] or found["after"]
        unit = words.UNITS.get(word) or words.PAIRS[word]
        back = relativedelta(**{f"{unit}s": 2 if word in words.PAIRS else 1})  # type: ignore[arg-type]
        if unit not in ("minute", "hour"):
            return self._build_days_back(back, found.end())
        return StatedDate(instant=self._count_back(back), precision=Precision(unit))

    def _count_back(self, back: relativedelta) -> datetime:
        """Return the instant that lies so many hours, minutes and seconds of elapsed time before the capture."""
        return self._settle((self._captured_at.astimezone(UTC) - back).astimezone(self._zone))

    def _build_days_back(self, back: relativedelta, position: int) -> StatedDate:
        try:
            day = self._local.date() - back
        except (ValueError, OverflowError):
            raise DateRefused("impossible", self._found) from None
        return self._build_on(day, self._find_time(position, len(self._text)))

    def _find_day_word(self) -> StatedDate | None:
        found = _DAY_WORD.search(self._text)
        if found is None:
            return self._find_weekday()
        time = self._find_time(found.start(), len(self._text)) or self._find_time(0, found.start())
        if time is None and not self._is_standing_alone(found):
            return None
        return self._build_on(self._local.date() - timedelta(days=words.DAYS_AGO[found["word"]]), time)

    def _find_weekday(self) -> StatedDate | None:
        """Return the latest such weekday, or last week's where the text says so in Chinese."""
        found = _WEEKDAY.search(self._text)
        if found is None:
            return None
        time = self._find_time(found.end(), len(self._text)) or self._find_time(0, found.start())
        if time is None and not self._is_standing_alone(found):
            return None
        today = self._local.date()
        weekday = words.WEEKDAYS[found["word"]] - 1
        if found["last"]:
            return self._build_on(today - timedelta(days=today.weekday() + 7 - weekday), time)
        return self._build_latest_on(today - timedelta(days=(today.weekday() - weekday) % 7), time, days=7)

    def _is_standing_alone(self, found: re.Match[str]) -> bool:
        """Tell whether nothing but a label stands beside the word: `USA Today` is no day."""
        before, after = self._text[: found.start()], self._text[found.end() :]
        has_label = not before.strip() or before.rstrip().endswith(":") or bool(_LABEL.search(before))
        return has_label and not re.search(r"[^\W_]", after)

    def _find_clock(self) -> StatedDate | None:
        """Return the latest instant not after the capture at a time of day that stands alone."""
        time = self._find_time(0, len(self._text))
        if time is None or time.precision is Precision.HOUR or len(re.findall(r"[^\W\d_]", self._text)) > 30:
            return None
        return self._build_latest_on(self._local.date(), time, days=1)

    def _build_latest_on(self, on: date, time: _Time | None, *, days: int) -> StatedDate:
        """Return the instant on the day, or so many days earlier where the capture had not seen it yet."""
        stated = self._build_on(on, time)
        if stated.instant > self._captured_at + _CLOCK_SLACK:
            return self._build_on(on - timedelta(days=days), time)
        return stated

    # Instants

    def _build(self, day: _Day, time: _Time | None) -> StatedDate:
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

    def _build_latest(self, day: _Day, time: _Time | None) -> StatedDate:
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

    def _build_on(self, on: date, time: _Time | None) -> StatedDate:
        wall = datetime(on.year, on.month, on.day)
        if time is None:
            return StatedDate(instant=self._settle(wall.replace(tzinfo=self._zone)), precision=Precision.DAY)
        try:
            wall += timedelta(hours=time.hour, minutes=time.minute, seconds=time.second)
            return StatedDate(instant=self._settle(self._locate(wall, time)), precision=time.precision)
        except OverflowError:
            raise DateRefused("impossible", self._found) from None

    def _locate(self, wall: datetime, time: _Time) -> datetime:
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


def _read_hour(hour: int, half: str) -> int:
    """Return the hour of 24 for an hour of 12 in a part of the day; 24 is the midnight that ends it."""
    if hour > 12 or not half:
        return hour
    if half == "am":
        return hour % 12
    if half == "evening":
        return 24 if hour == 12 else hour + (12 if hour >= 5 else 0)
    if half == "noon":
        return hour + (12 if hour <= 4 else 0)
    return hour % 12 + 12


def _drop_overlaps(days: Iterable[_Day]) -> list[_Day]:
    """Return the days in the order of the text, an earlier rule's reading before a later one's of the same words."""
    kept: list[_Day] = []
    for day in days:
        if all(day.end <= other.start or day.start >= other.end for other in kept):
            kept.append(day)
    return sorted(kept, key=lambda day: day.start)
