"""A sentence is found where it stands, and anybody with the file can check it; nothing else holds."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from archives.captures.deduplication import Originals
from archives.index.catalogue import CollectionIndex
from archives.replay.citations import cite_sentence, dump_citation, load_citation, prove_citation
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer

if TYPE_CHECKING:
    from pathlib import Path

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


def cite(collection: Collection, sentence: str) -> list[Evidence]:
    with CollectionIndex(collection) as index:
        return cite_sentence(index, URL, sentence)


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
    for document in ([], {}, {"format": "newsreel-citation/1"}, {**dump_citation(evidence), "more": 1}):
        with pytest.raises(ValueError, match="not a citation"):
            load_citation(document)
