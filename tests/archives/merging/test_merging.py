"""Small files become one a day: the same bytes, the same captures, and every proof still holds."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives.erasure.register import Erasure, load_register
from archives.erasure.tombstones import erase_records
from archives.index.catalogue import CollectionIndex
from archives.index.sidecars import rebuild
from archives.merging.merge import finish_merges, merge_files, plan_merges
from archives.merging.parts import WrittenFiles, find_parts_file, load_merge
from archives.signed_log.keys import SigningKey
from archives.signed_log.log import extend_log, read_log
from archives.storage.collection import STORED_SUFFIX, Collection
from archives.storage.files import hash_file
from archives.storage.remote_files import Stored, write_stored
from archives.verify.fixity import verify_collection
from archives.warc.reader import read_capture
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer, count_ids
from tests.project import ROOT

if TYPE_CHECKING:
    from archives.merging.parts import Merge
    from archives.verify.findings import Problem

AT = "2026-11-30T08:00:00Z"
DAY = f"{BEGAN_AT:%Y%m%d}"


def write_run(collection: Collection, number: int, *, at: datetime = BEGAN_AT, source: str = "paper") -> Path:
    """One run of one capture, with the manifest that it leaves."""
    with build_writer(
        collection,
        token=f"00000{number}",
        clock=lambda: at,
        info={"source": source},
        new_id=count_ids(1 + 100 * number),
    ) as writer:
        location = writer.write(build_exchange(number))
    path = collection.archive_dir / location.filename
    noted = {"name": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
    (collection.runs_dir / f"{number}.json").write_text(json.dumps({"files": [noted]}))
    return path


@pytest.fixture
def paths(collection: Collection) -> list[Path]:
    return [write_run(collection, number) for number in range(3)]


def merge_all(collection: Collection, *, before: str = "99991231", max_bytes: int = 10**9) -> list[Merge]:
    plans = plan_merges(collection, before=before, max_bytes=max_bytes)
    damage: list[Exception] = []
    merges = [merge_files(collection, plan, at=AT, on_damage=damage.append) for plan in plans]
    assert not damage
    return [merge for merge in merges if merge]


def list_kinds(collection: Collection) -> list[str]:
    notes: list[Problem] = []
    found = [problem.kind for problem in verify_collection(collection, on_note=notes.append)]
    return found + [note.kind for note in notes if note.kind.startswith("unlogged")]


def test_bytes_are_joined_and_every_capture_is_found_in_its_new_place(
    collection: Collection, paths: list[Path]
) -> None:
    data = b"".join(path.read_bytes() for path in paths)
    with CollectionIndex(collection) as index:
        before = {entry.record_id: read_capture(collection, entry).block for entry in index.iter_entries()}
    names = [path.name for path in paths]
    (merge,) = merge_all(collection)
    (warc,) = collection.iter_warcs()
    assert warc.read_bytes() == data
    assert warc.name.startswith(f"news-{DAY}-00000-")
    with CollectionIndex(collection) as index:
        entries = list(index.iter_entries())
    assert {entry.record_id: read_capture(collection, entry).block for entry in entries} == before
    assert [part.name for part in merge.parts] == names
    written = WrittenFiles(collection)
    assert [written.find_name(entry.filename, entry.offset) for entry in entries] == names
    assert list_kinds(collection) == []
    assert list(collection.iter_sidecars()) == [collection.sidecar_path(warc.name)]
    assert plan_merges(collection, before="99991231", max_bytes=10**9) == []


def test_what_is_not_to_be_joined_stays(collection: Collection) -> None:
    one, two = write_run(collection, 0), write_run(collection, 1, source="other")
    later = write_run(collection, 2, at=datetime(2026, 3, 5, tzinfo=UTC))
    stored = write_run(collection, 3)
    stored.with_name(stored.name + STORED_SUFFIX).write_text("{}")
    assert merge_all(collection) == [], "another source, another day, in object storage"
    four = write_run(collection, 4)
    assert merge_all(collection, before=DAY) == [], "not yet past"
    assert merge_all(collection, max_bytes=one.stat().st_size) == [], "two would be too large"
    running = write_run(collection, 5)
    (collection.archive_dir / f"news-{DAY}235959-00001-000005.warc.gz.open").touch()
    (merge,) = merge_all(collection)
    assert [part.name for part in merge.parts] == [one.name, four.name]
    left = {warc.name for warc in collection.iter_warcs()} - {merge.name, stored.name}
    assert left == {two.name, later.name, running.name}


def test_a_damaged_file_is_named_and_left_alone(collection: Collection, paths: list[Path]) -> None:
    data = paths[1].read_bytes()
    paths[1].write_bytes(data[:-20])
    (plan,) = plan_merges(collection, before="99991231", max_bytes=10**9)
    damage: list[Exception] = []
    merge = merge_files(collection, plan, at=AT, on_damage=damage.append)
    assert merge is not None
    assert ([part.name for part in merge.parts], len(damage)) == ([paths[0].name, paths[2].name], 1)
    assert paths[1].read_bytes() == data[:-20]


@pytest.mark.parametrize("how", ["one byte", "shorter", "gone", "list of parts"])
def test_a_merged_file_that_was_changed_is_found(collection: Collection, paths: list[Path], how: str) -> None:
    """The manifests name files that are no longer there; they still prove that their bytes are."""
    (merge,) = merge_all(collection)
    path = collection.archive_dir / merge.name
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "shorter":
        path.write_bytes(data[: merge.parts[2].offset])
    elif how == "one byte":
        at = merge.parts[1].offset + merge.parts[1].bytes // 2
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    else:
        find_parts_file(collection, merge.name).unlink()
    assert "missing-file" in list_kinds(collection)
    del paths


def test_the_signed_log_follows(collection: Collection, paths: list[Path], tmp_path: Path) -> None:
    key = SigningKey.load(tmp_path / "key.pem", create=True)
    assert extend_log(collection, key) == len(paths)
    merge_all(collection)
    assert list_kinds(collection) == ["unlogged-file"]
    assert extend_log(collection, key) == 1
    assert [entry.fields["event"] for entry in read_log(collection)] == ["closed"] * 3 + ["merged"]
    assert list_kinds(collection) == []
    (warc,) = collection.iter_warcs()
    data = warc.read_bytes()
    warc.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "missing-file" in list_kinds(collection)


def test_an_erasure_before_and_one_after_are_accounted_for(collection: Collection, paths: list[Path]) -> None:
    register = load_register(collection)

    def erase(path: Path, number: int) -> None:
        erased = erase_records(path, lambda record: record.url == f"http://example.com/{number}", at=AT, reason="")
        assert erased
        register.add(Erasure(at=AT, files=(erased,)))

    erase(paths[0], 0)
    (merge,) = merge_all(collection)
    erase(collection.archive_dir / merge.name, 1)
    assert [kind for kind in list_kinds(collection) if kind in ("missing-file", "changed-file")] == []


def test_parts_that_came_back_beside_their_merged_file_go(collection: Collection, paths: list[Path]) -> None:
    kept = paths[0].read_bytes()
    (merge,) = merge_all(collection)
    paths[0].write_bytes(kept)
    assert finish_merges(collection) == [merge]
    assert (paths[0].exists(), list_kinds(collection)) == (False, [])
    assert load_merge(collection, merge.name) == merge


def test_a_part_that_came_back_goes_also_where_its_merged_file_is_in_object_storage(
    collection: Collection, paths: list[Path]
) -> None:
    kept = paths[0].read_bytes()
    (merge,) = merge_all(collection)
    warc = collection.archive_dir / merge.name
    write_stored(warc, Stored(url=f"s3://bucket/{merge.name}", bytes=merge.bytes, sha256=merge.sha256))
    warc.unlink()
    paths[0].write_bytes(kept)
    assert finish_merges(collection) == [merge]
    assert not paths[0].exists()
    assert load_merge(collection, merge.name) == merge


def test_a_part_that_came_back_beside_a_changed_merged_file_stays_and_is_named(
    collection: Collection, paths: list[Path]
) -> None:
    kept = paths[0].read_bytes()
    (merge,) = merge_all(collection)
    erased = erase_records(collection.archive_dir / merge.name, lambda record: record.url != "", at=AT, reason="")
    assert erased
    load_register(collection).add(Erasure(at=AT, files=(erased,)))
    paths[0].write_bytes(kept)
    assert finish_merges(collection) == []
    assert paths[0].read_bytes() == kept
    rebuild(collection)
    assert list_kinds(collection) == ["duplicate-record-id"]


def test_a_merge_killed_at_any_change_loses_nothing_and_holds_nothing_twice(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    for number in range(3):
        write_run(collection, number)
    script = Path(__file__).with_name("killed_merges.py")
    done = subprocess.run(
        [sys.executable, script, collection.path.parent],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *killed, whole = done.stdout.splitlines()
    assert whole == "False 1 1 True"
    assert len(killed) > 15
    assert set(killed) == {"True 3 0 True", "True 1 1 True"}, killed
