"""SURT keys as other index tools write them; dates and timestamps both ways."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from gzip import decompress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.urls import (
    format_timestamp,
    format_warc_date,
    is_standard_date,
    parse_timestamp,
    parse_warc_date,
    surt_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://example.com", "com,example)/"),
        ("https://www.Example.com/", "com,example)/"),
        ("http://www2.example.com/a", "com,example)/a"),
        ("http://wwwx.example.com/a", "com,example,wwwx)/a"),
        ("http://EXAMPLE.com:80/Path/", "com,example)/path"),
        ("https://example.com:443/", "com,example)/"),
        ("https://example.com:80/", "com,example:80)/"),
        ("http://example.com:8080/", "com,example:8080)/"),
        ("http://user:secret@example.com/", "com,example)/"),
        ("http://example.com/#top", "com,example)/"),
        ("http://example.com/?", "com,example)/"),
        ("http://example.com/a?", "com,example)/a"),
        ("http://example.com?b=1&a=2", "com,example)/?a=2&b=1"),
        ("http://example.com/?b=2&B=1&a", "com,example)/?a&b=1&b=2"),
        ("http://example.com/?a-b=1&a=1", "com,example)/?a=1&a-b=1"),
        ("http://example.com/?utm_source=x&a=1", "com,example)/?a=1&utm_source=x"),
        ("http://example.com/?PHPSESSID=0123456789abcdef0123456789ABCDEF&a=1", "com,example)/?a=1"),
        ("http://example.com/?a=1&sid=0123456789abcdef0123456789abcdef", "com,example)/?a=1"),
        ("http://example.com/?a=1&jsessionid=0123456789abcdef0123456789abcdef&b=2", "com,example)/?a=1&b=2"),
        ("http://example.com/?cfid=12&cftoken=34&a=1", "com,example)/?a=1"),
        ("http://example.com/?aspsessionidabcdefgh=abcdefghijklmnopqrstuvwx", "com,example)/"),
        ("http://example.com/?phpsessid=short&a=1", "com,example)/?a=1&phpsessid=short"),
        (
            "http://example.com/?xsid=0123456789abcdef0123456789abcdef",
            "com,example)/?xsid=0123456789abcdef0123456789abcdef",
        ),
        ("http://example.com/a;jsessionid=0123456789ABCDEF0123456789ABCDEF?b=1", "com,example)/a?b=1"),
        ("http://example.com/(s(abcdefghijklmnopqrstuvwx))/a.aspx", "com,example)/a.aspx"),
        ("http://127.0.0.1:8801/x", "1,0,0,127:8801)/x"),
        ("http://example.com//a///b", "com,example)/a/b"),
        ("http://example.com/a/../b/./c", "com,example)/b/c"),
        ("http://example.com/../../a", "com,example)/a"),
        ("http://example.com/%7Ejohn/%7ejane/~x", "com,example)/~john/~jane/~x"),
        ("http://example.com/%257Ejohn", "com,example)/~john"),
        ("http://example.com/a%20b c", "com,example)/a%20b%20c"),
        ("http://example.com/é", "com,example)/%c3%a9"),
        ("http://example.com/%C3%A9", "com,example)/%c3%a9"),
        ("http://bücher.example/", "example,xn--bcher-kva)/"),
        ("http://例え.jp/", "jp,xn--r8jz45g)/"),
        ("http://example.com./", "com,example)/"),
        ("http://[2001:DB8::1]:8080/", "2001:db8::1:8080)/"),
        ("HTTP://example.com/\n", "com,example)/"),
        ("urn:pageinfo:http://example.com/", "urn:pageinfo:http://example.com/"),
        ("dns:example.com", "dns:example.com"),
        ("ftp://ftp.example.com/a", "com,example,ftp)/a"),
        ("ftp://ftp.example.com:21/a", "com,example,ftp:21)/a"),
        ("http://[::1]/", "::1)/"),
        ("urn:uuid:A", "urn:uuid:A"),
        ("", ""),
    ],
)
def test_surt_key(url: str, key: str) -> None:
    assert surt_key(url) == key


@given(text=st.text(max_size=30), port=st.sampled_from(["", ":80", ":8080", ":"]))
def test_any_address_has_a_key_that_fits_on_a_line(text: str, port: str) -> None:
    key = surt_key(f"http://example.com{port}/{text}")
    assert key.startswith("com,example")
    assert not set(key) & set(" \r\n\t")
    key.encode("ascii")


@given(host=st.text(max_size=20))
def test_any_host_has_a_key(host: str) -> None:
    surt_key(f"http://{host}/").encode("utf-8", "surrogatepass")


def iter_index_lines(corpus: Path) -> list[tuple[str, str]]:
    """Key and address of every index line that other tools left in the corpus's WACZ files."""
    found = set()
    for path in sorted(corpus.glob("*.wacz")):
        with zipfile.ZipFile(path) as wacz:
            for name in wacz.namelist():
                if not name.startswith("indexes/") or name.endswith(".idx"):
                    continue
                data = wacz.read(name)
                text = decompress(data) if data.startswith(b"\x1f\x8b") else data
                for line in text.decode("utf-8").splitlines():
                    if "{" in line and not line.startswith("!"):
                        key, _, fields = line.split(" ", 2)
                        found.add((key, json.loads(fields)["url"]))
    return sorted(found)


def test_keys_agree_with_the_indexes_of_other_tools(corpus: Path) -> None:
    lines = [(key, url) for key, url in iter_index_lines(corpus) if "__wb_method" not in key]
    assert len(lines) > 20
    assert [surt_key(url) for _, url in lines] == [key for key, _ in lines]


def test_timestamps() -> None:
    at = datetime(2026, 3, 4, 10, 21, 11, 987654, tzinfo=timezone(timedelta(hours=8)))
    assert format_timestamp(at) == "20260304022111"
    assert parse_timestamp("20260304022111") == datetime(2026, 3, 4, 2, 21, 11, tzinfo=UTC)
    assert parse_timestamp("20260304022111987") == datetime(2026, 3, 4, 2, 21, 11, 987000, tzinfo=UTC)
    assert format_warc_date(at) == "2026-03-04T02:21:11.987654Z"


@pytest.mark.parametrize(
    "text", ["", "2026", "2026030402211", "20260304022111x", "20261304022111", "２０２６0304022111"]
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"timestamp|month"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-03-04T02:21:11Z", 0),
        ("2026-03-04T02:21:11.1Z", 100000),
        ("2026-03-04T02:21:11.987654Z", 987654),
        ("2026-03-04T02:21:11.987654321Z", 987654),
    ],
)
def test_warc_dates_of_both_versions(text: str, micros: int) -> None:
    assert parse_warc_date(text) == datetime(2026, 3, 4, 2, 21, 11, micros, tzinfo=UTC)


def test_a_warc_date_may_be_only_a_day() -> None:
    assert parse_warc_date("2026-03-04") == datetime(2026, 3, 4, tzinfo=UTC)


def test_an_offset_from_utc_in_a_warc_date_is_applied() -> None:
    for date in ("2026-03-04T04:21:11+02:00", "2026-03-03T19:21:11-0700"):
        assert parse_warc_date(date) == datetime(2026, 3, 4, 2, 21, 11, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-04 02:21:11Z", "2026-03-04T02:21:11", "20260304022111"])
def test_a_date_that_is_not_of_the_standard_is_read_in_utc(text: str) -> None:
    assert parse_warc_date(text) == datetime(2026, 3, 4, 2, 21, 11, tzinfo=UTC)
    assert not is_standard_date(text)
    assert is_standard_date(format_warc_date(parse_warc_date(text)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2008-10-294T05:21:46-0700",
        "2026-03-04 2:21:11",
        "20260304",
        "2026-03-04T02:21:11.1234567890Z",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_what_is_no_warc_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="WARC date"):
        parse_warc_date(text)


@pytest.mark.parametrize("format_instant", [format_timestamp, format_warc_date])
def test_a_datetime_without_a_zone_is_refused(format_instant: Callable[[datetime], str]) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        format_instant(datetime(2026, 3, 4))


@given(at=st.datetimes(timezones=st.just(UTC)))
def test_dates_come_back(at: datetime) -> None:
    assert parse_warc_date(format_warc_date(at)) == at
    assert parse_timestamp(format_timestamp(at)) == at.replace(microsecond=0)
