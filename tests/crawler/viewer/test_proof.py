"""Each check of a record says whether its bytes are as they were written, or that nothing can be said."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from archives.index.catalogue import CollectionIndex
from archives.index.sidecars import build_sidecar
from archives.replay.http import Request
from archives.storage.collection import Collection
from archives.warc.digests import build_digest
from crawler.assistants.tools import ArchiveTools
from crawler.publishing.library import Library
from crawler.viewer.app import ViewerApp
from crawler.viewer.proof import check_record
from tests.archives.conftest import build_exchange, build_writer
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from pathlib import Path

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"4\r\n<p>a\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("label", "holds"),
    [
        (build_digest(b"<p>a"), True),
        (build_digest(BODY), True),
        (build_digest(b"<p>b"), False),
        (build_digest(b""), None),
        ("crc9:0", None),
    ],
)
@pytest.mark.parametrize("held", [1, 1000])
def test_a_payload_digest_may_be_of_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, label: str, *, holds: bool | None
) -> None:
    monkeypatch.setattr("archives.warc.parser.HELD_BYTES", held)
    collection = Collection.open(tmp_path, "news", create=True)
    record = build_record("http://a.example/", b"", number=1, fields=f"WARC-Payload-Digest: {label}\r\n")
    header = record[: record.index(b"WARC-Block-Digest")]
    block = CHUNKED + BODY
    length = b"Content-Type: application/http\r\nContent-Length: %d\r\n\r\n" % len(block)
    path = collection.archive_dir / "a.warc"
    path.write_bytes(header + length + block + b"\r\n\r\n")
    (entry,) = build_sidecar(path)
    checks = {check.what: check.holds for check in check_record(collection, entry)}
    assert checks == {"record id": True, "block digest": None, "payload digest": holds}


def test_a_citation_names_the_captures_that_could_not_be_read(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    url, sentence = "http://a.example/ferry", "The ferry is late."
    with build_writer(collection) as writer:
        for number in range(2):
            page = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>{sentence}</p>{number}".encode()
            writer.write(build_exchange(number, url=url, raw_response=page))
    with CollectionIndex(collection) as index:
        first, _ = index.iter_captures(url)
    path = collection.archive_dir / first.filename
    damaged = bytearray(path.read_bytes())
    damaged[first.offset + first.length - 6] ^= 1
    path.write_bytes(damaged)
    with closing(ViewerApp(tmp_path)) as viewer:
        asked = urlencode({"collection": "news", "url": url, "sentence": sentence})
        page = viewer(Request(method="GET", target=f"/-/cite?{asked}", headers={"host": "127.0.0.1:1"})).body
    assert isinstance(page, bytes)
    assert page.count(b'aria-label="Citation') == 1
    assert f"Not searched: {path.name}".encode() in page
    with closing(ArchiveTools(Library(tmp_path))) as tools:
        found = tools.cite(sentence, url=url, collection="news")
    assert (found["total"], found["totalUnread"]) == (1, 1)
    assert path.name in found["unread"][0]
