"""Old posts and captures let go in a real collection: what stays is as it was, and is proved to be."""

from __future__ import annotations

import json
import os

import pytest

from archives.storage.collection import Collection
from archives.storage.writing import join_writers, keep_writers_out
from crawler.demo_site import Newspaper
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy

POSTS = 10
KEEP = f'\n[keep]\nposts = "{POSTS}"\ncaptures = "1s"\n\n[schedule]\nevery = "1h"\n'
ANEW: dict[str, object] = {"FRONTIER_RESUME": False, "REVALIDATE_ENABLED": False}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Two editions, each read whole, so that there are corrections, revisits and lists of two runs."""
    folder = tmp_path_factory.mktemp("prune")
    data = Data(folder / "data")
    with Newspaper() as paper:
        (folder / "newspaper.toml").write_text(paper.source_toml() + KEEP, "utf-8")
        for edition in (1, 2):
            paper.publish(edition=edition)
            done = crawl(data)
            assert done.returncode == 0, done.stderr
    return data


def crawl(data: Data):
    source = data.path.parent / "newspaper.toml"
    settings = LOOPBACK | ANEW | {"ARCHIVE_LOG_KEY": data.path.parent / "key.pem"}
    return run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)


def ask(data: Data, *words: str) -> list[dict[str, object]]:
    done = run_scrapy(*words, data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_beyond_the_limits_goes_and_every_proof_holds(crawled: Data) -> None:
    key = {"ARCHIVE_LOG_KEY": crawled.path.parent / "key.pem"}
    before = hash_tree(crawled.posts("newspaper"))
    size = sum(path.stat().st_size for path in crawled.warcs("newspaper"))
    (shown,) = ask(crawled, "prune", "--dry-run", "--json")
    assert shown["posts"] == len(before) - POSTS
    assert shown["captures"] > 50
    assert hash_tree(crawled.posts("newspaper")) == before

    # By the schedule, which crawls nothing here: no server answers any more.
    source = crawled.path.parent / "newspaper.toml"
    settings = LOOPBACK | key | {"SCHEDULE_UPKEEP": "merge,prune", "RETRY_ENABLED": False}
    ran = run_scrapy("schedule", "--once", "--sources", str(source), data=crawled, settings=settings)
    said = (crawled.path / "schedule" / "_prune.log").read_text()
    assert f"{shown['posts']} posts, " in said, said + ran.stderr

    after = hash_tree(crawled.posts("newspaper"))
    assert len(after) == POSTS
    assert after.items() <= before.items(), "a post that stays is not changed"
    assert sum(path.stat().st_size for path in crawled.warcs("newspaper")) < size / 2
    verified = run_scrapy("verify", "newspaper", "--posts", data=crawled)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    changes = ask(crawled, "export", "jsonl", "-o", "-", "--since", "start")
    assert {row["change"] for row in changes if row["file"] not in after} == {"withdrawn"}, "not erased: nobody asked"
    again = ask(crawled, "prune", "--json")
    assert [(row["posts"], row["captures"], row["freed"]) for row in again] == [(0, 0, 0)]
    done = run_scrapy("prune", data=crawled)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "newspaper: nothing to remove"), done.stderr
    assert run_scrapy("reparse", "newspaper", data=crawled).returncode == 0
    assert hash_tree(crawled.posts("newspaper")) == after


def test_a_collection_without_limits_is_named(newspaper: Data) -> None:
    done = run_scrapy("prune", data=newspaper)
    said = "newspaper: nothing to remove, because no source has a [keep] table\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", said)


def test_a_collection_that_is_written_to_is_left_alone(crawled: Data) -> None:
    collection = Collection.open(crawled.path, "newspaper")
    held = join_writers(collection)
    try:
        done = run_scrapy("forget", "--pattern", "NW", "--yes", data=crawled)
        assert (done.returncode, "wait for the crawl to end" in done.stderr) == (1, True)
    finally:
        os.close(held)
    with keep_writers_out(collection):
        pass
