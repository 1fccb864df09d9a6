"""The catalogue answers by time, address and digest, keeps step with the files, and can be thrown away."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives.index.catalogue import CATALOGUE_NAME, CollectionIndex, rebuild_catalogue
from archives.index.cdxj import IndexEntry, dump_line, find_key
from archives.index.sidecars import build_sidecar, rebuild, write_sidecar
from archives.storage.collection import Collection
from archives.urls import format_timestamp
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer, count_ids, write_file

if TYPE_CHECKING:
    from pathlib import Path

HOME = "http://example.com/"


def build_entry(number: int, url: str = HOME, *, at: datetime = BEGAN_AT, **changes: object) -> IndexEntry:
    fields: dict[str, object] = {
        "urlkey": find_key(url),
        "timestamp": format_timestamp(at),
        "url": url,
        "mime": "text/html",
        "status": 200,
        "digest": f"sha1:{number}",
        "length": 100,
        "offset": number * 100,
        "filename": "a.warc.gz",
        "record_id": f"<urn:uuid:{number:032x}>",
        "captured_at": at,
    }
    return IndexEntry(**{**fields, **changes})  # type: ignore[arg-type]


def list_entries(collection: Collection, *entries: IndexEntry, filename: str = "a.warc.gz") -> CollectionIndex:
    """An index of entries that need no records behind them."""
    (collection.archive_dir / filename).touch()
    write_sidecar(collection, filename, map(dump_line, entries))
    return CollectionIndex(collection)


def find_ids(entries: list[IndexEntry]) -> list[int]:
    return [int(entry.record_id[10:-1], 16) for entry in entries]


def write_visits(collection: Collection, *minutes: int) -> CollectionIndex:
    return list_entries(
        collection, *(build_entry(minute, at=BEGAN_AT + timedelta(minutes=minute)) for minute in minutes)
    )


@pytest.mark.parametrize(
    ("minute", "nearest"),
    [(-99, 0), (0, 0), (4, 0), (5, 0), (5.01, 10), (10, 10), (14, 10), (26, 30), (99, 30), (None, 30)],
)
def test_nearest_in_time(collection: Collection, minute: float | None, nearest: int) -> None:
    index = write_visits(collection, 30, 0, 10)
    at = None if minute is None else BEGAN_AT + timedelta(minutes=minute)
    entry = index.find_nearest("https://WWW.example.com:443/?#x", at)
    assert entry is not None
    assert entry.captured_at == BEGAN_AT + timedelta(minutes=nearest)


moments = st.integers(min_value=0, max_value=40).map(lambda second: BEGAN_AT + timedelta(seconds=second))


@settings(max_examples=40)
@given(visits=st.lists(moments, max_size=8), at=moments)
def test_nearest_in_time_is_what_a_walk_over_all_would_find(
    tmp_path_factory: pytest.TempPathFactory, visits: list[datetime], at: datetime
) -> None:
    collection = Collection.open(tmp_path_factory.mktemp("visits"), "news", create=True)
    entries = [build_entry(number, at=visit) for number, visit in enumerate(visits)]
    expected = min(entries, key=lambda e: (abs(e.captured_at - at), e.captured_at, e.record_id), default=None)
    assert list_entries(collection, *entries).find_nearest(HOME, at) == expected


def test_the_very_address_is_preferred_among_equally_near(collection: Collection) -> None:
    index = list_entries(
        collection,
        build_entry(1, "http://example.com/"),
        build_entry(2, "https://www.example.com/"),
        build_entry(3, "https://example.com/"),
        build_entry(4, "https://example.com/", at=BEGAN_AT + timedelta(hours=1)),
    )
    for url in ("http://example.com/", "https://www.example.com/", "https://example.com/"):
        found = index.find_nearest(url, BEGAN_AT)
        assert found is not None
        assert found.url == url
    other = index.find_nearest("http://www.example.com/", BEGAN_AT)
    assert other is not None
    assert other.captured_at == BEGAN_AT
    exact = index.find_nearest("https://example.com/", BEGAN_AT - timedelta(days=1), is_exact=True)
    assert exact is not None
    assert find_ids([exact]) == [3]
    assert index.find_nearest("http://www.example.com/", BEGAN_AT, is_exact=True) is None


def test_an_address_without_captures(collection: Collection) -> None:
    index = write_visits(collection, 1)
    assert index.find_nearest("http://example.com/other", datetime.now(UTC)) is None
    assert index.find_nearest("http://example.com/other") is None
    assert index.find_exact(HOME, BEGAN_AT) is None


def test_exact_means_the_microsecond(collection: Collection) -> None:
    index = write_visits(collection, 0, 1)
    found = index.find_exact(HOME, BEGAN_AT)
    assert found is not None
    assert found.captured_at == BEGAN_AT
    assert index.find_exact(HOME, BEGAN_AT + timedelta(microseconds=1)) is None


def test_entries_come_in_the_order_of_capture(collection: Collection) -> None:
    for token, numbers in (("a", (5, 1, 3)), ("b", (4, 0, 2))):
        with build_writer(collection, token=token) as writer:
            for number in numbers:
                writer.write(build_exchange(number))
    index = CollectionIndex(collection)
    assert [entry.url[-1] for entry in index.iter_entries()] == list("012345")
    assert list(index.iter_entries()) == list(index.iter_entries())
    assert index.count_entries() == 6


def test_two_walks_do_not_disturb_each_other(collection: Collection) -> None:
    index = write_visits(collection, 0, 1, 2)
    pairs = [(one.offset, two.offset) for one in index.iter_entries() for two in index.iter_entries()]
    assert len(pairs) == 9


def test_all_captures_of_an_address(collection: Collection) -> None:
    index = list_entries(
        collection,
        *(build_entry(minute, at=BEGAN_AT + timedelta(minutes=minute)) for minute in (2, 0, 1)),
        build_entry(9, "http://example.com/other"),
    )
    assert find_ids(list(index.iter_captures(HOME))) == [0, 1, 2]
    since = BEGAN_AT + timedelta(minutes=1)
    assert find_ids(list(index.iter_captures(HOME, since=since))) == [1, 2]
    assert find_ids(list(index.iter_captures(HOME, until=since))) == [0, 1]


def test_captures_by_prefix(collection: Collection) -> None:
    urls = ("http://example.com/", "http://example.com/a", "http://example.com/a/b", "http://example.com/ab")
    index = list_entries(
        collection,
        *(build_entry(number, url) for number, url in enumerate(urls)),
        build_entry(8, "http://sub.example.com/a"),
        build_entry(9, "urn:example:a b"),
    )
    assert find_ids(list(index.iter_prefix("http://example.com/"))) == [0, 1, 2, 3]
    assert find_ids(list(index.iter_prefix("https://www.example.com/a"))) == [1, 2, 3]
    assert find_ids(list(index.iter_prefix("http://example.com/a/"))) == [2]
    assert find_ids(list(index.iter_prefix("urn:example:a b"))) == [9]


def test_captures_by_digest(collection: Collection) -> None:
    later = BEGAN_AT + timedelta(days=1)
    index = list_entries(
        collection, build_entry(1, at=later, digest="sha1:A"), build_entry(2, digest="sha1:A"), build_entry(3)
    )
    assert find_ids(list(index.iter_digest("sha1:A"))) == [2, 1]
    assert list(index.iter_digest("sha1:B")) == []


def test_open_files_are_not_listed(collection: Collection) -> None:
    with build_writer(collection) as writer:
        writer.write(build_exchange())
        assert list(CollectionIndex(collection).iter_entries()) == []


@pytest.mark.parametrize("harm", ["unlink", "spoil"])
def test_the_index_does_without_its_sidecars(collection: Collection, harm: str) -> None:
    path = write_file(collection)
    expected = list(CollectionIndex(collection).iter_entries())
    sidecar = collection.sidecar_path(path.name)
    if harm == "unlink":
        sidecar.unlink()
    else:
        sidecar.write_bytes(b"\xff no index line")
    assert list(CollectionIndex(collection).iter_entries()) == expected


def test_it_keeps_step_with_the_files(collection: Collection) -> None:
    first = write_file(collection, 2)
    index = CollectionIndex(collection)
    assert (index.refresh(), index.count_entries()) == (1, 2)
    assert index.refresh() == 0
    second = write_file(collection, 3, token="t1", new_id=count_ids(100))
    other = CollectionIndex(collection)
    assert (other.refresh(), other.count_entries()) == (1, 5)
    assert (index.refresh(), index.count_entries()) == (0, 5)
    first.unlink()
    collection.sidecar_path(first.name).unlink()
    assert (index.refresh(), index.count_entries()) == (1, 3)
    write_sidecar(collection, second.name, [dump_line(build_sidecar(second)[0])])
    assert (index.refresh(), index.count_entries()) == (1, 1)


@pytest.mark.parametrize("harm", ["spoil", "unlink", "another version"])
def test_a_catalogue_that_is_none_is_made_again(collection: Collection, harm: str) -> None:
    index = write_visits(collection, 0, 1, 2)
    expected = list(index.iter_entries())
    index.close()
    path = collection.indexes_dir / CATALOGUE_NAME
    if harm == "spoil":
        path.write_bytes(b"no database" * 1000)
    elif harm == "unlink":
        path.unlink()
    else:
        database = sqlite3.connect(path)
        database.executescript("DROP TABLE capture; PRAGMA user_version = 999")
        database.close()
    assert list(CollectionIndex(collection).iter_entries()) == expected


def test_rebuilding_mends_rows_that_are_wrong(collection: Collection) -> None:
    write_file(collection)
    with CollectionIndex(collection) as index:
        expected = list(index.iter_entries())
    database = sqlite3.connect(collection.indexes_dir / CATALOGUE_NAME)
    database.execute("UPDATE capture SET url = 'http://other/'")
    database.commit()
    database.close()
    with CollectionIndex(collection) as index:
        assert list(index.iter_entries()) != expected
        assert rebuild_catalogue(collection) == 3
        assert list(index.iter_entries()) == expected


def test_a_collection_that_cannot_be_written_is_catalogued_in_memory(collection: Collection) -> None:
    path = write_file(collection)
    for leftover in collection.indexes_dir.iterdir():
        leftover.unlink()
    collection.indexes_dir.rmdir()
    assert CollectionIndex(collection).count_entries() == 3
    assert not collection.indexes_dir.exists()
    assert path.exists()


def refresh_again(path: Path, count: int) -> None:
    with CollectionIndex(Collection(path)) as index:
        assert index.count_entries() == count


def test_several_processes_bring_it_up_to_date_at_once(collection: Collection) -> None:
    for number in range(6):
        write_file(collection, 20, token=f"t{number}", new_id=count_ids(1000 * number + 1))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=refresh_again, args=(collection.path, 120)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert CollectionIndex(collection).count_entries() == 120


def test_a_damaged_file_is_listed_as_far_as_it_can_be_read(collection: Collection) -> None:
    path = write_file(collection)
    listed = build_sidecar(path)
    data = bytearray(path.read_bytes())
    data[listed[1].offset + 30] ^= 0xFF
    path.write_bytes(data)
    rebuilt = rebuild(collection)
    assert list(CollectionIndex(collection).iter_entries()) == [listed[0], listed[2]]
    assert [error.offset for error in rebuilt.damage] == [listed[1].offset]


def test_nearest_does_not_walk_over_all_captures_of_an_address(collection: Collection) -> None:
    """Ten thousand captures cost what ten cost; `benchmarks/archive.py` measures it among a million."""

    def measure(index: CollectionIndex) -> float:
        index.count_entries()
        best = 1.0
        for _ in range(5):
            began = time.process_time()
            for minute in range(100):
                index.find_nearest(HOME, BEGAN_AT + timedelta(minutes=minute * 99 + 0.3))
            best = min(best, time.process_time() - began)
        return best

    few = measure(write_visits(collection, *range(10)))
    many = measure(write_visits(collection, *range(10_000)))
    assert many < few * 10
