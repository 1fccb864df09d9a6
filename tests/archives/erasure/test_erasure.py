"""Records overwritten in place: what was meant is gone, every other byte stays where it was, and readers continue."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from archives.captures.writer import WarcWriter
from archives.erasure.register import ErasedFile, Erasure, digest_article, digest_key, load_register
from archives.erasure.tombstones import ErasureRefused, erase_records
from archives.errors import CollectionError
from archives.storage.collection import Collection
from archives.urls import surt_key
from archives.warc.reader import iter_records
from archives.warc.records import Exchange

if TYPE_CHECKING:
    from pathlib import Path


AT = "2026-11-30T08:00:00Z"


def write_exchanges(folder: Path, bodies: list[bytes]) -> Path:
    collection = Collection.open(folder, "news", create=True)
    with WarcWriter(collection, info={}, prefix="news") as writer:
        for number, body in enumerate(bodies):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
            url = f"http://paper.example/{number}"
            request = f"GET /{number} HTTP/1.1\r\nHost: paper.example\r\n\r\n".encode()
            at = datetime(2026, 11, 1, 8, number, tzinfo=UTC)
            writer.write(Exchange(url=url, began_at=at, raw_request=request, raw_response=head + body))
    (path,) = collection.iter_warcs()
    return path


def is_number(number: int):
    return lambda record: record.url == f"http://paper.example/{number}"


@pytest.mark.parametrize("is_packed", [True, False])
@settings(max_examples=25, deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=3_000), min_size=2, max_size=6, unique=True),
    chosen=st.integers(0, 5),
    reason=st.sampled_from(["", "case 7", "x" * 3_000, "两个 reasons\r\nof two lines"]),
)
def test_only_what_is_meant_changes(
    tmp_path_factory: pytest.TempPathFactory, is_packed: bool, bodies: list[bytes], chosen: int, reason: str
) -> None:
    path = write_exchanges(tmp_path_factory.mktemp("warc"), bodies)
    if not is_packed:
        plain = path.with_suffix("")
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        path = plain
    number = chosen % len(bodies)
    before, records = path.read_bytes(), list(iter_records(path))
    erased = erase_records(path, is_number(number), at=AT, reason=reason)
    after = path.read_bytes()
    assert erased is not None
    assert len(after) == len(before)
    kept = bytearray(after)
    for start, length in erased.regions:
        kept[start : start + length] = before[start : start + length]
    assert kept == before
    found = {record.offset: record for record in iter_records(path)}
    for record in records:
        if record.url != f"http://paper.example/{number}":
            assert found[record.offset] == record
    tombs = [record for record in found.values() if record.type == "metadata" and record not in records]
    assert len(tombs) == len(erased.regions) == 1
    with path.open("rb") as stream:
        types = [record.rec_type for record in ArchiveIterator(stream, no_record_parse=True)]
    assert len(types) == len(found)
    text = gzip.decompress(after) if is_packed else after
    assert f"http://paper.example/{number}".encode() not in text
    assert erase_records(path, is_number(number), at=AT, reason=reason) is None


def test_metadata_about_an_erased_capture_goes_with_it(tmp_path: Path) -> None:
    path = write_exchanges(tmp_path, [b"first", b"second"])
    (response,) = [r for r in iter_records(path) if r.type == "response" and r.url.endswith("/0")]
    block = b"outlinks: http://secret.example/"
    extra = (
        f"WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <urn:uuid:0a0a0a0a-0000-4000-8000-000000000000>\r\n"
        f"WARC-Date: {AT}\r\nWARC-Refers-To: {response.record_id}\r\nContent-Length: {len(block)}\r\n\r\n"
    ).encode()
    with path.open("ab") as stream:
        stream.write(gzip.compress(extra + block + b"\r\n\r\n", mtime=0))
    erase_records(path, is_number(0), at=AT, reason="")
    assert b"secret.example" not in gzip.decompress(path.read_bytes())


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "old.arc.gz"
    path.write_bytes(b"anything")
    with pytest.raises(ErasureRefused, match="neither"):
        erase_records(path, lambda _: True, at=AT, reason="")
    assert path.read_bytes() == b"anything"


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_record_that_shares_its_member_is_refused(tmp_path: Path, number: int, *, is_cut: bool) -> None:
    path = write_exchanges(tmp_path, [b"one", b"two", b"three"])
    before = gzip.compress(gzip.decompress(path.read_bytes()))
    path.write_bytes(before)
    with pytest.raises(ErasureRefused, match="one gzip member, at offset 0"):
        erase_records(path, is_number(number), at=AT, reason="", is_cut=is_cut)
    assert path.read_bytes() == before


def test_records_that_share_a_member_are_erased_together(tmp_path: Path) -> None:
    path = write_exchanges(tmp_path, [b"one"])
    records = [gzip.decompress(path.read_bytes())] * 2
    path.write_bytes(b"".join(map(gzip.compress, records)))
    erased = erase_records(path, lambda record: record.offset > 0, at=AT, reason="")
    assert erased is not None
    assert [record.type for record in iter_records(path)][-1] == "metadata"


def test_records_without_an_id_are_told_apart(tmp_path: Path) -> None:
    path = write_exchanges(tmp_path, [b"one", b"two"])
    plain = path.with_suffix("")
    plain.write_bytes(re.sub(rb"WARC-Record-ID: [^\r]+\r\n", b"", gzip.decompress(path.read_bytes())))
    erase_records(plain, is_number(0), at=AT, reason="")
    assert {record.url for record in iter_records(plain) if record.url} == {"http://paper.example/1"}


def test_the_register_knows_again_what_it_cannot_tell(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    register = load_register(collection)
    assert not register
    entry = Erasure(
        at=AT,
        reason="case 7",
        addresses=frozenset({digest_key(surt_key("https://www.paper.example/a?b=1&a=2"))}),
        articles=frozenset({digest_article("paper", "77")}),
        files=(ErasedFile(name="a.warc.gz", regions=((5, 7),), before="b" * 64, after="a" * 64),),
    )
    register.add(entry)
    again = load_register(collection)
    assert again.erasures == [entry]
    assert again.has_address("http://paper.example/a?a=2&b=1#top")
    assert not again.has_address("http://paper.example/b")
    assert again.has_article("paper", "77")
    assert not again.has_article("paper", "7")
    assert again.find_origin("a.warc.gz", "a" * 64) == "b" * 64
    assert again.find_origin("other.warc.gz", "a" * 64) == "a" * 64
    assert "paper.example" not in (collection.path / "erased.jsonl").read_text("utf-8")


def test_a_damaged_register_is_no_empty_one(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    (collection.path / "erased.jsonl").write_text('{"at": 5}\n', "utf-8")
    with pytest.raises(CollectionError, match="restore it"):
        load_register(collection)
