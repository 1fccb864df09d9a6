"""`scrapy runs`: every run is listed, the newest first, and one that died is called that."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from archives.storage.collection import Collection
from archives.storage.files import lock_file
from crawler.demo_site import Newspaper
from crawler.monitoring.crawl_counts import format_bytes
from crawler.monitoring.logbook import RunState, find_run, list_runs
from crawler.runs.crawl_manifest import build_joint
from tests.project import LOOPBACK, Data, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def write_run(data: Data, collection: str, at: datetime, *, ended: bool = True, **values: Any) -> str:
    """Leave a manifest as a run does that began at an instant and took 90 seconds."""
    run = f"{at:%Y%m%d%H%M%S}-a1b2c3"
    manifest = {
        "run": run,
        "spider": "category",
        "source": collection,
        "collection": collection,
        "began_at": at.isoformat(),
        "ended_at": (at + timedelta(seconds=90)).isoformat() if ended else None,
        "exit_reason": "finished" if ended else None,
        "counts": {"pages/article": 7, "pages/category": 2, "pages/failed/text": 1, "pages/not_html": 1, "posts/new": 3}
        | {"posts/dropped/no_date": 1, "posts/dropped/no_text": 1, "archive/bytes": 12_345, "finish_reason": "x"},
        "files": [{"name": "x", "bytes": 99, "sha256": ""}],
    } | values
    folder = data.collection(collection) / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run}.json").write_text(json.dumps(manifest), "utf-8")
    return run


def test_runs_of_all_collections_come_newest_first(data: Data) -> None:
    runs = [write_run(data, name, AT + timedelta(hours=n)) for n, name in enumerate(("one", "two", "one"))]
    assert [run.run for run in list_runs(data.path)] == runs[::-1]
    assert [run.collection for run in list_runs(data.path, collection="one")] == ["one", "one"]
    assert [run.run for run in list_runs(data.path, source="two")] == [runs[1]]


def test_a_record_counts_as_the_manifest_does(data: Data) -> None:
    write_run(data, "one", AT)
    (run,) = list_runs(data.path)
    assert (run.pages, run.dropped, run.bytes_archived, run.seconds, run.has_changes) == (9, 2, 12_345, 90.0, True)
    assert run.state is RunState.ENDED


def test_what_is_no_manifest_is_passed_over(data: Data) -> None:
    write_run(data, "one", AT)
    for name, text in (("20260601130000-ffffff.json", "{"), ("x.json", "[]"), ("20260601140000-000000.tmp", "{}")):
        (data.collection("one") / "runs" / name).write_text(text, "utf-8")
    assert len(list_runs(data.path)) == 1


def test_the_run_of_a_source_since_an_instant_is_found(data: Data) -> None:
    write_run(data, "one", AT)
    second = write_run(data, "one", AT + timedelta(hours=1))
    write_run(data, "one", AT + timedelta(hours=2), source="other")
    collection = Collection.open(data.path, "one")
    found = find_run(collection, source="one", since=AT + timedelta(minutes=30))
    assert found
    assert found.run == second
    assert find_run(collection, source="one", since=AT + timedelta(hours=1, seconds=1)) is None
    assert find_run(Collection(data.path / "collections" / "none"), source="one", since=AT) is None


def test_of_two_runs_without_an_end_the_one_that_writes_is_alive(data: Data) -> None:
    """Even if it is the older one."""
    write_run(data, "one", AT, ended=False)
    write_run(data, "one", AT + timedelta(hours=1), ended=False, run="20260601130000-d4e5f6")
    (data.collection("one") / "runs" / "20260601130000-a1b2c3.json").rename(
        data.collection("one") / "runs" / "20260601130000-d4e5f6.json"
    )
    archive = data.collection("one") / "archive"
    archive.mkdir()
    locks = [
        archive / "one-20260601120000-00000-a1b2c3.warc.gz.open",
        data.collection("one") / "frontier.sqlite.w.lock",
    ]
    with ExitStack() as stack:
        for lock in locks:
            assert lock_file(stack.enter_context(lock.open("w")).fileno())
        assert [run.state for run in list_runs(data.path)] == [RunState.DIED, RunState.RUNNING]
    assert [run.state for run in list_runs(data.path)] == [RunState.DIED, RunState.DIED]


CRAWL = "20260601120000-0123456789abcdef"


def write_worker(data: Data, number: int, *, ended: bool = True, **values: Any) -> dict[str, Any]:
    """Leave the manifest of one worker in a shared crawl; return it as the server of the frontier has it."""
    run = f"20260601120{number:03}-a1b2c{number}"
    write_run(data, "one", AT, ended=ended, run=run, crawl=CRAWL, **values)
    folder = data.collection("one") / "runs"
    path = (folder / f"{AT:%Y%m%d%H%M%S}-a1b2c3.json").rename(folder / f"{run}.json")
    return dict(json.loads(path.read_text("utf-8"))) | {"machine": f"m{number}"}


def test_a_shared_crawl_is_one_run(data: Data) -> None:
    """With the numbers of all workers, whether the joint manifest is there, tells of more than are here, or is not."""
    parts = [write_worker(data, number) for number in (1, 2, 3)]
    write_run(data, "one", AT + timedelta(hours=1))
    for _ in range(2):
        alone, shared = list_runs(data.path)
        assert (alone.workers, alone.pages) == ((), 9)
        assert (shared.run, shared.state, shared.exit_reason) == (CRAWL, RunState.ENDED, "finished")
        assert (shared.pages, shared.bytes_archived, shared.seconds) == (27, 37_035, 90.0)
        assert [worker.pages for worker in shared.workers] == [9, 9, 9]
        (data.collection("one") / "runs" / f"{CRAWL}.json").write_text(json.dumps(build_joint(CRAWL, parts)), "utf-8")
    (data.collection("one") / "runs" / f"{parts[0]['run']}.json").unlink()
    shared = list_runs(data.path)[1]
    assert (shared.pages, [worker.machine for worker in shared.workers]) == (27, ["m3", "m2", "m1"])
    assert [run.run for run in list_runs(data.path, most=1)] == [alone.run]
    assert len(list_runs(data.path, most=2)[1].workers) == 3, "a crawl is not cut in the middle"


def test_a_shared_crawl_goes_on_as_long_as_one_of_its_workers(data: Data) -> None:
    write_worker(data, 1)
    run = write_worker(data, 2, ended=False)["run"]
    with (data.collection("one") / f"frontier.sqlite.{run}.lock").open("w") as lock:
        assert lock_file(lock.fileno())
        (shared,) = list_runs(data.path)
        assert (shared.state, [worker.state for worker in shared.workers]) == (
            RunState.RUNNING,
            [RunState.RUNNING, RunState.ENDED],
        )
    (shared,) = list_runs(data.path)
    assert (shared.state, shared.workers[0].state) == (RunState.ENDED, RunState.DIED), "nothing was left to fetch"


def test_the_schedule_learns_what_all_workers_found(data: Data) -> None:
    """But how the worker's own run ended."""
    write_worker(data, 1)
    own = write_worker(data, 2, counts={"pages/article": 1}, exit_reason="memusage_exceeded")["run"]
    found = find_run(Collection.open(data.path, "one"), source="one", since=AT)
    assert found
    assert (found.run, found.exit_reason, found.pages, found.has_changes) == (own, "memusage_exceeded", 10, True)


def test_the_command_shows_a_shared_crawl_with_its_workers(data: Data) -> None:
    parts = [write_worker(data, 1), write_worker(data, 2, ended=False, counts={})]
    (data.collection("one") / "runs" / f"{CRAWL}.json").write_text(json.dumps(build_joint(CRAWL, parts)), "utf-8")
    lines = [line.split()[2:] for line in run_scrapy("runs", data=data).stdout.splitlines()[1:]]
    assert [(line[0], line[-1]) for line in lines] == [("one", "finished"), ("└", "died"), ("└", "finished")]
    assert [line[1] for line in lines] == ["category", "m2", "m1"]
    (row,) = [json.loads(line) for line in run_scrapy("runs", "--json", data=data).stdout.splitlines()]
    assert (row["run"], row["pages"], [worker["pages"] for worker in row["workers"]]) == (CRAWL, 9, [None, 9])


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (214_316, "214 kB"), (999_600, "1 MB"), (1_234_567_890, "1.23 GB")],
)
def test_sizes_are_shown_to_three_digits(size: int, text: str) -> None:
    assert format_bytes(size) == text


def test_the_command_lists_and_limits(data: Data) -> None:
    absent = run_scrapy("runs", data=data)
    assert (absent.returncode, f"there is no data directory {data.path}" in absent.stderr) == (2, True)
    assert not data.path.exists()
    data.path.mkdir(parents=True)
    assert run_scrapy("runs", data=data).stderr == "no runs yet\n"
    for n in range(3):
        write_run(data, "one", AT + timedelta(hours=n))
    done = run_scrapy("runs", "--limit", "2", data=data)
    assert done.returncode == 0, done.stderr
    heading, *lines = done.stdout.splitlines()
    assert heading.split()[:3] == ["when", "source", "spider"]
    assert [line.split()[2:] for line in lines] == [
        ["one", "category", "1m30s", "9", "3", "0", "0", "2", "12.3", "kB", "finished"]
    ] * 2
    assert done.stderr == "1 more; --limit 0 shows all\n"
    rows = [json.loads(line) for line in run_scrapy("runs", "--json", data=data).stdout.splitlines()]
    assert len(rows) == 3
    assert rows[0]["posts"] == {"new": 3, "updated": 0, "unchanged": 0, "dropped": 2}
    assert (rows[0]["pages"], rows[0]["bytes"], rows[0]["seconds"], rows[0]["state"]) == (9, 12_345, 90.0, "ended")


def test_an_unknown_collection_is_a_matter_of_usage(data: Data) -> None:
    data.path.mkdir(parents=True, exist_ok=True)
    done = run_scrapy("runs", "--collection", "none", data=data)
    assert done.returncode == 2
    assert "no collection 'none'" in done.stdout + done.stderr


def test_a_run_is_running_until_it_dies(data: Data, tmp_path: Path) -> None:
    """From its first moment, when nothing has been captured, until it is killed, and after the next run cleared up."""
    source = tmp_path / "newspaper.toml"
    crawl = partial(
        start_scrapy,
        *("crawl", "category", "-a", f"source={source}"),
        data=data,
        settings=LOOPBACK,
        stderr=subprocess.DEVNULL,
    )
    with Newspaper() as paper:
        source.write_text(paper.source_toml().replace("delay = 0", "delay = 0.05\nconcurrency = 1"), "utf-8")
        states = set()
        with crawl() as process:
            deadline = time.monotonic() + 60
            while not list(data.posts("newspaper").glob("*.md")) and time.monotonic() < deadline:
                states.update(run.state for run in list_runs(data.path))
                time.sleep(0.01)
            process.kill()
        assert states == {RunState.RUNNING}
        (died,) = list_runs(data.path)
        assert (died.state, died.ended_at) == (RunState.DIED, None)
        line = run_scrapy("runs", data=data).stdout.splitlines()[-1]
        assert line.split()[2:] == ["newspaper", "category", "died"]
        source.write_text(paper.source_toml(), "utf-8")
        with crawl() as process:
            while len(list_runs(data.path)) < 2:
                assert process.poll() is None
                time.sleep(0.01)
            assert [run.state for run in list_runs(data.path)][1] is RunState.DIED
            assert process.wait() == 0
    assert [run.state for run in list_runs(data.path)] == [RunState.ENDED, RunState.DIED]
    assert not died.has_changes
