"""Whatever byte is damaged, no part of a payload becomes a capture, and the neighbours stay listed."""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives.captures.writer import WarcWriter
from archives.errors import Damage, RecordError
from archives.index.sidecars import salvage_sidecar
from archives.storage.collection import Collection
from archives.warc.members import MAGIC, compress_parts
from archives.warc.reader import iter_records
from archives.warc.records import Exchange
from tests.archives.conftest import BEGAN_AT, REQUEST
from tests.archives.warc.mutants import (
    FORGED,
    FORMS,
    NOISE,
    PAYLOADS,
    SHAPES,
    WARCINFO,
    build_file_records,
    build_plain,
    build_record,
    find_forged,
    list_captures,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long


def write_collection(tmp_path: Path, payload: bytes) -> Path:
    """A file of our own writer with three captures, the second of which holds `payload`."""
    collection = Collection.open(tmp_path, "news", create=True)
    with WarcWriter(collection, prefix="news", info={}) as writer:
        for name, kind, body in (
            ("a", b"text/html", b"<p>before"),
            ("mirror", b"application/gzip", payload),
            ("b", b"text/html", b"<p>after"),
        ):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
            writer.write(
                Exchange(
                    url=f"http://{name}.example/", began_at=BEGAN_AT, raw_request=REQUEST, raw_response=head + body
                )
            )
    (path,) = collection.iter_warcs()
    return path


def list_urls(path: Path) -> tuple[list[str], list[RecordError]]:
    entries, damage = salvage_sidecar(path)
    return [entry.url for entry in entries], damage


def iter_flips(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """A third of all bytes, each with another bit flipped; the payloads share them out."""
    mask = random.Random(1)
    for at in range(list(PAYLOADS).index(name) % 3, len(data), 3):
        yield at, data[:at] + bytes([data[at] ^ (1 << mask.randrange(8))]) + data[at + 1 :]


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_flipped_bit_of_our_files_turns_a_payload_into_a_capture(memory_path: Path, name: str) -> None:
    path = write_collection(memory_path, PAYLOADS[name])
    whole = path.read_bytes()
    every = ["http://a.example/", "http://mirror.example/", "http://b.example/"]
    assert list_urls(path) == (every, [])
    damaged = path.with_name("damaged.warc.gz")
    for at, data in iter_flips(whole, name):
        damaged.write_bytes(data)
        urls, damage = list_urls(damaged)
        assert FORGED not in urls, at
        assert len(urls) >= 2, (at, urls, damage)
        # Two bytes of a member's head say when and where it was made, which changes nothing.
        assert damage or urls == every


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_cut_of_our_files_turns_a_payload_into_a_capture(memory_path: Path, name: str) -> None:
    path = write_collection(memory_path, PAYLOADS[name])
    whole = path.read_bytes()
    damaged = path.with_name("damaged.warc.gz")
    # Each place counts: at one alone the members inside end with the file, and the member around them does not.
    for end in range(len(whole) // 3, len(whole)):
        damaged.write_bytes(whole[:end])
        assert FORGED not in list_urls(damaged)[0], end


def test_no_cut_of_a_file_without_warcinfo_turns_a_payload_into_a_capture(memory_path: Path) -> None:
    """There the members inside of a payload do follow each other to the end, if the cut is right behind them."""
    records = [
        build_record("http://a.example/", b"<p>before", number=1),
        build_record("http://b.example/", PAYLOADS["members to the end"], number=2),
    ]
    whole = gzip.compress(records[0], mtime=0) + gzip.compress(records[1], 0, mtime=0)
    path = memory_path / "cut.warc.gz"
    for end in range(len(whole) // 3, len(whole)):
        path.write_bytes(whole[:end])
        assert FORGED not in list_urls(path)[0], end


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_damage_of_any_kind_does(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    payload = data.draw(st.sampled_from(list(PAYLOADS.values())))
    folder = tmp_path_factory.mktemp("damage")
    path = write_collection(folder, payload)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = int(data.draw(st.floats(0, 1)) * len(raw))
        size = data.draw(st.integers(0, 40))
        raw[at : at + size] = data.draw(st.binary(max_size=40))
    damaged = path.with_name("damaged.warc.gz")
    damaged.write_bytes(raw)
    assert FORGED not in list_urls(damaged)[0]


@pytest.mark.parametrize("has_digest", [True, False])
@pytest.mark.parametrize("name", PAYLOADS)
def test_no_changed_byte_of_a_plain_file_does(memory_path: Path, name: str, *, has_digest: bool) -> None:
    path = memory_path / "a.warc"
    bodies = (b"<p>before", PAYLOADS[name], b"<p>after")
    whole = b"".join(
        build_record(f"http://{number}.example/", body, number=number, has_digest=has_digest)
        for number, body in enumerate(bodies)
    )
    path.write_bytes(whole)
    every = ["http://0.example/", "http://1.example/", "http://2.example/"]
    assert list_urls(path) == (every, [])
    for at, data in iter_flips(whole, name):
        path.write_bytes(data)
        urls, _ = list_urls(path)
        assert FORGED not in urls, (at, data[at - 20 : at + 20])
        # A damaged address is listed as it stands, since nothing tells that it is another.
        assert len(urls) >= 2, (at, data[at - 20 : at + 20], urls)


@pytest.mark.parametrize("fill", [b"\0", b"\xff", NOISE])
def test_no_span_of_a_plain_file_that_is_written_over_does(memory_path: Path, fill: bytes) -> None:
    """As a disk does that loses a sector: the header of a record and that of one in its payload may become one."""
    path = memory_path / "a.warc"
    for name in ("records to the end", "records at every length"):
        bodies = (b"<p>before", PAYLOADS[name], b"<p>after")
        whole = b"".join(
            build_record(f"http://{number}.example/", body, number=number) for number, body in enumerate(bodies)
        )
        for at in range(0, len(whole), 23):
            for size in (60, 300, 512):
                path.write_bytes(whole[:at] + (fill * size)[:size] + whole[at + size :])
                assert FORGED not in list_urls(path)[0], (name, at, size)


def pack_members(name: str, *, is_naming: bool) -> list[bytes]:
    records = build_file_records(SHAPES[0], PAYLOADS[name], has_digest=True, is_naming=is_naming)
    return list(map(FORMS["gzip, stored"], records))


@pytest.mark.parametrize("is_naming", [True, False])
@pytest.mark.parametrize("padding", [bytes(100), b"\r\n", bytes(70_000)], ids=["zeros", "line end", "many zeros"])
def test_padding_between_members_costs_nothing(tmp_path: Path, padding: bytes, *, is_naming: bool) -> None:
    path = tmp_path / "a.warc.gz"
    members = pack_members("members to the end", is_naming=is_naming)
    path.write_bytes(b"".join(member + padding for member in members))
    assert list_urls(path) == (["http://first.example/", "http://mirror.example/", "http://last.example/"], [])


@pytest.mark.parametrize("is_naming", [True, False])
def test_zeros_in_place_of_a_member_are_no_padding_before_one_in_its_payload(
    tmp_path: Path, *, is_naming: bool
) -> None:
    path = tmp_path / "a.warc.gz"
    for name in ("a member between noise", "members to the end", "members and half of one"):
        members = pack_members(name, is_naming=is_naming)
        before, mirror, after = b"".join(members[:-2]), members[-2], members[-1]
        for at in range(1, len(mirror)):
            if mirror.startswith(MAGIC, at):
                path.write_bytes(before + bytes(at) + mirror[at:] + after)
                urls, damage = list_urls(path)
                assert FORGED not in urls
                assert ("http://first.example/" in urls, bool(damage)) == (True, True)


def test_padding_behind_members_that_are_not_trusted_ends_the_doubt(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    first, lost, doubted, last = (
        FORMS["gzip, stored"](build_record(f"http://{number}.example/", b"<p>", number=number)) for number in range(4)
    )
    path.write_bytes(first + b"\xff" * len(lost) + doubted + bytes(100) + last)
    urls, damage = list_urls(path)
    assert (urls, len(damage)) == (["http://0.example/", "http://3.example/"], 3)


@pytest.mark.parametrize("is_naming", [True, False])
def test_a_file_that_ends_in_a_checksum_lacks_one_capture(tmp_path: Path, *, is_naming: bool) -> None:
    path = tmp_path / "a.warc.gz"
    *before, _ = pack_members("members to the end", is_naming=is_naming)
    whole = b"".join(before)
    for cut in range(1, 9):
        path.write_bytes(whole[:-cut])
        urls, (error,) = list_urls(path)
        assert urls == ["http://first.example/"]
        assert "the capture of http://mirror.example/" in str(error)


def test_zeros_alone_are_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(bytes(1000))
    assert [error.damage for error in list_urls(path)[1]] == [Damage.DAMAGED_MEMBER]


def test_digits_of_a_length_that_are_exchanged_are_found_out(tmp_path: Path) -> None:
    whole = b"".join(
        build_record(f"http://{number}.example/", body, number=number)
        for number, body in enumerate((PAYLOADS["records at every length"], b"<p>after"))
    )
    at = whole.index(b"\r\nContent-Length: ") + len(b"\r\nContent-Length: ")
    path = tmp_path / "a.warc"
    for place in range(at, whole.index(b"\r\n", at)):
        for digit in range(10):
            path.write_bytes(whole[:place] + b"%d" % digit + whole[place + 1 :])
            assert FORGED not in list_urls(path)[0]
            assert "http://1.example/" in list_urls(path)[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_naming", [True, False])
@pytest.mark.parametrize("has_digest", [True, False])
def test_no_byte_changed_lost_or_added_does(form: str, shape: str, *, is_naming: bool, has_digest: bool) -> None:
    """A sample; `python -m tests.archives.warc.mutants` tries all."""
    if "zstd" in form:
        pytest.importorskip("backports.zstd")
    payload = PAYLOADS["records at every length"]
    records = build_file_records(shape, payload, has_digest=has_digest, is_naming=is_naming)
    tried, forged = find_forged(b"".join(map(FORMS[form], records)), every=97 if form == "gzip" else 211)
    assert tried > 100
    assert forged == []


def test_a_warcinfo_record_whose_length_leads_into_a_payload_ends_before_the_next_record() -> None:
    data = build_plain("no head", PAYLOADS["records at every length"], has_digest=True, is_naming=False)
    block_at = len(WARCINFO) - len(b"software: x\n\r\n\r\n")
    forged_at = (WARCINFO + data).index(b"WARC/1.1\r\n", (WARCINFO + data).index(b"yyy"))
    length = forged_at - len(b"\r\n\r\n") - block_at
    whole = WARCINFO.replace(b"Content-Length: 12", b"Content-Length: %d" % length) + data
    assert list_captures(whole) == ["http://first.example/", "http://mirror.example/", "http://last.example/"]


def test_a_header_that_ends_before_its_digest_proves_no_end(tmp_path: Path) -> None:
    """The block seems to begin earlier then, and to end earlier, where the publisher has put a record."""
    first, last = (build_record(f"http://{number}.example/", b"<p>", number=number) for number in (1, 3))
    forged = build_record(FORGED, b"<p>", number=99, has_digest=False).rstrip()
    digest = b"WARC-Block-Digest: sha1:%b\r\n" % (b"A" * 32)
    # As many bytes as the publisher's record has stand behind the blank line that is none.
    lost = digest + b"X-Note: %b\r\n\r\n" % (b"y" * (len(forged) - len(digest) - 8))
    block = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 80 + b"\r\n\r\n" + forged
    header = (
        b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:2>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
        b"WARC-Target-URI: http://mirror.example/\r\nContent-Length: %d\r\n\n%b" % (len(block), lost)
    )
    path = tmp_path / "a.warc"
    path.write_bytes(first + header + block + b"\r\n\r\n" + last)
    urls, damage = list_urls(path)
    assert FORGED not in urls
    assert damage


def test_what_stands_behind_two_breaks_is_listed_where_it_names_its_file(tmp_path: Path) -> None:
    path = write_collection(tmp_path, PAYLOADS["a member between noise"])
    members = [record.offset for record in iter_records(path)]
    raw = bytearray(path.read_bytes())
    # The deflate streams of the first request and of the last one break, so that neither tells where it ends.
    for at in (members[2], members[-1]):
        raw[at + 12 : at + 30] = b"\xff" * 18
    path.write_bytes(raw)
    urls, damage = list_urls(path)
    assert urls == ["http://a.example/", "http://mirror.example/", "http://b.example/"]
    assert {error.damage for error in damage} == {Damage.DAMAGED_MEMBER}


@pytest.mark.parametrize(
    ("is_naming", "has_digest", "left"),
    [
        (True, True, ["http://first.example/", "http://last.example/"]),
        (True, False, ["http://last.example/"]),
        (False, True, ["http://first.example/"]),
    ],
)
def test_a_header_that_is_written_over_costs_more_where_less_vouches_for_records(
    *, is_naming: bool, has_digest: bool, left: list[str]
) -> None:
    raw = bytearray(build_plain(SHAPES[0], b"<p>", has_digest=has_digest, is_naming=is_naming))
    at = raw.index(b"WARC/1.1", raw.index(b"http://first.example/"))
    raw[at : at + 150] = b"\xff" * 150
    assert list_captures(bytes(raw)) == left


def test_the_capture_that_damage_costs_is_named(tmp_path: Path) -> None:
    path = write_collection(tmp_path, PAYLOADS["a member between noise"])
    raw = bytearray(path.read_bytes())
    raw[raw.index(NOISE[:50]) + 40] ^= 1
    path.write_bytes(raw)
    _, (error,) = list_urls(path)
    assert "it is the capture of http://mirror.example/" in str(error)


def test_a_record_that_goes_on_in_the_next_members_is_one(tmp_path: Path) -> None:
    """As some write who begin a new member wherever a buffer is full, even where a payload looks like a record."""
    record = build_record("http://split.example/", PAYLOADS["records to the end"], number=1)
    forged = record.index(b"WARC/1.1", 20)
    pieces = [record[:150], record[150:forged], record[forged:]]
    after = build_record("http://after.example/", b"<p>after", number=2)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(bytes(compress_parts(piece)) for piece in (*pieces, after)))
    assert list_urls(path) == (["http://split.example/", "http://after.example/"], [])
    (first, second) = iter_records(path)
    assert first.offset + first.length == second.offset
