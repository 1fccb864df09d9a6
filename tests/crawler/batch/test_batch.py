"""Work in shards: the same result as one process gives, however many processes there are and whichever of them die."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.storage.collection import Collection
from archives.storage.remote_files import find_size
from archives.verify.findings import Problem
from archives.verify.fixity import verify_collection
from crawler.batch.engines import Engine, EngineError
from crawler.batch.jobs import WORK_DIR, hold_folder
from crawler.batch.processes import Task
from crawler.batch.shards import ATTEMPTS, ShardFailed, list_shards, run_shard
from crawler.batch.verify import verify_in_shards
from tests.crawler.batch.conftest import NAME
from tests.crawler.batch.dask_cluster import DaskCluster
from tests.crawler.batch.processes import list_descendants, read_command
from tests.project import Data, Process, hash_tree, run_scrapy, start_module

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.long

LOCAL = Engine(name="local", workers=2)


# Shards

_FUNCTIONS = "tests.crawler.batch.test_batch"


def record_attempt(arguments: dict[str, str], files: list[Path], folder: Path) -> dict[str, int]:
    """A shard function: it leaves a mark each time, and dies as often as it is asked to."""
    marks = Path(arguments["marks"])
    (marks / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    if len(list(marks.iterdir())) <= int(arguments["deaths"]):
        os.kill(os.getpid(), signal.SIGKILL)
    print("this is no answer")
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
    shards = [[path.name for path in shard.files] for shard in list_shards(paths, most_bytes=10)]
    assert shards == [["a", "b"], ["c"], ["d", "e"]]
    assert list_shards([]) == []


@given(sizes=st.lists(st.integers(0, 90_000_000), max_size=6))
def test_every_byte_is_in_one_shard_and_the_last_ones_are_small(sizes: list[int]) -> None:
    """Check the cuts with sparse files of these sizes."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(len(sizes))]
        for path, size in zip(paths, sizes, strict=True):
            path.touch()
            os.truncate(path, size)
        shards = list_shards(paths, has_parts=True)
        whole = [path for shard in shards if not shard.span for path in shard.files]
        spans = [(shard.files[0], *shard.span) for shard in shards if shard.span]
        for path, size in zip(paths, sizes, strict=True):
            parts = [(first, beyond) for file, first, beyond in spans if file == path]
            edges = [edge for part in parts for edge in part]
            assert whole.count(path) + bool(parts) == 1
            assert not parts or (edges[0], edges[1:-1:2], edges[-1]) == (0, edges[2::2], size)
        costs = [shard.span[1] - shard.span[0] if shard.span else sum(map(find_size, shard.files)) for shard in shards]
        for done, cost in zip(accumulate(costs, initial=0), costs, strict=False):
            assert cost <= max(1_000_000, min(16_000_000, (sum(sizes) - done) // 8))


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


_posix_spawn = os.posix_spawn


def spawn_killed(*arguments: Any, **options: Any) -> int:
    """Start a process that is dead before anything can be written to it."""
    pid = _posix_spawn(*arguments, **options)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def test_a_process_that_dies_before_it_knows_its_shard_is_replaced(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_spawn", spawn_killed)
    with pytest.raises(ShardFailed, match="3 processes in a row were killed"):
        run_shard(task)


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
    two = start_job(crawled, "reparse", NAME, stderr=subprocess.PIPE)
    _, said = two.communicate()
    assert (one.returncode, two.returncode) == (0, 0), said
    assert (read(), hash_tree(crawled.posts(NAME))) == (alone, posts)
    assert said.splitlines()[-1] == one.stderr.splitlines()[-1].replace("0 new", f"{len(posts)} new").replace(
        f"{len(posts)} unchanged", "0 unchanged"
    )
    done = run_scrapy("verify", NAME, "--posts", "--workers", "2", data=crawled)
    assert (done.returncode, done.stdout) == (0, f"{NAME}: the archive and posts are whole\n")
    assert not (crawled.collection(NAME) / WORK_DIR).exists()


def test_posts_that_cannot_be_written_are_a_sentence(copied: Data, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = start_job(copied, "reparse", NAME, "--out", str(tmp_path / "file" / "posts"), stderr=subprocess.PIPE)
    _, said = process.communicate()
    assert process.returncode == 2
    assert "Not a directory" in said.splitlines()[-1]


# What each command writes, and its name.
COMMANDS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "reparse": lambda out: ("reparse", NAME, "--out", str(out)),
    "verify": lambda _: ("verify", NAME),
    "export": lambda out: ("export", "jsonl", "-o", str(out / "posts.jsonl")),
    "index": lambda _: ("index", NAME),
}


def start_job(data: Data, *arguments: str, stderr: int = subprocess.DEVNULL) -> Process:
    # Small shards, so that there are some to be lost.
    options = ("--workers", "2", "-s", f"DATA_DIR={data.path}")
    module = "tests.crawler.batch.small_shards"
    return start_module(module, *arguments, *options, stdout=subprocess.PIPE, stderr=stderr)


def await_shards(data: Data, count: int, process: Process) -> list[Path]:
    """Wait until so many shards are done; their manifests."""
    deadline = time.monotonic() + 90
    while True:
        with suppress(FileNotFoundError):  # some were just deleted
            if len(done := list(data.path.glob(f"**/{WORK_DIR}/*/*/manifest.json"))) >= count:
                return done
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)


def test_the_first_processes_are_copies_and_an_interruption_is_one_line(copied: Data, tmp_path: Path) -> None:
    process = start_job(copied, *COMMANDS["reparse"](tmp_path / "out"), stderr=subprocess.PIPE)
    await_shards(copied, 1, process)
    children = list_descendants(process.pid)
    assert {read_command(pid) for pid in children} == {read_command(process.pid)}
    for pid in (*children, process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, said.splitlines()) == (-signal.SIGINT, ["scrapy: interrupted"])
    assert not any(map(read_command, children))


def read_result(command: str, data: Data, out: Path, stdout: str) -> object:
    if command == "index":
        return hash_tree(data.collection(NAME) / "indexes", "*.cdxj"), stdout
    return hash_tree(out, "*"), "" if command == "export" else stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_workers_cost_their_shards_and_a_killed_job_is_taken_up(
    copied: Data, tmp_path: Path, command: str
) -> None:
    """What was done is not done again, and the workers of a dead job do not outlive it."""
    chance = random.Random(3)
    arguments = COMMANDS[command](tmp_path / "out")
    alone = run_scrapy(*COMMANDS[command](tmp_path / "one"), data=copied)
    expected = read_result(command, copied, tmp_path / "one", alone.stdout)
    process = start_job(copied, *arguments)
    for _ in range(2):
        while not (children := list_descendants(process.pid)):
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.15))
        with suppress(ProcessLookupError):
            os.kill(chance.choice(children), signal.SIGKILL)
    made = {path: path.stat().st_mtime_ns for path in await_shards(copied, 2, process)}
    children = list_descendants(process.pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(map(read_command, children)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    again = start_job(copied, *arguments)
    for path, made_at in {path: path.stat().st_mtime_ns for path in await_shards(copied, 3, again)}.items():
        assert made.get(path, made_at) == made_at
    stdout, _ = again.communicate()
    assert again.returncode == 0
    assert read_result(command, copied, tmp_path / "out", stdout) == expected
    assert not list(copied.path.glob(f"**/{WORK_DIR}"))


@pytest.mark.parametrize("command", ["verify", "index"])
def test_a_dead_machine_of_a_cluster_costs_its_shard_only(copied: Data, tmp_path: Path, command: str) -> None:
    """Workers that are not replaced, on a scheduler that was running before; it only gets shards."""
    alone = run_scrapy(*COMMANDS[command](tmp_path / "one"), data=copied)
    expected = read_result(command, copied, tmp_path / "one", alone.stdout)
    arguments = COMMANDS[command](tmp_path / "out")
    with DaskCluster(2) as cluster:
        process = start_job(copied, *arguments, "--engine", "dask", "--scheduler", cluster.address)
        await_shards(copied, 1, process)
        while not (busy := [worker for worker in cluster.workers if list_descendants(worker.pid)]):
            assert process.poll() is None
        busy[-1].kill()
        assert process.poll() is None, "there was something left to do"
        stdout, _ = process.communicate(timeout=90)
        assert process.returncode == 0
    assert read_result(command, copied, tmp_path / "out", stdout) == expected
    assert not list(copied.path.glob(f"**/{WORK_DIR}"))


def test_a_killed_dask_worker_is_replaced(crawled: Data, tmp_path: Path) -> None:
    """In the cluster that the command starts by itself."""
    if find_spec("distributed") is None:
        pytest.skip("the package distributed is not installed")
    process = start_job(crawled, *COMMANDS["reparse"](tmp_path / "out"), "--engine", "dask")
    await_shards(crawled, 1, process)
    workers = [pid for pid in list_descendants(process.pid) if b"spawn_main" in read_command(pid)]
    os.kill(workers[-1], signal.SIGKILL)
    process.communicate(timeout=90)
    assert process.returncode == 0
    assert hash_tree(tmp_path / "out") == hash_tree(crawled.posts(NAME))


# Jobs


def test_a_job_is_done_by_one_process_at_a_time(tmp_path: Path) -> None:
    """And what an earlier one has left, of other arguments or other code, goes; what is being done stays."""
    work = tmp_path / WORK_DIR
    (work / "read-0000" / "shard").mkdir(parents=True)
    (work / "write-0000").mkdir()
    with hold_folder(work / "read-1111"):
        with (
            pytest.raises(EngineError, match="another process is doing this very job"),
            hold_folder(work / "read-1111"),
        ):
            pass
        with hold_folder(work / "read-2222"):
            assert sorted(path.name for path in work.iterdir()) == ["read-1111", "read-2222", "write-0000"]
        with pytest.raises(OSError, match="a fault"), hold_folder(work / "read-3333"):
            raise OSError("a fault")
    assert sorted(path.name for path in work.iterdir()) == ["read-3333", "write-0000"]


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
    (collection.archive_dir / "z-odd.warc").write_bytes(
        b"WARC/1.1\r\nWARC-Type: hologram\r\nWARC-Record-ID: <urn:a:b>\r\nWARC-Date: 2026-01-05T10:00:00Z\r\n"
        b"Content-Length: 0\r\n\r\n\r\n\r\n"
    )
    notes: list[Problem] = []
    notes_of_shards: list[Problem] = []
    found = verify_in_shards(collection, LOCAL, shard_bytes=1, on_note=notes_of_shards.append)
    found = sorted(found, key=lambda problem: problem.message)
    assert found == sorted(verify_collection(collection, on_note=notes.append), key=lambda problem: problem.message)
    assert notes_of_shards == notes
    assert [note.kind for note in notes] == ["unknown-type"]
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
