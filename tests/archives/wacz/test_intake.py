"""Whatever somebody has comes in: files, folders at any depth, WACZ files in WACZ files and lists of them."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

from archives.storage.collection import Collection
from archives.wacz.intake import IMPORTS_NAME, take_in
from archives.wacz.pack import pack_collection
from archives.wacz.validate import validate_wacz
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder with a WARC file two folders down, two WACZ files, and something else."""
    folder = tmp_path / "given"
    (folder / "2025" / "may").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("one", "two"):
        collection = Collection.open(tmp_path / name, name, create=True)
        with build_writer(collection) as writer:
            writer.write(build_exchange(0, url=f"http://{name}.example/"))
        pack_collection(collection, folder / f"{name}.wacz", created=BEGAN_AT)
    (warc,) = collection.iter_warcs()
    shutil.copy(warc, folder / "2025" / "may" / "a.warc.gz")
    shutil.copy(warc, folder / ".hidden" / "b.warc.gz")
    (folder / "notes.txt").write_text("no archive")
    (folder / "settings.json").write_text("{}")
    return folder


def test_a_folder_comes_in_with_all_that_is_below_it(collection: Collection, given: Path) -> None:
    taken = list(take_in(collection, [given], clock=lambda: BEGAN_AT))
    assert [item.source.name for item in taken if item.added] == ["one.wacz", "two.wacz", "a.warc.gz"]
    assert sorted(item.source.name for item in taken if item.is_passed) == ["notes.txt", "settings.json"]
    lines = [json.loads(line) for line in (collection.path / IMPORTS_NAME).read_text().splitlines()]
    assert {line["from"].removeprefix(f"{given}/") for line in lines} == {"2025/may/a.warc.gz", "one.wacz", "two.wacz"}
    assert {line["file"] for line in lines} == {warc.name for warc in collection.iter_warcs()}
    again = list(take_in(collection, [given]))
    assert not any(added.is_new for item in again for added in item.added)
    assert len((collection.path / IMPORTS_NAME).read_text().splitlines()) == len(lines)


def test_links_in_a_folder_are_followed_once_and_nothing_is_left_out_in_silence(
    collection: Collection, given: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "given").symlink_to(given)
    (given / "back").symlink_to(folder)
    (folder / "gone.warc.gz").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "pipe.warc.gz")
    shutil.copy(given / "2025" / "may" / "a.warc.gz", folder / ".a.warc.gz")
    (folder / "b.warc.lz4").write_bytes(b"\x04\x22\x4d\x18")
    taken = {item.source.name: item for item in take_in(collection, [folder])}
    assert sorted(name for name, item in taken.items() if item.added) == ["a.warc.gz", "one.wacz", "two.wacz"]
    faults = {name: item.fault for name, item in taken.items() if item.fault and not item.is_passed}
    assert faults == {
        "gone.warc.gz": "gone.warc.gz is a link to a file that does not exist",
        "pipe.warc.gz": "pipe.warc.gz is not a regular file",
        "b.warc.lz4": "b.warc.lz4 is compressed in a format that is not supported; decompress it first",
    }
    assert taken[".a.warc.gz"].fault == ".a.warc.gz is hidden"


def test_a_file_that_is_named_is_refused_in_a_sentence(collection: Collection, given: Path) -> None:
    (taken,) = take_in(collection, [given / "notes.txt"])
    assert "notes.txt is not called .warc.gz" in taken.fault
    assert not taken.is_passed


def test_wacz_files_inside_of_one_come_in(collection: Collection, given: Path, tmp_path: Path) -> None:
    outer = tmp_path / "all.wacz"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("datapackage.json", json.dumps({"profile": "multi-wacz-package", "resources": []}))
        for name in ("one.wacz", "two.wacz"):
            archive.write(given / name, name)
    (taken,) = take_in(collection, [outer])
    assert (len(taken.added), taken.fault) == (2, "")


def test_a_list_names_files_beside_it_and_no_others(collection: Collection, given: Path) -> None:
    listed = given / "all.json"
    document = {"profile": "multi-wacz-package", "resources": [{"name": "one", "path": "one.wacz"}]}
    listed.write_text(json.dumps(document))
    (taken,) = take_in(collection, [listed])
    assert (len(taken.added), taken.fault) == (1, "")
    for path in ("../two/x.wacz", "/etc/hosts", "https://example.com/a.wacz"):
        document["resources"] = [{"path": path}]
        listed.write_text(json.dumps(document))
        (taken,) = take_in(collection, [listed])
        assert "which is not beside it" in taken.fault


def test_a_file_in_a_package_that_cannot_be_read_costs_itself(collection: Collection, given: Path) -> None:
    package = given / "three.wacz"
    data = (given / "2025" / "may" / "a.warc.gz").read_bytes()
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in (("A.WARC.GZ", data), ("empty.warc.gz", b""), ("z.warc.zst", b"none")):
            archive.writestr(f"archive/{name}", content)
        archive.writestr("pages/pages.jsonl", json.dumps({"url": "http://two.example/", "ts": "2026-01-01T00:00:00Z"}))
    (taken,) = take_in(collection, [package])
    assert [added.path.name for added in taken.added] == ["A.warc.gz"]
    assert "empty.warc.gz holds no record" in taken.fault
    assert "z.warc.zst holds no record" in taken.fault
    assert (collection.path / IMPORTS_NAME).read_text().count("\n") == 1
    assert "two.example" in (collection.path / "pages" / "pages.jsonl").read_text()


def test_a_file_that_a_list_names_and_is_not_there_costs_itself(collection: Collection, given: Path) -> None:
    listed = given / "all.json"
    resources = [{"path": "gone.wacz"}, {"path": "one.wacz"}]
    listed.write_text(json.dumps({"profile": "multi-wacz-package", "resources": resources}))
    (taken,) = take_in(collection, [listed])
    assert (len(taken.added), "gone.wacz, which is not beside it" in taken.fault) == (1, True)


def test_a_package_joined_with_another_is_named(collection: Collection, given: Path) -> None:
    joined = given / "joined.wacz"
    size = (given / "one.wacz").stat().st_size
    joined.write_bytes((given / "one.wacz").read_bytes() + (given / "two.wacz").read_bytes())
    (taken,) = take_in(collection, [joined])
    assert len(taken.added) == 1
    assert f"{size} bytes precede the ZIP that is read" in taken.fault
    assert [problem.kind for problem in validate_wacz(joined)] == ["joined"]
