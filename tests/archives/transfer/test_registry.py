"""The registry: what one place has closed and stored, every other learns, and reads as if it were its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from archives.captures.deduplication import Originals
from archives.errors import RegistryError
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import dump_line
from archives.index.sidecars import build_sidecar, write_sidecar
from archives.storage.collection import Collection
from archives.storage.schemes import Bucket
from archives.transfer.registry import Registry, find_place
from archives.transfer.upload import Place, store_file
from archives.urls import describe_url
from archives.verify.fixity import verify_collection
from archives.warc.reader import read_capture
from tests.archives.conftest import count_ids, write_file
from tests.archives.moto_server import BUCKET
from tests.postgres_server import PostgresServer
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACE = Place(scheme="s3", bucket=BUCKET, prefix="news/")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as found:
        yield found


@pytest.fixture
def url(server: PostgresServer) -> str:
    return server.make_database()


@pytest.fixture
def here(tmp_path: Path) -> Collection:
    return Collection.open(tmp_path / "here", "news", create=True)


@pytest.fixture
def there(tmp_path: Path) -> Collection:
    return Collection.open(tmp_path / "there", "news", create=True)


def exchange(url: str, collection: Collection) -> int:
    with Registry(url, collection) as registry:
        registry.publish()
        return len(registry.fetch())


def test_every_place_has_a_name_of_its_own_and_keeps_it(here: Collection, there: Collection) -> None:
    assert find_place(here) == find_place(here) != find_place(there)


def test_what_is_stored_there_is_read_here(here: Collection, there: Collection, url: str, depot: Bucket) -> None:
    warc = write_file(there)
    store_file(there, warc, depot, PLACE)
    exchange(url, there)

    assert exchange(url, here) == 1
    assert not (here.archive_dir / warc.name).exists()
    assert here.sidecar_path(warc.name).read_bytes() == there.sidecar_path(warc.name).read_bytes()
    with CollectionIndex(here) as index:
        entry = index.find_nearest("http://example.com/0")
        assert entry is not None
        capture = read_capture(here, entry)
    with CollectionIndex(there) as index:
        original = index.find_nearest("http://example.com/0")
        assert original is not None
        assert read_capture(there, original).block == capture.block
    assert not verify_collection(here)


def test_what_is_there_only_cannot_be_read_here_and_is_not_offered(
    here: Collection, there: Collection, url: str
) -> None:
    write_file(there)
    exchange(url, there)
    assert exchange(url, here) == 0
    with CollectionIndex(here) as index:
        assert index.count_entries() == 0


def test_a_payload_that_another_machine_has_stored_is_kept_once(
    here: Collection, there: Collection, url: str, depot: Bucket
) -> None:
    store_file(there, write_file(there), depot, PLACE)
    exchange(url, there)
    exchange(url, here)
    originals = Originals(here)
    with CollectionIndex(there) as index:
        entry = next(iter(index.iter_entries()))
    found = originals.find_identical(entry.digest, is_chunked=False)
    originals.close()
    assert found is not None
    assert found.record_id == entry.record_id


def test_telling_twice_tells_nothing_new(there: Collection, url: str, depot: Bucket) -> None:
    warc = write_file(there)
    with Registry(url, there) as registry:
        assert registry.publish() == 1
        assert registry.publish() == 0
        store_file(there, warc, depot, PLACE)
        assert registry.publish() == 1
        assert registry.publish() == 0


def test_a_file_that_is_gone_there_is_reported_no_more(here: Collection, there: Collection, url: str) -> None:
    warc = write_file(there)
    write_file(here, token="t1", new_id=count_ids(100))
    exchange(url, there)
    exchange(url, here)
    warc.unlink()
    there.sidecar_path(warc.name).unlink()
    exchange(url, there)
    assert [name for name, _ in list_rows(url)] == [path.name for path in here.iter_warcs()]


def test_a_file_whose_local_copy_was_removed_stays_known(
    here: Collection, there: Collection, url: str, depot: Bucket
) -> None:
    warc = write_file(there)
    store_file(there, warc, depot, PLACE)
    warc.unlink()
    exchange(url, there)
    assert exchange(url, here) == 1
    # What came from elsewhere is not registered as one's own, and not dropped with it.
    exchange(url, here)
    exchange(url, there)
    assert list_rows(url) == [(warc.name, find_place(there))]


def test_collections_of_other_names_are_others(tmp_path: Path, there: Collection, url: str, depot: Bucket) -> None:
    store_file(there, write_file(there), depot, PLACE)
    exchange(url, there)
    assert exchange(url, Collection.open(tmp_path / "here", "finance", create=True)) == 0


def test_a_lost_registry_is_made_again(
    here: Collection, there: Collection, server: PostgresServer, url: str, depot: Bucket
) -> None:
    store_file(there, write_file(there), depot, PLACE)
    exchange(url, there)
    another = server.make_database()
    exchange(another, there)
    assert list_rows(another) == list_rows(url)
    assert exchange(another, here) == 1


def test_a_lost_directory_of_indexes_loses_nothing(
    here: Collection, there: Collection, url: str, depot: Bucket
) -> None:
    """The directory has another name from then on, and what it had not stored yet is still its own."""
    warc = write_file(there)
    exchange(url, there)
    shutil.rmtree(there.indexes_dir)
    exchange(url, there)
    assert list_rows(url) == [(warc.name, find_place(there))]
    write_sidecar(there, warc.name, map(dump_line, build_sidecar(warc)))
    store_file(there, warc, depot, PLACE)
    exchange(url, there)
    assert exchange(url, here) == 1


def test_many_places_begin_at_once(tmp_path: Path, url: str) -> None:
    """The first process makes the tables; nobody fails over it."""
    failures: list[BaseException] = []

    def begin(number: int) -> None:
        try:
            exchange(url, Collection.open(tmp_path / str(number), "news", create=True))
        except BaseException as error:  # noqa: BLE001 (a thread's failure is passed to the test)
            failures.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("filename", "../../evil.warc.gz"),
        ("filename", "/evil.warc.gz"),
        ("filename", "evil.sh"),
        ("filename", ".warc.gz"),
        ("url", "file:///etc/passwd"),
    ],
)
def test_what_a_registry_should_not_say_is_refused(
    here: Collection, there: Collection, url: str, depot: Bucket, *, column: str, value: str
) -> None:
    store_file(there, write_file(there), depot, PLACE)
    exchange(url, there)
    run_sql(url, f"UPDATE newsreel.warc SET {column} = %s", value)
    before = sorted(path for path in here.path.parent.parent.rglob("*"))
    with pytest.raises(RegistryError, match="remove"):
        exchange(url, here)
    assert set(here.path.parent.parent.rglob("*")) - set(before) <= {here.indexes_dir / "place"}


@pytest.mark.parametrize("key", ["com,example)/a\ncom,example)/b 2026 {}", "com,example)/ a", ""])
def test_a_row_that_would_make_two_lines_is_refused(
    here: Collection, there: Collection, url: str, depot: Bucket, key: str
) -> None:
    store_file(there, write_file(there), depot, PLACE)
    exchange(url, there)
    run_sql(url, "UPDATE newsreel.capture SET urlkey = %s", key)
    with pytest.raises(RegistryError, match="with what cannot be"):
        exchange(url, here)
    assert not list(here.iter_warcs())


def test_a_server_that_is_away_is_named_without_its_password(
    here: Collection, server: PostgresServer, url: str
) -> None:
    wrong = url.replace(server.password, "another-word")
    with pytest.raises(RegistryError) as refused:
        Registry(wrong, here)
    assert "another-word" not in str(refused.value)
    assert f"127.0.0.1:{server.port}" in str(refused.value)
    with pytest.raises(RegistryError, match="cannot reach the catalogue at postgresql://127"):
        Registry("postgresql://user:secret@127.0.0.1:1/news", here)
    with pytest.raises(RegistryError, match="CATALOGUE_URL must be postgresql"):
        Registry("mysql://127.0.0.1/news", here)


def test_a_server_that_goes_away_says_so(here: Collection) -> None:
    with PostgresServer() as server, Registry(server.make_database(), here) as registry:
        write_file(here)
        server.kill()
        with pytest.raises(RegistryError, match="refuses"):
            registry.publish()
        server.start()


def test_addresses_are_shown_without_what_is_secret() -> None:
    assert (
        describe_url("postgresql://me:word@db.example:5432/news?sslmode=require") == "postgresql://db.example:5432/news"
    )


def test_the_archive_needs_no_driver() -> None:
    code = "import sys, archives.transfer.registry; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def list_rows(url: str) -> list[tuple[str, str]]:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT filename, place FROM newsreel.warc ORDER BY filename").fetchall()


def run_sql(url: str, statement: str, *values: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url) as connection:
        connection.execute(statement, values)
