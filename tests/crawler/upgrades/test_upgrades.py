"""A data directory that an earlier version (commit 68dbe48) made: what doctor says comes true, and nothing is lost."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from archives.storage.databases import open_database
from crawler.changelog import tables
from crawler.publishing.outbox import FILE_NAME as OUTBOX_NAME
from crawler.publishing.outbox import Outbox
from tests.project import EARLIER_DATA, Data, hash_tree, run_scrapy, unpack_data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=EARLIER_DATA, ids=lambda path: path.name)
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Data]:
    unpack_data(tmp_path, request.param)
    yield Data(tmp_path)


def list_upgrades(data: Data) -> list[str]:
    done = run_scrapy("doctor", "--json", data=data)
    return [check["words"] for check in map(json.loads, done.stdout.splitlines()) if check["name"] == "upgrade"]


def test_there_is_a_directory_of_an_earlier_version() -> None:
    assert EARLIER_DATA


def test_every_post_proof_and_version_is_as_it_was(data: Data) -> None:
    posts = hash_tree(data.posts("newspaper"))
    warcs = [path.read_bytes() for path in data.warcs("newspaper")]
    announced = list_upgrades(data)
    assert any("catalogue.sqlite has version 1" in words for words in announced)
    assert any("changes.sqlite will be upgraded from version" in words for words in announced)

    verified = run_scrapy("verify", "newspaper", "--posts", data=data)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    changes = run_scrapy("export", "jsonl", "-o", "-", "--since", "start", data=data)
    assert {json.loads(line)["file"] for line in changes.stdout.splitlines()} == posts.keys(), changes.stderr
    reparsed = run_scrapy("reparse", "newspaper", "--diff", data=data)
    assert reparsed.returncode == 0, reparsed.stdout + reparsed.stderr

    # What a run leaves for later runs is still there.
    listed = run_scrapy("schedule", "--list", "1", "--json", "--sources", str(data.path / "newspaper.toml"), data=data)
    assert json.loads(listed.stdout)["last_status"] == "ok", listed.stderr
    with closing(Outbox(data.path / OUTBOX_NAME)) as outbox:
        assert outbox.count("waiting") > len(posts)

    # What no command above has opened is upgraded when it is first used.
    assert all("at first use" in words for words in list_upgrades(data))
    assert hash_tree(data.posts("newspaper")) == posts
    assert [path.read_bytes() for path in data.warcs("newspaper")] == warcs


def test_what_a_later_version_made_is_named_and_doctor_fails(data: Data) -> None:
    path = data.collection("newspaper") / "indexes" / tables.FILE_NAME
    database = open_database(path, tables.SCHEMA)
    database.execute(f"PRAGMA user_version = {tables.SCHEMA.version + 1}")
    database.close()
    (words,) = [words for words in list_upgrades(data) if "changes.sqlite" in words]
    assert "this program knows none above" in words
    assert run_scrapy("doctor", data=data).returncode == 1
