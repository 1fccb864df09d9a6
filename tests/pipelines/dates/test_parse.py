"""Dates as found become instants: by table for each family, by property for any text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.dates import vocabulary as words
from pipelines.dates.model import Precision
from pipelines.dates.parse import SLACK, DateRefused, StatedDate, parse_date

SHARED = Path(__file__).parents[4] / "shared"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(found: str, language: str, zone: str, captured_at: str) -> str:
    """Return what was read as one text: the wall clock with its offset and the precision, or the refusal."""
    try:
        stated = parse_date(
            found, zone=ZoneInfo(zone), captured_at=datetime.fromisoformat(captured_at), language=language
        )
    except DateRefused as refusal:
        return refusal.reason
    if stated.precision is Precision.DAY:
        assert stated.instant.time() == datetime.min.time()
        return stated.instant.date().isoformat()
    return f"{stated.instant:%Y-%m-%dT%H:%M:%S%z} {stated.precision}"


CHINESE = [
    ("2022-02-18 10:21:11", "2022-02-18T10:21:11+0800 second"),
    ("发布时间：2022-02-18 10:21:11 来源：新华网", "2022-02-18T10:21:11+0800 second"),
    ("２０２２年２月１８日 １０：２１", "2022-02-18T10:21:00+0800 minute"),
    ("二〇二二年二月十八日", "2022-02-18"),
    ("二零二二年二月十八日 十点二十一分", "2022-02-18T10:21:00+0800 minute"),
    ("2022年2月18日10时21分11秒", "2022-02-18T10:21:11+0800 second"),
    ("2022年02月18日10:21", "2022-02-18T10:21:00+0800 minute"),
    ("2022-02-1810:21", "2022-02-18T10:21:00+0800 minute"),
    ("22年2月18日", "2022-02-18"),
    ("22-02-18 10:21", "2022-02-18T10:21:00+0800 minute"),
    ("2007-08-20-23:59:59", "2007-08-20T23:59:59+0800 second"),
    ("2022年2月18日 凌晨1:05", "2022-02-18T01:05:00+0800 minute"),
    ("2022年2月18日 上午12:05", "2022-02-18T00:05:00+0800 minute"),
    ("2022年2月17日 晚上12点", "2022-02-18T00:00:00+0800 hour"),
    ("更新时间：2022-02-18 10:21 发布时间：2022-02-17 09:00", "2022-02-17T09:00:00+0800 minute"),
    ("民國111年2月18日", "2022-02-18"),
    ("刚刚", "2022-02-18T15:00:00+0800 minute"),
    ("15分钟前", "2022-02-18T14:45:00+0800 minute"),
    ("1小时30分钟前", "2022-02-18T13:30:00+0800 minute"),
    ("两小时前", "2022-02-18T13:00:00+0800 hour"),
    ("发布于3天前", "2022-02-15"),
    ("一个月前", "2022-01-18"),
    ("几天前", "ambiguous"),
    ("前天 10:21", "2022-02-16T10:21:00+0800 minute"),
    ("昨晚 10:21", "2022-02-17T22:21:00+0800 minute"),
    ("今天上午10点", "2022-02-18T10:00:00+0800 hour"),
    ("周四 10:21", "2022-02-17T10:21:00+0800 minute"),
    ("周五 16:21", "2022-02-11T16:21:00+0800 minute"),
    ("上周五", "2022-02-11"),
    ("02-18 10:21", "2022-02-18T10:21:00+0800 minute"),
    ("12-31 23:50", "2021-12-31T23:50:00+0800 minute"),
    ("2月19日", "2022-02-19"),
    ("去年12月31日", "2021-12-31"),
    ("今天凌晨", "2022-02-18"),
    ("2月21日", "2021-02-21"),
    ("20:21", "2022-02-17T20:21:00+0800 minute"),
    ("1645150871", "2022-02-18T10:21:11+0800 second"),
    ("1645150871.25", "2022-02-18T10:21:11+0800 second"),
    ("20220218", "2022-02-18"),
    ("202202181021", "2022-02-18T10:21:00+0800 minute"),
    ("20220218T102111+0800", "2022-02-18T10:21:11+0800 second"),
    ("2022-02-18T02:21:11.123Z", "2022-02-18T02:21:11+0000 second"),
    ("2022-02-18 10:21:11 CST", "2022-02-18T10:21:11+0800 second"),
    ("2022-02-17 21:21 EST", "2022-02-17T21:21:00-0500 minute"),
    ("2022-02-18 10:21 (北京时间)", "2022-02-18T10:21:00+0800 minute"),
    ("1990-07-01 12:00", "1990-07-01T12:00:00+0900 minute"),
    ("03/03/2021", "2021-03-03"),
    ("2/18/2022 10:21:11 AM", "2022-02-18T10:21:11+0800 second"),
    ("2022-02-18 00:00:00", "2022-02-18T00:00:00+0800 second"),
]


@pytest.mark.parametrize(("found", "expected"), CHINESE)
def test_chinese_dates(found: str, expected: str):
    assert read(found, "zh", "Asia/Shanghai", "2022-02-18T15:00:00+08:00") == expected


REFUSED = [
    ("", "empty"),
    (" \u200b\n", "empty"),
    ("来源：新华网", "no_date"),
    ("今日头条", "no_date"),
    ("阅读 1234", "no_date"),
    ("2022年", "no_date"),
    ("2022年2月", "no_date"),
    ("0000-00-00 00:00:00", "year_zero"),
    ("0001-01-01T00:00:00", "year_zero"),
    ("00000000000000", "year_zero"),
    ("/Date(-62135596800000)/", "year_zero"),
    ("0", "epoch_zero"),
    ("1970-01-01 08:00:00", "epoch_zero"),
    ("1970-01-01", "epoch_zero"),
    ("1900-01-01 00:00:00", "epoch_zero"),
    ("2022-02-30 10:00", "impossible"),
    ("2022-13-01", "impossible"),
    ("2022-02-18 25:00", "impossible"),
    ("1403-02-11", "impossible"),
    ("9999-12-31 24:00", "impossible"),
    ("2099-01-01", "future"),
    ("2022-02-20 00:00", "future"),
    ("9999999999", "future"),
    ("03/04/2021", "ambiguous"),
]


@pytest.mark.parametrize(("found", "reason"), REFUSED)
def test_refusals_say_why(found: str, reason: str):
    assert read(found, "zh", "Asia/Shanghai", "2022-02-18T15:00:00+08:00") == reason


def test_a_refusal_keeps_the_text():
    with pytest.raises(DateRefused, match="better selector") as refusal:
        parse_date("x" * 200, zone=SHANGHAI, captured_at=datetime(2022, 2, 18, tzinfo=UTC))
    assert refusal.value.found == "x" * 200


# Captured on Friday 2023-09-08 at noon in the zone of the site.
FOREIGN = """
de Europe/Berlin | Dienstag, 3. März 2023 um 10.15 Uhr | 2023-03-03T10:15:00+0100 minute
de Europe/Berlin | Veröffentlicht am 03.05.2023 um 18 Uhr | 2023-05-03T18:00:00+0200 hour
de Europe/Berlin | Aktualisiert 04.05.23, 08:00 Uhr - Erstellt 03.05.23, 18:15 Uhr | 2023-05-03T18:15:00+0200 minute
de Europe/Berlin | vor 58 Minuten | 2023-09-08T11:02:00+0200 minute
de Europe/Berlin | vor einer Stunde | 2023-09-08T11:00:00+0200 hour
de Europe/Berlin | Gestern, 18:30 Uhr | 2023-09-07T18:30:00+0200 minute
de Europe/Berlin | Hier 10:30 Uhr | 2023-09-08T10:30:00+0200 minute
de Europe/Berlin | 18.02., 10:15 Uhr | 2023-02-18T10:15:00+0100 minute
de Europe/Berlin | 12. MÄR 2023 18:03 MEZ | 2023-03-12T18:03:00+0100 minute
en Europe/Brussels | July 7, 2023 5:50 pm CET | 2023-07-07T17:50:00+0200 minute
en America/New_York | Updated: Aug. 7, 2023 at 8:16 p.m. ET | 2023-08-07T20:16:00-0400 minute
en America/Toronto | Posted: Aug 07, 2023 4:00 AM EDT - Last Updated: August 8, 2023 | 2023-08-07T04:00:00-0400 minute
en America/New_York | Sept. 3rd, 2023 | 2023-09-03
en America/New_York | an hour ago | 2023-09-08T11:00:00-0400 hour
en America/New_York | half an hour ago | 2023-09-08T11:30:00-0400 minute
en America/New_York | 5m ago | 2023-09-08T11:55:00-0400 minute
en America/New_York | Yesterday at 3:15 PM | 2023-09-07T15:15:00-0400 minute
en America/New_York | 12/25/2022 12:05 AM | 2022-12-25T00:05:00-0500 minute
en America/New_York | USA Today | no_date
en America/New_York | 3 min read | no_date
en America/New_York | Page 1/2 | no_date
en America/New_York | 2 hours ago 14 comments | 2023-09-08T10:00:00-0400 hour
en-GB Europe/London | Thursday 3 August 2023 18.30 BST | 2023-08-03T18:30:00+0100 minute
en-GB Europe/London | 3 August 2023 18:30 GMT | 2023-08-03T18:30:00+0000 minute
en-GB Europe/London | 03/Aug/2023:18:30:11 +0000 | 2023-08-03T18:30:11+0000 second
en-AU Australia/Sydney | 3 August 2023 6.30pm AEST | 2023-08-03T18:30:00+1000 minute
en-IN Asia/Kolkata | Aug 03, 2023, 18:30 IST | 2023-08-03T18:30:00+0530 minute
fr Europe/Paris | 1er août 2023 à 10h21 et modifié à 11:00 | 2023-08-01T10:21:00+0200 minute
fr Europe/Paris | 1er août 2023 à 10:21 et plus | 2023-08-01T10:21:00+0200 minute
fr Europe/Paris | Mis à jour le 08/09/2023 à 10h14 - Publié le 07/09/2023 à 08h00 | 2023-09-07T08:00:00+0200 minute
fr Europe/Paris | Hier à 18:30 | 2023-09-07T18:30:00+0200 minute
fr Europe/Paris | il y a 2 jours | 2023-09-06
es Europe/Madrid | Hace 45 minutos | 2023-09-08T11:15:00+0200 minute
es Europe/Madrid | 3 ago 2023 - 18:30 | 2023-08-03T18:30:00+0200 minute
es Europe/Madrid | 03/08/2023 a las 18:30 h. | 2023-08-03T18:30:00+0200 minute
it Europe/Rome | 2 ore fa | 2023-09-08T10:00:00+0200 hour
it Europe/Rome | 3 Agosto 2023 ore 18.30 | 2023-08-03T18:30:00+0200 minute
pt America/Sao_Paulo | 03 de agosto de 2023 às 18h30 | 2023-08-03T18:30:00-0300 minute
pt Europe/Lisbon | Há 10 min | 2023-09-08T11:50:00+0100 minute
nl Europe/Amsterdam | wo 3 mei 2023, 18:30 | 2023-05-03T18:30:00+0200 minute
nl Europe/Amsterdam | 2 uur geleden | 2023-09-08T10:00:00+0200 hour
sv Europe/Stockholm | Igår kl 18.30 | 2023-09-07T18:30:00+0200 minute
sv Europe/Stockholm | för 2 timmar sedan | 2023-09-08T10:00:00+0200 hour
da Europe/Copenhagen | 3. aug. 2023 kl. 18.30 | 2023-08-03T18:30:00+0200 minute
no Europe/Oslo | Publisert 3. des. 2022 kl. 08:30 | 2022-12-03T08:30:00+0100 minute
fi Europe/Helsinki | 3. elokuuta 2023 klo 18.30 | 2023-08-03T18:30:00+0300 minute
fi Europe/Helsinki | 2 tuntia sitten | 2023-09-08T10:00:00+0300 hour
pl Europe/Warsaw | 3 listopada 2022, 18:30 | 2022-11-03T18:30:00+0100 minute
hr Europe/Zagreb | 3. listopada 2022. 18:30 | 2022-10-03T18:30:00+0200 minute
pl Europe/Warsaw | godzinę temu | 2023-09-08T11:00:00+0200 hour
cs Europe/Prague | před 2 hodinami | 2023-09-08T10:00:00+0200 hour
cs Europe/Prague | dnes 10:15 | 2023-09-08T10:15:00+0200 minute
ru Europe/Moscow | 18:30, 3 августа 2023 | 2023-08-03T18:30:00+0300 minute
ru Europe/Moscow | вчера в 18:30 | 2023-09-07T18:30:00+0300 minute
ru Europe/Moscow | час назад | 2023-09-08T11:00:00+0300 hour
uk Europe/Kyiv | 3 серпня 2023, 18:30 | 2023-08-03T18:30:00+0300 minute
tr Europe/Istanbul | 3 Ağustos 2023 Perşembe 18:30 | 2023-08-03T18:30:00+0300 minute
tr Europe/Istanbul | 3 KASIM 2022 | 2022-11-03
tr Europe/Istanbul | 2 saat önce | 2023-09-08T10:00:00+0300 hour
ja Asia/Tokyo | 令和5年8月3日 午後6時30分 | 2023-08-03T18:30:00+0900 minute
ja Asia/Tokyo | 令和元年8月3日 | 2019-08-03
ja Asia/Tokyo | R5.8.3 | 2023-08-03
ja Asia/Tokyo | 8/3(木) 18:30 | 2023-08-03T18:30:00+0900 minute
ja Asia/Tokyo | 2時間前 | 2023-09-08T10:00:00+0900 hour
ko Asia/Seoul | 2023. 8. 3. 오후 6:30 | 2023-08-03T18:30:00+0900 minute
ko Asia/Seoul | 등록 2023-08-03 18:30 수정 2023-08-04 09:00 | 2023-08-03T18:30:00+0900 minute
ko Asia/Seoul | 2023년 8월 3일 (목) 18시 30분 | 2023-08-03T18:30:00+0900 minute
ko Asia/Seoul | 2시간 전 | 2023-09-08T10:00:00+0900 hour
vi Asia/Ho_Chi_Minh | Thứ Năm, ngày 3 tháng 8 năm 2023 - 18:30 (GMT+7) | 2023-08-03T18:30:00+0700 minute
vi Asia/Ho_Chi_Minh | 2 giờ trước | 2023-09-08T10:00:00+0700 hour
id Asia/Jakarta | Kamis, 3 Agustus 2023 18:30 WIB | 2023-08-03T18:30:00+0700 minute
ar Asia/Riyadh | ٣ أغسطس ٢٠٢٣ | 2023-08-03
ar Asia/Riyadh | منذ ساعتين | 2023-09-08T10:00:00+0300 hour
hi Asia/Kolkata | 3 अगस्त 2023, 06:30 PM | 2023-08-03T18:30:00+0530 minute
el Europe/Athens | 3 Αυγούστου 2023, 18:30 | 2023-08-03T18:30:00+0300 minute
hu Europe/Budapest | 2023. augusztus 3. 18:30 | 2023-08-03T18:30:00+0200 minute
hu Europe/Budapest | 2 órája | 2023-09-08T10:00:00+0200 hour
ro Europe/Bucharest | acum 2 ore | 2023-09-08T10:00:00+0300 hour
th Asia/Bangkok | 3 สิงหาคม 2566 18:30 น. | 2023-08-03T18:30:00+0700 minute
lt Europe/Vilnius | 2023 m. rugpjūčio 3 d. 18:30 | 2023-08-03T18:30:00+0300 minute
zh-Hant Asia/Taipei | 112/08/03 18:30 | 2023-08-03T18:30:00+0800 minute
"""


@pytest.mark.parametrize("line", FOREIGN.strip().splitlines())
def test_dates_of_other_languages(line: str):
    site, found, expected = line.split(" | ")
    language, zone = site.split(" ")
    noon = datetime(2023, 9, 8, 12, tzinfo=ZoneInfo(zone))
    assert read(found, language, zone, noon.isoformat()) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("2024-03-10 02:30", "2024-03-10T03:30:00-0400 minute"),
        ("2024-11-03 01:30", "2024-11-03T01:30:00-0400 minute"),
        ("2024-11-03 01:30 EST", "2024-11-03T01:30:00-0500 minute"),
    ],
)
def test_hours_that_clocks_leave_out_or_repeat(found: str, expected: str):
    assert read(found, "en", "America/New_York", "2024-12-01T00:00:00+00:00") == expected


def test_fractions_of_the_capture_s_second_are_not_the_publisher_s():
    captured_at = datetime(2022, 2, 18, 7, 0, 0, 999999, tzinfo=UTC)
    assert parse_date("刚刚", zone=SHANGHAI, captured_at=captured_at).instant == captured_at.replace(microsecond=0)


def test_relative_hours_are_elapsed_time():
    """An hour before half past three on the night the clocks went forward it was half past one."""
    assert read("2 hours ago", "en", "Europe/London", "2024-03-31T02:30:00+00:00") == "2024-03-31T00:30:00+0000 hour"
    assert read("1 hour ago", "en", "Europe/London", "2024-03-31T01:30:00+00:00") == "2024-03-31T00:30:00+0000 hour"


def test_the_order_of_day_and_month_is_the_language_s():
    captured_at = "2025-09-08T12:00:00+00:00"
    assert read("03/04/2025", "en-US", "America/New_York", captured_at) == "2025-03-04"
    assert read("03/04/2025", "en-GB", "Europe/London", captured_at) == "2025-04-03"
    assert read("03/04/2025", "es", "America/Mexico_City", captured_at) == "2025-04-03"
    assert read("03.04.2025", "en", "America/New_York", captured_at) == "2025-04-03"
    assert read("03/04/2025", "", "Asia/Shanghai", captured_at) == "ambiguous"


def test_the_corpus_of_strings_from_real_pages():
    """At least 95 in a hundred exactly, and never a day where there is none."""
    path = SHARED / "corpus/dates.jsonl"
    if not path.exists():
        pytest.skip(f"no date strings at {path}")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    wrong = []
    for row in rows:
        result = read(row["raw"], row["lang"], row["tz"], row["fetched_at"])
        expected = row["expected"]
        if expected is None:
            assert result.isidentifier(), row
        elif row["precision"] == "day":
            wrong += [row["raw"]] if result != expected else []
        else:
            instant, _, precision = result.partition(" ")
            is_right = precision == row["precision"] and datetime.fromisoformat(instant) == datetime.fromisoformat(
                expected
            )
            wrong += [] if is_right else [row["raw"]]
    assert len(wrong) <= len(rows) * 0.05, wrong


INSTANTS = st.datetimes(
    datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.sampled_from([UTC, SHANGHAI, ZoneInfo("America/New_York")])
)


@given(INSTANTS)
def test_iso_8601_is_read_back(instant: datetime):
    whole = instant.replace(microsecond=0)
    stated = parse_date(whole.isoformat(), zone=SHANGHAI, captured_at=whole + timedelta(hours=1))
    assert stated == StatedDate(
        instant=whole.replace(tzinfo=timezone(whole.utcoffset() or timedelta())), precision=Precision.SECOND
    )


NUMERALS = [
    st.integers(1000, 2399),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    *[st.integers(0, 60)] * 2,
]
FORMS = ["{:04}-{:02}-{:02}", "{:04}-{:02}-{:02}T{:02}:{:02}", "{:04}-{:02}-{:02} {:02}:{:02}:{:02}"]
FORMS += [FORMS[2] + ".{tail}", FORMS[1] + "{offset}", FORMS[2] + "{offset}", FORMS[2] + ".{tail}{offset}"]


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(FORMS),
    st.tuples(*NUMERALS),
    st.integers(0, 10**9),
    st.from_regex(r"Z|[+-](?:0[0-9]|1[0-5]):?[0-6][0-9]", fullmatch=True),
    st.sampled_from(["", "zh", "zh-hant", "ja", "th", "en-us", "de"]),
    st.sampled_from(["Asia/Shanghai", "Asia/Taipei", "America/New_York", "Europe/London", "Africa/Casablanca"]),
    INSTANTS,
)
def test_what_machines_write_is_read_as_any_other_text(
    form: str, numbers: tuple[int, ...], tail: int, offset: str, language: str, zone: str, captured_at: datetime
):
    """A blank before it makes every rule look at a text that otherwise one expression reads."""
    found = form.format(*numbers, tail=str(tail)[:9], offset=offset)
    read = [read_or_refuse(text, ZoneInfo(zone), captured_at, language) for text in (found, f" {found}")]
    assert read[0] == read[1], found


def read_or_refuse(found: str, zone: ZoneInfo, captured_at: datetime, language: str) -> StatedDate | str:
    try:
        return parse_date(found, zone=zone, captured_at=captured_at, language=language)
    except DateRefused as refusal:
        return refusal.reason


PIECES = st.sampled_from(
    [
        *[
            "2022",
            "02",
            "18",
            "10:21",
            "1",
            "31",
            "111",
            "-",
            "/",
            ".",
            ":",
            " ",
            "年",
            "月",
            "日",
            "点",
            "分",
            "前",
            "十",
            "T",
        ],
        *[
            "+08:00",
            "CST",
            "Z",
            "ago",
            "vor",
            "il y a",
            "Uhr",
            "/Date(",
            ")/",
            "0",
            "9999",
            "99999999999",
            "下午",
            "周五",
        ],
        *[
            "令和",
            "元",
            "民國",
            "半",
            "几",
            "个",
            "小时",
            "天",
            "週",
            "today",
            "yesterday",
            "am",
            "kl.",
            "²",
            "٣",
            "\x00",
            "\ud800",
        ],
        *["Mar", "May", "ago", "de", "th", "'", "\u202e", "updated", "published", "last", "a few", "years", "months"],
    ]
)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.one_of(PIECES, st.text(st.characters(codec=None), max_size=3)), max_size=14).map("".join),
    st.sampled_from(["", "zh", "zh-Hant", "ja", "th", "en", "en-US", "de", "hr", "xx"]),
    INSTANTS,
)
def test_any_text_gives_a_believable_date_or_a_refusal(found: str, language: str, captured_at: datetime):
    try:
        stated = parse_date(found, zone=SHANGHAI, captured_at=captured_at, language=language)
    except DateRefused as refusal:
        assert refusal.reason.isidentifier()
        return
    assert stated.instant.utcoffset() is not None
    assert stated.instant <= captured_at + SLACK
    assert stated.instant.microsecond == 0
    if stated.precision is Precision.DAY:
        assert stated.instant.time() == datetime.min.time() or stated.instant.year < 1992


@given(
    st.sampled_from(sorted(words.MONTHS_BY_LANGUAGE)), st.integers(1, 12), st.integers(1, 28), st.integers(1990, 2030)
)
def test_every_month_of_every_language(language: str, month: int, day: int, year: int):
    names = [name for name, number in words.MONTHS_BY_LANGUAGE[language].items() if number == month]
    shown_year = year + 543 if language == "th" else year
    for name in names:
        stated = parse_date(
            f"{day} {name} {shown_year}", zone=UTC, captured_at=datetime(2031, 1, 1, tzinfo=UTC), language=language
        )
        assert stated.instant == datetime(year, month, day, tzinfo=UTC)


@given(st.text(st.characters(codec=None)))
def test_folding_again_changes_nothing(text: str):
    once = words.fold(text)
    assume(not any(char in once for char in "廿卅"))
    assert words.fold(once) == once


@given(
    st.datetimes(min_value=datetime(1600, 1, 1), max_value=datetime(2026, 3, 1)),
    st.sampled_from(["", "Z", "+08:00", "-03:30", "+13:00"]),
    st.sampled_from(["T", " "]),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_the_plain_form_reads_as_it_does_among_words(wall: datetime, offset: str, joint: str, zone: str) -> None:
    """The short way gives what the long way gives."""
    text = wall.strftime(f"%Y-%m-%d{joint}%H:%M:%S").rjust(19, "0") + offset
    captured_at = datetime(2026, 3, 4, tzinfo=UTC)

    def read(found: str) -> tuple[str, object]:
        try:
            stated = parse_date(found, zone=ZoneInfo(zone), captured_at=captured_at)
        except DateRefused as refusal:
            return ("refused", refusal.reason)
        return (stated.instant.isoformat(), stated.precision)

    assert read(text) == read(f" {text} ")


@pytest.mark.parametrize(
    ("found", "language", "expected"),
    [
        ("3 மார்ச் 2026", "ta", "2026-03-03"),
        ("3 మార్చి 2026", "", "2026-03-03"),
        ("3 ಮಾರ್ಚ್ 2026", "kn", "2026-03-03"),
        ("3 მარტი, 2026", "ka", "2026-03-03"),
        ("3 մարտի, 2026 թ.", "hy", "2026-03-03"),
        ("2026 ж. 3 наурыз", "kk", "2026-03-03"),
        ("2026 оны 3-р сарын 3", "mn", "2026-03-03"),
        ("2026 මාර්තු 3", "si", "2026-03-03"),
        ("Marso 3, 2026", "tl", "2026-03-03"),
        ("2026ko martxoaren 3a", "eu", "2026-03-03"),
        ("၃ မတ် ၂၀၂၆", "", "2026-03-03"),
        ("3 ມີນາ 2026", "lo", "2026-03-03"),
        ("3 Mawrth 2026", "cy", "2026-03-03"),
        ("3 сакавіка 2026", "be", "2026-03-03"),
        ("2026 оны 3-р сарын 3", "mn", "2026-03-03"),
        ("3 مارچ 2026", "ur", "2026-03-03"),
        ("۱۲ اسفند ۱۴۰۴", "fa", "2026-03-03"),
        ("۱۴۰۴/۱۲/۱۲", "", "2026-03-03"),
        ("1404/12/12", "fa", "2026-03-03"),
        ("3/2/2026 7:12:44 AM", "en", "2026-03-02T07:12:44"),
        ("3/2/2026 7:12 am", "en-GB", "2026-02-03T07:12:00"),
        ("3/2/2026 7:12", "en", "2026-02-03T07:12:00"),
        ("14 رمضان 1447 هـ", "ar", "2026-03-03"),
        ("የካቲት 24 ቀን 2018 ዓ.ም", "am", "2026-03-03"),
        ("ማክሰኞ የካቲት 24፣ 2018 ከቀኑ 9:30", "am", "2026-03-03"),
        ("ጳጉሜን 6/2015", "am", "2023-09-11"),
        ("መስከረም 1 2016", "", "2023-09-12"),
        ("ማርች 3, 2026", "am", "2026-03-03"),
        ("الثلاثاء 14 رمضان 1447 هـ الموافق 3 مارس 2026", "ar", "2026-03-03"),
        ("2026-W10-2", "", "2026-03-03"),
        ("ថ្ងៃអង្គារ ទី៣ ខែមីនា ឆ្នាំ២០២៦", "km", "2026-03-03"),
        ("ວັນທີ 3 ເດືອນມີນາ ປີ 2026", "lo", "2026-03-03"),
        ("2026 මාර්තු මස 3", "si", "2026-03-03"),
        ("3 മാര്\u200dച്ച് 2026", "ml", "2026-03-03"),
        ("2026 оны 3 дугаар сарын 3", "mn", "2026-03-03"),
        ("3 ta’ Marzu 2026", "mt", "2026-03-03"),
        ("۱۲-۱۲-۱۴۰۴", "", "2026-03-03"),
        ("1447/09/14 هـ", "ar", "2026-03-03"),
        ("14-09-1447 هـ / 03-03-2026 م", "ar", "2026-03-03"),
        ("2026-03-03 13:48:13:671", "zh", "2026-03-03T13:48:13"),
        ("20260303134813Z", "", "2026-03-03T13:48:13"),
        ("20260303214813+0800", "", "2026-03-03T21:48:13"),
        ("2 საათის წინ", "ka", "2026-03-20T10:00:00"),
        ("2 மணிநேரம் முன்", "ta", "2026-03-20T10:00:00"),
        ("២ ម៉ោងមុន", "km", "2026-03-20T10:00:00"),
        ("pred 2 dnevoma", "sl", "2026-03-18"),
    ],
)
def test_further_languages_and_calendars(found: str, language: str, expected: str) -> None:
    at = datetime(2026, 3, 20, 12, tzinfo=UTC)
    stated = parse_date(found, zone=UTC, captured_at=at, language=language)
    assert stated.instant.replace(tzinfo=None).isoformat().removesuffix("T00:00:00") == expected


@pytest.mark.parametrize("language", ["ckb", "zz", "not a tag"])
def test_a_language_without_words_for_a_span_reads_none(language: str) -> None:
    with pytest.raises(DateRefused):
        parse_date("2 h", zone=UTC, captured_at=datetime(2026, 3, 20, 12, tzinfo=UTC), language=language)


@pytest.mark.parametrize("found", ["1404/12/12", "۱۲ چیزی ۱۴۰۴ ساعت ۱۴:۰۵", "3 blah 2026 14:05"])
def test_a_day_of_a_calendar_that_nobody_names_is_refused(found: str) -> None:
    with pytest.raises(DateRefused):
        parse_date(found, zone=UTC, captured_at=datetime(2026, 3, 20, 12, tzinfo=UTC), language="en")
