"""Workers that share a crawl make what one process makes, and the hosts cannot tell them from one."""

from __future__ import annotations

import itertools
import json
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from crawler.runs.crawl_manifest import is_joint
from tests.crawler.frontier.redis_server import RedisServer
from tests.crawler.manypapers import ManyPapers
from tests.project import LOOPBACK, Data, Process, hash_tree, run_module, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

NUMBERS = itertools.count(1)
AT_ONCE = 2
DELAY_S = 0.06
LEASE_S = 4
KILLS = 4
# What a worker has leased when it dies: for each of its hosts twice as many as it may ask for at once.
LEASED_AT_MOST = 16


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        yield server


def start_crawl(source: Path, data: Data, url: str = "", *, delay: float = DELAY_S) -> Process:
    settings: dict[str, object] = {**LOOPBACK, "LOG_LEVEL": "ERROR", "FRONTIER_LEASE": LEASE_S}
    settings |= {"DOWNLOAD_DELAY": delay, "DOWNLOAD_DELAY_JITTER": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE}
    settings |= {"FRONTIER_URL": url, "USER_AGENT": f"worker-{next(NUMBERS)}"}
    return start_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)


def start_workers(papers: ManyPapers, source: Path, folders: list[Data], url: str) -> list[Process]:
    """Start a worker for each folder; no page is served before all are there, or who is late begins the next crawl."""
    papers.is_open = False
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(url) as client:

        def count_registered() -> int:
            return sum(client.hlen(key) for key in client.scan_iter("newsreel:*:runs"))

        wanted = count_registered() + len(folders)
        processes = [start_crawl(source, data, url) for data in folders]
        deadline = time.monotonic() + 120
        while count_registered() < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    papers.is_open = True
    return processes


def await_requests(papers: ManyPapers, count: int, processes: list[Process]) -> None:
    deadline = time.monotonic() + 60
    while len(papers.log) < count and any(process.poll() is None for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def verify_politeness(papers: ManyPapers) -> None:
    """By the hosts' own log none saw more requests at once, or sooner one after the other, than one process may send.

    A single gap may be short where the request before was held up on its way, as one process's may: by more than a
    delay on a busy machine. But from no request on have there ever been more than two beyond one a delay; and between
    two workers there is always a whole delay.
    """
    for host in papers.hosts:
        assert papers.find_most_at_once(host) <= AT_ONCE
        assert papers.find_mean_gap(host) >= 0.95 * DELAY_S
        assert papers.find_head_start(host, DELAY_S) <= 2.5 * DELAY_S
        for last, first in papers.list_handovers(host):
            assert first.began - last.ended >= 0.9 * DELAY_S, (last, first)


def read_captures(*folders: Data) -> set[tuple[str, str]]:
    """Address and payload digest of everything that is in the archives, or is said to be there already."""
    indexes = [path for data in folders for path in (data.collection("many") / "indexes").glob("*.cdxj")]
    lines = [line.split(" ", 2)[2] for path in indexes for line in path.read_text("utf-8").splitlines()]
    return {(entry["url"], entry["digest"]) for entry in map(json.loads, lines) if entry["url"].startswith("http")}


def read_manifests(data: Data) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The joint manifests, and those of single runs."""
    manifests = data.read_manifests("many")
    return [one for one in manifests if is_joint(one)], [one for one in manifests if not is_joint(one)]


def crawl_alone(papers: ManyPapers, source: Path, data: Data) -> None:
    source.write_text(papers.source_toml(), "utf-8")
    assert start_crawl(source, data, delay=0).wait(60) == 0
    papers.log.clear()


def test_workers_make_what_one_process_makes(tmp_path: Path, server: RedisServer) -> None:
    """The same posts and captures; each page fetched once; one manifest for all that they did."""
    source, alone = tmp_path / "many.toml", Data(tmp_path / "alone")
    with ManyPapers(5, 15, latency_s=0.03) as papers:
        crawl_alone(papers, source, alone)
        for count in (1, 2, 3):
            data = Data(tmp_path / f"data{count}")
            processes = start_workers(papers, source, [data] * count, server.url)
            assert {process.wait(60) for process in processes} == {0}
            assert papers.tally == dict.fromkeys(papers.pages, 1)
            verify_politeness(papers)
            papers.log.clear()
            assert hash_tree(data.posts("many")) == hash_tree(alone.posts("many"))
            assert read_captures(data) == read_captures(alone)
            assert len(data.warcs("many")) == count
            verify_joint(data, alone, count)
    done = run_scrapy("verify", "many", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run_scrapy("runs", data=data)
    assert [line.split()[2] for line in done.stdout.splitlines()[1:]] == ["many", "└", "└", "└"]
    assert run_scrapy("health", data=data).returncode == 0


def verify_joint(data: Data, alone: Data, workers: int) -> None:
    """What all workers did together is what the one process did, and it is said once."""
    (joint,), runs = read_manifests(data)
    ((), (single,)) = read_manifests(alone)
    assert {worker["run"] for worker in joint["workers"]} == {run["run"] for run in runs}
    assert len(joint["workers"]) == len(runs) == workers
    assert {run["crawl"] for run in runs} == {joint["run"]}
    assert single["crawl"] is None
    for name in ("pages/article", "pages/category", "posts/new", "archive/exchanges", "frontier/acknowledged"):
        assert joint["counts"][name] == single["counts"][name] == sum(run["counts"].get(name, 0) for run in runs)
    assert joint["exit_reason"] == "finished"
    files = [file["name"] for worker in joint["workers"] for file in worker["files"]]
    assert sorted(files) == [path.name for path in data.warcs("many")]


def test_a_host_that_keeps_everybody_waiting_stays_with_its_worker(tmp_path: Path, server: RedisServer) -> None:
    """Longer than a lease, though the engine, with nothing to do, asks the frontier for nothing meanwhile."""
    source, data = tmp_path / "many.toml", Data(tmp_path / "data")
    with ManyPapers(2, 3) as papers:
        source.write_text(papers.source_toml(), "utf-8")
        processes = start_workers(papers, source, [data] * 2, server.url)
        papers.is_open = False
        time.sleep(1.5 * LEASE_S)
        papers.is_open = True
        assert {process.wait(60) for process in processes} <= {0, 1}
        assert papers.tally == dict.fromkeys(papers.pages, 1)


def test_workers_on_several_machines_each_have_the_joint_manifest(tmp_path: Path, server: RedisServer) -> None:
    """And each keeps its own part of the archive; together the parts are what one process makes."""
    source, alone = tmp_path / "many.toml", Data(tmp_path / "alone")
    folders = [Data(tmp_path / name) for name in ("first", "second")]
    with ManyPapers(4, 10, latency_s=0.03) as papers:
        crawl_alone(papers, source, alone)
        assert {process.wait(60) for process in start_workers(papers, source, folders, server.url)} == {0}
    first, second = [read_manifests(data) for data in folders]
    assert first[0] == second[0]
    assert len(first[0][0]["workers"]) == 2
    assert (len(first[1]), len(second[1])) == (1, 1)
    assert read_captures(*folders) == read_captures(alone)
    posts = [hash_tree(data.posts("many")) for data in folders]
    assert posts[0].keys().isdisjoint(posts[1])
    assert posts[0] | posts[1] == hash_tree(alone.posts("many"))


def test_workers_and_the_server_killed_at_random_lose_nothing(tmp_path: Path, server: RedisServer) -> None:
    """Workers and server in turn, at moments that chance names; each dead worker has a successor."""
    chance = random.Random(11)
    source, data, alone = tmp_path / "many.toml", Data(tmp_path / "data"), Data(tmp_path / "alone")
    with ManyPapers(4, 40, latency_s=0.02) as papers:
        crawl_alone(papers, source, alone)
        workers = start_workers(papers, source, [data] * 3, server.url)
        for number in range(KILLS):
            await_requests(papers, len(papers.log) + chance.randint(5, 25), workers)
            if number % 2:
                server.kill()
                time.sleep(chance.uniform(0.1, 0.5))
                server.start()
            else:
                victim = workers.pop(chance.randrange(len(workers)))
                victim.kill()
                assert victim.wait() == -signal.SIGKILL, "it had ended before"
                workers += start_workers(papers, source, [data], server.url)
        # A successor may find that no host is free for it; then it reads no page and says so with 1.
        assert {worker.wait(90) for worker in workers} <= {0, 1}
        assert set(papers.tally) == papers.pages
        assert sum(papers.tally.values()) <= len(papers.pages) + KILLS // 2 * LEASED_AT_MOST
        verify_politeness(papers)
    assert hash_tree(data.posts("many")) == hash_tree(alone.posts("many"))
    (joint,), runs = read_manifests(data)
    ends = [worker["exit_reason"] for worker in joint["workers"]]
    assert (ends.count("finished"), ends.count(None)) == (3, KILLS // 2)
    assert len(runs) == len(ends)
    assert joint["counts"]["frontier/reclaimed"] > 0
    # What the dead left open the next run would close.
    assert run_module("archives", "recover", data.collection("many")).returncode == 0
    assert read_captures(data) == read_captures(alone)
    done = run_scrapy("verify", "many", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
