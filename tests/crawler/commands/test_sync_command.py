"""Several machines, one collection: each writes what it fetched, and all arrive at the same posts."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME
from archives.storage.collection import Collection
from crawler.demo_site import Newspaper
from tests.archives.moto_server import BUCKET, MotoServer
from tests.crawler.frontier.redis_server import RedisServer
from tests.crawler.manypapers import ManyPapers
from tests.postgres_server import PostgresServer
from tests.project import LOOPBACK, Data, Process, hash_tree, run_scrapy, start_scrapy

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

HOSTS, ARTICLES = 3, 8
# Front pages of several hosts are the same bytes, so one machine keeps some of them as revisits of another's.
BOTH = ("text/html", REVISIT_MIME)


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def storage() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture
def shared(database: PostgresServer, storage: MotoServer, tmp_path: Path) -> Places:
    """What all machines reach: a catalogue and a storage that are empty."""
    return Places(
        environment={**storage.environment, "NEWSREEL_CATALOGUE_URL": database.make_database()},
        settings={**LOOPBACK, "STORE_URL": f"s3://{BUCKET}/{tmp_path.name}", "CONCURRENT_REQUESTS_PER_DOMAIN": 2},
    )


class Places:
    """Runs commands as each machine would."""

    def __init__(self, *, environment: dict[str, str], settings: dict[str, object]) -> None:
        self.environment = environment
        self.settings = settings

    def crawl(self, source: Path, data: Data, **settings: object) -> subprocess.CompletedProcess[str]:
        options = self.settings | settings
        arguments = ("crawl", "category", "-a", f"source={source}")
        return run_scrapy(*arguments, data=data, settings=options, environment=self.environment)

    def start(self, source: Path, data: Data, **settings: object) -> Process:
        options = self.settings | settings | {"LOG_LEVEL": "ERROR"}
        arguments = ("crawl", "category", "-a", f"source={source}")
        return start_scrapy(*arguments, data=data, settings=options, environment=self.environment)

    def run(self, *arguments: str, data: Data) -> subprocess.CompletedProcess[str]:
        return run_scrapy(*arguments, data=data, settings=self.settings, environment=self.environment)


def list_captures(data: Data, *mimes: str) -> list[tuple[str, str]]:
    with CollectionIndex(Collection.open(data.path, "many")) as index:
        return sorted((entry.url, entry.digest) for entry in index.iter_entries() if entry.mime in mimes)


def test_three_machines_make_what_one_makes(shared: Places, tmp_path: Path) -> None:
    source, alone = tmp_path / "many.toml", Data(tmp_path / "alone")
    places = [Data(tmp_path / name) for name in ("north", "south", "west")]
    with ManyPapers(HOSTS, ARTICLES, latency_s=0.02) as papers, RedisServer(tmp_path) as redis:
        source.write_text(papers.source_toml(), "utf-8")
        assert run_scrapy("crawl", "category", "-a", f"source={source}", data=alone, settings=LOOPBACK).returncode == 0
        papers.log.clear()
        papers.is_open = False
        crawls = [shared.start(source, data, FRONTIER_URL=redis.url, DOWNLOAD_DELAY=0.05) for data in places]
        await_workers(redis, len(crawls))
        papers.is_open = True
        assert [crawl.wait(120) for crawl in crawls] == [0, 0, 0]
        assert papers.tally == dict.fromkeys(papers.pages, 1)
    own = {data.path.name: {path.name for path in data.warcs("many")} for data in places}
    assert all(own.values()), "each has captured something"
    for data in places:
        done = shared.run("sync", "many", data=data)
        assert done.returncode == 0, done.stderr
        assert hash_tree(data.posts("many")) == hash_tree(alone.posts("many"))
        assert list_captures(data, *BOTH) == list_captures(alone, *BOTH)
        assert {path.name for path in data.warcs("many")} == own[data.path.name], "nobody has a copy of another's file"
        done = shared.run("verify", "many", "--posts", data=data)
        assert done.returncode == 0, done.stdout + done.stderr


def await_workers(redis_server: RedisServer, count: int) -> None:
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(redis_server.url) as client:
        deadline = time.monotonic() + 120
        while sum(client.zcard(key) for key in client.scan_iter("newsreel:*:workers")) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_what_another_machine_has_is_kept_once(shared: Places, tmp_path: Path) -> None:
    """A machine that has never seen the site keeps revisits of what the first has captured, and can replay them."""
    source, first, second = tmp_path / "many.toml", Data(tmp_path / "first"), Data(tmp_path / "second")
    with ManyPapers(1, ARTICLES) as papers:
        source.write_text(papers.source_toml(), "utf-8")
        assert shared.crawl(source, first).returncode == 0
        done = shared.crawl(source, second)
    assert done.returncode == 0, done.stderr
    assert len(list_captures(second, REVISIT_MIME)) == ARTICLES + 1
    assert hash_tree(second.posts("many")) == hash_tree(first.posts("many"))
    done = shared.run("verify", "many", "--posts", data=second)
    assert done.returncode == 0, done.stdout + done.stderr
    # The second machine's revisits are newer evidence, which the first has yet to hear of.
    assert "1 imported" in shared.run("sync", "many", data=first).stderr
    again = shared.run("sync", "many", "--json", data=first)
    assert json.loads(again.stdout) == {"collection": "many", "registered": 0, "taken_in": []}
    assert shared.run("verify", "many", "--posts", data=first).returncode == 0


def test_a_page_that_another_machine_has_is_asked_for_with_its_tag(shared: Places, tmp_path: Path) -> None:
    """The publisher answers a machine that has never been there with 304, and it makes the same posts."""
    source, first, second = tmp_path / "newspaper.toml", Data(tmp_path / "first"), Data(tmp_path / "second")
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        assert shared.crawl(source, first).returncode == 0
        before = len(paper.exchanges)
        done = shared.crawl(source, second)
        asked = paper.exchanges[before:]
    assert done.returncode == 0, done.stderr
    unchanged = [served for served in asked if served.response.startswith(b"HTTP/1.1 304")]
    assert len(unchanged) > 40, "an article each, and more"
    assert hash_tree(second.posts("newspaper")) == hash_tree(first.posts("newspaper"))
    verified = shared.run("verify", "newspaper", "--posts", data=second)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_machine_with_an_empty_disk_has_it_all(shared: Places, tmp_path: Path) -> None:
    source, first, second = tmp_path / "many.toml", Data(tmp_path / "first"), Data(tmp_path / "second")
    with ManyPapers(1, ARTICLES) as papers:
        source.write_text(papers.source_toml(), "utf-8")
        assert shared.crawl(source, first).returncode == 0
    done = shared.run("sync", "many", data=second)
    assert done.returncode == 0, done.stderr
    assert hash_tree(second.posts("many")) == hash_tree(first.posts("many"))
    assert second.warcs("many") == []
    for data in (first, second):
        done = shared.run("export", "jsonl", "-o", str(data.path / "posts.jsonl"), data=data)
        assert done.returncode == 0, done.stderr
    assert (first.path / "posts.jsonl").read_bytes() == (second.path / "posts.jsonl").read_bytes() != b""


def test_a_catalogue_that_is_away_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    source, data = tmp_path / "many.toml", Data(tmp_path / "data")
    environment = {"NEWSREEL_CATALOGUE_URL": "postgresql://me:secret-word@127.0.0.1:1/news"}
    with ManyPapers(1, 1) as papers:
        source.write_text(papers.source_toml(), "utf-8")
        arguments = ("crawl", "category", "-a", f"source={source}")
        done = run_scrapy(*arguments, data=data, settings=LOOPBACK, environment=environment)
        assert (done.returncode, papers.log) == (2, [])
    assert "cannot reach the catalogue at postgresql://127.0.0.1:1/news" in done.stderr
    assert "secret-word" not in done.stderr + done.stdout


def test_a_catalogue_that_goes_away_costs_no_page(tmp_path: Path) -> None:
    """The crawl continues, keeps everything, says so at its end; the next exchange makes good."""
    source, data = tmp_path / "many.toml", Data(tmp_path / "data")
    with PostgresServer() as server, ManyPapers(1, ARTICLES) as papers:
        source.write_text(papers.source_toml(), "utf-8")
        url = server.make_database()
        shared = Places(environment={"NEWSREEL_CATALOGUE_URL": url}, settings=LOOPBACK)
        papers.is_open = False
        crawl = shared.start(source, data, DOWNLOAD_DELAY=0.05)
        while not (data.collection("many") / "indexes" / "place").exists() or not list_open(data):
            assert crawl.poll() is None
            time.sleep(0.02)
        server.kill()
        papers.is_open = True
        assert crawl.wait(120) == 1
        assert len(hash_tree(data.posts("many"))) == ARTICLES
        server.start()
        done = shared.run("sync", "many", data=data)
        assert done.returncode == 0, done.stderr
        assert "1 file registered" in done.stderr


def list_open(data: Data) -> list[Path]:
    runs = data.collection("many") / "runs"
    return list(runs.glob("*.json")) if runs.is_dir() else []


def test_an_exchange_without_a_partner_is_refused(data: Data) -> None:
    done = run_scrapy("sync", "many", data=data, environment={"NEWSREEL_CATALOGUE_URL": ""})
    assert done.returncode == 2
    assert "CATALOGUE_URL is not set" in done.stderr
