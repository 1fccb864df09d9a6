"""The commands, as a holder of nothing but the files runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from archives.storage.collection import Collection
from tests.archives.conftest import write_file
from tests.archives.warc.mutants import build_record
from tests.project import ROOT, run_module

if TYPE_CHECKING:
    from pathlib import Path

run = partial(run_module, "archives")


def test_the_package_needs_neither_scrapy_nor_lxml() -> None:
    code = (
        "import sys, archives.__main__, archives.captures.writer\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'scrapy', 'lxml', 'twisted', 'pipelines', 'crawler'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["--help"], ["index", "--help"], ["verify", "--help"], ["recover", "--help"]])
def test_help(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: python -m archives")


def test_verify_index_recover(collection: Collection) -> None:
    path = write_file(collection)
    result = run("verify", collection.path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "good\n", "")
    collection.sidecar_path(path.name).unlink()
    result = run("verify", collection.path)
    assert result.returncode == 1
    assert result.stdout.startswith("missing-sidecar: ")
    result = run("index", collection.path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "3 captures indexed\n", "")
    data = path.read_bytes()
    path.unlink()
    path.with_name(path.name + ".open").write_bytes(data[:-5])
    result = run("recover", collection.path)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"6 records kept in {path.name}" in result.stdout
    result = run("index", collection.path)
    assert run("verify", collection.path).stdout == "good\n"


def test_verify_json(collection: Collection) -> None:
    path = write_file(collection)
    assert run("verify", "--json", collection.path).stdout == ""
    path.write_bytes(path.read_bytes()[:-1])
    result = run("verify", "--json", collection.path)
    (line,) = result.stdout.splitlines()
    problem = json.loads(line)
    assert result.returncode == 1
    assert (problem["kind"], problem["path"]) == ("truncated-member", f"archive/{path.name}")
    assert set(problem) == {"kind", "path", "offset", "record_id", "message"}


def test_notes_are_counted_unless_they_are_listed(collection: Collection) -> None:
    record = build_record(
        "http://a.example/", b"<p>", number=1, has_digest=False, fields="WARC-Block-Digest: sha3:0\r\n"
    )
    (collection.archive_dir / "a.warc").write_bytes(record)
    run("index", collection.path)
    result = run("verify", collection.path)
    assert (result.stdout, result.stderr) == ("good\n", "notes: unchecked-digest 1; --notes lists them\n")
    assert run("verify", "--notes", collection.path).stderr.startswith("note: unchecked-digest: block digest in a.warc")


def test_index_tells_what_it_left_out(collection: Collection) -> None:
    path = write_file(collection)
    path.write_bytes(path.read_bytes()[:-400])
    result = run("index", collection.path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert path.name in result.stderr


def test_a_file_that_is_refused_does_not_keep_out_the_next(collection: Collection, tmp_path: Path) -> None:
    source = Collection.open(tmp_path / "there", "news", create=True)
    path = write_file(source)
    (tmp_path / "page.html").write_text("<p>no archive")
    result = run("add", collection.path, tmp_path / "page.html", tmp_path / "gone.warc.gz", path)
    assert (result.returncode, result.stdout) == (1, f"{path.name}: 3 captures\n")
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == ["page.html", "[Errno"]


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["verify"], ["verify", "/nowhere"], ["index", "."]])
def test_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    assert result.stderr


def test_a_directory_that_is_no_collection(tmp_path: Path) -> None:
    result = run("verify", tmp_path)
    assert result.stderr == f"{tmp_path} is not a collection; give a directory that has an archive/ directory in it\n"
