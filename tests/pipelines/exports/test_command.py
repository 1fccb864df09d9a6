"""`scrapy export`, `exports.toml`, Scrapy's own feeds, and the library, over a crawl of the newspaper."""

from __future__ import annotations

import json
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crawler.demo_site import Newspaper
from crawler.publishing.exporting import PlanError, read_plans
from crawler.publishing.library import Library
from pipelines.exports.formats import FORMATS
from pipelines.exports.records import dump_record
from pipelines.exports.tables.jsonl import read_jsonl
from tests.project import ROOT, Data, run_scrapy, start_scrapy, start_script

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

EXPORTS = """
[[export]]
format = "sqlite"
path = "out/posts.sqlite"

[[export]]
format = "feeds"
path = "out/feeds"
collection = "newspaper"
title = "The Courier"
url = "https://courier.example/feeds"

[[export]]
format = "jsonl"
path = "out/nobody.jsonl"
collection = "another"

[[export]]
format = "jsonl"
path = "out/everybody.jsonl"
"""


@dataclass(frozen=True)
class Crawled:
    data: Data
    folder: Path
    items: Path
    stderr: str


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("exports")
    data = Data(folder / "data")
    (folder / "exports.toml").write_text(EXPORTS, "utf-8")
    (folder / "out").mkdir()
    (folder / "out" / "everybody.jsonl").touch()  # of the time before this collection
    with Newspaper() as paper:
        (folder / "newspaper.toml").write_text(paper.source_toml(), "utf-8")
        paper.publish(edition=1)
        done = run_scrapy(
            *("crawl", "category", "-a", f"source={folder / 'newspaper.toml'}", "-O", f"{folder / 'items.jsonl'}"),
            data=data,
            settings={"RESOLVER_ALLOW": "127.0.0.0/8", "EXPORTS_FILE": folder / "exports.toml"},
        )
    assert done.returncode == 0, done.stderr
    yield Crawled(data, folder, folder / "items.jsonl", done.stderr)


def test_scrapys_own_feed_gives_the_same_json(crawled: Crawled, tmp_path: Path) -> None:
    done = run_scrapy("export", "jsonl", "-o", str(tmp_path / "posts.jsonl"), data=crawled.data)
    assert done.returncode == 0, done.stderr
    ours = (tmp_path / "posts.jsonl").read_text("utf-8").splitlines()
    # A post that grew in the course of the run was written, and exported, more than once; the last says it all.
    last = {json.loads(line)["id"]: line for line in crawled.items.read_text("utf-8").splitlines()}
    assert len(ours) == 41
    assert {json.loads(line)["id"]: line for line in ours} == last


def test_lines_are_printed(crawled: Crawled, tmp_path: Path) -> None:
    run_scrapy("export", "jsonl", "-o", str(tmp_path / "posts.jsonl"), data=crawled.data)
    done = run_scrapy("export", "jsonl", "-o", "-", data=crawled.data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "posts.jsonl").read_text("utf-8")
    assert "standard output: 41 posts" in done.stderr
    done = run_scrapy("export", "jekyll", "-o", "-", data=crawled.data)
    assert (done.returncode, done.stdout) == (2, "")
    assert "jekyll cannot be printed" in done.stderr
    assert not (ROOT / "-").exists()


@pytest.mark.parametrize("words", ["jsonl -o -", "schema -o -", "jsonl --since start --follow"])
def test_a_full_disk_under_standard_output_is_reported(crawled: Crawled, words: str) -> None:
    with Path("/dev/full").open("w") as full:
        printer = start_scrapy("export", *words.split(), data=crawled.data, stdout=full, stderr=subprocess.PIPE)
        _, errors = printer.communicate(timeout=60)
    assert printer.returncode == 1
    assert errors.endswith("standard output was not written: [Errno 28] No space left on device\n")


def test_a_closed_standard_output_is_refused() -> None:
    command = f"{shlex.quote(sys.executable)} -m crawler export schema -o - >&-"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "newsreel: standard output is closed\n")


def test_a_follower_ends_once_its_reader_has_gone(crawled: Crawled) -> None:
    """Also while nothing changes, so that it is not left behind."""
    follower = start_scrapy("export", "--since", "start", "--follow", data=crawled.data, stdout=subprocess.PIPE)
    assert follower.stdout is not None
    lines = [follower.stdout.readline() for _ in range(41)]
    assert all(lines)
    follower.stdout.close()
    try:
        assert follower.wait(60) == 0
    finally:
        follower.kill()


def test_exports_are_made_when_a_run_has_ended(crawled: Crawled) -> None:
    with closing(sqlite3.connect(crawled.folder / "out" / "posts.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM posts").fetchone() == (41,)
    feed = json.loads((crawled.folder / "out" / "feeds" / "all.json").read_text("utf-8"))
    assert feed["title"] == "The Courier"
    assert not (crawled.folder / "out" / "nobody.jsonl").exists()
    assert len((crawled.folder / "out" / "everybody.jsonl").read_text("utf-8").splitlines()) == 41
    (run,) = (crawled.data.collection("newspaper") / "runs").glob("*.json")
    assert json.loads(run.read_text("utf-8"))["exit_reason"] == "finished"


def test_since_gives_what_changed_and_where_to_go_on(crawled: Crawled, tmp_path: Path) -> None:
    def export(since: str) -> tuple[list[str], str]:
        arguments = ("-o", str(tmp_path / "x.jsonl"), "--since", since, "--json")
        done = run_scrapy("export", "jsonl", *arguments, data=crawled.data)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        records = list(read_jsonl(tmp_path / "x.jsonl"))
        assert told["posts"] == len(records)
        return [str(record.change and record.change.kind) for record in records], told["cursor"]

    kinds, cursor = export("start")
    assert kinds == ["new"] * 41
    assert export(cursor) == ([], cursor)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_is_written(name: str, crawled: Crawled, tmp_path: Path) -> None:
    if name in ("parquet", "dataset"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install newsreel[parquet]")
    done = run_scrapy("export", name, "-o", str(tmp_path / "out"), data=crawled.data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'out'}: 41 posts; cursor ")


def test_the_schema_is_written_and_printed(tmp_path: Path) -> None:
    done = run_scrapy("export", "schema", "-o", str(tmp_path / "schema.json"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert json.loads((tmp_path / "schema.json").read_text("utf-8"))["title"] == "newsreel-post/2"
    assert run_scrapy("export", "schema", "-o", "-").stdout == (tmp_path / "schema.json").read_text("utf-8")


USAGE = [
    ([], "name one format: jsonl"),
    (["xlsx", "-o", "x"], "xlsx is not a format; there are jsonl"),
    (["jsonl"], "give the file or folder to write with -o"),
    (["jsonl", "-o", "x", "--source", "newspape"], "newspape is not a source; did you mean newspaper?"),
    (["jsonl", "-o", "x", "--source", "xyz", "--since", "start"], "xyz is not a source; there are newspaper"),
    (["parquet", "-o", "s3://x/y", "--source", "xyz"], "xyz is not a source; there are newspaper"),
    (["schema"], "give the file to write with -o"),
    (["feeds", "-o", "x", "--order", "x"], "(choose from 'published', 'found', 'changed')"),
    (["jsonl", "-o", "x", "--limit", "5"], "--limit is an option of feeds; leave it out for jsonl"),
    (["jsonl", "-o", "x", "--safe-cells"], "--safe-cells is an option of csv; leave it out for jsonl"),
    (["jekyll", "-o", "x", "--since", "start"], "always contains all posts"),
    (["jsonl", "-o", "x", "--since", "yesterday"], "is not a cursor"),
    (["jsonl", "-o", "x", "--collection", "nowhere"], "nowhere"),
    (["feeds", "-o", "x", "--url", "https://[x/"], "url must be an http or https address"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE)
def test_usage_is_reported_in_a_sentence(arguments: list[str], words: str, crawled: Crawled) -> None:
    done = run_scrapy("export", *arguments, data=crawled.data)
    assert done.returncode == 2
    assert words in done.stderr


def test_an_empty_data_directory_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("precious")
    done = run_scrapy("export", "jsonl", "-o", str(tmp_path / "posts.jsonl"), data=tmp_path / "nothing")
    assert done.returncode == 2
    assert "there is no collection in" in done.stderr
    assert (tmp_path / "posts.jsonl").read_text() == "precious"


def test_what_cannot_be_written_is_reported_and_left(crawled: Crawled, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("x")
    done = run_scrapy("export", "jekyll", "-o", str(tmp_path / "mine"), data=crawled.data)
    assert done.returncode == 1
    assert "holds files that no export made" in done.stdout


SLOW = """
import sys, time
import pipelines.exports.store as store

def build_slowly(*_, **__):
    print("begun", file=sys.stderr, flush=True)
    time.sleep(60)

store.build_record = build_slowly
sys.argv = ["scrapy", "export", *sys.argv[2:]]
from scrapy.cmdline import execute
execute()
"""


@pytest.mark.parametrize("name", ["jsonl", "jekyll", "-"])
def test_an_export_that_is_ended_leaves_nothing_beside_its_target(name: str, crawled: Crawled, tmp_path: Path) -> None:
    """By a signal that can be caught; what SIGKILL leaves is removed by the next export."""
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    out.mkdir()
    arguments = ["jsonl", "-o", "-"] if name == "-" else [name, "-o", str(out / "posts")]
    # Commands of the project are found in its folder or with this variable.
    environment = {"TMPDIR": str(scratch), "SCRAPY_SETTINGS_MODULE": "crawler.settings"}
    arguments += ["-s", f"DATA_DIR={crawled.data.path}"]
    for number in (signal.SIGKILL, signal.SIGTERM):
        with start_script(
            SLOW, tmp_path, *arguments, environment=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            assert any("begun" in line for line in process.stderr)
            assert [path for folder in (scratch, out) for path in folder.iterdir()]
            process.send_signal(number)
        assert process.returncode in (-signal.SIGKILL, 128 + signal.SIGTERM)
    assert [path for folder in (scratch, out) for path in folder.iterdir()] == []


# The library


def test_posts_are_read_by_source_day_and_tag(crawled: Crawled) -> None:
    library = Library(crawled.data.path)
    assert list(library.collections) == ["newspaper"]
    posts = list(library.posts())
    assert [post.file for post in posts] == sorted(post.file for post in posts)
    assert list(library.posts(source="nobody")) == []
    day = date(2026, 2, 25)
    found = list(library.posts(since=day, until=day))
    assert found
    assert {post.datePublished.date() for post in found if post.datePublished} == {day}
    tagged = list(library.posts(tag="astronomy"))
    assert tagged == [post for post in posts if "astronomy" in post.keywords] != []
    assert list(library.posts(category="SCIENCEkexuebiji")) == list(library.posts(category="SCIENCE科学笔记"))
    assert next(library.posts(since=date(2027, 1, 1)), None) is None


def test_an_instant_is_a_bound_to_the_second(crawled: Crawled) -> None:
    """Whatever zone it is given in; a day is one of the source's zone."""
    library = Library(str(crawled.data.path))
    everything = list(library.posts())
    dates = sorted(post.published_at for post in everything if post.published_at)
    middle = dates[len(dates) // 2]
    for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
        bound = middle.astimezone(zone)
        after, before = list(library.posts(since=bound)), list(library.posts(until=bound))
        assert sorted(post.published_at for post in after if post.published_at) == [at for at in dates if at >= middle]
        assert sorted(post.published_at for post in before if post.published_at) == [at for at in dates if at <= middle]
    assert list(library.posts(since=middle + timedelta(seconds=1), until=middle)) == []
    with pytest.raises(ValueError, match="has no zone"):
        library.posts(since=middle.replace(tzinfo=None))


def test_the_capture_behind_every_post_is_read(crawled: Crawled) -> None:
    library = Library(crawled.data.path)
    for post in library.posts():
        capture = library.capture(post)
        assert post.capture is not None
        assert capture.record_id == post.capture.record_id
        assert capture.decode()


def test_an_unfinished_reading_lets_go_of_the_ledger(crawled: Crawled) -> None:
    posts = Library(crawled.data.path).posts()
    first = next(posts)
    posts.close()
    assert dump_record(first).startswith('{"schema":"newsreel-post/2","id":"newspaper/')


# exports.toml

FAULTS = [
    ("x =", "is not TOML"),
    ('[[export]]\nformat = "csv"\npath = "x"\nsafe_cells = "yes"', "safe_cells of .* must be true or false"),
    ('[[exports]]\nformat = "csv"', "exports is not a table here"),
    ('[[export]]\nformat = "xls"\npath = "x"', "'xls' is not a format; there are jsonl, csv"),
    ('[[export]]\nformat = "csv"', "needs a path and a format"),
    ('[[export]]\nformat = "csv"\npath = "x"\nfile = "y"', "file is not a key"),
    ('[[export]]\nformat = "csv"\npath = 3', "must be a text"),
    ('[[export]]\nformat = "jekyll"\npath = "x"\nurl = "https://x.example/a b"', "url must be .* without blanks"),
    ('[[export]]\nformat = "feeds"\npath = "x"\nhub = "hub.example"', "hub must be an http or https address"),
    ('[[export]]\nformat = "feeds"\npath = "x"\norder = "size"', "feeds have no order 'size'; there are published"),
    ('[[export]]\nformat = "feeds"\npath = "x"\nlimit = -1', "name a number from 1"),
    ('[[webhook]]\nurl = "x"', "must be an http or https address"),
]


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_faults_of_the_file_name_it(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "exports.toml").write_text(text, "utf-8")
    with pytest.raises(PlanError, match=words):
        read_plans(tmp_path / "exports.toml")


def test_no_file_asks_for_nothing(tmp_path: Path) -> None:
    assert read_plans(tmp_path / "exports.toml").exports == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_documented_file_is_one(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSREEL_SECRET", "x")
    page = (Path(__file__).resolve().parents[3] / "docs" / "exports.md").read_text("utf-8")
    (tmp_path / "exports.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding)
    plans = read_plans(tmp_path / "exports.toml")
    assert [plan.format for plan in plans.exports] == ["sqlite", "feeds"]
    assert [hook.url for hook in plans.hooks] == ["https://receiver.example/posts"]
