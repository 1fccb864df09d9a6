"""The Parquet index says what the catalogue says, to us and to others."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archives.__main__ import main
from archives.errors import CollectionError
from archives.index import cold
from archives.index.catalogue import CollectionIndex
from archives.index.cold import COLD_NAME, ColdIndex, write_cold_index
from archives.storage.collection import Collection
from archives.warc.reader import read_capture
from benchmarks import cold as benchmark
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyarrow")
FIELDS = ("urlkey", "url", "captured_at", "status", "mime", "digest", "filename", "offset", "length")
NAMES = ("a", "b?x=1", "ü", "z" * 200)


@pytest.fixture
def papers(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """A hundred and twenty captures in row groups of seven, one address filling several of them."""
    monkeypatch.setattr(cold, "GROUP_ROWS", 7)
    rng = random.Random(3)
    with build_writer(collection) as writer:
        for number in range(120):
            name = "often" if number % 3 else rng.choice(NAMES)
            at = BEGAN_AT + timedelta(seconds=rng.randrange(10**6), microseconds=rng.randrange(10**6))
            url = f"http://news.example/{name}"
            raw = b"HTTP/1.1 %d OK\r\nContent-Type: text/html\r\n\r\n%d" % (rng.choice([200, 404]), number)
            writer.write(build_exchange(url=url, began_at=at, raw_response=raw))
    assert write_cold_index(collection) == 120
    return collection


def test_it_finds_what_the_catalogue_finds(papers: Collection) -> None:
    rng = random.Random(4)
    with CollectionIndex(papers) as index, ColdIndex(papers.indexes_dir / COLD_NAME) as found:
        assert len(found) == 120
        for name in (*NAMES, "often", "never"):
            url = f"http://news.example/{name}"
            wanted = list(index.iter_captures(url))
            captures = list(found.iter_captures(url))
            for one, other in zip(wanted, captures, strict=True):
                for field in FIELDS:
                    assert getattr(one, field) == getattr(other, field), field
            for at in (None, *(BEGAN_AT + timedelta(seconds=rng.randrange(-9, 10**6)) for _ in range(40))):
                one, other = index.find_nearest(url, at), found.find_nearest(url, at)
                assert (one and one.offset) == (other and other.offset), (name, at)
        nearest = found.find_nearest("http://news.example/often", BEGAN_AT)
        assert nearest is not None
        capture = read_capture(papers, nearest.filename, nearest.offset)
        assert (capture.captured_at, capture.payload_digest) == (nearest.captured_at, nearest.digest)


def test_duckdb_reads_it_as_it_is(papers: Collection) -> None:
    duckdb = pytest.importorskip("duckdb")
    ask = (
        "SELECT url_host_name, fetch_status, count(*), min(fetch_time) < max(fetch_time), sum(warc_record_length) > 0 "
        f"FROM '{papers.indexes_dir / COLD_NAME}' WHERE url_surtkey = 'example,news)/often' GROUP BY ALL ORDER BY 2"
    )
    rows = duckdb.connect().execute(ask).fetchall()
    assert [row[:2] for row in rows] == [("news.example", 200), ("news.example", 404)]
    assert sum(row[2] for row in rows) == 80


def test_it_says_when_it_is_out_of_date_or_not_there(
    papers: Collection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ColdIndex(papers.indexes_dir / COLD_NAME) as found:
        assert found.is_current(papers)
        with build_writer(papers, token="later") as writer:
            writer.write(build_exchange(url="http://news.example/new"))
        assert not found.is_current(papers)
    assert main(["index", "--cold", str(papers.path)]) == 0
    assert "121 captures in cold.parquet" in capsys.readouterr().out
    with pytest.raises(CollectionError, match="index --cold"):
        ColdIndex(tmp_path / COLD_NAME)
    (tmp_path / COLD_NAME).write_bytes(b"PAR1 no")
    with pytest.raises(CollectionError, match="cannot be read"):
        ColdIndex(tmp_path / COLD_NAME)
    empty = Collection.open(tmp_path, "empty", create=True)
    assert write_cold_index(empty) == 0
    with ColdIndex(empty.indexes_dir / COLD_NAME) as found:
        assert found.find_nearest("http://news.example/") is None


def test_a_capture_takes_no_more_than_sixty_bytes(tmp_path: Path) -> None:
    figures = benchmark.measure(tmp_path / "c", 4_000)
    assert figures["bytes a capture"] <= 60
