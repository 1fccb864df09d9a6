"""A payload seen again is not kept again; its revisit is never without an original, and reads as the response did."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archives.captures.deduplication import Originals
from archives.captures.recovery import salvage
from archives.captures.revisits import read_resolved
from archives.errors import NotArchived, WriteError
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME
from archives.urls import format_warc_date
from archives.verify.fixity import Problem, verify_collection
from archives.warc.messages import split_head
from archives.warc.parser import Record
from archives.warc.reader import iter_records, read_capture
from archives.warc.records import Exchange, Truncated
from tests.archives.conftest import BEGAN_AT, RESPONSE, build_exchange, build_writer, count_ids
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection
    from archives.warc.records import Location

PAGE = b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: "v1"\r\nContent-Length: 5\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nX-Odd:  1\r\n\r\n'


def write(collection: Collection, *exchanges: Exchange, token: str = "t0", **changes: object) -> list[Location]:
    """One run that keeps nothing twice."""
    start = 1000 * (sum(1 for _ in collection.iter_warcs()) + 1)
    originals = Originals(collection)
    with build_writer(collection, token=token, new_id=count_ids(start), originals=originals, **changes) as writer:
        locations = [writer.write(exchange) for exchange in exchanges]
    originals.close()
    return locations


def find_record(collection: Collection, location: Location) -> Record:
    records = iter_records(collection.archive_dir / location.filename)
    return next(record for record in records if record.record_id == location.record_id)


def visit(number: int, raw: bytes = PAGE, **changes: object) -> Exchange:
    return build_exchange(number, raw_response=raw, **changes)


@pytest.mark.parametrize("runs", [1, 2])
def test_an_identical_payload_becomes_a_revisit(collection: Collection, runs: int) -> None:
    """In the same run, and across runs through the catalogue; at the same or another address."""
    other = PAGE.replace(b'"v1"', b'"v2"')
    if runs == 1:
        first, second = write(collection, visit(1), visit(2, other))
    else:
        (first,) = write(collection, visit(1))
        (second,) = write(collection, visit(2, other), token="t1")
    assert (first.is_revisit, second.is_revisit) == (False, True)
    record = find_record(collection, second)
    assert record.type == "revisit"
    assert record.block == split_head(other)[0]
    assert record.get("WARC-Profile") == "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    assert record.get("WARC-Truncated") == "length"
    assert record.get("WARC-Refers-To") == first.record_id
    assert record.get("WARC-Refers-To-Target-URI") == first.url
    assert record.get("WARC-Refers-To-Date") == format_warc_date(first.captured_at)
    assert record.get("WARC-Payload-Digest") == first.payload_digest == second.payload_digest
    capture = read_resolved(CollectionIndex(collection), second)
    assert (capture.head.get(b"ETag"), capture.payload, capture.decode()) == (b'"v2"', b"hello", b"hello")
    assert (capture.url, capture.record_id, capture.truncated) == (second.url, second.record_id, None)
    notes: list[Problem] = []
    assert verify_collection(collection, on_note=notes.append) == []
    assert notes == []


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("request_line", [b"", b'If-None-Match: "v0", "v1"\r\n'])
def test_a_304_becomes_a_revisit_without_a_block(collection: Collection, runs: int, request_line: bytes) -> None:
    again = visit(
        1,
        UNCHANGED,
        began_at=BEGAN_AT + timedelta(days=1),
        raw_request=b"GET /1 HTTP/1.1\r\n" + request_line + b"\r\n",
    )
    if runs == 1:
        first, second = write(collection, visit(1), again)
    else:
        (first,) = write(collection, visit(1))
        (second,) = write(collection, again, token="t1")
    record = find_record(collection, second)
    assert (record.type, record.block, second.is_revisit) == ("revisit", b"", True)
    assert record.get("WARC-Profile") == "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
    assert record.get("WARC-Refers-To") == first.record_id
    assert record.get("WARC-Payload-Digest") == first.payload_digest
    assert record.get("WARC-Truncated") is None
    metadata = [r for r in iter_records(collection.archive_dir / second.filename) if r.type == "metadata"]
    assert [(r.block, r.get("WARC-Concurrent-To")) for r in metadata] == [(UNCHANGED, second.record_id)]
    capture = read_resolved(CollectionIndex(collection), second)
    assert (capture.head.status, capture.payload) == (200, b"hello")
    (entry,) = [e for e in CollectionIndex(collection).iter_entries() if e.record_id == second.record_id]
    assert (entry.mime, entry.status) == (REVISIT_MIME, None)
    assert verify_collection(collection) == []


@pytest.mark.parametrize(
    "exchange",
    [
        visit(2, PAGE.replace(b"200 OK", b"404 Not Found")),
        visit(2, PAGE.replace(b"200 OK", b"206 Partial Content")),
        visit(2, truncated=Truncated.DISCONNECT),
        visit(2, PAGE.replace(b"hello", b"other")),
        # Replay would show chunk sizes in a body whose head does not announce them.
        visit(2, CHUNKED),
        visit(2, UNCHANGED),
        visit(1, UNCHANGED.replace(b"v1", b"v2")),
        visit(1, UNCHANGED, raw_request=b'GET / HTTP/1.1\r\nIf-None-Match: "v2"\r\n\r\n'),
    ],
)
@pytest.mark.parametrize("runs", [1, 2])
def test_what_is_kept_although_it_looks_alike(collection: Collection, exchange: Exchange, runs: int) -> None:
    if runs == 1:
        kept = write(collection, visit(1), exchange)[1]
    else:
        write(collection, visit(1))
        (kept,) = write(collection, exchange, token="t1")
    record = find_record(collection, kept)
    assert (record.type, record.block) == ("response", exchange.raw_response)
    assert not kept.is_revisit


@pytest.mark.parametrize("raw", [PAGE.replace(b"200 OK", b"500 Oops"), PAGE.replace(b"5\r\n\r\nhello", b"0\r\n\r\n")])
def test_errors_and_empty_bodies_are_no_originals(collection: Collection, raw: bytes) -> None:
    assert [location.is_revisit for location in write(collection, visit(1, raw), visit(2, raw))] == [False, False]


def test_chunked_payloads_refer_to_chunked_originals(collection: Collection) -> None:
    locations = write(collection, visit(1), visit(2, CHUNKED), visit(3, CHUNKED), visit(4))
    assert [location.is_revisit for location in locations] == [False, False, True, True]
    assert find_record(collection, locations[2]).get("WARC-Refers-To") == locations[1].record_id
    assert find_record(collection, locations[3]).get("WARC-Refers-To") == locations[0].record_id


def test_a_revisit_refers_to_what_holds_the_payload(collection: Collection) -> None:
    """Never to another revisit, which replay tools would not follow."""
    first, *_ = write(collection, visit(1), visit(2))
    third, fourth = write(collection, visit(3), visit(2, UNCHANGED), token="t1")
    assert find_record(collection, third).get("WARC-Refers-To") == first.record_id
    fifth = find_record(collection, fourth)
    assert (fifth.get("WARC-Refers-To"), fifth.get("WARC-Refers-To-Target-URI")) == (first.record_id, first.url)


@pytest.mark.parametrize("harm", ["unlink", "spoil"])
def test_an_original_that_cannot_be_read_is_none(collection: Collection, harm: str) -> None:
    """Whatever the catalogue says: a revisit is written only if its original is really there."""
    (first,) = write(collection, visit(1))
    with CollectionIndex(collection) as index:
        assert index.count_entries() == 1
    path = collection.archive_dir / first.filename
    data = path.read_bytes()
    originals = Originals(collection)
    with build_writer(collection, token="t1", new_id=count_ids(5000), originals=originals) as writer:
        assert originals.find_identical("sha1:NONE", is_chunked=False) is None
        if harm == "unlink":
            path.unlink()
        else:
            path.write_bytes(data[: first.offset + 20] + b"\xff" * 40 + data[first.offset + 60 :])
        assert not writer.write(visit(2)).is_revisit


def test_what_is_forgotten_is_kept_again(collection: Collection) -> None:
    originals = Originals(collection, max_remembered=2)
    with build_writer(collection, originals=originals) as writer:
        for number in range(4):
            writer.write(visit(number, RESPONSE.replace(b"hello", b"%05d" % number)))
        again = [writer.write(visit(9, RESPONSE.replace(b"hello", b"%05d" % number))) for number in (3, 0)]
    assert [location.is_revisit for location in again] == [True, False]


def test_originals_in_rotated_files_of_the_same_run(collection: Collection) -> None:
    locations = write(collection, visit(1), visit(2), visit(3), max_bytes=1)
    assert len({location.filename for location in locations}) == 3
    assert [location.is_revisit for location in locations] == [False, True, True]
    assert verify_collection(collection) == []


def test_without_originals_every_response_is_kept(collection: Collection) -> None:
    with build_writer(collection) as writer:
        assert not any(writer.write(visit(number)).is_revisit for number in range(3))


def test_a_revisit_whose_original_has_gone_says_so(collection: Collection) -> None:
    (first,) = write(collection, visit(1))
    (second,) = write(collection, visit(2), token="t1")
    (collection.archive_dir / first.filename).unlink()
    collection.sidecar_path(first.filename).unlink()
    with pytest.raises(NotArchived, match="the original of revisit"):
        read_resolved(CollectionIndex(collection), second)
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.offset, problem.record_id) == ("dangling-revisit", second.offset, second.record_id)
    assert first.record_id in problem.message


def test_the_head_of_a_revisit_can_be_read_without_its_original(collection: Collection) -> None:
    locations = write(collection, visit(1), visit(2))
    capture = read_capture(collection, locations[1])
    assert capture.head.status == 200
    with pytest.raises(Exception, match="read_resolved"):
        _ = capture.payload


def test_what_may_not_be_on_the_disk_is_no_original(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk refuses to make a file durable as it is closed."""

    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with build_writer(collection, originals=Originals(collection), max_bytes=1) as writer:
        writer.write(visit(1))
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", refuse)
            with pytest.raises(WriteError, match="Input/output error"):
                writer.write(visit(2))
        assert not writer.write(visit(2)).is_revisit


CHILD = """
import random, sys, uuid
from pathlib import Path
from archives.storage.collection import Collection
from archives.captures.deduplication import Originals
from tests.archives.conftest import build_exchange, build_writer
collection, name = Collection.open(Path(sys.argv[1]), "news"), sys.argv[2]
pick = random.Random(name)
for run in range(int(sys.argv[3])):
    originals = Originals(collection)
    options = {"token": f"{name}{run}", "new_id": uuid.uuid4, "originals": originals, "max_bytes": 4000}
    with build_writer(collection, **options) as writer:
        for _ in range(30):
            number = pick.randrange(40)
            location = writer.write(build_exchange(number, url=f"http://{name}.example/{number}"))
            print(run, location.is_revisit, flush=True)
    originals.close()
"""


def test_no_revisit_is_without_its_original_whatever_dies(collection: Collection, tmp_path: Path) -> None:
    """Two processes write to one collection and see each other's files; one is killed in the middle of its work."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), name, runs], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for name, runs in (("steady", "8"), ("doomed", "1000"))
    ]
    steady, doomed = children
    try:
        assert doomed.stdout is not None
        while doomed.stdout.readline().split()[0] != "3":
            pass
        doomed.kill()
        assert steady.wait(60) == 0
    finally:
        for child in children:
            child.kill()
            child.communicate()
    salvage(collection)
    assert verify_collection(collection) == []
    with CollectionIndex(collection) as index:
        hosts = set()
        for entry in index.iter_entries():
            capture = read_resolved(index, entry)
            assert capture.payload == b"%05d" % int(entry.url.rpartition("/")[2])
            if capture.original is not None:
                hosts.add((entry.url.split("/")[2], capture.original.url.split("/")[2]))
    assert ("steady.example", "doomed.example") in hosts or ("doomed.example", "steady.example") in hosts
