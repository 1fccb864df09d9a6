"""The examples in `docs/exports.md`, run as they are there, by the programs that they name, over hostile posts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import html

from archives.storage.collection import Collection
from crawler.projects.template import make_project
from crawler.publishing.library import Library
from crawler.reparsing.ledger import open_ledger
from pipelines.exports.formats import FORMATS
from tests.forked import provide_programs
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.receiver import serve_receiver
from tests.pipelines.exports.samples import build_hostile_statement, build_statement, fill_collection
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "exports.md").read_text("utf-8")
SECTION = PAGE.split("\n## Examples\n")[1].split("\n## ")[0]
EXAMPLES = {found[2]: found[1] for found in re.finditer(r"```sh\n(newsreel export (\w+) .*?)```", SECTION, re.S)}
TEXTS = list_texts()
POSTS = len(TEXTS) + 3
# Programs in their own environment: those that read, those that load, and those that Node.js runs.
FOLDERS = [os.environ.get(f"NEWSREEL_{name}", "") for name in ("READERS", "LOADERS", "ELEVENTY")]
LINES_AT_ONCE = 200
LISTED = ("jsonl", "cloudevents", "ninjs", "newsarticle", "csl", "opensearch", "meilisearch")
FRAMES = re.findall(r"```python\n(import (?:pandas|polars)\n.*?)```", PAGE, re.S)
NUMBER = re.compile(r"NW\d+")
SAID = {"csv": str(POSTS), "dataset": str(POSTS), "sqlite": f"news|{POSTS}", "feeds": "50", "schema": "articleBody"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("examples")
    make_project(folder)
    collection = Collection.open(folder / "data", "news", create=True)
    hostile = [build_hostile_statement(number, text) for number, text in enumerate(TEXTS)]
    fill_collection(collection.indexes_dir, [*hostile, *(build_statement(number) for number in range(900, 903))])
    Library(folder / "data").open_log("news").close()
    with provide_programs(folder / "program"):
        yield folder


def run_example(place: Path, command: list[str | Path], python: str) -> str:
    """Run a command where `newsreel` is, `python3` is the one that has what it needs, and the others are found."""
    names = place / "names"
    names.mkdir(exist_ok=True)
    (names / "python3").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', "utf-8")
    (names / "python3").chmod(0o755)
    path = os.pathsep.join([str(place / "program" / "bin"), str(names), *filter(None, FOLDERS), os.environ["PATH"]])
    settings = {"PATH": path, "NEWSREEL_DATA_DIR": str(place / "data"), "HF_HUB_OFFLINE": "1"}
    settings |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(place / "dlt")}
    done = subprocess.run(
        command, cwd=place, env=dict(os.environ) | settings, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def find_python(module: str) -> str:
    """The interpreter that has a module; skips where none has."""
    for python in [sys.executable, *(str(Path(folder, "python")) for folder in FOLDERS if folder)]:
        probe = [python, "-c", f"import {module}"]
        if Path(python).exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip(f"no environment has {module}; NEWSREEL_READERS and NEWSREEL_LOADERS may name more")


def test_there_is_an_example_for_each_format() -> None:
    assert EXAMPLES.keys() == {*FORMATS, "schema"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_runs_as_it_stands(name: str, place: Path) -> None:
    script = EXAMPLES[name]
    for program in ("jq", "sqlite3", "jekyll", "hugo", "eleventy", "target-jsonl"):
        path = os.pathsep.join([*FOLDERS, os.environ["PATH"]])
        if re.search(rf"(^|\| ){program}\b", script, re.M) and shutil.which(program, path=path) is None:
            pytest.skip(f"{program} is not installed")
    module = re.search(r"import (\w+)", script)
    if name in ("parquet", "dataset"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    said = run_example(place, ["bash", "-euo", "pipefail", "-c", script], find_python(module[1] if module else "json"))
    if name in LISTED:
        assert len(said.split("\n")) - 1 == POSTS + ("-o -" not in script), "and a sentence, where it is not in the way"
    if name in SAID:
        assert SAID[name] in said.split("\n")


def test_what_the_programs_made_holds_every_post(place: Path) -> None:
    """After the examples before: sites show the texts of each post, and a target has its rows and the next state."""
    records = {record.identifier: record for record in Library(place / "data").posts()}
    for built in ("jekyll-built", "hugo-built", "public"):
        if (place / built).exists():
            pages = {found[0]: path for path in (place / built).rglob("*.html") if (found := NUMBER.search(str(path)))}
            assert pages.keys() == records.keys(), built
            for identifier, path in pages.items():
                page, record = html.document_fromstring(path.read_text("utf-8")), records[identifier]
                headlines = [heading.text_content() for heading in page.iter("h1")]
                assert headlines == ([record.headline] if built != "public" else []), "Eleventy has no layout here"
                assert "".join(record.text.split()) in "".join(page.text_content().split())
    if (place / "state.json").exists():
        assert "cursor" in (place / "state.json").read_text("utf-8")
        assert len((place / "posts.jsonl").read_bytes().splitlines()) >= POSTS


@pytest.mark.parametrize("block", FRAMES, ids=["pandas", "polars"])
def test_a_frame_has_every_post(block: str, place: Path) -> None:
    """By this interpreter, with the packages of the environment that has what it lacks."""
    python = find_python(block.split(maxsplit=2)[1])
    where = subprocess.run([python, "-c", "import sys; print(sys.path)"], capture_output=True, text=True, check=True)
    script = f"import sys\nsys.path += {where.stdout}{block}print(len(frame), sorted(frame['id'])[0])"
    assert run_example(place, [sys.executable, "-c", script], python).split() == [str(POSTS), "news/NW2026030412000000"]


def find_block(beginning: str) -> str:
    (found,) = re.findall(rf"```sh\n({beginning}.*?)```", PAGE, re.S)
    return str(found)


def test_the_commands_that_begin_the_page_run(place: Path) -> None:
    script = find_block("scrapy export jsonl").replace("finews", "news")
    run_example(place, ["bash", "-eu", "-c", script], sys.executable)
    assert len((place / "changes.jsonl").read_text("utf-8").split("\n")) - 1 == POSTS
    assert (place / "site" / "_config.yml").exists()


def test_search_engines_and_a_target_take_what_is_sent(place: Path) -> None:
    """The engines are a server that accepts everything; a target with a configuration is the real one."""
    for program in ("curl", "target-jsonl"):
        if shutil.which(program, path=os.pathsep.join([*FOLDERS, os.environ["PATH"]])) is None:
            pytest.skip(f"{program} is not installed")
    (place / "target").mkdir()
    (place / "target.json").write_text('{"destination_path": "target"}', "utf-8")
    with serve_receiver() as engine:
        script = find_block('scrapy export singer --since "\\$CURSOR"')
        for name in ("search", "meili"):
            script = script.replace(f"https://{name}.example", engine.url.removesuffix("/posts?a=b"))
        script = script.replace("-l 1000", f"-l {LINES_AT_ONCE}")
        run_example(place, ["bash", "-euo", "pipefail", "-c", f"CURSOR=start\n{script}"], sys.executable)
    sent = [body for _, body in engine.asked]
    assert b"".join(sent) == b"".join((place / name).read_bytes() for name in ("posts.bulk", "posts.ndjson"))
    assert max(body.count(b"\n") for body in sent) == LINES_AT_ONCE
    assert all(body.startswith((b'{"index"', b'{"key"')) for body in sent), "no post is cut in two"
    assert {headers["Content-Type"] for headers, _ in engine.asked} == {"application/x-ndjson"}
    (rows,) = (place / "target").iterdir()
    assert len(rows.read_text("utf-8").splitlines()) == POSTS


def test_dlt_loads_changes_and_goes_on(place: Path) -> None:
    """The last test of the module, because a post is removed."""
    block = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "import dlt" in block)
    python = find_python("dlt")
    (place / "load.py").write_text(block, "utf-8")
    count = "import duckdb; print(len(duckdb.connect('newsreel.duckdb').sql('SELECT id FROM news.posts').fetchall()))"
    for posts in (POSTS, POSTS - 1):
        run_example(place, [python, "load.py"], python)
        assert run_example(place, [python, "-c", count], python) == f"{posts}\n"
        collection = Collection.open(place / "data", "news")
        with closing(open_ledger(collection)) as ledger:
            ledger.forget("news", "NW2026030412000900")
        with closing(Library(place / "data").open_log("news")) as log:
            log.account()
