"""Captures that are too large for the memory are sent in parts, to the byte, and never half decoded or rewritten."""

from __future__ import annotations

import gzip
import http.client
import random
import threading
from typing import TYPE_CHECKING

import pytest

from archives.replay.app import ReplayApp
from archives.replay.http import Request, Response, Stream
from archives.replay.lookup import OpenIndexes, Single
from archives.replay.server import ReplayServer
from archives.transfer.importing import add_file
from archives.warc.digests import build_digest
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archives.storage.collection import Collection

HOST = "127.0.0.1:8080"
BODY = random.Random(1).randbytes(1_500_000)
URL = "http://a.example/film"


@pytest.fixture
def serve(
    tmp_path: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ReplayApp]]:
    """The viewer of one capture, with a memory for 100 kB of it."""
    monkeypatch.setattr("archives.warc.members.HELD_BYTES", 10_000)
    monkeypatch.setattr("archives.warc.parser.HELD_BYTES", 10_000)
    monkeypatch.setattr("archives.replay.app.MAX_HELD_BYTES", 100_000)
    monkeypatch.setattr("archives.replay.rewriting.streaming.MAX_HELD_BYTES", 100_000)
    monkeypatch.setattr("archives.replay.rewriting.streaming.MAX_PAGE_BYTES", 50_000)
    monkeypatch.setattr("archives.replay.rewriting.content.MAX_PAGE_BYTES", 50_000)
    monkeypatch.setattr("archives.replay.titles.MAX_PAGE_BYTES", 50_000)
    opened = []

    def build(kind: bytes, body: bytes, *fields: bytes, digest: bytes = b"") -> ReplayApp:
        head = b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Type: " + kind, *fields, b"\r\n"))
        record = build_record(URL, b"", number=1, fields=f"WARC-Payload-Digest: {build_digest(digest or body)}\r\n")
        header = record[: record.index(b"WARC-Block-Digest")]
        length = b"Content-Type: application/http\r\nContent-Length: %d\r\n\r\n" % len(head + body)
        path = tmp_path / "a.warc.gz"
        path.write_bytes(gzip.compress(header + length + head + body + b"\r\n\r\n", 1))
        add_file(collection, path)
        opened.append(OpenIndexes(Single(collection)))
        return ReplayApp(opened[0])

    yield build
    for indexes in opened:
        indexes.close()


def get(app: ReplayApp, modifier: str, *, at: str = "2026", **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return app(Request(method="GET", target=f"/news/{at}{modifier}/{URL}", headers={"host": HOST, **names}))


def read(response: Response) -> bytes:
    assert isinstance(response.body, Stream), response
    data = b"".join(response.body.chunks)
    assert response.body.length == len(data)
    return data


CHUNKS = b"".join(
    b"%x\r\n%b\r\n" % (len(BODY[at : at + 7000]), BODY[at : at + 7000]) for at in range(0, len(BODY), 7000)
)
LENGTH = b"Content-Length: %d" % len(BODY)


@pytest.mark.parametrize("modifier", ["id_", "mp_"])
@pytest.mark.parametrize(
    ("body", "fields", "digest"),
    [
        (BODY, (LENGTH,), b""),
        (BODY + b"rest", (LENGTH,), BODY),
        (BODY, (b"Content-Length: 900000", b"Content-Encoding: none"), b""),
        (CHUNKS + b"0\r\n\r\n", (b"Transfer-Encoding: chunked",), BODY),
        (BODY, (b"Transfer-Encoding: chunked",), b""),
    ],
    ids=["its length", "more than its length", "a length of another body", "chunks", "no chunks"],
)
def test_a_large_film_is_sent_to_the_byte(
    serve: Callable[..., ReplayApp], modifier: str, body: bytes, fields: tuple[bytes, ...], digest: bytes
) -> None:
    response = get(serve(b"video/mp4", body, *fields, digest=digest), modifier)
    assert (response.status, response.get("Content-Type")) == (200, "video/mp4")
    assert response.get("Content-Location").endswith(URL)
    assert read(response) == BODY


@pytest.mark.parametrize("status", [b"200 OK", b"304 Not Modified", b""])
@pytest.mark.parametrize("body", [BODY, BODY[:50_000]])
def test_a_revisit_of_a_large_film_is_sent_to_the_byte(
    serve: Callable[..., ReplayApp], tmp_path: Path, collection: Collection, status: bytes, body: bytes
) -> None:
    app = serve(b"video/mp4", body, b"Content-Length: %d" % len(body))
    own = b"HTTP/1.1 %b\r\nContent-Type: video/mp4\r\nX-Own: yes\r\n\r\n" % status if status else b""
    kind = "server-not-modified" if b"304" in status else "identical-payload-digest"
    header = (
        "WARC/1.1\r\nWARC-Type: revisit\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000002>\r\n"
        f"WARC-Date: 2026-02-01T00:00:00Z\r\nWARC-Target-URI: {URL}\r\n"
        f"WARC-Profile: http://netpreserve.org/warc/1.1/revisit/{kind}\r\nWARC-Payload-Digest: {build_digest(body)}\r\n"
        f"WARC-Refers-To-Target-URI: {URL}\r\nWARC-Refers-To-Date: 2026-01-01T00:00:00Z\r\n"
        f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(own)}\r\n\r\n"
    )
    path = tmp_path / "b.warc.gz"
    path.write_bytes(gzip.compress(header.encode() + own + b"\r\n\r\n"))
    add_file(collection, path)
    response = get(app, "id_", at="20260201")
    assert (response.status, response.get("Content-Type")) == (200, "video/mp4")
    assert response.get("Memento-Datetime") == "Sun, 01 Feb 2026 00:00:00 GMT"
    assert response.get("X-Archive-Orig-X-Own") == ("yes" if b"200" in status else "")
    assert isinstance(response.body, Stream) == (body is BODY)
    assert (read(response) if body is BODY else response.body) == body


def test_a_large_page_is_not_rewritten_and_its_bytes_are_sent(serve: Callable[..., ReplayApp]) -> None:
    app = serve(b"text/html", b"<p>" + BODY, b"Content-Length: %d" % (len(BODY) + 3))
    response = get(app, "mp_")
    assert response.status == 502
    assert b"the archived bytes are under id_" in bytes(response.body)
    assert read(get(app, "id_")) == b"<p>" + BODY


@pytest.mark.parametrize("size", [0, len(BODY)])
def test_a_list_shows_no_title_of_a_large_page(serve: Callable[..., ReplayApp], size: int) -> None:
    app = serve(b"text/html", b"<title>Harbour</title>" + BODY[:size])
    listed = app(Request(method="GET", target="/news/*/http://a.example/*", headers={"host": HOST}))
    assert isinstance(listed.body, bytes)
    assert (URL.encode() in listed.body, b"Harbour" in listed.body) == (True, not size)


def test_a_large_coded_body_is_sent_in_its_coding_or_not_at_all(serve: Callable[..., ReplayApp]) -> None:
    coded = gzip.compress(BODY, 1, mtime=0)
    app = serve(b"video/mp4", coded, b"Content-Encoding: gzip", b"Content-Length: %d" % len(coded))
    assert read(get(app, "id_", accept_encoding="gzip")) == coded
    for refused in (get(app, "id_"), get(app, "mp_")):
        assert refused.status == 502


def test_the_length_of_what_is_sent_in_parts_is_announced(serve: Callable[..., ReplayApp]) -> None:
    server = ReplayServer(serve(b"video/mp4", BODY, LENGTH))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        for _ in range(2):  # the connection stays open
            connection.request("GET", f"/news/2026id_/{URL}")
            response = connection.getresponse()
            assert (response.headers["Content-Length"], response.read() == BODY) == (str(len(BODY)), True)
        connection.close()
    finally:
        server.shutdown()
        server.server_close()
