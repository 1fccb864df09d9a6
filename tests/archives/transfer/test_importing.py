"""Files of other tools come in whole, beside what is there, and can be read at once."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from archives.errors import CollectionError
from archives.index.catalogue import CollectionIndex
from archives.transfer.importing import add_file, add_stream
from archives.verify.fixity import verify_collection
from archives.warc.reader import read_capture
from tests.archives.conftest import limit_file_size, write_file

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection

FOREIGN = "webrecorder__pywb__iana.warc.gz"


@pytest.mark.parametrize("name", [FOREIGN, "webrecorder__pywb__example.arc.gz", "webrecorder__pywb__example.arc"])
def test_a_foreign_file_comes_in_and_can_be_read(collection: Collection, corpus: Path, name: str) -> None:
    write_file(collection)
    added = add_file(collection, corpus / name)
    assert added.path.read_bytes() == (corpus / name).read_bytes()
    assert (added.is_new, added.damage) == (True, [])
    listed = [entry for entry in CollectionIndex(collection).iter_entries() if entry.filename == name]
    assert len(listed) == added.captures > 0
    for entry in listed:
        assert read_capture(collection, entry).url == entry.url
    assert verify_collection(collection) == []


def test_the_same_bytes_come_in_once(collection: Collection, corpus: Path) -> None:
    first, second = (add_file(collection, corpus / FOREIGN) for _ in range(2))
    assert first.path == second.path
    assert (first.is_new, second.is_new) == (True, False)
    assert len(list(collection.iter_warcs())) == 1


def test_a_plain_file_is_not_named_like_a_compressed_one(collection: Collection) -> None:
    data = gzip.decompress(write_file(collection, 2).read_bytes())
    added = add_stream(collection, "odd.warc.gz", BytesIO(data))
    assert (added.path.name, added.captures, added.path.read_bytes()) == ("odd.warc", 2, data)
    # An earlier version kept the name.
    kept = added.path.rename(added.path.with_name("odd.warc.gz"))
    added = add_stream(collection, "odd.warc.gz", BytesIO(data))
    assert (added.path, added.is_new) == (kept, False)


def test_other_bytes_of_the_same_name_get_another_name(collection: Collection) -> None:
    path = write_file(collection, 3)
    data = path.read_bytes()
    added = add_stream(collection, path.name, BytesIO(write_file(collection, 1, token="t1").read_bytes()))
    assert path.read_bytes() == data
    assert added.path.name.startswith(path.name.removesuffix(".warc.gz") + "-")
    assert added.captures == 1


def test_damage_at_the_start_of_a_file_costs_one_record(collection: Collection, tmp_path: Path) -> None:
    data = bytearray(write_file(collection, 3).read_bytes())
    data[30] ^= 0xFF
    given = tmp_path / "damaged.warc.gz"
    given.write_bytes(data)
    added = add_file(collection, given)
    assert (added.captures, len(added.damage)) == (3, 1)


def test_two_files_never_share_a_sidecar(collection: Collection, corpus: Path) -> None:
    add_file(collection, corpus / "webrecorder__warcio__example.warc.gz")
    plain = add_file(collection, corpus / "webrecorder__warcio__example.warc")
    assert plain.path.name != "webrecorder__warcio__example.warc"
    assert len({collection.sidecar_path(warc.name) for warc in collection.iter_warcs()}) == 2


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("page.html", b"<html>", "is not called .warc.gz"),
        ("a.warc.gz", b"", "it is empty"),
        ("a.warc.gz", b"\x1f\x8b\x08 not really", "holds no record that can be read"),
        ("a.warc", b"<html>", "holds no record that can be read"),
    ],
)
def test_what_is_no_archive_is_refused(collection: Collection, name: str, data: bytes, words: str) -> None:
    with pytest.raises(CollectionError, match=words):
        add_stream(collection, name, BytesIO(data))
    assert list(collection.archive_dir.iterdir()) == []


def test_names_cannot_lead_out_of_the_collection(collection: Collection, corpus: Path) -> None:
    with (corpus / FOREIGN).open("rb") as stream:
        added = add_stream(collection, "../../-./é x.warc.gz", stream)
    assert added.path.parent == collection.archive_dir
    assert added.path.name == "x.warc.gz"


def test_damage_is_reported_and_the_rest_is_listed(collection: Collection, corpus: Path) -> None:
    added = add_file(collection, corpus / "local__truncated-tail.warc.gz")
    assert [error.offset for error in added.damage] == [6667]
    assert added.captures == 15


def test_a_full_disk_leaves_nothing(collection: Collection, corpus: Path) -> None:
    with limit_file_size(1000), pytest.raises(OSError, match="too large"):
        add_file(collection, corpus / FOREIGN)
    assert list(collection.archive_dir.iterdir()) == []
