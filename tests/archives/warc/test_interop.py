"""Tools we did not write read our files and agree with us on addresses, digests and blocks."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from warcio.archiveiterator import ArchiveIterator

from archives.index.cdxj import load_line
from archives.warc.digests import build_digest
from archives.warc.reader import iter_records
from archives.warc.records import Truncated
from tests.archives.conftest import RESPONSE, build_exchange, build_writer

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

ODD = (
    b"HTTP/1.1 200 Caf\xe9\r\nsErVeR:x\r\nX-Pad:    y   \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Latin: \xe9\r\n"
    b"X-Fold: one\r\n two\r\nno colon\r\nContent-Length: 5\r\n\r\nhello"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.fixture
def path(collection: Collection) -> Path:
    """One file with everything that can be written."""
    with build_writer(collection) as writer:
        writer.write(build_exchange(0))
        writer.write(build_exchange(1, raw_response=ODD))
        writer.write(build_exchange(2, raw_response=b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + RESPONSE))
        writer.write(build_exchange(3, raw_response=b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"))
        writer.write(build_exchange(4, raw_response=RESPONSE[:-2], truncated=Truncated.DISCONNECT))
        writer.write(build_exchange(5, raw_request=b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nq=1"))
        writer.write(build_exchange(6, url="http://example.com/a b?q=é", raw_response=RESPONSE.replace(b"\r\n", b"\n")))
        writer.write_resource("urn:newsreel:run", "text/plain", b"hello")
    (path,) = collection.iter_warcs()
    return path


def test_warcio_reads_what_we_wrote(path: Path) -> None:
    ours = list(iter_records(path))
    with path.open("rb") as stream:
        iterator = ArchiveIterator(stream, no_record_parse=True)
        theirs = []
        for record in iterator:
            block = record.raw_stream.read()
            get = record.rec_headers.get_header
            theirs.append((record.rec_type, get("WARC-Target-URI"), get("WARC-Record-ID"), block))
            assert get("WARC-Block-Digest") == build_digest(block)
            place = (iterator.get_record_offset(), iterator.get_record_length())
            assert place == (ours[len(theirs) - 1].offset, ours[len(theirs) - 1].length)
        assert iterator.err_count == 0
    assert theirs == [(record.type, record.url or None, record.record_id, record.block) for record in ours]


def test_warcio_checks_every_digest(path: Path) -> None:
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests="raise"):
            record.content_stream().read()
    result = subprocess.run(
        [sys.executable, "-m", "warcio.cli", "check", str(path)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_warcio_index_agrees_with_the_sidecar(collection: Collection, path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "warcio.cli", "index", "-f", "offset,warc-type,warc-target-uri", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    listed = [load_line(line) for line in collection.sidecar_path(path.name).read_text().splitlines()]
    for entry in listed:
        assert f'"offset": "{entry.offset}"' in result.stdout
        assert f'"warc-target-uri": "{entry.url}"' in result.stdout
    assert result.stdout.count('"warc-type": "response"') + 1 == len(listed)


def test_fastwarc_reads_what_we_wrote(path: Path) -> None:
    fastwarc = pytest.importorskip("fastwarc.warc", reason="fastwarc is not installed")
    ours = list(iter_records(path))
    theirs = []
    with path.open("rb") as stream:
        for record in fastwarc.ArchiveIterator(stream, parse_http=False):
            assert record.verify_block_digest()
            theirs.append((record.headers.get("WARC-Target-URI"), record.record_id, record.reader.read()))
    assert theirs == [(record.url or None, record.record_id, record.block) for record in ours]


def test_fastwarc_agrees_on_payload_digests(path: Path) -> None:
    fastwarc = pytest.importorskip("fastwarc.warc", reason="fastwarc is not installed")
    checked = 0
    with path.open("rb") as stream:
        for record in fastwarc.ArchiveIterator(stream, parse_http=True):
            # FastWARC does not find the end of a head whose lines end in a bare LF.
            if "/a%20b" in (record.headers.get("WARC-Target-URI") or ""):
                continue
            if "WARC-Payload-Digest" in record.headers and record.is_http:
                assert record.verify_payload_digest()
                checked += 1
    assert checked == 7


def test_chunked_payload_digests_follow_the_standard_where_these_tools_do_not(collection: Collection) -> None:
    """warcio and FastWARC digest the framed body; WARC/1.1 §5.9 with RFC 2616 §7.2 means the entity-body."""
    with build_writer(collection) as writer:
        location = writer.write(build_exchange(raw_response=CHUNKED))
    assert location.payload_digest == build_digest(b"hello")
    (path,) = collection.iter_warcs()
    verdicts = []
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests=True):
            record.raw_stream.read()
            verdicts.append((record.rec_type, record.digest_checker.passed, len(record.digest_checker.problems)))
    assert verdicts == [("warcinfo", True, 0), ("response", False, 1), ("request", True, 0)]
