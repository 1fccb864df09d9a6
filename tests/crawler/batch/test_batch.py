"""Work in shards: the same result as one process gives, however many processes there are and whichever of them die."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from archives.collection import Collection
from archives.verify import verify_collection
from crawler.batch.engines import Engine
from crawler.batch.jobs import WORK_DIR
from crawler.batch.shards import ATTEMPTS, ShardFailed, Task, list_shards, run_shard
from crawler.batch.verify import verify_in_shards
from crawler.newspaper import Newspaper
from tests.project import ROOT, Data, hash_tree, run_scrapy

NAME = "newspaper"
LOCAL = Engine(name="local", workers=2)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """The newspaper, crawled once into many small files."""
    folder = tmp_path_factory.mktemp("crawled")
    data, source = Data(folder / "data"), folder / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        settings: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "ARCHIVE_FILE_BYTES": 40_000}
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
        assert done.returncode == 0, done.stderr
    assert len(data.warcs(NAME)) > 4
    return data


# Shards

_FUNCTIONS = "tests.crawler.batch.test_batch"


def record_attempt(arguments: dict[str, str], files: list[Path], folder: Path) -> dict[str, int]:
    """A shard function: it leaves a mark each time, and dies as often as it is told."""
    marks = Path(arguments["marks"])
    (marks / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    if len(list(marks.iterdir())) <= int(arguments["deaths"]):
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "sizes.json").write_text(json.dumps([file.stat().st_size for file in files]))
    return {"files": len(files)}


def complain(arguments: dict[str, str], files: list[Path], folder: Path) -> dict[str, int]:
    raise ValueError(f"{files[0].name} is not to my taste")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    files = [tmp_path / "a.warc.gz", tmp_path / "b.warc.gz"]
    for file in files:
        file.write_bytes(b"x" * 10)
    (tmp_path / "marks").mkdir()
    return Task(
        function=f"{_FUNCTIONS}:record_attempt",
        folder=str(tmp_path / "job"),
        files=tuple(map(str, files)),
        arguments={"marks": str(tmp_path / "marks"), "deaths": "0"},
    )


def count_attempts(task: Task) -> int:
    return len(list(Path(task.arguments["marks"]).iterdir()))


def replace_arguments(task: Task, **changes: str) -> Task:
    return Task(function=task.function, folder=task.folder, files=task.files, arguments={**task.arguments, **changes})


def test_small_files_share_a_shard_and_large_ones_have_their_own(tmp_path: Path) -> None:
    paths = []
    for name, size in [("a", 4), ("b", 4), ("c", 20), ("d", 1), ("e", 9)]:
        (tmp_path / name).write_bytes(b"x" * size)
        paths.append(tmp_path / name)
    shards = [[path.name for path in shard] for shard in list_shards(paths, most_bytes=10)]
    assert shards == [["a", "b"], ["c"], ["d", "e"]]
    assert list_shards([]) == []


def test_a_shard_is_done_once(task: Task) -> None:
    first, again = run_shard(task), run_shard(task)
    assert (first, dict(first.result), count_attempts(task)) == (again, {"files": 2}, 1)
    assert [path.name for path in first.list_outputs()] == ["sizes.json"]
    assert [path.name for path in Path(task.folder).iterdir()] == [first.folder.name]


def test_a_shard_whose_bytes_or_outputs_changed_is_done_again(task: Task) -> None:
    first = run_shard(task)
    Path(task.files[1]).write_bytes(b"y" * 10)
    second = run_shard(task)
    assert (second.folder == first.folder, count_attempts(task)) == (False, 2)
    (second.folder / "sizes.json").write_text("[]")
    assert json.loads((run_shard(task).folder / "sizes.json").read_text()) == [10, 10]


def test_a_shard_whose_process_dies_is_tried_again(task: Task) -> None:
    assert dict(run_shard(replace_arguments(task, deaths="2")).result) == {"files": 2}
    assert count_attempts(task) == 3


def test_a_shard_that_kills_every_process_is_given_up(task: Task) -> None:
    with pytest.raises(ShardFailed, match=r"a\.warc\.gz: 3 processes in a row were killed"):
        run_shard(replace_arguments(task, deaths="99"))
    assert count_attempts(task) == ATTEMPTS
    assert list(Path(task.folder).iterdir()) == []


def test_a_shard_that_fails_says_so_and_is_not_tried_again(task: Task) -> None:
    failing = Task(function=f"{_FUNCTIONS}:complain", folder=task.folder, files=task.files, arguments=task.arguments)
    with pytest.raises(ShardFailed, match="exit code 1"):
        run_shard(failing)


# Reparse


def test_a_reparse_in_shards_makes_the_same_posts_and_the_same_ledger(crawled: Data) -> None:
    ledger = crawled.collection(NAME) / "indexes" / "ledger.sqlite"

    def read() -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(ledger)) as database:
            return database.execute("SELECT source, identifier, state, waits_for, file FROM posts").fetchall()

    one = run_scrapy("reparse", NAME, data=crawled)
    alone, posts = read(), hash_tree(crawled.posts(NAME))
    for path in crawled.posts(NAME).iterdir():
        path.unlink()
    two = run_scrapy("reparse", NAME, "--engine", "local", "--workers", "2", data=crawled)
    assert (one.returncode, two.returncode) == (0, 0), two.stderr
    assert (read(), hash_tree(crawled.posts(NAME))) == (alone, posts)
    assert two.stderr.splitlines()[-1] == one.stderr.splitlines()[-1].replace("0 new", f"{len(posts)} new").replace(
        f"{len(posts)} unchanged", "0 unchanged"
    )
    done = run_scrapy("verify", NAME, "--posts", "--workers", "2", data=crawled)
    assert (done.returncode, done.stdout) == (0, f"{NAME}: the archive and posts are whole\n")
    assert not (crawled.collection(NAME) / WORK_DIR).exists()


def list_descendants(pid: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found + [pid for child in found for pid in list_descendants(child)]


def is_alive(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def start_reparse(data: Data, out: Path, *options: str) -> subprocess.Popen[bytes]:
    # Shards of single files, so that there are some to be lost.
    command = [sys.executable, "-m", "tests.crawler.batch.small_shards", "reparse", NAME, "--out", str(out)]
    command += ["--workers", "2", "-s", f"DATA_DIR={data.path}", *options]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def await_shards(data: Data, count: int, process: subprocess.Popen[bytes]) -> list[Path]:
    """Wait until so many shards are done; their manifests."""
    deadline = time.monotonic() + 90
    while len(done := list((data.collection(NAME) / WORK_DIR).glob("*/*/manifest.json"))) < count:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    return done


def test_killed_workers_cost_their_shards_and_a_killed_job_is_taken_up(crawled: Data, tmp_path: Path) -> None:
    """What was done is not done again, and the workers of a dead job do not outlive it."""
    chance = random.Random(3)
    process = start_reparse(crawled, tmp_path / "out")
    for _ in range(2):
        while not (children := list_descendants(process.pid)):
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.3))
        with suppress(ProcessLookupError):
            os.kill(chance.choice(children), signal.SIGKILL)
    made = {path: path.stat().st_mtime_ns for path in await_shards(crawled, 2, process)}
    children = list_descendants(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while any(map(is_alive, children)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    again = start_reparse(crawled, tmp_path / "out")
    for path, made_at in {path: path.stat().st_mtime_ns for path in await_shards(crawled, 3, again)}.items():
        assert made.get(path, made_at) == made_at
    assert again.wait() == 0
    assert hash_tree(tmp_path / "out") == hash_tree(crawled.posts(NAME))
    assert not (crawled.collection(NAME) / WORK_DIR).exists()


def test_a_killed_dask_worker_costs_its_shard_only(crawled: Data, tmp_path: Path) -> None:
    if find_spec("distributed") is None:
        pytest.skip("the package distributed is not installed")
    process = start_reparse(crawled, tmp_path / "out", "--engine", "dask")
    await_shards(crawled, 1, process)
    lines = {pid: Path(f"/proc/{pid}/cmdline") for pid in list_descendants(process.pid)}
    workers = [pid for pid, line in lines.items() if b"spawn_main" in line.read_bytes()]
    os.kill(workers[-1], signal.SIGKILL)
    assert process.wait(90) == 0
    assert hash_tree(tmp_path / "out") == hash_tree(crawled.posts(NAME))


# Verify and index


def test_verification_in_shards_finds_the_same_problems(crawled: Data, tmp_path: Path) -> None:
    """Damage in a file, a record copied into another, a revisit whose original is gone, a sidecar too many."""
    subprocess.run(["cp", "-r", crawled.collection(NAME), tmp_path / "c"], check=True)
    collection = Collection(tmp_path / "c")
    assert verify_in_shards(collection, LOCAL) == verify_collection(collection) == []
    first, second, *_, last = collection.iter_warcs()
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 0xFF
    first.write_bytes(data)
    (collection.archive_dir / "z-copy.warc.gz").write_bytes(second.read_bytes())
    collection.sidecar_path(last.name).write_text("nonsense\n")
    last.unlink()
    found = sorted(verify_in_shards(collection, LOCAL, shard_bytes=1), key=lambda problem: problem.message)
    assert found == sorted(verify_collection(collection), key=lambda problem: problem.message)
    kinds = {problem.kind for problem in found}
    assert {"duplicate-record-id", "damaged-member", "foreign-sidecar", "missing-sidecar"} <= kinds


def test_an_index_in_shards_is_the_index(crawled: Data, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", crawled.path, tmp_path / "data"], check=True)
    data = Data(tmp_path / "data")
    indexes = data.collection(NAME) / "indexes"
    before = hash_tree(indexes, "*.cdxj")
    for path in indexes.glob("*.cdxj"):
        path.unlink()
    (indexes / "stray.cdxj").write_text("")
    done = run_scrapy("index", NAME, "--workers", "2", data=data)
    assert done.returncode == 0, done.stderr
    assert hash_tree(indexes, "*.cdxj") == before


def test_options_that_contradict_one_another_are_refused(crawled: Data) -> None:
    done = run_scrapy("index", NAME, "--scheduler", "tcp://127.0.0.1:1", data=crawled)
    assert (done.returncode, "--engine dask" in done.stderr) == (2, True)
    done = run_scrapy("index", NAME, "--workers", "0", data=crawled)
    assert (done.returncode, "1 or more" in done.stderr) == (2, True)
