"""Lists of captures, as different servers write them."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from archives.backfill import cdx_servers
from archives.backfill.cdx_servers import HeldCapture, iter_latest
from archives.errors import BackfillError

SERVER = "http://cdx.example/coll/cdx"


def write_line(number: int, timestamp: str = "20190304100000", status: str = "200", **more: str) -> str:
    return json.dumps({"url": f"http://h/{number}", "timestamp": timestamp, "status": status, **more})


def test_a_file_and_a_place_are_kept_where_the_server_names_them() -> None:
    asked: list[str] = []

    def ask(url: str) -> bytes:
        asked.append(url)
        return write_line(1, filename="crawl/a.warc.gz", offset="12", length="34").encode()

    (held,) = iter_latest(ask, SERVER, "http://h/", since=date(2019, 1, 2))
    place = {"filename": "crawl/a.warc.gz", "offset": 12, "length": 34}
    assert held == HeldCapture(url="http://h/1", timestamp="20190304100000", status="200", **place)  # type: ignore[arg-type]
    query = parse_qs(urlsplit(asked[0]).query)
    assert (query["url"], query["matchType"], query["from"]) == (["http://h/"], ["prefix"], ["20190102"])


def test_a_server_without_keys_is_asked_for_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdx_servers, "_PAGE_LINES", 2)
    lines = [write_line(number) for number in range(5)]

    def ask(url: str) -> bytes:
        limit = parse_qs(urlsplit(url).query).get("limit", ["5"])[0]
        return "\n".join(lines[: int(limit)]).encode()

    assert [held.url for held in iter_latest(ask, SERVER, "http://h/")] == [f"http://h/{n}" for n in range(5)]


def test_a_key_may_stand_on_the_last_line() -> None:
    pages = {None: f"{write_line(1)}\n\nkey", "key": write_line(2)}

    def ask(url: str) -> bytes:
        return pages[parse_qs(urlsplit(url).query).get("resumeKey", [None])[0]].encode()

    assert [held.url for held in iter_latest(ask, SERVER, "http://h/")] == ["http://h/1", "http://h/2"]


@pytest.mark.parametrize("answer", [b"<html>not here</html>", b'[["urlkey"], ["k"]]', b'{"url": 1'])
def test_what_is_no_list_is_refused(answer: bytes) -> None:
    with pytest.raises(BackfillError, match="not a list of captures"):
        list(iter_latest(lambda _: answer, SERVER, "http://h/"))


def test_nothing_is_nothing() -> None:
    assert [list(iter_latest(lambda _, body=body: body, SERVER, "http://h/")) for body in (b"", b"[]")] == [[], []]  # type: ignore[misc]
