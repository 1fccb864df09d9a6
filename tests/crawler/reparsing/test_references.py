"""A post refers to the capture it was read from; `scrapy verify` says so where that is not there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from archives.storage.collection import Collection
from crawler.reparsing.references import verify_references
from pipelines.page.document import CaptureRef
from pipelines.posts.filing import Claim
from pipelines.posts.items import Origin, Post, Statement
from pipelines.posts.ledger import Ledger
from tests.archives.conftest import build_exchange, build_writer
from tests.project import run_scrapy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection.open(tmp_path, "news", create=True)


def write_capture(collection: Collection) -> CaptureRef:
    with build_writer(collection) as writer:
        location = writer.write(build_exchange())
    return CaptureRef(
        record_id=location.record_id,
        captured_at=location.captured_at,
        payload_digest=location.payload_digest,
        file=location.filename,
        offset=location.offset,
    )


def write_post(collection: Collection, capture: CaptureRef) -> None:
    ledger = Ledger(collection.indexes_dir / "ledger.sqlite")
    said: dict[str, Any] = {
        "source": "news",
        "identifier": "1",
        "origin": Origin.ARTICLE,
        "headline": "Tide",
        "capture": capture,
    }
    ledger.add(Statement(**said, is_normalised=True))
    post = Post(**said)
    ledger.record_filed(post, "new")
    ledger.record_name(Claim(key=post.key, claim="tide.md", file="tide.md"))
    ledger.close()


def test_a_collection_without_posts_refers_to_nothing(collection: Collection) -> None:
    write_capture(collection)
    assert verify_references(collection) == []


def test_a_reference_that_resolves(collection: Collection) -> None:
    write_post(collection, write_capture(collection))
    assert verify_references(collection) == []


def test_a_reference_into_a_file_that_is_gone(collection: Collection, tmp_path: Path) -> None:
    capture = write_capture(collection)
    write_post(collection, capture)
    (collection.archive_dir / capture.file).unlink()
    collection.sidecar_path(capture.file).unlink()
    (problem,) = verify_references(collection)
    assert (problem.kind, problem.offset, problem.record_id) == ("dangling-post", capture.offset, capture.record_id)
    assert problem.message.startswith(f"post tide.md refers to {capture.record_id} in {capture.file} at offset ")
    assert "which is in no file; restore the file" in problem.message
    done = run_scrapy("verify", "news", data=tmp_path)
    assert (done.returncode, done.stdout) == (1, f"news: {problem.message}\n")


def test_a_reference_to_another_place_than_the_index_knows(collection: Collection) -> None:
    capture = write_capture(collection)
    write_post(collection, replace(capture, offset=capture.offset + 1))
    (problem,) = verify_references(collection)
    assert f"which is in {capture.file} at offset {capture.offset};" in problem.message


def test_a_reference_into_a_file_that_is_being_written(collection: Collection) -> None:
    capture = write_capture(collection)
    path = collection.archive_dir / capture.file
    path.rename(path.with_name(path.name + ".open"))
    write_post(collection, capture)
    assert verify_references(collection) == []
