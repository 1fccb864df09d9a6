"""Collections, exchanges and clocks that every test here makes the same way."""

from __future__ import annotations

import contextlib
import itertools
import resource
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from archives.captures.writer import WarcWriter
from archives.storage import remote_files
from archives.storage.collection import Collection
from archives.storage.s3 import S3Store
from archives.storage.schemes import Bucket
from archives.warc.records import Exchange
from tests.archives.moto_server import BUCKET, MotoServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How long an example takes is the machine's business: these write and sync real files.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "warc"
# The least that a part of an upload may have.
PART_BYTES = 5 * 1024 * 1024
BEGAN_AT = datetime(2026, 3, 4, 2, 21, 11, 123456, tzinfo=UTC)
REQUEST = b"GET /a HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: gzip, deflate\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="session")
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the corpus ../shared/corpus/warc is not here")
    return CORPUS


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection.open(tmp_path, "news", create=True)


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture
def depot(moto: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty storage, which child processes find, too."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    remote_files._open_cache.cache_clear()
    for key in moto.list_keys():
        moto.client.delete_object(Bucket=BUCKET, Key=key)
    yield Bucket(S3Store(BUCKET, part_bytes=PART_BYTES), f"s3://{BUCKET}")
    remote_files._open_cache.cache_clear()


def build_exchange(number: int = 0, **changes: object) -> Exchange:
    """An exchange for page `number`, one second after the one before."""
    fields: dict[str, object] = {
        "url": f"http://example.com/{number}",
        "began_at": BEGAN_AT + timedelta(seconds=number),
        "raw_request": REQUEST,
        "raw_response": RESPONSE.replace(b"hello", b"%05d" % number),
        "ip": "192.0.2.7",
    }
    return Exchange(**{**fields, **changes})  # type: ignore[arg-type]


def count_ids(start: int = 1) -> Callable[[], uuid.UUID]:
    numbers = itertools.count(start)
    return lambda: uuid.UUID(int=next(numbers))


def build_writer(collection: Collection, **changes: object) -> WarcWriter:
    """A writer whose bytes depend on nothing but what it is given."""
    options: dict[str, object] = {
        "info": {"software": "newsreel"},
        "prefix": "news",
        "clock": lambda: BEGAN_AT,
        "new_id": count_ids(),
        "token": "t0",
    }
    return WarcWriter(collection, **{**options, **changes})  # type: ignore[arg-type]


@contextlib.contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Let no file of this process grow past `size` bytes: a disk that is full, for one process."""
    old, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (old, hard))


def write_file(collection: Collection, count: int = 3, **changes: object) -> Path:
    """One closed WARC file of `count` exchanges."""
    with build_writer(collection, **changes) as writer:
        for number in range(count):
            location = writer.write(build_exchange(number))
    return collection.archive_dir / location.filename
