"""When a source is due: cron lines through the clock changes of 2026, intervals, jitter, adaptive bounds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources.timetable import Bounds, Timetable, find_next_time, format_duration, parse_cron, parse_duration

BERLIN, NEW_YORK, LORD_HOWE, SHANGHAI = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"
# Days on which clocks change in 2026: forward (a gap), back (a fold). Lord Howe changes by half an hour.
GAPS = {BERLIN: date(2026, 3, 29), NEW_YORK: date(2026, 3, 8), LORD_HOWE: date(2026, 10, 4)}
FOLDS = {BERLIN: date(2026, 10, 25), NEW_YORK: date(2026, 11, 1), LORD_HOWE: date(2026, 4, 5)}
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, SHANGHAI)
LINES = ("30 2 * * *", "45 1 * * *", "0,30 1,2,3 * * *", "*/30 * * * *", "15 * * * *", "*/20 2 * * *", "0 9 * * 1-5")


def list_times(cron: str, zone: str, day: date, number: int) -> list[str]:
    """The next times after midnight of a day, with the clock's offset."""
    at = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) - timedelta(seconds=1)
    times = []
    for _ in range(number):
        at = find_next_time(cron, ZoneInfo(zone), at)
        times.append(f"{at.astimezone(ZoneInfo(zone)):%d %H:%M %z}")
    return times


@pytest.mark.parametrize(
    ("zone", "cron", "expected"),
    [
        (BERLIN, "30 2 * * *", ["29 03:00 +0200", "30 02:30 +0200"]),
        (BERLIN, "0,30 2,3 * * *", ["29 03:00 +0200", "29 03:30 +0200", "30 02:00 +0200"]),
        (BERLIN, "*/30 1-3 * * *", ["29 01:00 +0100", "29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200"]),
        (NEW_YORK, "30 2 * * *", ["08 03:00 -0400", "09 02:30 -0400"]),
        (NEW_YORK, "0 * * * *", ["08 00:00 -0500", "08 01:00 -0500", "08 03:00 -0400"]),
        (LORD_HOWE, "15 2 * * *", ["04 02:30 +1100", "05 02:15 +1100"]),
        (LORD_HOWE, "*/30 2-3 * * *", ["04 02:30 +1100", "04 03:00 +1100", "04 03:30 +1100", "05 02:00 +1100"]),
    ],
)
def test_what_a_gap_swallows_runs_when_it_ends(zone: str, cron: str, expected: list[str]) -> None:
    assert list_times(cron, zone, GAPS[zone], len(expected)) == expected


@pytest.mark.parametrize(
    ("zone", "cron", "expected"),
    [
        (BERLIN, "30 2 * * *", ["25 02:30 +0200", "26 02:30 +0100"]),
        (NEW_YORK, "30 1 * * *", ["01 01:30 -0400", "02 01:30 -0500"]),
        (LORD_HOWE, "45 1 * * *", ["05 01:45 +1100", "06 01:45 +1030"]),
        (BERLIN, "*/30 2 * * *", ["25 02:00 +0200", "25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100"]),
        (NEW_YORK, "15 * * * *", ["01 00:15 -0400", "01 01:15 -0400", "01 01:15 -0500", "01 02:15 -0500"]),
        (LORD_HOWE, "*/30 3 * * *", ["05 03:00 +1030", "05 03:30 +1030", "06 03:00 +1030"]),
    ],
)
def test_a_time_that_comes_twice_is_met_once_and_a_rhythm_goes_on(zone: str, cron: str, expected: list[str]) -> None:
    assert list_times(cron, zone, FOLDS[zone], len(expected)) == expected


@pytest.mark.parametrize("zone", ZONES)
def test_a_daily_time_comes_on_every_day_of_the_year_once(zone: str) -> None:
    at, days = datetime(2025, 12, 31, 23, 59, tzinfo=ZoneInfo(zone)), []
    for _ in range(365):
        at = find_next_time("30 2 * * *", ZoneInfo(zone), at)
        days.append(at.astimezone(ZoneInfo(zone)).date())
    assert days == [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]


@pytest.mark.parametrize("zone", ZONES)
def test_a_rhythm_keeps_its_pace_through_every_change(zone: str) -> None:
    for day in (*GAPS.values(), *FOLDS.values()):
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
        times = [at := find_next_time("*/30 * * * *", ZoneInfo(zone), at) for _ in range(144)]
        assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(minutes=30)}


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES),
    cron=st.sampled_from(LINES),
)
def test_the_next_time_lies_ahead_and_nothing_lies_between(at: datetime, zone: str, cron: str) -> None:
    due = find_next_time(cron, ZoneInfo(zone), at)
    assert due > at
    assert find_next_time(cron, ZoneInfo(zone), at + (due - at) / 2) == due
    assert find_next_time(cron, ZoneInfo(zone), due - timedelta(microseconds=1)) == due


def test_asked_inside_the_repeated_hour_the_answer_is_not_in_the_past() -> None:
    """Cronsim's own is; that is why the changes of the clock are dealt with here."""
    second_pass = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=ZoneInfo(BERLIN))
    assert next(CronSim("30 2 * * *", second_pass)).astimezone(UTC) < second_pass
    assert f"{find_next_time('30 2 * * *', ZoneInfo(BERLIN), second_pass):%d %H:%M}" == "26 01:30"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400), ("1d2h3m4s", 93_784)],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "0m", "-5m", "5 m", "1.5h", "30m1h", "1w", "½h", "٣m", "5min"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write '90s'"):
        parse_duration(text)


@given(st.integers(1, 10**7))
def test_a_duration_survives_being_written_and_read(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give five fields"),
        ("@daily", "give five fields"),
        ("0 */30 8 * * *", "give five fields"),
        ("60 * * * *", "bad minute"),
        ("* 8-24 * * *", "bad hour"),
        ("* * * * FUNDAY", "bad day-of-week"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 31 2,4 *", "bad day-of-month"),
    ],
)
def test_what_is_no_cron_line_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_cron(text)


def test_a_cron_line_is_kept_with_single_spaces() -> None:
    assert parse_cron("  */30   8-22 * *\tmon-fri ") == "*/30 8-22 * * mon-fri"


AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def build_timetable(**values: object) -> Timetable:
    return Timetable(**{"source": "paper", "zone": ZoneInfo("UTC")} | values)  # type: ignore[arg-type]


def test_a_new_source_is_due_at_once_or_when_its_line_says() -> None:
    assert build_timetable(every_s=1800).find_first(AT) == AT
    assert build_timetable(cron="30 8 * * *").find_first(AT) == datetime(2026, 6, 2, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "timetable", [build_timetable(every_s=1800), build_timetable(cron="*/30 * * * *")], ids=["every", "cron"]
)
def test_what_was_missed_is_made_up_for_by_one_run(timetable: Timetable) -> None:
    now = AT + timedelta(days=1, minutes=7)
    following = timetable.find_next(due=AT, now=now, interval_s=timetable.every_s)
    assert following == AT + timedelta(days=1, minutes=30)


def test_late_starts_do_not_add_up() -> None:
    timetable, due = build_timetable(every_s=1800), AT
    for n in range(1, 50):
        due = timetable.find_next(due=due, now=due + timedelta(seconds=17), interval_s=1800)
        assert due == AT + n * timedelta(minutes=30)


def test_jitter_is_the_same_for_everybody_and_spreads_sources() -> None:
    window = 600
    delays = [build_timetable(source=f"s{n}", every_s=3600, jitter_s=window).delay for n in range(200)]
    assert delays == [build_timetable(source=f"s{n}", every_s=60, jitter_s=window).delay for n in range(200)]
    assert all(timedelta() <= delay < timedelta(seconds=window) for delay in delays)
    assert len({delay // timedelta(minutes=1) for delay in delays}) == 10
    assert build_timetable(every_s=3600).delay == timedelta()


def test_jitter_moves_every_time_of_a_line_alike() -> None:
    plain, shifted = build_timetable(cron="0 */6 * * *"), build_timetable(cron="0 */6 * * *", jitter_s=600)
    times = islice(plain.iter_due(plain.find_first(LATER), 0), 5)
    assert [time + shifted.delay for time in times] == list(islice(shifted.iter_due(shifted.find_first(LATER), 0), 5))
    assert shifted.delay > timedelta()


def test_jitter_is_added_to_an_interval_once() -> None:
    timetable = build_timetable(every_s=1800, jitter_s=600)
    first, second, third = islice(timetable.iter_due(AT, 1800, is_first=True), 3)
    assert first == AT
    assert second == AT + timetable.delay + timedelta(minutes=30)
    assert third - second == timedelta(minutes=30)


def test_an_adaptive_interval_follows_the_news_within_its_bounds() -> None:
    bounds = Bounds(min_s=900, max_s=86_400)
    assert bounds.adapt(3600, has_changed=True) == 1800
    assert bounds.adapt(3600, has_changed=False) == 4680
    assert bounds.adapt(1000, has_changed=True) == 900
    assert bounds.adapt(80_000, has_changed=False) == 86_400
