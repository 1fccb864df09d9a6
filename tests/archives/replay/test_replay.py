"""The viewer of captures: mementos, TimeGates, TimeMaps, the index, calendars, and what a browser may do with them."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from archives.captures.deduplication import Originals
from archives.replay.app import ReplayApp
from archives.replay.http import Request, Response
from archives.replay.lookup import OpenIndexes, Single, parse_moment
from archives.replay.routes import Kind, complete_url, find_place
from archives.replay.server import MAX_CONNECTIONS, ReplayServer
from archives.transfer.importing import add_file
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer
from tests.project import start_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archives.storage.collection import Collection

HOST = "127.0.0.1:8080"
STAMP = "20260304022111"


def build_response(
    body: bytes, content_type: str = "text/html; charset=utf-8", *lines: str, status: str = "200 OK"
) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode("latin-1") + body


class Archive:
    """A collection that a test fills, and the viewer of it."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.indexes = OpenIndexes(Single(collection))
        self.app = ReplayApp(self.indexes)

    def add(self, *exchanges: tuple[str, bytes] | tuple[str, bytes, float]) -> None:
        """Write a file of exchanges: an address, a raw response, and its delay after the first in seconds."""
        token = f"t{len(list(self.collection.iter_warcs()))}"
        with build_writer(self.collection, token=token) as writer:
            for url, raw, *after in exchanges:
                began_at = BEGAN_AT + timedelta(seconds=after[0] if after else 0)
                writer.write(build_exchange(url=url, raw_response=raw, began_at=began_at))

    def get(self, target: str, **headers: str) -> Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.app(Request(method="GET", target=target, headers={"host": HOST, **names}))


@pytest.fixture
def archive(collection: Collection) -> Iterator[Archive]:
    made = Archive(collection)
    yield made
    made.indexes.close()


def read_text(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


# Places


PLACES = [
    ("/news/", Kind.COLLECTION, "", "", ""),
    ("/news/20260304022111/http://a.example/x?y=1", Kind.MEMENTO, "20260304022111", "", "http://a.example/x?y=1"),
    ("/news/2026mp_/a.example/x", Kind.MEMENTO, "2026", "mp_", "http://a.example/x"),
    ("/news/20260304022111id_/https:/a.example/", Kind.MEMENTO, "20260304022111", "id_", "https://a.example/"),
    ("/news/http://a.example/", Kind.TIMEGATE, "", "", "http://a.example/"),
    ("/news/timegate/http://a.example/", Kind.TIMEGATE, "", "", "http://a.example/"),
    ("/news/timemap/link/http://a.example/", Kind.TIMEMAP, "", "", "http://a.example/"),
    ("/news/*/http://a.example/", Kind.CALENDAR, "", "", "http://a.example/"),
    ("/news/2026*/localhost:80/x", Kind.CALENDAR, "2026", "", "http://localhost:80/x"),
    ("/news/cdx?url=a.example", Kind.CDX, "", "", ""),
]


@pytest.mark.parametrize(("target", "kind", "stamp", "modifier", "url"), PLACES)
def test_a_path_is_taken_apart(target: str, kind: Kind, stamp: str, modifier: str, url: str) -> None:
    place = find_place(target)
    assert place is not None
    assert (place.kind, place.stamp, place.modifier, place.url) == (kind, stamp, modifier, url)


@pytest.mark.parametrize("target", ["/", "/-/x", "/../etc", "//host/x", "/a%2fb/"])
def test_what_is_no_place_is_none(target: str) -> None:
    assert find_place(target) is None


def test_an_address_is_completed_once() -> None:
    for url in ("a.example", "HTTP://a.example/x", "https:/a.example", "a.example:8080/x", "urn:x:y"):
        assert complete_url(complete_url(url)) == complete_url(url)


def test_a_moment_may_be_short() -> None:
    assert parse_moment("2026").first == datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_moment("20260304022111123").first.microsecond == 123_000
    for digits in ("1", "20261301000000", "x", "2" * 18):
        with pytest.raises(ValueError, match=r"timestamp|month|day|hour|minute|second|range"):
            parse_moment(digits)


# Mementos


def test_a_page_comes_with_its_links_in_the_archive_and_a_policy(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"<p>hi <a href=/x>x</a><script>evil()</script>")))
    page = archive.get(f"/news/{STAMP}mp_/http://a.example/")
    assert page.status == 200
    assert read_text(page) == f'<p>hi <a href="//localhost:8080/news/{STAMP}/http://a.example/x" target="_top">x</a>'
    policy = page.get("Content-Security-Policy")
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy
    assert "sandbox allow-same-origin allow-top-navigation-by-user-activation" in policy
    assert "allow-scripts" not in policy
    assert page.get("Memento-Datetime") == "Wed, 04 Mar 2026 02:21:11 GMT"
    assert 'rel="original"' in page.get("Link")


def test_the_banner_frames_the_page_on_the_other_name_of_this_machine(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"x")), ("http://a.example/", build_response(b"y"), 3600))
    page = archive.get(f"/news/{STAMP}/http://a.example/")
    text = read_text(page)
    assert f'src="//localhost:8080/news/{STAMP}mp_/http://a.example/"' in text
    assert 'sandbox="allow-same-origin allow-top-navigation-by-user-activation"' in text
    assert "frame-src localhost:8080;" in page.get("Content-Security-Policy")
    assert '<a rel="next" href="/news/20260304032111/http://a.example/"' in text
    assert "<script" not in text


def test_raw_is_the_payload_to_the_byte(archive: Archive) -> None:
    coded = gzip.compress(b"<script>x</script>" * 50, mtime=0)
    archive.add(("http://a.example/", build_response(coded, "text/html", "Content-Encoding: gzip")))
    target = f"/news/{STAMP}id_/http://a.example/"
    raw = archive.get(target, accept_encoding="gzip, br")
    assert (raw.body, raw.get("Content-Encoding")) == (coded, "gzip")
    assert raw.get("Content-Security-Policy").endswith("; sandbox")
    plain = archive.get(target)
    assert (plain.body, plain.get("Content-Encoding")) == (gzip.decompress(coded), "")


def test_a_payload_that_was_stored_decoded_is_not_announced_as_coded(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"plain", "text/plain", "Content-Encoding: gzip")))
    for modifier in ("id_", "mp_"):
        page = archive.get(f"/news/{STAMP}{modifier}/http://a.example/", accept_encoding="gzip")
        assert (page.body, page.get("Content-Encoding")) == (b"plain", "")


def test_archived_headers_are_kept_under_names_that_do_nothing(archive: Archive) -> None:
    archive.add(
        (
            "http://a.example/",
            build_response(
                b"x",
                "text/html",
                "Set-Cookie: a=b",
                "Refresh: 0;url=//live.example",
                "Link: <//live.example>; rel=preload",
                "Bad Name: x",
                "X-Odd: a\x01b\xe9",
            ),
        )
    )
    page = archive.get(f"/news/{STAMP}mp_/http://a.example/")
    names = {name.lower() for name, _ in page.headers}
    assert not names & {"set-cookie", "refresh", "location"}
    assert page.get("X-Archive-Orig-Set-Cookie") == "a=b"
    assert page.get("X-Archive-Orig-X-Odd") == "a b\xe9"
    assert not any("Bad Name" in name for name, _ in page.headers)


def test_an_inexact_time_leads_to_the_nearest_capture(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"one")), ("http://a.example/", build_response(b"two"), 86400))
    moved = archive.get("/news/20260305/http://a.example/")
    assert (moved.status, moved.get("Location")) == (302, "/news/20260305022111/http://a.example/")
    inside = archive.get("/news/20260305mp_/http://a.example/")
    assert (inside.status, inside.body) == (200, b"two")
    assert inside.get("Content-Location") == "/news/20260305022111mp_/http://a.example/"


def test_captures_of_one_second_are_told_apart(archive: Archive) -> None:
    pages = [("http://a.example/", build_response(b"p%d" % n), n * 0.2) for n in range(3)]
    archive.add(*pages)
    first = read_text(archive.get(f"/news/{STAMP}/http://a.example/"))
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    assert archive.get(following.replace("/http:", "mp_/http:", 1)).body == b"p1"
    timemap = read_text(archive.get("/news/timemap/link/http://a.example/"))
    links = re.findall(r'<http://127.0.0.1:8080(/news/\d+/[^>]+)>; rel="[^"]*memento"', timemap)
    bodies = [archive.get(link.replace("/http:", "mp_/http:", 1)).body for link in links]
    assert bodies == [b"p0", b"p1", b"p2"]


def test_redirects_are_followed_inside_the_archive(archive: Archive) -> None:
    moved = build_response(b"", "text/html", "Location: /new?q=1", status="301 Moved")
    archive.add(("http://a.example/old", moved), ("http://a.example/new?q=1", build_response(b"new"), 5))
    for modifier in ("", "mp_", "im_"):
        found = archive.get(f"/news/{STAMP}{modifier}/http://a.example/old")
        assert (found.status, found.get("Location")) == (302, f"/news/{STAMP}{modifier}/http://a.example/new?q=1")
        assert found.get("Memento-Datetime")


def test_a_redirect_to_another_spelling_of_itself_does_not_go_in_circles(archive: Archive) -> None:
    moved = build_response(b"", "text/html", "Location: https://www.a.example/", status="301 Moved")
    archive.add(("http://a.example/", moved), ("https://www.a.example/", build_response(b"here"), 0.3))
    target = f"/news/{STAMP}mp_/http://a.example/"
    for _ in range(3):
        response = archive.get(target)
        if response.status != 302:
            break
        target = response.get("Location")
    assert response.body == b"here"
    # A request for the very address that was captured is not led over the other spelling.
    assert archive.get(f"/news/{STAMP[:-2]}mp_/https://www.a.example/").status == 200


def test_revisits_show_what_they_refer_to(archive: Archive) -> None:
    page = build_response(b"<title>Same</title>" + b"<p>same</p>" * 20)
    with build_writer(archive.collection, originals=Originals(archive.collection)) as writer:
        writer.write(build_exchange(url="http://a.example/", raw_response=page))
        writer.write(build_exchange(url="http://a.example/", raw_response=page, began_at=BEGAN_AT + timedelta(hours=1)))
    with archive.indexes.borrow("news") as index:
        assert [entry.mime for entry in index.iter_entries()] == ["text/html", "warc/revisit"]
    for stamp in (STAMP, "20260304032111"):
        assert archive.get(f"/news/{stamp}mp_/http://a.example/").body == page.partition(b"\r\n\r\n")[2]
        assert '<h1 class="title" dir="auto" title="Same">' in read_text(
            archive.get(f"/news/{stamp}/http://a.example/")
        )
    listed = read_text(archive.get("/news/*/http://a.example/*"))
    assert ">Same</span>" in listed
    assert ">text/html</td>" in listed


def test_what_is_missing_is_said_to_be_missing(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"x")))
    page = archive.get(f"/news/{STAMP}mp_/http://a.example/gone")
    assert page.status == 404
    assert "http://a.example/gone was never captured in news. The live web was not contacted." in read_text(page)
    picture = archive.get(f"/news/{STAMP}im_/http://a.example/gone.png", sec_fetch_dest="image")
    assert (picture.status, picture.get("Content-Type")) == (404, "image/svg+xml")
    style = archive.get(f"/news/{STAMP}cs_/http://a.example/gone.css", sec_fetch_dest="style")
    assert (style.status, style.get("Content-Type")) == (404, "text/plain; charset=utf-8")
    nothing = archive.get("/-/nothing")
    assert nothing.status == 404
    assert '<a target="_top" href="/">Front page</a>' in read_text(nothing)
    assert "<nav" not in read_text(nothing), "there are no sections to choose from"


def test_a_moment_that_is_none_is_explained(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"x")))
    page = archive.get("/news/20261399/http://a.example/")
    assert page.status == 404
    assert "20261399 is not a date" in read_text(page)


def test_a_damaged_capture_is_explained(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"\x00\x01\x02 not br", "text/html", "Content-Encoding: br")))
    page = archive.get(f"/news/{STAMP}mp_/http://a.example/")
    assert page.status == 502
    assert "cannot be shown" in read_text(page)


def test_titles_and_addresses_are_text_everywhere(archive: Archive) -> None:
    archive.add(("http://a.example/?q=%22%3E%3Cscript%3Ex()%3C/script%3E&a='b", build_response(b"x")))
    url = "http://a.example/?q=%22%3E%3Cscript%3Ex()%3C/script%3E&a='b"
    for target in (
        f"/news/{STAMP}/{url}",
        f"/news/*/{url}",
        "/news/",
        f"/news/{STAMP}/http://b.example/<script>'\"{url}",
    ):
        assert "<script" not in read_text(archive.get(target))


@pytest.mark.parametrize(("kind", "shown"), [
    ("image/png", "image/png"),
    ("application/rss+xml", "text/plain; charset=utf-8"),
    ("text/xml", "text/plain; charset=utf-8"),
    ("image/svg+xml", "image/svg+xml; charset=utf-8"),
    ("text/html\x01; charset=gbk", "text/html; charset=utf-8"),
    ("x y/z\"", "application/octet-stream"),
    ("text/plain", "text/plain; charset=utf-8"),
])  # fmt: skip
def test_a_media_type_is_one_that_can_do_nothing(archive: Archive, kind: str, shown: str) -> None:
    archive.add(("http://a.example/", build_response(b"body", kind)))
    page = archive.get(f"/news/{STAMP}mp_/http://a.example/")
    assert page.get("Content-Type") == shown
    assert "sandbox" in page.get("Content-Security-Policy")


# Memento protocol: the shapes of RFC 7089's figures, with our own addresses


def test_the_timegate_negotiates(archive: Archive) -> None:
    """Spec: RFC 7089 §4.1.1, figures 8 to 10."""
    archive.add(*(("http://a.example/", build_response(b"%d" % day), day * 86400) for day in range(5)))
    answer = archive.get("/news/http://a.example/", accept_datetime="Fri, 06 Mar 2026 00:00:00 GMT")
    assert answer.status == 302
    assert answer.get("Vary") == "accept-datetime"
    assert answer.get("Location") == "/news/20260306022111/http://a.example/"
    assert '<http://a.example/>; rel="original"' in answer.get("Link")
    assert 'rel="timemap"; type="application/link-format"' in answer.get("Link")
    assert answer.get("Memento-Datetime") == ""
    latest = archive.get("/news/http://a.example/")
    assert latest.get("Location") == "/news/20260308022111/http://a.example/"


def test_the_timegate_refuses_what_is_no_date(archive: Archive) -> None:
    """Spec: RFC 7089 §4.5.3."""
    archive.add(("http://a.example/", build_response(b"x")))
    for value in ("yesterday", "2026-03-04", "Wed, 04 Mar 2026 02:21:11 +0800"):
        assert archive.get("/news/http://a.example/", accept_datetime=value).status == 400
    missing = archive.get("/news/http://b.example/", accept_datetime="Wed, 04 Mar 2026 02:21:11 GMT")
    assert (missing.status, missing.get("Vary")) == (404, "accept-datetime")


def test_a_memento_names_its_neighbours(archive: Archive) -> None:
    archive.add(*(("http://a.example/", build_response(b"%d" % hour), hour * 3600) for hour in range(3)))
    link = archive.get("/news/20260304032111/http://a.example/").get("Link")
    assert (
        '/news/20260304022111/http://a.example/>; rel="prev memento"; datetime="Wed, 04 Mar 2026 02:21:11 GMT"' in link
    )
    assert (
        '/news/20260304042111/http://a.example/>; rel="next memento"; datetime="Wed, 04 Mar 2026 04:21:11 GMT"' in link
    )


def test_the_timemap_lists_every_memento(archive: Archive) -> None:
    """Spec: RFC 7089 §5, figure 28."""
    archive.add(*(("http://a.example/", build_response(b"%d" % hour), hour * 3600) for hour in range(3)))
    timemap = archive.get("/news/timemap/link/http://a.example/")
    assert timemap.get("Content-Type") == "application/link-format"
    lines = read_text(timemap).rstrip("\n").split(",\n")
    assert lines[0] == '<http://a.example/>;rel="original"'
    assert 'rel="self";type="application/link-format";from="Wed, 04 Mar 2026 02:21:11 GMT"' in lines[1]
    assert [re.findall('rel="([^"]+)"', line)[0] for line in lines[3:]] == ["first memento", "memento", "last memento"]
    document = json.loads(read_text(archive.get("/news/timemap/json/http://a.example/")))
    assert len(document["mementos"]["list"]) == 3
    assert document["mementos"]["first"]["datetime"] == "2026-03-04T02:21:11Z"


def test_one_memento_is_first_and_last(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"x")))
    assert 'rel="first last memento"' in read_text(archive.get("/news/timemap/link/http://a.example/"))


# The index as an interface


def list_stamps(archive: Archive, query: str) -> list[str]:
    answer = archive.get(f"/news/cdx?{query}&output=json")
    assert answer.status == 200, read_text(answer)
    return [json.loads(line)["timestamp"] for line in read_text(answer).splitlines()]


@pytest.fixture
def busy(archive: Archive) -> Archive:
    archive.add(*(("http://a.example/", build_response(b"%d" % day), day * 86400) for day in range(10)))
    archive.add(
        ("http://a.example/x/1", build_response(b"1")),
        ("http://sub.a.example/", build_response(b"2"), 1),
        ("http://a.example/x/2", build_response(b"2", status="404 Not Found"), 2),
        ("http://ab.example/", build_response(b"3"), 3),
    )
    return archive


def test_the_index_answers_by_span_and_order(busy: Archive) -> None:
    assert len(list_stamps(busy, "url=a.example")) == 10
    assert list_stamps(busy, "url=a.example&from=20260305&to=20260306") == ["20260305022111", "20260306022111"]
    assert list_stamps(busy, "url=a.example&to=2025") == []
    assert len(list_stamps(busy, "url=a.example&from=2026&to=202603")) == 10
    assert list_stamps(busy, "url=a.example&limit=1&sort=reverse") == ["20260313022111"]
    assert list_stamps(busy, "url=a.example&closest=20260307000000&sort=closest&limit=3") == [
        "20260307022111", "20260306022111", "20260308022111"]  # fmt: skip


def test_the_index_answers_by_prefix_host_and_domain(busy: Archive) -> None:
    assert len(list_stamps(busy, "url=a.example/x/*")) == 2
    assert len(list_stamps(busy, "url=a.example/x/&matchType=prefix")) == 2
    assert len(list_stamps(busy, "url=a.example&matchType=host")) == 12
    assert len(list_stamps(busy, "url=*.a.example")) == 13
    assert list_stamps(busy, "url=*.a.example&filter=status:404") == ["20260304022113"]
    assert len(list_stamps(busy, "url=*.a.example&filter=!=status:200")) == 1
    assert len(list_stamps(busy, "url=*.a.example&filter=~url:.*/x/")) == 2


def test_the_index_speaks_three_forms(busy: Archive) -> None:
    line = read_text(busy.get("/news/cdx?url=a.example&limit=1")).rstrip()
    assert line.startswith('example,a)/ 20260304022111 {"url": "http://a.example/"')
    assert (
        read_text(busy.get("/news/cdx?url=a.example&limit=1&fl=timestamp,original")) == f"{STAMP} http://a.example/\n"
    )
    text = read_text(busy.get("/news/cdx?url=a.example&limit=1&output=text"))
    assert text.startswith(f"example,a)/ {STAMP} http://a.example/ text/html 200 sha1:")


@pytest.mark.parametrize("query", ["", "url=a&limit=x", "url=a&from=x", "url=a&sort=closest", "url=a&matchType=x",
                                   "url=a&output=xml", "url=a&filter=x", "url=a&filter=~url:(a%2B)%2B$"])  # fmt: skip
def test_a_query_at_fault_is_refused(busy: Archive, query: str) -> None:
    assert busy.get(f"/news/cdx?{query}").status == 400


# Pages of the viewer


def test_the_calendar_shows_years_days_and_captures(busy: Archive) -> None:
    text = read_text(busy.get("/news/*/http://a.example/"))
    assert "10 captures on 10 days" in text
    assert text.count('title="1 capture"') == 10
    day = read_text(busy.get("/news/20260307*/http://a.example/"))
    assert 'href="/news/20260307022111/http://a.example/"' in day
    assert busy.get("/news/*/http://nowhere.example/").status == 404
    assert busy.get("/news/20261399*/http://a.example/").status == 200


def test_the_calendar_stays_quick_with_ten_thousand_captures(archive: Archive) -> None:
    raw = build_response(b"same")
    archive.add(*(("http://a.example/", raw, n * 1800) for n in range(10_000)))
    archive.get("/news/")
    began = time.process_time()
    text = read_text(archive.get("/news/*/http://a.example/"))
    assert time.process_time() - began < 2  # twenty milliseconds on a machine with nothing else to do
    assert "10,000 captures" in text
    assert len(text) < 200_000


def test_addresses_are_listed_by_how_they_begin(busy: Archive) -> None:
    text = read_text(busy.get("/news/*/http://a.example/x/*"))
    assert "2 addresses" in text
    moved = busy.get("/-/open?collection=news&url=a.example/x/*")
    assert moved.get("Location") == "/news/*/http://a.example/x/*"


def test_pages_are_listed_by_their_titles(archive: Archive) -> None:
    """Page by page, by time and by address; whatever a title holds is text."""
    pages = [
        (f"http://a.example/{n:03}", build_response(b"<title>Number %d &lt;b></title>" % n), float(n))
        for n in range(120)
    ]
    archive.add(*pages, ("http://a.example/bare", build_response(b"no title"), 200.0))

    def find_titles(target: str) -> list[int]:
        text = read_text(archive.get(target))
        assert "<b>" not in text
        return [int(number) for number in re.findall(r"Number ([0-9]+) &lt;b", text)]

    assert find_titles("/news/") == list(range(119, 70, -1))
    assert "http://a.example/bare" in read_text(archive.get("/news/"))
    assert find_titles("/news/?page=2") == list(range(70, 20, -1))
    assert find_titles("/news/?page=3") == list(range(20, -1, -1))
    assert find_titles("/news/?page=4") == find_titles("/news/?page=9999") == []
    first = read_text(archive.get("/news/*/http://a.example/*"))
    assert find_titles("/news/*/http://a.example/*") == list(range(100))
    (after,) = re.findall(r'rel="next" href="([^"]*)"', first)
    assert find_titles(unescape(after)) == list(range(100, 120))


def test_the_front_page_and_a_collection_say_what_there_is(busy: Archive) -> None:
    assert "14 captures" in read_text(busy.get("/"))
    assert "http://a.example/" in read_text(busy.get("/news/"))
    assert busy.get("/news").get("Location") == "/news/"
    assert busy.get("/other/").status == 404


def test_own_pages_run_nothing(busy: Archive) -> None:
    for target in ("/", "/news/", "/news/*/http://a.example/", f"/news/{STAMP}/http://a.example/", "/-/nothing"):
        page = busy.get(target)
        policy = page.get("Content-Security-Policy")
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src ")
        assert "<script" not in read_text(page)
        assert " on" + "click" not in read_text(page)


def test_new_files_are_seen_without_a_restart(collection: Collection) -> None:
    now = [0.0]
    indexes = OpenIndexes(Single(collection), clock=lambda: now[0])
    archive = Archive(collection)
    app = ReplayApp(indexes)
    request = Request(method="GET", target=f"/news/{STAMP}mp_/http://a.example/", headers={"host": HOST})
    assert app(request).status == 404
    archive.add(("http://a.example/", build_response(b"x")))
    now[0] = 10.0
    assert app(request).status == 200
    indexes.close()


# On a socket


@contextmanager
def serve(archive: Archive, kind: type[ReplayServer] = ReplayServer, **options: object) -> Iterator[ReplayServer]:
    with kind(archive.app, **options) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def talk(server: ReplayServer, *lines: str) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        raw = b""
        while piece := connection.recv(65536):
            raw += piece
        return raw


def test_connections_stay_open_and_do_not_stall(archive: Archive) -> None:
    """Two small writes without TCP_NODELAY wait 40 ms for the client's acknowledgement."""
    archive.add(("http://a.example/", build_response(b"x" * 100_000)))
    options: list[int] = []

    class Watched(ReplayServer):
        def shutdown_request(self, request: Any) -> None:
            options.append(request.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            super().shutdown_request(request)

    with serve(archive, Watched) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        for _ in range(30):
            connection.request("GET", f"/news/{STAMP}id_/http://a.example/")
            response = connection.getresponse()
            assert len(response.read()) == 100_000
        connection.close()
        wait_until(lambda: bool(options))
    assert [bool(option) for option in options] == [True]


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(("host", "status"), [
    ("127.0.0.1:1", 200), ("localhost", 200), ("[::1]:80", 200), ("viewer.example", 421), ("", 421),
    ("127.0.0.1.evil.example", 421),
        ("127.0.0.1:80; script-src *", 421), ("paper.example:8080", 200),
])  # fmt: skip
def test_only_known_names_are_answered(archive: Archive, host: str, status: int) -> None:
    with serve(archive, hosts=["paper.example"]) as server:
        raw = talk(server, "GET / HTTP/1.1", f"Host: {host}", "Connection: close")
        assert raw.startswith(b"HTTP/1.1 %d " % status)
        assert raw.endswith(b"Unknown host name; use the address printed at start-up.\n") == (status == 421)


CROSS = ("Connection: close", "Sec-Fetch-Site: cross-site")


@pytest.mark.parametrize(("lines", "status"), [
    (("POST / HTTP/1.1", "Host: localhost", "Content-Length: 0"), 405),
    (("CONNECT live.example:443 HTTP/1.1", "Host: localhost"), 405),
    (("GET http://live.example/ HTTP/1.1", "Host: localhost", "Connection: close"), 404),
    (("GET / HTTP/1.1", "Host: localhost", "Service-Worker: script", "Connection: close"), 403),
    (("GET / HTTP/1.1", "Host: localhost", *CROSS, "Sec-Fetch-Mode: no-cors"), 403),
    (("GET / HTTP/1.1", "Host: localhost", "Sec-Fetch-Dest: empty", "Connection: close"), 403),
    (("GET / HTTP/1.1", "Host: localhost", *CROSS, "Sec-Fetch-Mode: navigate"), 200),
    (("GET / HTTP/1.1", "Host: localhost", "X: " + "y" * 70_000), 431),
    (("rubbish",), 400),
])  # fmt: skip
def test_odd_requests_are_refused(archive: Archive, lines: tuple[str, ...], status: int) -> None:
    with serve(archive) as server:
        assert b"%d " % status in talk(server, *lines).partition(b"\r\n")[0]


def test_every_answer_says_what_others_may_not_do(archive: Archive) -> None:
    with serve(archive) as server:
        head = talk(server, "HEAD /news/ HTTP/1.1", "Host: localhost", "Connection: close").decode()
        assert head.endswith("\r\n\r\n")
        for line in (
            "X-Content-Type-Options: nosniff",
            "Cross-Origin-Resource-Policy: same-origin",
            "Referrer-Policy: no-referrer",
            "X-DNS-Prefetch-Control: off",
        ):
            assert f"\r\n{line}\r\n" in head
        assert "Set-Cookie" not in head
        assert "\r\nServer:" not in head


def is_served(server: ReplayServer) -> bool:
    with suppress(ConnectionError):
        return talk(server, "GET / HTTP/1.1", "Host: localhost", "Connection: close").startswith(b"HTTP/1.1 200")
    return False


def test_too_many_connections_are_turned_away(archive: Archive) -> None:
    with serve(archive) as server:
        held = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(MAX_CONNECTIONS)]
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as one_more:
            one_more.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with suppress(ConnectionResetError):
                assert one_more.recv(10) == b""
        for connection in held:
            connection.close()
        wait_until(lambda: is_served(server))


def test_an_address_with_a_line_end_in_a_damaged_index_adds_no_header(archive: Archive) -> None:
    archive.add(("http://a.example/", build_response(b"x")))
    (sidecar,) = archive.collection.iter_sidecars()
    text = sidecar.read_text().replace('"http://a.example/"', '"http://a.example/\\r\\nSet-Cookie: x=y"')
    sidecar.write_text(text)
    with serve(archive) as server:
        raw = talk(server, "GET /news/2026mp_/http://a.example/ HTTP/1.1", "Host: localhost", "Connection: close")
    assert b"\r\nSet-Cookie" not in raw


def test_the_command_serves_a_directory(collection: Collection) -> None:
    Archive(collection).add(("http://a.example/", build_response(b"x")))
    command = ("archives", "serve", str(collection.path), "--port", "0")
    with start_module(*command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        port = int(url.rstrip("/").rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/news/")
        assert connection.getresponse().status == 200
        connection.close()
        process.terminate()


# Other people's files


MATRIX_FILE = "local__interop-matrix.warc.gz"


def test_the_interop_matrix_replays(collection: Collection, corpus: Path) -> None:
    """Each case that either of the two usual viewers shows is shown; docs/viewer.md has the table."""
    add_file(collection, corpus / MATRIX_FILE)
    archive = Archive(collection)
    with archive.indexes.borrow("news") as index:
        entries = list(index.iter_entries())
    assert len(entries) >= 30
    verdicts = {}
    for entry in entries:
        page = archive.get(f"/news/{entry.timestamp}mp_/{entry.url}")
        verdicts[entry.url] = (page.status, len(page.body) if isinstance(page.body, bytes) else 0)
    archive.indexes.close()
    assert {url: verdict for url, verdict in verdicts.items() if verdict[0] != 200 or verdict[1] < 20} == {}
