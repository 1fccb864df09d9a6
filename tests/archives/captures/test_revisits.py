"""Revisits of every tool in the corpus find their originals, by whatever they say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archives.captures.revisits import read_resolved
from archives.errors import NotArchived
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME
from archives.transfer.importing import add_file
from archives.warc.digests import matches_digest

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

# Files, and how many of their revisits have an original in them.
FILES = {
    "webrecorder__pywb__iana.warc.gz": (123, 123),
    "local__warcprox-2.13.1-dedup.warc.gz": (14, 14),
    "webrecorder__warcio__example.warc.gz": (1, 1),
    "webrecorder__pywb__dupes.warc.gz": (9, 1),
}


@pytest.mark.parametrize("name", FILES)
def test_revisits_of_other_tools(collection: Collection, corpus: Path, name: str) -> None:
    add_file(collection, corpus / name)
    index = CollectionIndex(collection)
    revisits = [entry for entry in index.iter_entries() if entry.mime == REVISIT_MIME]
    found = 0
    for entry in revisits:
        try:
            capture = read_resolved(index, entry)
        except NotArchived:
            continue
        found += 1
        assert capture.original is not None
        assert capture.original.type != "revisit"
        assert capture.original.payload_digest == entry.digest
        assert capture.payload == capture.original.payload
    assert (len(revisits), found) == FILES[name]


def test_an_original_in_another_file(collection: Collection, corpus: Path) -> None:
    add_file(collection, corpus / "webrecorder__pywb__example-url-agnostic-revisit.warc.gz")
    add_file(collection, corpus / "webrecorder__pywb__example-url-agnostic-orig.warc.gz")
    index = CollectionIndex(collection)
    (entry,) = [entry for entry in index.iter_entries() if entry.mime == REVISIT_MIME]
    capture = read_resolved(index, entry)
    assert capture.original is not None
    assert capture.original.url != capture.url
    assert matches_digest(entry.digest, capture.payload)


def test_every_shape_of_revisit_is_understood(collection: Collection, corpus: Path) -> None:
    """The matrix of shapes: ours is the only reader that needs none of the fields replay tools insist on."""
    add_file(collection, corpus / "local__interop-matrix.warc.gz")
    index = CollectionIndex(collection)
    revisits = [entry for entry in index.iter_entries() if entry.mime == REVISIT_MIME]
    assert len(revisits) > 8
    for entry in revisits:
        capture = read_resolved(index, entry)
        assert b"MARK-" in capture.decode()
        assert capture.head.status == 200
