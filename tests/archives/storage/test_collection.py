"""A collection's name cannot leave its directory, and a missing one says what there is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from archives.errors import CollectionError
from archives.storage.collection import Collection, list_collections

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_collection_has_its_directories(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    assert collection.path == tmp_path / "collections" / "news"
    assert sorted(path.name for path in collection.path.iterdir()) == ["archive", "indexes", "pages", "runs"]
    assert [*collection.archive_dir.iterdir(), *collection.indexes_dir.iterdir()] == []
    assert collection.name == "news"
    assert Collection.open(tmp_path, "news").path == collection.path


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-a", ".hidden", "a b", "é", "a\n", "a" * 65])
def test_names_stay_in_their_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(CollectionError, match="not a collection name; use 1 to 64"):
        Collection.open(tmp_path, name, create=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "A.b-c_1", "0", "a" * 64])
def test_good_names(tmp_path: Path, name: str) -> None:
    assert Collection.open(tmp_path, name, create=True).name == name


def test_a_missing_collection_names_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="there is none yet"):
        Collection.open(tmp_path, "news")
    for name in ("b", "a"):
        Collection.open(tmp_path, name, create=True)
    with pytest.raises(CollectionError, match=r"no collection 'news' .* there are a, b") as caught:
        Collection.open(tmp_path, "news")
    assert caught.value.path == tmp_path / "collections" / "news"
    assert list_collections(tmp_path) == ["a", "b"]


def test_a_collection_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "collections").write_text("in the way")
    with pytest.raises(CollectionError, match=r"cannot write to collection 'news' in .*give this user"):
        Collection.open(tmp_path, "news", create=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_collection_is_found_out(tmp_path: Path) -> None:
    archive = Collection.open(tmp_path, "news", create=True).archive_dir
    archive.chmod(0o500)
    try:
        with pytest.raises(CollectionError, match="cannot write"):
            Collection.open(tmp_path, "news", create=True)
    finally:
        archive.chmod(0o700)


def test_closed_and_open_files_are_told_apart(collection: Collection) -> None:
    for name in (
        "b.warc.gz",
        "a.warc.gz",
        "c.warc",
        "d.arc.gz",
        "e.warc.gz.open",
        "f.warc.gz.salvage",
        "notes.txt",
    ):
        (collection.archive_dir / name).touch()
    assert [path.name for path in collection.iter_warcs()] == ["a.warc.gz", "b.warc.gz", "c.warc", "d.arc.gz"]
    assert [path.name for path in collection.iter_open()] == ["e.warc.gz.open"]
    assert collection.sidecar_path("a.warc.gz") == collection.indexes_dir / "a.cdxj"
