"""Foreign archives through every door: nothing crashes, hangs, fills the memory, writes outside or runs."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.hostile.crawl import read_peak
from tests.hostile.foreign import GOOD, LINES, SECRET, WACZS, WARCS, write_collection
from tests.project import Data, run_scrapy, start_module

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

MOST_MEMORY = 500 * 1024**2
MOST_SECONDS = 120
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def open_doors(kind: str, path: Path, room: Path) -> str:
    """Run all doors of one kind; returns what they printed."""
    scratch = room / "scratch"
    scratch.mkdir()
    (room / "secret").write_text(SECRET)
    before = list_outside(room)
    printed = room / "printed"
    began, peak = time.monotonic(), 0
    with printed.open("wb") as stream:
        process = start_module("tests.hostile.doors", kind, path, scratch, stdout=stream, stderr=stream)
        while process.poll() is None and time.monotonic() - began < MOST_SECONDS:
            peak = max(peak, read_peak(process.pid))
            time.sleep(0.02)
        process.kill()
    text = printed.read_text("utf-8")
    assert process.wait() == 0, text[-3000:]
    assert "Traceback" not in text
    assert re.findall(r"door \S+: (?![012]\n)", text) == []
    assert not CONTROL.search(text)
    assert SECRET not in text
    assert len(text) < 30_000_000
    assert peak < MOST_MEMORY, peak >> 20
    assert list_outside(room) == before
    return text


def list_outside(room: Path) -> set[str]:
    """What is in a test's room beside the places that may be written."""
    names = {path.relative_to(room) for path in room.rglob("*")}
    return {str(name) for name in names if name.parts[0] not in ("scratch", "collection", "printed")}


@pytest.mark.parametrize("name", WARCS)
def test_a_warc_file(name: str, tmp_path: Path) -> None:
    write_collection(tmp_path / "collection", {name: WARCS[name](), "good.warc.gz": GOOD})
    text = open_doors("warc", tmp_path / "collection", tmp_path)
    assert "door read: 0" in text
    assert "door viewer: 0" in text


@pytest.mark.parametrize("name", LINES)
def test_an_index_line(name: str, tmp_path: Path) -> None:
    collection = tmp_path / "collection"
    write_collection(collection, {"good.warc.gz": GOOD})
    (collection / "indexes").mkdir()
    (collection / "indexes" / "good.cdxj").write_bytes(LINES[name]().encode("utf-8", "surrogatepass"))
    open_doors("cdxj", collection, tmp_path)


@pytest.mark.parametrize("name", WACZS)
def test_a_wacz_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.wacz"
    path.write_bytes(WACZS[name]())
    open_doors("wacz", path, tmp_path)
    taken = tmp_path / "scratch" / "unpacked" / "archive"
    files = list(taken.iterdir()) if taken.is_dir() else []
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", file.name) for file in files)
    assert all(file.is_file() and not file.is_symlink() for file in files)


ANY = """
name = "any"
timezone = "UTC"
scope = ["http://a.example/"]
seeds = ["http://a.example/page"]
[links]
article = ['/(?P<id>page)']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
articleBody = "html:body"
"""
SLOW = {"bomb_member.warc.gz", "no_line_end.warc", "zeros.warc", "revisit_chain.warc.gz", "revisit_crowd.warc.gz"}
COMMANDS: dict[str, list[str]] = {
    "index": ["index", "foreign"],
    "verify": ["verify", "foreign"],
    "verify in shards": ["verify", "foreign", "--engine", "local", "--workers", "1"],
    "reparse": ["reparse", "foreign", "--source", "{room}/any.toml", "--out", "{room}/out"],
    "history": ["history", "http://a.example/page"],
    "pack": ["pack", "foreign", "-o", "{room}/out.wacz"],
    "export": ["export", "jsonl", "-o", "{room}/out.jsonl"],
    "extract": ["extract", "http://a.example/page", "--collection", "foreign", "--json"],
    "extract by capture": ["extract", "foreign/good.warc.gz@0", "--json"],
    "runs": ["runs"],
}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Data:
    data = Data(tmp_path_factory.mktemp("foreign") / "data")
    files = {name: build() for name, build in WARCS.items() if name not in SLOW}
    write_collection(data.collection("foreign"), files | {"good.warc.gz": GOOD})
    return data


@pytest.mark.parametrize("name", COMMANDS)
def test_a_collection_of_them_through_the_crawlers_commands(name: str, foreign: Data, tmp_path: Path) -> None:
    (tmp_path / "any.toml").write_text(ANY, "utf-8")
    arguments = [argument.format(room=tmp_path) for argument in COMMANDS[name]]
    done = run_scrapy(*arguments, data=foreign)
    told = done.stdout + done.stderr
    assert done.returncode in (0, 1, 2), told[-2000:]
    assert "Traceback" not in told
    assert re.findall(r"[^\n]*[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f][^\n]*", told) == []
    assert "\x1b]" not in told
    assert "\x1b[2J" not in told
    assert {path.name for path in foreign.path.parent.iterdir()} == {"data"}
