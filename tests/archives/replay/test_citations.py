"""A sentence is found where it stands, and anybody with the file can check it; nothing else holds."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archives.captures.deduplication import Originals
from archives.errors import RecordError
from archives.index.catalogue import CollectionIndex
from archives.replay.citations import cite_sentence, dump_citation, load_citation, prove_citation
from archives.transfer.importing import add_file
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archives.errors import ArchiveError
    from archives.replay.citations import Evidence
    from archives.storage.collection import Collection

URL = "http://example.com/a"
PAGE = (
    "<script>The bridge is closed.</script><p>The <b>br</b>idge\n opens &amp; closes "
    "at noon.</p><p>Second</p><p>line</p>"
)


def build_page(text: str) -> bytes:
    body = gzip.compress(text.encode())
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n"
    )
    return head % len(body) + b"\r\n" + body


def write_pages(collection: Collection, *pages: str) -> Path:
    with build_writer(collection, originals=Originals(collection)) as writer:
        for number, page in enumerate(pages):
            at = BEGAN_AT + timedelta(days=number)
            writer.write(build_exchange(number, url=URL, began_at=at, raw_response=build_page(page)))
    (path,) = collection.iter_warcs()
    return path


def cite(
    collection: Collection, sentence: str, on_unread: Callable[[ArchiveError], None] | None = None
) -> list[Evidence]:
    with CollectionIndex(collection) as index:
        return cite_sentence(index, URL, sentence, on_unread or pytest.fail)


@pytest.mark.parametrize("sentence", ["The bridge opens & closes at noon.", "bridge  opens", "Second line"])
def test_a_sentence_is_found_and_proved(collection: Collection, sentence: str) -> None:
    path = write_pages(collection, "<p>nothing yet</p>", PAGE)
    (evidence,) = cite(collection, sentence)
    assert (evidence.url, evidence.filename) == (URL, path.name)
    again = load_citation(json.loads(json.dumps(dump_citation(evidence))))
    assert prove_citation(again, [path]) == ""


@pytest.mark.parametrize("sentence", ["The bridge is closed.", "Secondline", "noon. Third", "", " "])
def test_what_is_not_shown_is_not_cited(collection: Collection, sentence: str) -> None:
    write_pages(collection, PAGE)
    assert cite(collection, sentence) == []


def test_a_capture_that_cannot_be_read_is_reported_and_passed_over(collection: Collection) -> None:
    path = write_pages(collection, PAGE, PAGE.replace("closes", "closes soon"))
    with CollectionIndex(collection) as index:
        first, _ = index.iter_captures(URL)
    data = bytearray(path.read_bytes())
    data[first.offset + first.length - 6] ^= 1
    path.write_bytes(data)
    errors: list[ArchiveError] = []
    assert len(cite(collection, "at noon.", errors.append)) == 1
    assert [error.offset for error in errors if isinstance(error, RecordError)] == [first.offset]


def test_the_file_may_be_called_otherwise_and_lie_anywhere(collection: Collection, tmp_path: Path) -> None:
    path = write_pages(collection, PAGE)
    other = tmp_path / "copy.warc"
    other.write_bytes(gzip.decompress(path.read_bytes()))
    (evidence,) = cite(collection, "at noon.")
    assert prove_citation(evidence, [other]) == ""


def test_a_revisit_is_proved_by_its_original(collection: Collection) -> None:
    path = write_pages(collection, PAGE, PAGE)
    first, second = cite(collection, "at noon.")
    assert first.record_id == second.payload_record_id != second.record_id
    assert second.captured_at > first.captured_at
    assert prove_citation(second, [path]) == ""


def test_a_record_of_an_arc_file_is_proved_although_it_has_no_id(collection: Collection, tmp_path: Path) -> None:
    header = "filedesc://a.arc 0.0.0.0 20260101000000 text/plain 14\n1 0 newsreel\n\n\n"
    block = build_page(PAGE)
    lines = [f"{url} 192.0.2.7 20260101000000 text/html {len(block)}\n" for url in ("http://example.com/b", URL)]
    path = tmp_path / "a.arc"
    path.write_bytes(header.encode() + b"".join(line.encode() + block + b"\n" for line in lines))
    add_file(collection, path)
    (evidence,) = cite(collection, "at noon.")
    assert prove_citation(evidence, [path]) == ""
    assert "record of http://example.com/c is in none" in prove_citation(
        replace(evidence, url="http://example.com/c"), [path]
    )


def test_another_record_of_the_same_id_does_not_refute_a_citation(collection: Collection, tmp_path: Path) -> None:
    path = write_pages(collection, PAGE)
    (evidence,) = cite(collection, "at noon.")
    other = tmp_path / "other.warc"
    record = build_record(URL, b"other", number=1).replace(
        b"<urn:uuid:00000000-0000-4000-8000-000000000001>", evidence.record_id.encode()
    )
    other.write_bytes(record)
    assert prove_citation(evidence, [other, path]) == ""
    assert "has other bytes" in prove_citation(evidence, [other])


def test_a_file_that_cannot_be_read_is_named(collection: Collection, tmp_path: Path) -> None:
    write_pages(collection, PAGE)
    (evidence,) = cite(collection, "at noon.")
    (tmp_path / "page.zip").write_bytes(b"PK\x03\x04")
    assert "which cannot be read completely (page.zip: " in prove_citation(evidence, [tmp_path / "page.zip"])


def test_a_citation_that_is_wrong_in_anything_does_not_hold(collection: Collection, tmp_path: Path) -> None:
    path = write_pages(collection, PAGE)
    (evidence,) = cite(collection, "at noon.")
    for wrong, words in (
        (replace(evidence, sentence="at midnight."), "the sentence does not stand in the record"),
        (replace(evidence, block_sha256="0" * 64), "has other bytes than were cited"),
        (replace(evidence, url="http://example.com/b"), "is of another address or date"),
        (replace(evidence, captured_at="2020-01-01T00:00:00.000000Z"), "is of another address or date"),
        (replace(evidence, payload_record_id="<urn:uuid:0>"), "is in none of"),
    ):
        assert words in prove_citation(wrong, [path])
    assert "is in none of no files" in prove_citation(evidence, [])
    right = dump_citation(evidence)
    for document in ([], {}, {"format": right["format"]}, {**right, "more": 1}, {**right, "sentence": 5}):
        with pytest.raises(ValueError, match="not a citation"):
            load_citation(document)
