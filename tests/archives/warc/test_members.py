"""A member is whole or it is not there, and after damage the next whole one is found."""

from __future__ import annotations

import builtins
import gzip
import random
import zlib
from io import BytesIO

import pytest

from archives.errors import Damage, RecordError
from archives.warc.members import compress_parts, iter_members, load_compressor, read_member, store_member
from archives.warc.scanning import MemberScan

PARTS = [
    b"WARC/1.1\r\n" + b"one" * 50,
    b"WARC/1.1\r\n",
    b"WARC/1.1\r\n" + bytes(range(256)) * 3000,
    b"WARC/1.1\r\nlast",
]


def build_file() -> tuple[bytes, list[int]]:
    compress = load_compressor()
    members = [compress(part) for part in PARTS]
    offsets = [sum(map(len, members[:number])) for number in range(len(members) + 1)]
    return b"".join(members), offsets


def test_members_come_in_order() -> None:
    data, offsets = build_file()
    members = list(iter_members(BytesIO(data)))
    assert [member.data for member in members] == PARTS
    assert [member.offset for member in members] == offsets[:-1]
    assert [member.offset + member.length for member in members] == offsets[1:]
    assert read_member(BytesIO(data), offsets[2]) == members[2]


def test_a_member_longer_than_a_read_is_one_member() -> None:
    noise = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big") for number in range(300_000))
    data = load_compressor()(noise)
    assert len(data) > 1_000_000
    assert [member.data for member in iter_members(BytesIO(data * 2))] == [noise, noise]


def test_every_changed_byte_of_a_member_is_noticed() -> None:
    data, offsets = build_file()
    # Bytes 3 to 9 of the gzip header (a hint that it is text, a time, a system) mean nothing to us.
    for at in [*range(3), *range(10, offsets[1])]:
        damaged = bytearray(data[: offsets[1]])
        damaged[at] ^= 0x01
        with pytest.raises(RecordError) as caught:
            list(iter_members(BytesIO(bytes(damaged))))
        assert caught.value.offset == 0


def test_every_cut_is_noticed() -> None:
    data, offsets = build_file()
    for cut in range(1, offsets[1]):
        with pytest.raises(RecordError, match="ends early") as caught:
            read_member(BytesIO(data[:cut]), 0)
        assert caught.value.damage is Damage.TRUNCATED_MEMBER


@pytest.mark.parametrize("between", [b"", b"noise", b"\x1f\x8b\x08", b"\x1f\x8b\x08" * 9])
def test_a_scan_goes_on_after_a_splice(between: bytes) -> None:
    data, offsets = build_file()
    spliced = data[: offsets[1] - 7] + between + data[offsets[1] :]
    damage: list[RecordError] = []
    found = [member.data for member in MemberScan(BytesIO(spliced), damage.append)]
    assert found == PARTS[1:]
    assert [error.offset for error in damage] == [0]


@pytest.mark.parametrize("at", [262_142, 262_143, 262_144, 262_145])
def test_a_scan_sees_a_member_that_begins_where_a_read_ends(at: int) -> None:
    data, offsets = build_file()
    damage: list[RecordError] = []
    stream = BytesIO(b"\x1f\x8b\x08\xff".ljust(at, b".") + data)
    assert [member.offset - at for member in MemberScan(stream, damage.append)] == offsets[:-1]
    assert len(damage) == 1


def test_without_isal_zlib_compresses(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        if name.startswith("isal"):
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert load_compressor()(PARTS[2]) == zlib.compress(PARTS[2], 6, 31)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 3_000_000])
def test_a_member_made_in_pieces_is_whole(size: int) -> None:
    parts = (b"head\r\n\r\n", random.Random(size).randbytes(size // 2) + bytes(size - size // 2), b"\r\n\r\n")
    built = compress_parts(*parts)
    (member,) = iter_members(BytesIO(built))
    assert (member.data, member.length) == (b"".join(parts), len(built))
    assert built[4:8] == bytes(4)


def test_a_large_member_is_read_where_it_stands_though_the_one_before_was_read_again() -> None:
    """The second inflates to much within the read in which the first ends, and goes on behind it."""
    noise = random.Random(1).randbytes(200_000)
    parts = noise[:500], noise[:8_000] + bytes(17 << 20), bytes(17 << 20) + noise
    found = []
    for member in iter_members(BytesIO(b"".join(map(compress_parts, parts)))):
        found.append((member.size, zlib.crc32(b"".join(member.iter_data()))))
    assert found == [(len(part), zlib.crc32(part)) for part in parts]


def test_members_bear_no_date() -> None:
    assert load_compressor()(b"x")[4:8] == bytes(4)


@pytest.mark.parametrize("size", [0, 1, 100, 65_534, 65_535, 65_536, 200_000])
@pytest.mark.parametrize("head", [b"", b"head" * 200])
def test_what_is_dense_is_stored(head: bytes, size: int) -> None:
    dense = random.Random(size).randbytes(size)
    data = head + dense + b"\r\n\r\n"
    stored = store_member(head, memoryview(dense), b"\r\n\r\n")
    assert gzip.decompress(stored) == data
    assert len(stored) < size + 100 + 5 * (size // 65_535 + 1)
    (member,) = iter_members(BytesIO(stored))
    assert (member.data, member.length) == (data, len(stored))
    assert stored[4:8] == bytes(4)


def test_a_member_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archives.warc.members.MAX_RECORD_BYTES", 1000)
    assert read_member(BytesIO(gzip.compress(bytes(1000))), 0).data == bytes(1000)
    for size in (1001, 10_000_000):
        with pytest.raises(RecordError, match="inflates to more than 1000 bytes") as caught:
            read_member(BytesIO(gzip.compress(bytes(size))), 0)
        assert caught.value.damage == "oversize-member"
