"""The copy of a file whose writer was wrong: it is right, says what was changed, and leaves the original alone."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from warcio.archiveiterator import ArchiveIterator

from archives.__main__ import main
from archives.errors import CollectionError
from archives.index.sidecars import rebuild
from archives.mending.copies import mend_collection
from archives.storage.collection import Collection
from archives.verify.fixity import verify_collection
from archives.warc.digests import build_digest
from archives.warc.reader import iter_records
from archives.warc.zstd_frames import _load
from tests.archives.conftest import build_exchange, build_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = b"<p>" + b"What was printed here. " * 40 + b"THE END</p>"
CODED = gzip.compress(PAGE, mtime=0)
NOTHING = build_digest(b"")
MESSAGE = "application/http;msgtype=response"
NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def build_record(
    number: int, block: bytes, *, kind: str = "response", content_type: str = MESSAGE, **fields: str
) -> bytes:
    named = {"WARC-Block-Digest": build_digest(block), **{name.replace("_", "-"): v for name, v in fields.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    header = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
        f"WARC-Date: 2018-01-02T03:04:{number:02}Z\r\nWARC-Target-URI: http://paper.example/{number}\r\n{lines}"
        f"Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return header.encode() + block + b"\r\n\r\n"


def build_head(*lines: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Type: text/html", *lines, b"", b""))


def build_faulty() -> list[bytes]:
    """Records with every fault, and good ones among them that must stay to the byte."""
    coded_head = build_head(b"Content-Encoding: gzip", b"content-length:  %d" % len(CODED), b"X-Served: a\r\n b")
    good = build_head(b"Content-Length: %d" % len(PAGE)) + PAGE
    revisit = {
        "kind": "revisit",
        "WARC_Profile": "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest",
        "WARC_Refers_To": "<urn:uuid:00000000-0000-4000-8000-000000000004>",
        "WARC_Refers_To_Target_URI": "http://paper.example/4",
        "WARC_Refers_To_Date": "2018-01-02T03:04:04Z",
        "WARC_Payload_Digest": build_digest(CODED),
    }
    surplus = build_head(b"Content-Length: 3") + b"abcdef"
    return [
        build_record(1, good, WARC_Payload_Digest=build_digest(PAGE)),
        build_record(2, coded_head + PAGE, WARC_Payload_Digest=build_digest(PAGE)),
        build_record(3, build_head(b"Transfer-Encoding: chunked") + PAGE),
        build_record(4, coded_head + PAGE, WARC_Payload_Digest=build_digest(CODED)),
        build_record(5, good, WARC_Block_Digest=NOTHING, WARC_Payload_Digest=NOTHING),
        build_record(6, good, content_type="text/html"),
        build_record(7, b"GET /7 HTTP/1.1\r\nHost: paper.example\r\n\r\n", kind="request", content_type="text/plain"),
        build_record(8, build_head(b"Content-Length: %d" % len(PAGE)), **revisit),
        build_record(9, surplus, WARC_Payload_Digest=build_digest(b"abc")),
    ]


GOOD = (0, 8)


def pack(records: list[bytes], form: str) -> bytes:
    if form == "plain":
        return b"".join(records)
    if form == "gz":
        return b"".join(gzip.compress(record, mtime=0) for record in records)
    zstd = _load()
    return b"".join(zstd.compress(record) for record in records)


def make_collection(path: Path, name: str, data: bytes) -> Collection:
    collection = Collection(path)
    collection.archive_dir.mkdir(parents=True)
    (collection.archive_dir / name).write_bytes(data)
    rebuild(collection)
    return collection


def list_payloads(path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream):
            if record.rec_type == "response":
                yield record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read()


@pytest.mark.parametrize(("form", "suffix"), [("gz", ".warc.gz"), ("plain", ".warc"), ("zst", ".warc.zst")])
def test_a_copy_is_right_and_says_what_was_wrong(tmp_path: Path, form: str, suffix: str) -> None:
    records = build_faulty()
    data = pack(records, form)
    collection = make_collection(tmp_path / "c", f"news{suffix}", data)
    notes: list[str] = []
    before = verify_collection(collection, on_note=lambda note: notes.append(note.kind))
    assert [problem.kind for problem in before] == ["payload-digest"], "the writer's digest of what it decoded"
    assert "mend" in before[0].message and "mendable" in notes

    target = Collection(tmp_path / "mended")
    (file,) = mend_collection(collection, target, clock=clock)

    assert file.faults == {
        "decoded-body": 3,
        "digest-of-nothing": 1,
        "foreign-payload-digest": 1,
        "no-message-type": 2,
        "digest-of-mended-original": 1,
    }
    assert (collection.archive_dir / f"news{suffix}").read_bytes() == data
    after: list[str] = []
    assert verify_collection(target, on_note=lambda note: after.append(note.kind)) == []
    assert not after
    payloads = dict(list_payloads(file.target))
    assert [payloads[f"http://paper.example/{number}"] for number in (1, 2, 3, 4, 5, 6)] == [PAGE] * 6
    copy = file.target.read_bytes()
    for number in GOOD:
        exact = gzip.compress(records[number], mtime=0) if form == "gz" else records[number]
        assert exact in (copy if form != "zst" else gzip.decompress(copy)), "a good record stays to the byte"


def test_each_change_stands_in_a_record_that_leads_back(tmp_path: Path) -> None:
    records = build_faulty()
    data = pack(records, "gz")
    collection = make_collection(tmp_path / "c", "news.warc.gz", data)
    (file,) = mend_collection(collection, Collection(tmp_path / "mended"), clock=clock)

    notes = [record for record in iter_records(file.target) if record.type == "metadata"]
    assert all(record.url == "" and record.captured_at == NOW for record in notes)
    first, *changes = (record.block.decode() for record in notes)
    assert f"mended-from-sha256: {hashlib.sha256(data).hexdigest()}" in first
    assert [(record.get("WARC-Refers-To") or "")[-14:-1] for record in notes[1:]] == [
        f"{n:013}".replace("0000000000", "-000000000", 1) for n in range(2, 9)
    ]
    block = next(r.block for r in iter_records(collection.archive_dir / "news.warc.gz") if r.record_id.endswith("2>"))
    assert f"block-sha256-before: {hashlib.sha256(block).hexdigest()}" in changes[0]
    mended = next(r.block for r in iter_records(file.target) if r.record_id.endswith("02>"))
    kept = [line.removeprefix(b"X-Archive-Orig-") for line in mended.split(b"\r\n\r\n")[0].split(b"\r\n")]
    assert b"\r\n".join(kept[:-1]) == block.split(b"\r\n\r\n")[0], "the original head can be recovered"
    assert f"WARC-Payload-Digest-before: {build_digest(CODED)}" in changes[2]


def test_mending_again_changes_nothing_and_a_stranger_is_not_overwritten(tmp_path: Path) -> None:
    collection = make_collection(tmp_path / "c", "news.warc.gz", pack(build_faulty(), "gz"))
    target = Collection(tmp_path / "mended")
    (file,) = mend_collection(collection, target, clock=clock)
    data = file.target.read_bytes()
    (again,) = mend_collection(collection, target)
    assert not again.is_new and file.target.read_bytes() == data
    (twice,) = mend_collection(target, Collection(tmp_path / "twice"))
    assert not twice.is_mended and not (tmp_path / "twice").exists()
    other = make_collection(tmp_path / "other", "news.warc.gz", pack(build_faulty()[1:], "gz"))
    with pytest.raises(CollectionError, match="made from another file"):
        mend_collection(other, target)
    with pytest.raises(CollectionError, match="beside its original"):
        mend_collection(collection, Collection(tmp_path / "c"))


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = [gzip.compress(record, mtime=0) for record in build_faulty()[:3]]
    damaged = bytearray(members[1])
    damaged[60] ^= 0x55
    middle = len(members[0])
    make_collection(tmp_path / "c", "middle.warc.gz", members[0] + bytes(damaged) + members[2])
    members[0] = gzip.compress(build_faulty()[6], mtime=0)
    (tmp_path / "c/archive/tail.warc.gz").write_bytes(members[0] + members[1][:-30])
    assert main(["mend", str(tmp_path / "c"), "-o", str(tmp_path / "mended")]) == 1
    said = capsys.readouterr().out
    assert f"left out in the copy: bytes from offset {middle} on, {len(damaged)} bytes" in said
    assert f"the end of the file from offset {len(members[0])} on, {len(damaged) - 30} bytes" in said
    assert verify_collection(Collection(tmp_path / "mended")) == []
    paths = sorted((tmp_path / "mended/archive").iterdir())
    blocks = [r.block.decode() for path in paths for r in iter_records(path) if r.type == "metadata"]
    assert any(hashlib.sha256(damaged).hexdigest() in block for block in blocks)
    assert any("fault: cut-tail" in block for block in blocks)


def test_bytes_that_have_changed_since_are_not_made_to_look_right(tmp_path: Path) -> None:
    records = build_faulty()
    changed = records[1].replace(b"THE END", b"THE OWN")
    shared = gzip.compress(records[0] + records[5], mtime=0)
    collection = make_collection(tmp_path / "c", "news.warc.gz", gzip.compress(changed, mtime=0) + shared)
    (file,) = mend_collection(collection, Collection(tmp_path / "mended"), clock=clock)
    assert file.damaged == 1 and file.faults == {"no-message-type": 1, "shared-member": 2}
    kinds = {problem.kind for problem in verify_collection(Collection(tmp_path / "mended"))}
    assert kinds == {"block-digest", "payload-digest"}, "of the changed record, as before"


def test_what_came_over_our_own_wire_is_never_mended(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    odd = build_head(b"Transfer-Encoding: chunked", b"Content-Encoding: gzip") + PAGE
    with build_writer(collection) as writer:
        writer.write(build_exchange(1, raw_response=odd))
    (file,) = mend_collection(collection, Collection(tmp_path / "mended"))
    assert not file.is_mended
