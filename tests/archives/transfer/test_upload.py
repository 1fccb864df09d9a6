"""Object storage: put once and whole, read by ranges, never trusted before it has confirmed."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from archives.errors import StoreError
from archives.index.catalogue import CollectionIndex
from archives.storage.remote_files import BLOCK_BYTES, BlockCache, find_size, find_stored, open_warc
from archives.storage.schemes import Bucket, open_bucket, parse_address
from archives.transfer.upload import Place, parse_place, remove_file, store_file
from archives.verify.fixity import verify_collection
from archives.wacz.pack import pack_collection
from archives.warc.reader import iter_records, read_capture
from tests.archives.conftest import PART_BYTES, build_exchange, build_writer, write_file
from tests.archives.moto_server import BUCKET, MotoServer
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

PLACE = Place(scheme="s3", bucket=BUCKET, prefix="news/")
KILLED = """
import time
from pathlib import Path
from archives.storage.collection import Collection
from archives.transfer.upload import Place, store_file
from archives.storage.s3 import S3Store
from archives.storage.schemes import Bucket
storage = S3Store({bucket!r}, part_bytes={part_bytes})
put = storage._client.upload_part
def put_slowly(**part):
    answer = put(**part)
    print(part["PartNumber"], flush=True)
    time.sleep(30)
    return answer
storage._client.upload_part = put_slowly
place = Place(scheme="s3", bucket={bucket!r}, prefix="news/")
store_file(Collection(Path({collection!r})), Path({warc!r}), Bucket(storage, "s3"), place)
"""


def write_large(collection: Collection) -> Path:
    """A file of more than two parts: noise does not compress."""
    body = random.Random(5).randbytes(11_500_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(body)
    with build_writer(collection) as writer:
        location = writer.write(build_exchange(raw_response=head + body))
    return collection.archive_dir / location.filename


def list_uploads(moto: MotoServer) -> list[str]:
    return [upload["Key"] for upload in moto.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())]


def find_key(collection: Collection, warc: Path) -> str:
    return PLACE.build_key(collection, "archive", warc.name)


def test_a_stored_file_is_read_as_if_it_were_here(collection: Collection, depot: Bucket, tmp_path: Path) -> None:
    """By the index, by the reader, by verification and by a package, with nothing of it on this disk."""
    warc = write_file(collection, 200)
    data = warc.read_bytes()
    with CollectionIndex(collection) as index:
        entries = list(index.iter_entries())
        assert store_file(collection, warc, depot, PLACE).is_new
        assert not store_file(collection, warc, depot, PLACE).is_new
        assert remove_file(warc, depot, keep_days=0)
        assert (list(collection.iter_warcs()), warc.exists(), find_size(warc)) == ([warc], False, len(data))
        index.refresh()
        assert list(index.iter_entries()) == entries
    assert read_capture(collection, entries[150]).payload == b"00150"
    assert len(list(iter_records(warc))) == 401
    assert verify_collection(collection) == []
    with open_warc(warc) as stream:
        assert stream.read() == data
        stream.seek(-7, io.SEEK_END)
        assert (stream.read(100), stream.read(1)) == (data[-7:], b"")
    pack_collection(collection, tmp_path / "news.wacz")
    with ZipFile(tmp_path / "news.wacz") as package:
        assert package.read(f"archive/{warc.name}") == data


def test_both_files_go_up_with_their_digests(collection: Collection, depot: Bucket, moto: MotoServer) -> None:
    warc = write_file(collection)
    store_file(collection, warc, depot, PLACE)
    stem = warc.name.removesuffix(".warc.gz")
    assert moto.list_keys() == [f"news/news/archive/{warc.name}", f"news/news/indexes/{stem}.cdxj"]
    head = moto.client.head_object(Bucket=BUCKET, Key=moto.list_keys()[0], ChecksumMode="ENABLED")
    known = find_stored(warc)
    assert known is not None
    assert (head["Metadata"]["sha256"], head["ContentLength"]) == (known.sha256, warc.stat().st_size)
    assert head["ChecksumSHA256"]
    assert known.url == f"s3://{BUCKET}/news/news/archive/{warc.name}"


def test_nothing_is_ever_overwritten(collection: Collection, depot: Bucket, moto: MotoServer) -> None:
    warc = write_file(collection)
    key = find_key(collection, warc)
    moto.client.put_object(Bucket=BUCKET, Key=key, Body=b"somebody's")
    with pytest.raises(StoreError, match="is something else, 10 bytes"):
        store_file(collection, warc, depot, PLACE)
    assert moto.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"somebody's"
    assert find_stored(warc) is None


@pytest.mark.parametrize("write", [write_file, write_large])
def test_a_race_for_a_key_has_one_winner(
    collection: Collection, depot: Bucket, moto: MotoServer, monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    """The second process learns it from the storage, even if it looked before the first was done."""
    warc = write(collection)
    moto.client.put_object(Bucket=BUCKET, Key="k", Body=b"first")
    monkeypatch.setattr(depot, "find", lambda key: None)
    with pytest.raises(StoreError, match="PreconditionFailed"):
        depot.put_file("k", warc)
    assert moto.client.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"first"
    assert list_uploads(moto) == []


def test_a_damaged_file_stays_here(collection: Collection, depot: Bucket, moto: MotoServer) -> None:
    warc = write_file(collection)
    data = bytearray(warc.read_bytes())
    data[len(data) // 2] ^= 0xFF
    warc.write_bytes(data)
    assert store_file(collection, warc, depot, PLACE).problems
    assert (moto.list_keys(), remove_file(warc, depot, keep_days=0)) == ([], False)


def test_a_file_is_removed_only_when_it_is_old_and_confirmed(
    collection: Collection, depot: Bucket, moto: MotoServer
) -> None:
    warc = write_file(collection)
    assert not remove_file(warc, depot, keep_days=0), "it was never stored"
    store_file(collection, warc, depot, PLACE)
    assert not remove_file(warc, depot, keep_days=2)
    moto.client.delete_object(Bucket=BUCKET, Key=find_key(collection, warc))
    two_days_on = time.time() + 2 * 86_400
    with pytest.raises(StoreError, match="stays here"):
        remove_file(warc, depot, keep_days=2, clock=lambda: two_days_on)
    assert warc.exists()


def test_a_large_file_goes_up_in_parts_and_comes_back(collection: Collection, depot: Bucket, moto: MotoServer) -> None:
    warc = write_large(collection)
    data = warc.read_bytes()
    store_file(collection, warc, depot, PLACE)
    assert moto.client.head_object(Bucket=BUCKET, Key=find_key(collection, warc))["ETag"].endswith('-3"')
    remove_file(warc, depot, keep_days=0)
    with open_warc(warc) as stream:
        assert stream.read() == data
    assert verify_collection(collection) == []


def test_a_killed_upload_leaves_nothing_half_and_the_next_one_does_it(
    collection: Collection, depot: Bucket, moto: MotoServer
) -> None:
    warc = write_large(collection)
    script = KILLED.format(bucket=BUCKET, part_bytes=PART_BYTES, collection=str(collection.path), warc=str(warc))
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        process.send_signal(signal.SIGKILL)
    assert len(list_uploads(moto)) == 1
    assert (moto.list_keys(), find_stored(warc)) == ([], None)
    assert store_file(collection, warc, depot, PLACE).is_new
    assert list_uploads(moto) == []


def test_a_kill_behind_the_upload_costs_nothing(
    collection: Collection, depot: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object is found and recognised, not put again."""
    warc = write_file(collection)
    depot.put_file("k", warc)
    monkeypatch.setattr(depot._storage, "_put_whole", None)
    depot.put_file("k", warc)


def test_blocks_are_remembered_up_to_a_bound() -> None:
    class Counted:
        def __init__(self) -> None:
            self.asked: list[int] = []

        def get_range(self, key: str, start: int, length: int) -> bytes:
            self.asked.append(start // length)
            return bytes([start // length])

    store = Counted()
    cache = BlockCache(store, max_bytes=2 * BLOCK_BYTES)
    numbers = [0, 1, 0, 2, 0, 1]
    assert [cache.read_block("k", number) for number in numbers] == [bytes([number]) for number in numbers]
    assert store.asked == [0, 1, 2, 1]


def test_who_reads_on_is_given_more_at_once() -> None:
    """Few requests from end to end, one block for random access; and the bytes are the same."""
    data = random.Random(7).randbytes(200 * BLOCK_BYTES + 17)
    asked: list[int] = []

    class Blob:
        def get_range(self, key: str, start: int, length: int) -> bytes:
            asked.append(length // BLOCK_BYTES)
            return data[start : start + length]

    cache = BlockCache(Blob())
    assert b"".join(cache.read_block("k", number) for number in range(201)) == data
    assert asked == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    asked.clear()
    cache = BlockCache(Blob())
    for number in (100, 3, 50, 101):
        assert cache.read_block("k", number) == data[number * BLOCK_BYTES :][:BLOCK_BYTES]
    assert asked == [1, 1, 1, 1]
    assert cache.read_block("other", 102) == data[102 * BLOCK_BYTES :][:BLOCK_BYTES]
    assert asked[-1] == 1, "another file is another run"


def test_a_storage_that_nobody_can_read_is_said_in_a_sentence(collection: Collection) -> None:
    warc = write_file(collection)
    warc.with_name(f"{warc.name}.stored").write_text('{"url": "ftp://x/y", "bytes": 1, "sha256": ""}')
    warc.unlink()
    words = "'ftp' of newsreel.storage is offered by no installed distribution; installed are s3"
    with pytest.raises(StoreError, match=words):
        open_warc(warc)
    (problem,) = [problem for problem in verify_collection(collection) if problem.kind == "unreadable"]
    assert words in problem.message


@pytest.mark.parametrize("url", ["", "s3", "s3://", "s3:///", "S3://x", "://x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match=r"must be (like )?s3://BUCKET"):
        parse_place(url)


def test_a_bucket_without_a_name_is_none_of_ours() -> None:
    with pytest.raises(StoreError, match="must be s3://BUCKET"):
        open_bucket("s3", parse_address("s3:///p").bucket)


def test_an_address_may_have_a_prefix() -> None:
    assert parse_place("s3://b") == Place(scheme="s3", bucket="b", prefix="")
    assert parse_place("s3://b/p/q/") == Place(scheme="s3", bucket="b", prefix="p/q/")
    assert parse_place("disk:///srv/x").build_url("srv/x/k") == "disk:///srv/x/k"
