"""Times of day, as a folded text writes them.

A colon, a dot, `14h52`, `10点21分`, `3 p.m.`, `下午3:05`, `7.57 Uhr`: the same dot that parts hour from minute parts
day from month, so where a time stands decides what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from pipelines.dates import vocabulary as words
from pipelines.dates.model import Precision

_HALF = rf"(?P<after>{words.build_alternatives(words.HALVES)})(?![^\W\d_])"
_HALF_BEFORE = rf"(?P<before>{words.build_alternatives(w for w in words.HALVES if words.is_unspaced(w))}|\bo[os](?= ))"
_FREE = r"(?<!\d)(?<!\d[.:])"
_HOUR = rf"{_FREE}(?P<hour>\d{{1,2}})"
_TIMES = (
    re.compile(
        rf"(?:{_HALF_BEFORE} ?)?{_HOUR} ?: ?(?P<minute>\d\d)"
        rf"(?: ?: ?(?P<second>\d\d)(?:[.,:]\d+)?)?(?![\d:])(?: ?{_HALF})?"
    ),
    re.compile(
        rf"(?:{_HALF_BEFORE} ?)?{_HOUR} ?(?:[时時点點](?![间間])钟?|시(?!간)|[hч](?![^\W\d_]))"
        r" ?(?:(?P<minute>\d{1,2})(?!\d) ?(?:[分분]|min\b)?(?: ?(?P<second>\d{1,2}) ?[秒초])?|(?P<half>[半반]))?"
    ),
    re.compile(rf"{_HOUR}\.(?P<minute>\d\d)(?:\.(?P<second>\d\d))?(?!\d|\.\d)(?: ?{_HALF})?"),
    re.compile(rf"{_HOUR} ?(?:uhr\b|{_HALF})"),
    re.compile(rf"{_HALF_BEFORE} ?{_HOUR}(?![\d:.])"),
    re.compile(r"(?<=\d{8}[t _-])(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?!\d)"),
)
_DOTTED = 2
_CLOCK_MARK = re.compile(r"(?:\b(?:kl|klo|kello|um|ore|alle|pukul|jam|at|a las|ob|godz|saat|в|o)\b[ .:]*)$")
_CLOCK_TAIL = re.compile(r" ?(?:uhr|h\b|wib\b|wita\b|wit\b|น)")
_ZONE = re.compile(
    r"[ ,]*(?:uhr|hrs?|h|น\.)?[ ,(\[]*(?:(?:utc|gmt) ?(?P<sign>[+-]) ?(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?"
    r"|(?P<iso_sign>[+-])(?P<iso_hours>\d\d):?(?P<iso_minutes>\d\d)?(?!\d)"
    rf"|(?P<name>{words.build_alternatives([*words.OFFSETS, *words.ZONES])})(?![^\W\d_]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOfDay:
    """A time of day found in a text.

    Attributes:
        hour: 0 to 24, where 24 is the midnight that ends the day; whatever the text says where that is impossible.
        precision: how much of the time was stated.
        end: characters from the start of the text to the end of the time and its zone.
        offset: east of Greenwich, where the text states one.
        zone_name: folded abbreviation of a zone, where the text has one instead.
    """

    hour: int
    minute: int
    second: int
    precision: Precision
    end: int
    offset: timedelta | None = None
    zone_name: str = ""

    def is_possible(self) -> bool:
        """Return whether a clock can show it."""
        if self.hour == 24:
            return self.minute == self.second == 0
        return self.hour < 24 and self.minute < 60 and self.second <= 60


def find_time(text: str, start: int, end: int, *, found: str, is_beside_day: bool = False) -> TimeOfDay | None:
    """Return the first time of day in a part of a folded text.

    Args:
        found: the text before folding, which still knows capitals.
        is_beside_day: a day stands just before the part, so that `10.23` can only be a time.
    """
    matches = []
    for index, pattern in enumerate(_TIMES):
        for match in pattern.finditer(text, start, end):
            if index != _DOTTED or _is_dotted_time(match, text, start, is_beside_day=is_beside_day):
                matches.append((match.start("hour"), index, match))
                break
    if not matches:
        return None
    return _read_time(min(matches)[2], text, found)


def _is_dotted_time(match: re.Match[str], text: str, start: int, *, is_beside_day: bool) -> bool:
    """Return whether `10.23` is a time: it follows a day or a word for the clock, or `Uhr` follows it."""
    before = text[start : match.start()]
    if is_beside_day and len(before) <= 14 and not re.search(r"\d", before):
        return True
    return bool(_CLOCK_MARK.search(before) or _CLOCK_TAIL.match(text, match.end()))


def _read_time(match: re.Match[str], text: str, found: str) -> TimeOfDay:
    groups = match.groupdict()
    half = words.HALVES.get(groups.get("before") or groups.get("after") or "", "")
    hour = _read_hour(int(groups["hour"]), half)
    minute = 30 if groups.get("half") else int(groups.get("minute") or 0)
    second = int(groups.get("second") or 0)
    if groups.get("second"):
        precision = Precision.SECOND
    else:
        precision = Precision.MINUTE if groups.get("minute") or groups.get("half") else Precision.HOUR
    offset, zone_name, end = _find_offset(text, match.end(), found)
    return TimeOfDay(
        hour=hour, minute=minute, second=second, precision=precision, end=end, offset=offset, zone_name=zone_name
    )


def _find_offset(text: str, position: int, found: str) -> tuple[timedelta | None, str, int]:
    match = _ZONE.match(text, position)
    if match is None:
        return None, "", position
    name = match["name"]
    if name:
        return (None, name, match.end()) if _is_zone_name(name, found) else (None, "", position)
    sign = match["sign"] or match["iso_sign"]
    hours = int(match["hours"] or match["iso_hours"])
    minutes = int(match["minutes"] or match["iso_minutes"] or 0)
    if hours > 14 or minutes > 59:
        return None, "", position
    offset = timedelta(hours=hours, minutes=minutes)
    return (-offset if sign == "-" else offset), "", match.end()


def _is_zone_name(name: str, found: str) -> bool:
    """Return whether the text writes the name in capitals, since `et`, `est` and `ist` are words as well."""
    return not name.isascii() or name == "z" or bool(re.search(rf"(?<![A-Z]){name.upper()}(?![A-Za-z])", found))


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
