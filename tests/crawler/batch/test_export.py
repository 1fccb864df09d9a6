"""Exports in shards: the bytes that one process writes, or a sentence that says why not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crawler.batch.export
from archives.storage.collection import Collection
from crawler.batch.engines import Engine, EngineError
from crawler.batch.export import export_in_shards
from crawler.batch.jobs import WORK_DIR
from crawler.publishing.exporting import ExportPlan, run_export
from crawler.publishing.library import Library
from pipelines.exports.files import ExportError
from pipelines.exports.formats import FORMATS, ExportOptions
from pipelines.exports.records import RecordRefused
from pipelines.exports.tables.parquet import read_parquet
from pipelines.posts.filing import Claim
from pipelines.posts.ledger import Ledger
from pipelines.posts.post_files import build_file_name
from pipelines.posts.settle import settle
from tests.pipelines.exports.samples import OPTIONS, build_statement
from tests.project import Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from pipelines.posts.items import Statement

pytestmark = pytest.mark.long

JOINED = [name for name, entry in FORMATS.items() if entry.join]
LOCAL = Engine(name="local", workers=2)


def fill(data: Data, name: str, statements: list[Statement]) -> None:
    """A collection as runs would have left it, but for the captures."""
    collection = Collection.open(data.path, name, create=True)
    ledger = Ledger(collection.indexes_dir / "ledger.sqlite")
    for statement in statements:
        post = settle([statement], OPTIONS)
        put(ledger, statement, build_file_name(post, OPTIONS))
    ledger.close()


def put(ledger: Ledger, statement: Statement, file: str) -> None:
    ledger.add(statement)
    ledger.record_filed(settle([statement], OPTIONS), "new")
    ledger.record_name(Claim(key=statement.key, claim=file.casefold(), file=file))


@pytest.fixture
def library(data: Data) -> Library:
    """Three collections; where one ends in a month, the next begins with it."""
    fill(data, "a", [build_statement(number) for number in range(40)])
    fill(data, "b", [])
    fill(data, "c", [replace(build_statement(number), source="other") for number in range(20, 80)])
    return Library(data.path)


@pytest.fixture(params=JOINED)
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> ExportPlan:
    if request.param in ("parquet", "dataset"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    return ExportPlan(format=request.param, path=tmp_path / "shards")


def read_tree(path: Path) -> dict[str, str]:
    return hash_tree(path, "*") if path.is_dir() else hash_tree(path.parent, path.name)


def test_shards_write_the_bytes_that_one_process_writes(
    library: Library, plan: ExportPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(plan, path=plan.path.with_name("one"))
    assert run_export(library, one) == 100
    monkeypatch.setattr(crawler.batch.export, "SHARD_CHARS", 80_000)
    for _ in range(2):  # into nothing, then over what is there
        assert export_in_shards(library, plan, LOCAL) == 100
        assert [*read_tree(plan.path).values()] == [*read_tree(one.path).values()]
    if plan.path.is_dir():
        assert read_tree(plan.path) == read_tree(one.path)
    assert not (library.data_dir / WORK_DIR).exists()


def test_posts_are_cut_where_the_format_allows_it(
    library: Library, plan: ExportPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parquet files are written by month, so no month is cut, not even where it spans two collections."""
    monkeypatch.setattr(crawler.batch.export, "SHARD_CHARS", 1)
    job = crawler.batch.export._plan_job(library, plan)
    months = []
    for task in job.tasks:
        rows = [line.split("\t") for line in Path(task.files[0]).read_text("utf-8").split("\n")[:-1]]
        months.append([(collection, file[:7]) for collection, file, _ in rows])
    if FORMATS[plan.format].is_monthly:
        borders = [(left[-1][1], right[0][1]) for left, right in pairwise(months)]
        assert borders
        assert all(left != right for left, right in borders)
    else:
        assert [len(rows) for rows in months] == [1] * 100


def test_one_source_and_nothing_at_all(library: Library, plan: ExportPlan) -> None:
    for source, count in [("other", 60), ("nobody", 0)]:
        narrow = replace(plan, source=source)
        one = replace(narrow, path=plan.path.with_name("one"))
        assert export_in_shards(library, narrow, LOCAL) == run_export(library, one) == count
        assert [*read_tree(plan.path).values()] == [*read_tree(one.path).values()]


def test_definitions_finish_the_posts_of_a_shard(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zone and slugs are those of the source, as each collection knows it."""
    fill(data, "finews", [replace(build_statement(number), source="finews") for number in range(3)])
    library = Library(data.path)
    plan = ExportPlan(format="jsonl", path=tmp_path / "shards.jsonl")
    run_export(library, replace(plan, path=tmp_path / "one.jsonl"))
    export_in_shards(library, plan, LOCAL)
    assert plan.path.read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert "+08:00" in json.loads(plan.path.read_text().splitlines()[0])["datePublished"]


def test_a_post_that_no_format_can_hold_is_named(data: Data, tmp_path: Path) -> None:
    fill(data, "a", [build_statement(1), build_statement(2, headline="unsound")])
    # Half of a character, which no stage lets through and JSON can express.
    with closing(sqlite3.connect(data.collection("a") / "indexes" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE posts SET state = replace(state, 'unsound', '\\ud800')")
    plan = ExportPlan(format="jsonl", path=tmp_path / "posts.jsonl")
    plan.path.write_text("what lay there")
    with pytest.raises(RecordRefused) as alone:
        run_export(Library(data.path), plan)
    with pytest.raises(ExportError) as sharded:
        export_in_shards(Library(data.path), plan, LOCAL)
    assert str(sharded.value) == str(alone.value)
    assert plan.path.read_text() == "what lay there"


def test_a_month_that_is_in_two_parts_becomes_one_file(
    data: Data, plan: ExportPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their files say April and May, as their source's zone once was; now all of them say March."""
    collection = Collection.open(data.path, "a", create=True)
    ledger = Ledger(collection.indexes_dir / "ledger.sqlite")
    for number in range(1, 7):
        file = f"2026-0{4 + number // 4}-30-{number}.md"
        put(ledger, build_statement(number), file)
    ledger.close()
    monkeypatch.setattr(crawler.batch.export, "SHARD_CHARS", 4_000)  # three posts
    one = replace(plan, path=plan.path.with_name("one"))
    assert export_in_shards(Library(data.path), plan, LOCAL) == run_export(Library(data.path), one) == 6
    assert [*read_tree(plan.path).values()] == [*read_tree(one.path).values()]


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - set(JOINED)))
def test_formats_that_gain_nothing_are_refused(library: Library, tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match=rf"^{name} is made by one process, because .* take one of jsonl, csv"):
        export_in_shards(library, ExportPlan(format=name, path=tmp_path / "x", options=ExportOptions()), LOCAL)
    assert list(tmp_path.glob("x*")) == []


def test_the_command_takes_the_engine(library: Library, tmp_path: Path) -> None:
    data = Data(library.data_dir)
    done = run_scrapy("export", "csv", "-o", str(tmp_path / "one.csv"), data=data)
    assert done.returncode == 0, done.stderr
    done = run_scrapy("export", "csv", "-o", str(tmp_path / "two.csv"), "--workers", "2", "--json", data=data)
    assert (done.returncode, json.loads(done.stdout)["posts"]) == (0, 100), done.stderr
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    for arguments, words in [
        (("feeds", "--workers", "2"), "by one process"),
        (("jsonl", "--workers", "2", "--since", "start", "--collection", "a"), "exported by one process"),
        (("jsonl", "--scheduler", "tcp://127.0.0.1:1"), "--engine dask"),
    ]:
        done = run_scrapy("export", *arguments, "-o", str(tmp_path / "x"), data=data)
        assert (done.returncode, words in done.stderr) == (2, True), done.stderr


def test_what_is_read_back_is_what_was_there(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    monkeypatch.setattr(crawler.batch.export, "SHARD_CHARS", 80_000)
    export_in_shards(library, ExportPlan(format="parquet", path=tmp_path / "x"), LOCAL)
    assert list(read_parquet(tmp_path / "x")) == list(library.posts())
