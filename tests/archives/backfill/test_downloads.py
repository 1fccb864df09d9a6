"""Servers of others are asked politely, and what they do not give is said."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from archives.backfill.downloads import Downloader
from archives.errors import BackfillError
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer({}) as server:
        yield server


def build_downloader(pauses: list[float]) -> Downloader:
    return Downloader(user_agent="Newsreel/0", delay_s=2.0, max_bytes=100, sleep=pauses.append)


def test_requests_wait_for_one_another_and_longer_where_the_server_says_so(server: WireServer) -> None:
    server.routes["/busy"] = build_response(status="503 Busy", headers=[("Retry-After", "7")])
    server.routes["/"] = build_response(b"good")
    pauses: list[float] = []
    downloader = build_downloader(pauses)
    assert downloader.read(f"{server.base_url}/").body == b"good"
    assert downloader.read(f"{server.base_url}/").body == b"good"
    assert pauses == [2.0]
    with pytest.raises(BackfillError, match="503"):
        downloader.read(f"{server.base_url}/busy")
    assert pauses.count(7.0) == 3
    assert [exchange.target for exchange in server.exchanges].count("/busy") == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (build_response(b"x" * 101), "more than 100 bytes"),
        (build_response(b"whole"), "knows no ranges"),
        (build_response(b"part of i", status="206 Partial Content"), "knows no ranges"),
        (build_response(status="404 Not Found"), "404"),
    ],
)
def test_a_part_is_what_was_asked_for_or_nothing(server: WireServer, answer: bytes, words: str) -> None:
    server.routes["/file"] = answer
    with pytest.raises(BackfillError, match=words):
        build_downloader([]).read(f"{server.base_url}/file", span=(3, 5))


def test_a_part_is_asked_for_by_its_place(server: WireServer) -> None:
    server.routes["/file"] = build_response(b"parts", status="206 Partial Content")
    assert build_downloader([]).read(f"{server.base_url}/file", span=(3, 5)).body == b"parts"
    assert b"Range: bytes=3-7\r\n" in server.exchanges[0].received


def test_a_file_that_was_cut_off_is_no_file(server: WireServer) -> None:
    server.routes["/file"] = build_response(b"whole").replace(b"Length: 5", b"Length: 9")
    with pytest.raises(BackfillError, match="cut off"):
        build_downloader([]).save(f"{server.base_url}/file", io.BytesIO())
    with pytest.raises(BackfillError, match="http"):
        build_downloader([]).read("file:///etc/passwd")
