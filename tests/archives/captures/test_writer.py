"""What is written comes back byte for byte; what the disk refuses leaves no trace; no two writers share a file."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives.captures.deduplication import Originals
from archives.captures.recovery import salvage
from archives.errors import CollectionError, DiskFull, RecordError, WriteError
from archives.index.cdxj import dump_line
from archives.index.sidecars import build_sidecar
from archives.storage.collection import Collection
from archives.verify.fixity import verify_collection
from archives.warc.http_responses import build_answer
from archives.warc.reader import iter_records, read_capture
from archives.warc.records import Truncated
from tests.archives.conftest import BEGAN_AT, RESPONSE, build_exchange, build_writer, limit_file_size, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


def test_the_file_is_open_while_written_and_closed_by_name(collection: Collection) -> None:
    writer = build_writer(collection)
    assert list(collection.archive_dir.iterdir()) == []
    location = writer.write(build_exchange())
    name = "news-20260304022111-00000-t0.warc.gz"
    assert location.filename == name
    assert [path.name for path in collection.archive_dir.iterdir()] == [name + ".open"]
    assert list(collection.indexes_dir.iterdir()) == []
    writer.close()
    assert [path.name for path in collection.archive_dir.iterdir()] == [name]
    assert [path.name for path in collection.indexes_dir.iterdir()] == ["news-20260304022111-00000-t0.cdxj"]
    writer.close()


def test_a_location_finds_its_capture_before_and_after_closing(collection: Collection) -> None:
    with build_writer(collection) as writer:
        locations = [writer.write(build_exchange(number)) for number in range(3)]
        before = [read_capture(collection, location) for location in locations]
    after = [read_capture(collection, location) for location in locations]
    assert before == after
    for number, (location, capture) in enumerate(zip(locations, after, strict=True)):
        exchange = build_exchange(number)
        assert capture.block == exchange.raw_response
        assert capture.url == location.url == exchange.url
        assert capture.captured_at == location.captured_at == exchange.began_at
        assert (capture.record_id, capture.payload_digest) == (location.record_id, location.payload_digest)


def test_a_location_is_in_utc_whatever_the_zone(collection: Collection) -> None:
    with build_writer(collection) as writer:
        location = writer.write(build_exchange(began_at=BEGAN_AT.astimezone(timezone(timedelta(hours=8)))))
    assert (location.captured_at, location.captured_at.tzinfo) == (BEGAN_AT, UTC)


def test_same_input_same_bytes(tmp_path: Path) -> None:
    files = [write_file(Collection.open(tmp_path, name, create=True)) for name in ("a", "b")]
    assert files[0].name == files[1].name
    assert files[0].read_bytes() == files[1].read_bytes()


def test_records_of_a_file(collection: Collection) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with build_writer(collection, info={"software": "newsreel", "robots": "obey"}) as writer:
        writer.write(build_exchange(raw_response=interim + RESPONSE))
        writer.write_resource("urn:newsreel:run", "application/json; charset=utf-8", b"{}")
    (path,) = collection.iter_warcs()
    records = list(iter_records(path))
    assert [record.type for record in records] == ["warcinfo", "response", "request", "metadata", "resource"]
    assert all(record.get("WARC-Warcinfo-ID") == records[0].record_id for record in records[1:])
    assert b"robots: obey\r\n" in records[0].block
    assert b"masked-request-headers: Authorization, Cookie, Proxy-Authorization\r\n" in records[0].block
    assert writer.records_written == 5
    assert writer.bytes_written == path.stat().st_size
    assert verify_collection(collection) == []


@pytest.mark.parametrize(("mask", "stored"), [(True, b"***"), (False, b"a=1")])
def test_secrets_are_masked_unless_told_otherwise(collection: Collection, mask: bool, stored: bytes) -> None:
    with build_writer(collection, mask=mask) as writer:
        writer.write(build_exchange(raw_request=b"GET / HTTP/1.1\r\nCookie: a=1\r\n\r\n"))
    (path,) = collection.iter_warcs()
    info, _, request = iter_records(path)
    assert request.block == b"GET / HTTP/1.1\r\nCookie: " + stored + b"\r\n\r\n"
    assert (b"masked-request-headers: none" in info.block) is not mask


def test_files_rotate_after_the_exchange_that_fills_them(collection: Collection) -> None:
    big = RESPONSE + os.urandom(5000)
    with build_writer(collection, max_bytes=2500) as writer:
        names = [writer.write(build_exchange(n, raw_response=big if n == 2 else RESPONSE)).filename for n in range(9)]
    assert len(set(names)) > 2
    assert sorted(set(names)) == [path.name for path in collection.iter_warcs()]
    assert max(path.stat().st_size for path in collection.iter_warcs()) > 5000
    for path in collection.iter_warcs():
        first, *rest = iter_records(path)
        assert first.type == "warcinfo"
        assert first.get("WARC-Filename") == path.name
        assert {record.get("WARC-Warcinfo-ID") for record in rest} == {first.record_id}
    assert verify_collection(collection) == []


def test_the_sidecar_is_what_the_file_says(collection: Collection) -> None:
    with build_writer(collection) as writer:
        for number in range(3):
            writer.write(build_exchange(number))
        writer.write(build_exchange(9, url="http://www.Example.com/b a?z=1&y=é", truncated=Truncated.TIME))
        writer.write(build_exchange(10, raw_response=b"not http at all"))
        writer.write(build_exchange(11, raw_response=b"HTTP/1.1 100 Continue\r\n\r\n" + RESPONSE))
        writer.write_resource("urn:newsreel:run", "Application/JSON; charset=utf-8", b"{}")
    (path,) = collection.iter_warcs()
    lines = collection.sidecar_path(path.name).read_bytes().splitlines()
    assert lines == sorted(dump_line(entry).encode() for entry in build_sidecar(path))
    assert len(lines) == 7


header_text = st.text(alphabet=st.characters(max_codepoint=255), max_size=40).map(lambda text: text.encode("latin-1"))
messages = st.builds(
    lambda status, lines, end, body: status + end + b"".join(line + end for line in lines) + end + body,
    st.one_of(st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.0 404", b"HTTP/1.1 304 N\xe9"]), header_text),
    st.lists(
        st.one_of(header_text, st.just(b"Transfer-Encoding: chunked"), st.just(b"Content-Length: 3")),
        max_size=6,
    ),
    st.sampled_from([b"\r\n", b"\n"]),
    st.binary(max_size=200),
)


@settings(max_examples=60)
@given(raws=st.lists(st.one_of(messages, st.binary(max_size=80)), min_size=1, max_size=4))
def test_any_message_survives_to_the_byte(raws: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        collection = Collection.open(Path(directory), "any", create=True)
        with build_writer(collection, mask=False) as writer:
            locations = [
                writer.write(build_exchange(n, raw_response=raw, raw_request=raw)) for n, raw in enumerate(raws)
            ]
        (path,) = collection.iter_warcs()
        stored = [record.block for record in iter_records(path) if record.type == "request"]
        assert stored == raws
        kept = {}
        for record in iter_records(path):
            if record.type == "metadata":
                kept[record.get("WARC-Concurrent-To")] = record.block
        for raw, location in zip(raws, locations, strict=True):
            assert kept.get(location.record_id, b"") + read_capture(collection, location).block == raw
        assert verify_collection(collection) == []


def test_a_file_without_captures_is_not_kept(collection: Collection) -> None:
    writer = build_writer(collection)
    with pytest.raises(RecordError, match="control character"):
        writer.write(build_exchange(ip="a\nb"))
    writer.close()
    assert list(collection.archive_dir.iterdir()) == []


@pytest.mark.parametrize("part", ["", "a/b", "../a", "a\n", ".a"])
def test_file_names_are_made_of_harmless_parts(collection: Collection, part: str) -> None:
    with pytest.raises(CollectionError, match="cannot be part of a file name"):
        build_writer(collection, prefix=part)
    with pytest.raises(CollectionError, match="cannot be part of a file name"):
        build_writer(collection, token=part)


def test_warcinfo_that_cannot_be_written_leaves_no_file(collection: Collection) -> None:
    writer = build_writer(collection, info={"operator": "a\nb"})
    with pytest.raises(RecordError):
        writer.write(build_exchange())
    assert list(collection.archive_dir.iterdir()) == []


def test_sync_puts_everything_on_the_disk_once(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), real(descriptor))[1])
    with build_writer(collection) as writer:
        writer.sync()
        assert synced == []
        writer.write(build_exchange())
        writer.sync()
        first = len(synced)
        writer.sync()
        assert len(synced) == first > 0
        writer.write(build_exchange(1))
        writer.sync()
        assert len(synced) > first


@pytest.mark.parametrize("room", [0, 1, 100, 300, 700, 900])
def test_a_full_disk_leaves_whole_records_only(collection: Collection, room: int) -> None:
    with build_writer(collection) as writer:
        first = writer.write(build_exchange(0))
        (path,) = collection.iter_open()
        before = path.read_bytes()
        full_disk = limit_file_size(len(before) + room)
        with full_disk, pytest.raises(WriteError, match=r"cannot write to .* make room") as caught:
            writer.write(build_exchange(1, raw_response=RESPONSE + os.urandom(3000)))
        assert path.read_bytes() == before
        assert (caught.value.path, caught.value.offset) == (path, len(before))
        assert writer.bytes_written == len(before)
        second = writer.write(build_exchange(2))
    assert read_capture(collection, first).block == build_exchange(0).raw_response
    assert read_capture(collection, second).block == build_exchange(2).raw_response
    assert verify_collection(collection) == []


def test_a_disk_that_is_full_from_the_start_leaves_nothing(collection: Collection) -> None:
    writer = build_writer(collection)
    with limit_file_size(10), pytest.raises(WriteError):
        writer.write(build_exchange())
    assert list(collection.archive_dir.iterdir()) == []
    writer.write(build_exchange())
    writer.close()
    assert verify_collection(collection) == []


def test_a_file_that_cannot_be_closed_does_not_take_an_exchange_with_it(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exchange is on the disk when `write` returns, and not when it raises."""
    writer = build_writer(collection, max_bytes=1)
    first = writer.write(build_exchange(0))

    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(WriteError, match="Input/output error"):
            writer.write(build_exchange(1))
    second = writer.write(build_exchange(1))
    writer.close()
    salvage(collection)
    assert [read_capture(collection, place).url[-1] for place in (first, second)] == ["0", "1"]
    assert verify_collection(collection) == []


def test_a_directory_that_is_gone_is_a_write_error(collection: Collection) -> None:
    collection.archive_dir.rmdir()
    with pytest.raises(WriteError, match="cannot make news-"):
        build_writer(collection).write(build_exchange())


def test_writers_never_share_a_file(collection: Collection) -> None:
    writers = [build_writer(collection) for _ in range(4)]
    names = [writer.write(build_exchange(number)).filename for number, writer in enumerate(writers)]
    assert len(set(names)) == 4
    writers[0].close()
    again = build_writer(collection)
    assert again.write(build_exchange(5)).filename not in names
    for writer in [*writers, again]:
        writer.close()
    assert len(list(collection.iter_warcs())) == 5


def test_a_file_that_a_salvage_took_before_it_was_locked_is_given_up(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open
    removed: list[Path | None] = []

    def open_and_lose(path: object, flags: int, *rest: int) -> int:
        descriptor = real(path, flags, *rest)  # type: ignore[arg-type]
        if flags & os.O_EXCL and not removed:
            removed.extend(result.path for result in salvage(collection))
        return descriptor

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", open_and_lose)
        writer = build_writer(collection)
        location = writer.write(build_exchange())
    writer.close()
    assert removed == [None]
    assert "-00001-" in location.filename
    assert read_capture(collection, location).block == build_exchange().raw_response


def test_a_salvage_does_not_race_new_files(collection: Collection) -> None:
    """A salvage that meets a file between its making and its locking must not take the writer's bytes away."""
    stop = threading.Event()
    thread = threading.Thread(target=lambda: [salvage(collection) for _ in iter(stop.is_set, True)])
    thread.start()
    try:
        with build_writer(collection, max_bytes=1) as writer:
            locations = [writer.write(build_exchange(number)) for number in range(60)]
    finally:
        stop.set()
        thread.join()
    for number, location in enumerate(locations):
        assert read_capture(collection, location).block == build_exchange(number).raw_response
    assert list(collection.iter_open()) == []


CHILD = """
import sys
from pathlib import Path
from archives.storage.collection import Collection
from tests.archives.conftest import build_exchange, build_writer
collection = Collection.open(Path(sys.argv[1]), "news")
writer = build_writer(collection, token=sys.argv[2])
number = 0
while True:
    location = writer.write(build_exchange(number))
    writer.sync()
    print(location.filename, location.offset, flush=True)
    number += 1
"""


@pytest.mark.parametrize("lines", [1, 7])
def test_a_killed_writer_loses_nothing_it_synced(collection: Collection, tmp_path: Path, lines: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), "child"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().split() for _ in range(lines)]
        assert salvage(collection) == []
        child.kill()
        told += [line.split() for line in child.stdout]
    (result,) = salvage(collection)
    assert result.path is not None
    for number, (filename, offset) in enumerate(line for line in told if len(line) == 2):
        capture = read_capture(collection, filename, int(offset))
        assert capture.block == build_exchange(number).raw_response
        assert capture.captured_at.second == (BEGAN_AT.second + number) % 60
    assert verify_collection(collection) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: that needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_room_is_left_on_the_disk(small_disk: Path) -> None:
    """Enough for the sidecar: the writer stops before the disk is full, and closes its file as ever."""
    collection = Collection.open(small_disk, "news", create=True)
    noise = random.Random(1)
    written = 0
    with build_writer(collection, min_free_bytes=1_000_000) as writer:
        with pytest.raises(DiskFull, match="1000000 are to be left"):
            while True:
                body = noise.randbytes(20_000)
                writer.write(build_exchange(written, raw_response=b"HTTP/1.1 200 OK\r\n\r\n" + body))
                written += 1
        disk = os.statvfs(small_disk)
        assert 900_000 < disk.f_bavail * disk.f_frsize < 1_100_000
    (path,) = collection.iter_warcs()
    assert sum(record.type == "response" for record in iter_records(path)) == written > 10
    assert verify_collection(collection) == []


def test_a_full_disk_is_told_from_other_faults(small_disk: Path) -> None:
    collection = Collection.open(small_disk, "news", create=True)
    body = random.Random(1).randbytes(3_000_000)
    writer = build_writer(collection)
    with pytest.raises(DiskFull, match="No space left"):
        writer.write(build_exchange(1, raw_response=b"HTTP/1.1 200 OK\r\n\r\n" + body))
    writer.write(build_exchange(2))
    writer.close()
    assert verify_collection(collection) == []


def test_a_compressed_body_is_stored_as_it_is(collection: Collection) -> None:
    body = gzip.compress(random.Random(1).randbytes(3000) + b"page" * 5000)
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with build_writer(collection) as writer:
        location = writer.write(build_exchange(raw_response=raw))
    assert body in (collection.archive_dir / location.filename).read_bytes()
    assert read_capture(collection, location).block == raw
    assert read_capture(collection, location).decode() == gzip.decompress(body)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "blake3"])
def test_digests_are_of_the_algorithm_that_is_chosen(collection: Collection, algorithm: str) -> None:
    if algorithm == "blake3":
        pytest.importorskip("blake3")
    originals = Originals(collection)
    with build_writer(collection, digest=algorithm, originals=originals) as writer:
        writer.write_resource("urn:x:settings", "text/plain", b"a")
        for number in (1, 1, 2):
            exchange = build_exchange(number, raw_request=b"POST / HTTP/1.1\r\n\r\nbody", deviations=("odd-version",))
            location = writer.write(exchange, build_answer(exchange.raw_response))
        writer.write_surplus(location.record_id, location.captured_at, b"late")
    originals.close()
    (path,) = collection.iter_warcs()
    records = list(iter_records(path))
    assert {record.type for record in records} == {"warcinfo", "resource", "response", "revisit", "request", "metadata"}
    labels = [record.get(name) for record in records for name in ("WARC-Block-Digest", "WARC-Payload-Digest")]
    assert {label.partition(":")[0] for label in labels if label} == {algorithm}
    notes: list[object] = []
    assert verify_collection(collection, on_note=notes.append) == [] and not notes


def test_an_algorithm_that_is_not_written_is_refused(collection: Collection) -> None:
    for algorithm in ("md5", "crc32", ""):
        with pytest.raises(CollectionError, match="use one of sha1, sha256"):
            build_writer(collection, digest=algorithm)
