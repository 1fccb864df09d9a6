"""A file that is whole by itself may still not be the one that a run wrote."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from archives.captures.writer import WarcWriter
from archives.index.sidecars import rebuild
from archives.storage.collection import Collection
from archives.verify.fixity import verify_collection

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """One file of three records and the manifest of the run that wrote it."""
    collection = Collection.open(tmp_path, "lamp", create=True)
    writer = WarcWriter(collection, info={}, prefix="lamp", clock=lambda: datetime(2026, 3, 4, tzinfo=UTC))
    for number in range(3):
        writer.write_resource(f"urn:lamp:{number}", "text/plain", b"lamp %d" % number)
    writer.close()
    (warc,) = collection.iter_warcs()
    digest = hashlib.sha256(warc.read_bytes()).hexdigest()
    noted = [{"name": warc.name, "bytes": warc.stat().st_size, "sha256": digest}, {"name": 1}, None]
    collection.runs_dir.mkdir(exist_ok=True)
    (collection.runs_dir / "20260304-abc.json").write_text(json.dumps({"run": "20260304-abc", "files": noted}))
    (collection.runs_dir / "broken.json").write_text("{")
    return collection


def list_kinds(collection: Collection) -> list[str]:
    return [problem.kind for problem in verify_collection(collection)]


def cut(warc: Path) -> None:
    """Cut between the last two records."""
    content = warc.read_bytes()
    warc.write_bytes(content[: content.rindex(b"\x1f\x8b\x08")])


def test_a_file_as_it_was_written_is_whole(collection: Collection) -> None:
    assert list_kinds(collection) == []


def test_a_file_cut_between_records_and_indexed_again_is_named(collection: Collection) -> None:
    (warc,) = collection.iter_warcs()
    cut(warc)
    rebuild(collection)
    (problem,) = verify_collection(collection)
    assert (problem.kind, problem.path) == ("shortened-file", warc)
    assert "is shorter than it was" in problem.message
    assert "restore it from a copy" in problem.message


def test_a_file_removed_with_its_sidecar_is_named(collection: Collection) -> None:
    (warc,) = collection.iter_warcs()
    warc.unlink()
    collection.sidecar_path(warc.name).unlink()
    assert list_kinds(collection) == ["missing-file"]


def test_a_file_that_was_emptied_is_named(collection: Collection) -> None:
    (warc,) = collection.iter_warcs()
    warc.write_bytes(b"")
    collection.sidecar_path(warc.name).write_bytes(b"")
    assert "emptied-file" in list_kinds(collection)


def test_another_file_of_the_same_length_is_named(collection: Collection) -> None:
    """The time stamp in the head of a gzip member belongs to no record."""
    (warc,) = collection.iter_warcs()
    content = bytearray(warc.read_bytes())
    content[4] ^= 1
    warc.write_bytes(content)
    assert list_kinds(collection) == ["changed-file"]
