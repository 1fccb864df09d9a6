"""Screenshots of pages: beside which captures they are shown, and how a package carries them."""

from __future__ import annotations

import json
import re
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archives.replay.app import ReplayApp
from archives.replay.http import Request, Response
from archives.replay.lookup import OpenIndexes, Single
from archives.urls import VIEW_PREFIX
from archives.wacz.pack import pack_collection
from archives.warc.reader import iter_records
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archives.storage.collection import Collection

PAGE = "http://a.example/1?b=c"
PNG = b"\x89PNG\r\n\x1a\n of the page"
# One is fetched each day. A browser shows the first and the third; the second could not be rendered.
DAYS = [BEGAN_AT + timedelta(days=number) for number in range(3)]


@pytest.fixture
def filled(collection: Collection) -> Collection:
    now = DAYS[0]
    with build_writer(collection, clock=lambda: now) as writer:
        for number, day in enumerate(DAYS):
            now = day + timedelta(seconds=5)
            location = writer.write(build_exchange(url=PAGE, began_at=day))
            if number == 1:
                continue
            made_at = day + timedelta(seconds=4)
            writer.write_conversion(PAGE, "text/html", b"<h1>Drawn</h1>", of=location.record_id, at=made_at)
            writer.write_resource(VIEW_PREFIX + PAGE, "image/png", PNG + str(number).encode())
    return collection


@pytest.fixture
def app(filled: Collection) -> Iterator[ReplayApp]:
    indexes = OpenIndexes(Single(filled))
    yield ReplayApp(indexes)
    indexes.close()


def get(app: ReplayApp, target: str) -> Response:
    return app(Request(method="GET", target=target, headers={"host": "127.0.0.1:80"}))


def find_link(app: ReplayApp, day: int, seconds: int) -> str:
    """The path of the screenshot that the banner of a capture leads to."""
    page = get(app, f"/news/{DAYS[day] + timedelta(seconds=seconds):%Y%m%d%H%M%S}/{PAGE}")
    assert page.status == 200
    found = re.search(r'href="([^"]*)">Screenshot<', bytes(page.body).decode())
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("seconds", [0, 4], ids=["response", "document"])
def test_a_capture_leads_to_the_screenshot_that_was_taken_of_it(app: ReplayApp, seconds: int) -> None:
    first, third = find_link(app, 0, seconds), find_link(app, 2, seconds)
    assert get(app, first).status == 200
    for link, number in ((first, b"0"), (third, b"2")):
        shown = get(app, re.sub(r"(/\d{17})/", r"\1mp_/", link))
        assert shown.body == PNG + number
        assert shown.get("Content-Type") == "image/png"
        assert "sandbox" in shown.get("Content-Security-Policy")


def test_a_capture_without_a_screenshot_does_not_lead_to_a_later_one(app: ReplayApp) -> None:
    assert find_link(app, 1, 0) == ""


def test_a_package_carries_screenshots_and_lists_pages_only(filled: Collection, tmp_path: Path) -> None:
    pack_collection(filled, tmp_path / "a.wacz")
    with zipfile.ZipFile(tmp_path / "a.wacz") as package:
        pages = [json.loads(line).get("url") for line in package.read("pages/pages.jsonl").splitlines()[1:]]
        index = package.read("indexes/index.cdx").decode()
        (name,) = (name for name in package.namelist() if name.endswith(".warc.gz"))
        package.extract(name, tmp_path)
    assert pages == [PAGE] * len(DAYS)
    assert index.count(f'"url": "{VIEW_PREFIX}{PAGE}"') == 2
    assert [record.block for record in iter_records(tmp_path / name) if PNG in record.block] == [PNG + b"0", PNG + b"2"]
