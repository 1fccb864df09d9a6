"""Computes when a source is due, without a clock or state.

Cron lines are read by cronsim on plain local time, and the changes of the clock are dealt with here: cronsim's own
answer is in the past when it is asked inside a repeated hour, and it passes over a run where clocks change by half an
hour. The rules are those of Debian's cron. A line whose minute and hour are both fixed means the clock's time: what a
gap swallows runs when the gap ends, and what a repeated hour holds twice runs the first time. Any other line means so
often, and follows time as it passes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_LONGER: Final = 1.3
_SHORTER: Final = 0.5
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_ANY_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)


def parse_duration(text: str) -> int:
    """Return the seconds of `90s`, `30m`, `2h`, `1d` or `1h30m`.

    Raises:
        ValueError: it is not one of these, or is zero.
    """
    match = _DURATION.fullmatch(text)
    amounts = [int(amount or 0) for amount in match.groups()] if match else [0]
    if not any(amounts):
        raise ValueError(f"{text!r} is not a duration; write '90s', '30m', '2h', '1d' or '1h30m'")
    return sum(amount * seconds for amount, seconds in zip(amounts, _UNITS.values(), strict=True))


def format_duration(seconds: float) -> str:
    """Return a duration to the second, as `parse_duration` reads it."""
    left, parts = round(seconds), []
    for unit, size in _UNITS.items():
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which an adaptive interval moves, in seconds."""

    min_s: int
    max_s: int

    def adapt(self, interval_s: int, *, has_changed: bool) -> int:
        """Return the next interval: shorter after a run that found something, longer after one that did not."""
        return self.clamp(round(interval_s * (_SHORTER if has_changed else _LONGER)))

    def clamp(self, interval_s: int) -> int:
        """Return the nearest interval within the bounds."""
        return min(max(interval_s, self.min_s), self.max_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When one source is due: by a cron line, or at an interval.

    Attributes:
        source: its name, from which its place in the jitter window follows.
        zone: of the cron line.
        cron: five fields, or '' for an interval.
        every_s: seconds between two runs; of an adaptive interval, the one to begin with.
        jitter_s: window in seconds over which sources that are due together are spread.
        bounds: None if the interval is fixed.
    """

    source: str
    zone: ZoneInfo
    cron: str = ""
    every_s: int = 0
    jitter_s: int = 0
    bounds: Bounds | None = None

    @property
    def delay(self) -> timedelta:
        """How far into the jitter window the source stands: always the same, so that everybody can work it out."""
        if not self.jitter_s:
            return timedelta()
        digest = hashlib.sha256(self.source.encode()).digest()
        return timedelta(seconds=int.from_bytes(digest[:8], "big") % self.jitter_s)

    @property
    def rule(self) -> str:
        """What people read of it, and what tells that it has been changed."""
        if self.cron:
            return f"{self.cron} {self.zone.key}"
        if self.bounds:
            least, most = format_duration(self.bounds.min_s), format_duration(self.bounds.max_s)
            return f"every {least} to {most}, from {format_duration(self.every_s)}"
        return f"every {format_duration(self.every_s)}"

    def find_first(self, now: datetime) -> datetime:
        """Return when a source that has never run is due: at the next time of its line, else at once."""
        return self._find_cron(now) if self.cron else now

    def find_next(self, *, due: datetime, now: datetime, interval_s: int, is_first: bool = False) -> datetime:
        """Return when the source is due after the run that begins now; all that was missed is that one run.

        Args:
            due: when this run was due; intervals are counted from there, so that late starts do not add up.
            interval_s: the interval in force; a cron line does without.
            is_first: the source has not run before, so it has yet to take its place in the jitter window.
        """
        if self.cron:
            return self._find_cron(max(due, now))
        base = due + self.delay if is_first else due
        step = timedelta(seconds=interval_s)
        return base + step * max(1, (now - base) // step + 1)

    def iter_due(self, due: datetime, interval_s: int, *, is_first: bool = False) -> Iterator[datetime]:
        """Yield the coming due times, `due` being the first, as long as the interval stays as it is."""
        while True:
            yield due
            due = self.find_next(due=due, now=due, interval_s=interval_s, is_first=is_first)
            is_first = False

    def _find_cron(self, after: datetime) -> datetime:
        return find_next_time(self.cron, self.zone, after - self.delay) + self.delay


def parse_cron(text: str) -> str:
    """Return a cron line with single spaces.

    Raises:
        ValueError: it is not a cron line, or no day will ever match it.
    """
    line = " ".join(text.split())
    fields = "minute, hour, day of month, month, day of week, such as '*/30 8-22 * * *'"
    if line.count(" ") != 4:
        raise ValueError(f"{text!r} is not a cron line; give five fields: {fields}")
    try:
        find_next_time(line, ZoneInfo("UTC"), _ANY_DAY)
    except CronSimError as error:
        raise ValueError(f"{text!r} is not a cron line ({str(error).lower()}); give five fields: {fields}") from error
    except StopIteration:
        raise ValueError(f"{text!r} never matches, because no year has such a day; give {fields}") from None
    return line


def find_next_time(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    """Return the first instant of a cron line after another, in UTC.

    Raises:
        CronSimError: it is not a cron line.
        StopIteration: it never matches.
    """
    minute, hour, *_ = cron.split()
    is_clock_time = not minute.startswith("*") and not hour.startswith("*")
    find = _find_by_clock if is_clock_time else _find_by_passing_time
    return find(cron, zone, after.astimezone(UTC))


def _find_by_clock(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    times = CronSim(cron, after.astimezone(zone).replace(tzinfo=None))
    while True:
        local = next(times)
        while not _is_on_the_clock(local, zone):
            local += _MINUTE
        # Inside a repeated hour the clock's time may lie ahead, and yet its first instant behind us.
        if (due := local.replace(tzinfo=zone).astimezone(UTC)) > after:
            return due


def _is_on_the_clock(local: datetime, zone: ZoneInfo) -> bool:
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


def _find_by_passing_time(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    """Look along the clock as it goes now; where it changes before the time found, look again from the change."""
    start = after.replace(microsecond=0) + _SECOND
    while True:
        offset = _find_offset(zone, start)
        local = (start + offset - _SECOND).replace(tzinfo=None)
        due = (next(CronSim(cron, local)) - offset).replace(tzinfo=UTC)
        if _find_offset(zone, due) == offset:
            return due
        start = _find_change(zone, start, due)


def _find_offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _find_change(zone: ZoneInfo, before: datetime, later: datetime) -> datetime:
    """Return the first second of another offset between two instants, by halving."""
    offset = _find_offset(zone, before)
    low, high = int(before.timestamp()), int(later.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _find_offset(zone, datetime.fromtimestamp(middle, UTC)) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
