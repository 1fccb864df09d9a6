"""A collection whose files are in object storage only: every command reads it as if they were here."""

from __future__ import annotations

import http.client
import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from tests.archives.moto_server import BUCKET, MotoServer
from tests.crawler.bigpaper import BigPaper
from tests.project import LOOPBACK, Data, hash_tree, run_module, run_scrapy, start_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from archives.index.cdxj import IndexEntry

pytestmark = pytest.mark.long


def test_a_stored_collection_is_crawled_on_verified_and_reparsed(data: Data, tmp_path: Path) -> None:
    source = tmp_path / "big.toml"
    with MotoServer() as moto, BigPaper(10) as paper:
        source.write_text(paper.source_toml(), "utf-8")
        crawl = ("crawl", "category", "-a", f"source={source}")
        store: dict[str, object] = {"STORE_URL": f"s3://{BUCKET}/p", "STORE_KEEP_DAYS": 0}
        assert run_scrapy(*crawl, data=data, settings=LOOPBACK).returncode == 0
        done = run_scrapy("store", "big", "--json", data=data, settings=store, environment=moto.environment)
        assert done.returncode == 0, done.stderr
        (told,) = map(json.loads, done.stdout.splitlines())
        assert (told["new"], told["removed"], told["problems"]) == (True, True, [])
        assert data.warcs("big") == []
        assert [key.split("/")[:3] for key in moto.list_keys()] == [["p", "big", "archive"], ["p", "big", "indexes"]]

        done = run_scrapy(*crawl, data=data, settings=LOOPBACK, environment=moto.environment)
        assert done.returncode == 0, done.stderr
        assert len(data.warcs("big")) == 1, "what has not changed becomes revisits of what is stored"
        done = run_scrapy("verify", "big", "--posts", "--workers", "2", data=data, environment=moto.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(hash_tree(data.posts("big"))) == 10
        away = moto.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
        done = run_scrapy("verify", "big", data=data, environment=away)
        assert (done.returncode, "cannot read" in done.stdout) == (1, True)


def test_a_collection_cannot_be_stored_nowhere(data: Data) -> None:
    (data.collection("big") / "archive").mkdir(parents=True)
    done = run_scrapy("store", "big", data=data)
    assert (done.returncode, "must be s3://BUCKET" in done.stderr) == (2, True)


# Nothing of it here


@dataclass(frozen=True)
class Holdings:
    """One collection twice: with its files here, and with all of them in storage only."""

    here: Data
    away: Data
    environment: dict[str, str]
    url: str
    entry: IndexEntry


@pytest.fixture(scope="module")
def holdings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holdings]:
    folder = tmp_path_factory.mktemp("stored")
    here, away = Data(folder / "here"), Data(folder / "away")
    source = folder / "big.toml"
    with MotoServer() as moto:
        with BigPaper(10) as paper:
            source.write_text(paper.source_toml(), "utf-8")
            crawl = ("crawl", "category", "-a", f"source={source}")
            for _ in range(2):
                assert run_scrapy(*crawl, data=here, settings=LOOPBACK).returncode == 0
        subprocess.run(["cp", "-r", here.path, away.path], check=True)
        store: dict[str, object] = {"STORE_URL": f"s3://{BUCKET}/p", "STORE_KEEP_DAYS": 0}
        done = run_scrapy("store", "big", data=away, settings=store, environment=moto.environment)
        assert done.returncode == 0, done.stderr
        with CollectionIndex(Collection(here.collection("big"))) as index:
            entry = next(entry for entry in index.iter_entries() if entry.url.endswith("/a/7.html"))
        yield Holdings(here, away, moto.environment, entry.url, entry)


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "big", "--posts"),
        ("verify", "big", "--workers", "2"),
        ("reparse", "big"),
        ("reparse", "big", "--diff", "--workers", "2"),
        ("history", "URL", "--json"),
        ("extract", "CAPTURE", "--json"),
        ("extract", "URL", "--collection", "big", "--json"),
        ("sources", "check", "SOURCE", "--collection", "big"),
        ("index", "big"),
    ],
    ids=" ".join,
)
def test_a_command_says_the_same_with_nothing_here(holdings: Holdings, command: tuple[str, ...]) -> None:
    entry = holdings.entry
    words = {
        "URL": holdings.url,
        "CAPTURE": f"big/{entry.filename}@{entry.offset}",
        "SOURCE": str(holdings.here.path.parent / "big.toml"),
    }
    arguments = [words.get(word, word) for word in command]
    here = run_scrapy(*arguments, data=holdings.here)
    away = run_scrapy(*arguments, data=holdings.away, environment=holdings.environment)
    assert (here.returncode, here.stdout != "" or command[0] == "reparse") == (0, True), here.stdout + here.stderr
    assert (away.returncode, away.stdout) == (0, here.stdout), away.stderr
    assert hash_tree(holdings.away.posts("big")) == hash_tree(holdings.here.posts("big"))
    assert holdings.away.warcs("big") == []


@pytest.mark.parametrize("name", ["index", "verify"])
def test_the_archives_own_tools_need_no_file_here(holdings: Holdings, name: str) -> None:
    here = run_module("archives", name, str(holdings.here.collection("big")))
    place = str(holdings.away.collection("big"))
    away = run_module("archives", name, place, environment=holdings.environment)
    assert (away.returncode, away.stdout) == (here.returncode, here.stdout) == (0, here.stdout), away.stderr
    trees = [hash_tree(data.collection("big") / "indexes", "*.cdxj") for data in (holdings.here, holdings.away)]
    assert trees[0] == trees[1]


def test_a_package_holds_what_is_in_storage(holdings: Holdings, tmp_path: Path) -> None:
    done = run_scrapy(
        *("pack", "big", "-o", str(tmp_path / "a.wacz")), data=holdings.away, environment=holdings.environment
    )
    assert done.returncode == 0, done.stderr
    place = str(holdings.away.collection("big"))
    done = run_module("archives", "pack", place, "-o", str(tmp_path / "b.wacz"), environment=holdings.environment)
    assert done.returncode == 0, done.stderr
    for name in ("a.wacz", "b.wacz"):
        with ZipFile(tmp_path / name) as package:
            for warc in holdings.here.warcs("big"):
                assert package.read(f"archive/{warc.name}") == warc.read_bytes()
        assert run_module("archives", "validate", str(tmp_path / name)).returncode == 0


@contextmanager
def serve(command: tuple[str, ...], environment: dict[str, str]) -> Iterator[Callable[[str], tuple[int, bytes]]]:
    """A viewer; the function asks it for a path."""
    with start_module(*command, environment=environment, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline().strip().rstrip("/").rpartition(":")[2])

        def ask(path: str) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, body.replace(b":%d" % port, b":PORT")

        try:
            yield ask
        finally:
            child.terminate()


@pytest.mark.parametrize("kind", ["scrapy", "archives"])
def test_a_viewer_shows_what_is_in_storage(holdings: Holdings, kind: str) -> None:
    paths = [f"/big/{holdings.entry.timestamp}mp_/{holdings.url}", f"/big/*/{holdings.url}", "/big/"]
    if kind == "scrapy":
        paths += ["/-/posts", "/-/post?collection=big&source=big&id=7", "/-/versions?collection=big&source=big&id=7"]
        paths += ["/-/beside?collection=big&source=big&id=7", "/-/runs"]
    told = []
    for data in (holdings.here, holdings.away):
        command = ("scrapy", "serve", "--port", "0", "-s", f"DATA_DIR={data.path}")
        if kind == "archives":
            command = ("archives", "serve", str(data.collection("big")), "--port", "0")
        with serve(command, holdings.environment if data is holdings.away else {}) as ask:
            told.append([ask(path) for path in paths])
    assert [status for status, _ in told[0]] == [200] * len(paths)
    assert told[1] == told[0]
    assert b"Article 7" in told[0][0][1]
