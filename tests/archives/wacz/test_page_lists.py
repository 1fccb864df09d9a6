"""Page lists stay when WACZ files are put together, and an index is held against the records."""

from __future__ import annotations

import gzip
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from archives.errors import PackageError
from archives.index.catalogue import CollectionIndex
from archives.index.sidecars import rebuild
from archives.storage.collection import Collection
from archives.transfer.importing import add_file
from archives.wacz.pack import pack_collection, unpack_wacz
from archives.wacz.pages import Page
from archives.wacz.parts import pack_part
from archives.wacz.validate import validate_wacz
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer, count_ids
from tests.archives.warc.mutants import build_record

if TYPE_CHECKING:
    from pathlib import Path


def write_package(tmp_path: Path, name: str, url: str) -> Path:
    """A WACZ file with one capture, which is on its page list, and another page on a second list."""
    collection = Collection.open(tmp_path, name, create=True)
    with build_writer(collection) as writer:
        writer.write(build_exchange(0, url=url))
    page = {"id": name, "url": url, "ts": "2026-03-04 02:21:11Z", "title": name.upper()}
    (collection.pages_dir / "pages.jsonl").write_text(
        json.dumps({"format": "json-pages-1.0", "id": "pages", "title": "Pages"}) + "\n" + json.dumps(page) + "\n"
    )
    (collection.pages_dir / "extraPages.jsonl").write_text(json.dumps(page | {"url": url + "more"}) + "\n")
    target = tmp_path / f"{name}.wacz"
    pack_collection(collection, target, created=BEGAN_AT)
    return target


def read_urls(path: Path, name: str) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [page["url"] for page in map(json.loads, archive.read(f"pages/{name}").splitlines()) if "url" in page]


def test_page_lists_of_several_files_become_one(tmp_path: Path) -> None:
    merged = Collection.open(tmp_path, "merged", create=True)
    for name in ("one", "two", "one"):
        unpack_wacz(write_package(tmp_path / name, name, f"http://{name}.example/"), merged)
    target = tmp_path / "merged.wacz"
    pack_collection(merged, target, created=BEGAN_AT)
    assert validate_wacz(target) == []
    assert read_urls(target, "pages.jsonl") == ["http://one.example/", "http://two.example/"]
    assert read_urls(target, "extraPages.jsonl") == ["http://one.example/more", "http://two.example/more"]


def test_pages_of_files_that_are_left_out_are_on_no_list(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    with build_writer(collection) as writer:
        writer.write(build_exchange(0, url="http://packed.example/"))
    arc = tmp_path / "a.arc"
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>"
    arc.write_bytes(b"http://left-out.example/ 127.0.0.1 20260101000000 text/html %d\n%b\n" % (len(page), page))
    assert add_file(collection, arc).captures == 1
    with CollectionIndex(collection) as index:
        pages = [Page(entry=entry) for entry in index.iter_entries()]
    for listed in ((), pages):
        packed = pack_collection(collection, tmp_path / "a.wacz", pages=listed)
        part = pack_part(collection, tmp_path / "b.wacz", lambda _: True, pages=listed)[0]
        assert packed.left_out == ["a.arc"]
        for path in (packed.path, part.path):
            assert read_urls(path, "pages.jsonl") == ["http://packed.example/"]


def test_pages_of_posts_are_listed_beside_those_of_the_list(tmp_path: Path) -> None:
    """In the list of a part, too, whose files have other names than those of the collection."""
    collection = Collection.open(tmp_path, "news", create=True)
    unpack_wacz(write_package(tmp_path / "one", "one", "http://one.example/"), collection)
    with build_writer(collection, token="t1", new_id=count_ids(100)) as writer:
        writer.write(build_exchange(0, url="http://two.example/"))
    with CollectionIndex(collection) as index:
        pages = [Page(entry=entry, title="Post") for entry in index.iter_entries()]
    whole = pack_collection(collection, tmp_path / "a.wacz", pages=pages).path
    part = pack_part(collection, tmp_path / "b.wacz", lambda _: True, pages=pages)[0].path
    for path in (whole, part):
        with zipfile.ZipFile(path) as archive:
            header, *lines = map(json.loads, archive.read("pages/pages.jsonl").splitlines())
        assert "maskedRequestHeaders" in header
        assert [(page["url"], page["title"]) for page in lines] == [
            ("http://one.example/", "ONE"),
            ("http://two.example/", "Post"),
        ]


def test_names_in_the_description_have_no_capitals_and_differ(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    for number, name in enumerate(("News+.warc.gz", "news-.warc.gz")):
        record = build_record(f"http://{number}.example/", b"<p>", number=number)
        (collection.archive_dir / name).write_bytes(gzip.compress(record))
    rebuild(collection)
    path = pack_collection(collection, tmp_path / "a.wacz").path
    with zipfile.ZipFile(path) as archive:
        names = [resource["name"] for resource in json.loads(archive.read("datapackage.json"))["resources"]]
    assert names == ["news-.warc.gz", "1-news-.warc.gz", "index.cdx", "pages.jsonl"]
    assert validate_wacz(path) == []


def test_a_capture_that_the_index_leaves_out_is_named(tmp_path: Path) -> None:
    path = write_package(tmp_path, "one", "http://one.example/")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["indexes/index.cdx"] = files["indexes/index.cdx"].replace(b'"offset": "', b'"offset": "0')
    (warc,) = (name for name in files if name.startswith("archive/"))
    files[warc] += files[warc]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    problems = [problem for problem in validate_wacz(path) if problem.kind == "unindexed-capture"]
    assert ["http://one.example/" in problem.message for problem in problems] == [True]


def test_a_collection_without_captures_is_not_packed(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "empty", create=True)
    with build_writer(collection) as writer:
        writer.write(build_exchange(0))
    (sidecar,) = collection.iter_sidecars()
    sidecar.write_bytes(b"")
    with pytest.raises(PackageError, match="no capture to pack"):
        pack_collection(collection, tmp_path / "a.wacz")
    assert not (tmp_path / "a.wacz").exists()
