"""A collection whose files are in object storage only: every command reads it as if they were here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.archives.moto_server import BUCKET, MotoServer
from tests.crawler.bigpaper import BigPaper
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path


def test_a_stored_collection_is_crawled_on_verified_and_reparsed(data: Data, tmp_path: Path) -> None:
    source = tmp_path / "big.toml"
    with MotoServer() as moto, BigPaper(10) as paper:
        source.write_text(paper.source_toml(), "utf-8")
        crawl = ("crawl", "category", "-a", f"source={source}")
        store: dict[str, object] = {"STORE_URL": f"s3://{BUCKET}/p", "STORE_KEEP_DAYS": 0}
        assert run_scrapy(*crawl, data=data, settings=LOOPBACK).returncode == 0
        done = run_scrapy("store", "big", "--json", data=data, settings=store, environment=moto.environment)
        assert done.returncode == 0, done.stderr
        (told,) = map(json.loads, done.stdout.splitlines())
        assert (told["new"], told["removed"], told["problems"]) == (True, True, [])
        assert data.warcs("big") == []
        assert [key.split("/")[:3] for key in moto.list_keys()] == [["p", "big", "archive"], ["p", "big", "indexes"]]

        done = run_scrapy(*crawl, data=data, settings=LOOPBACK, environment=moto.environment)
        assert done.returncode == 0, done.stderr
        assert len(data.warcs("big")) == 1, "what has not changed becomes revisits of what is stored"
        done = run_scrapy("verify", "big", "--posts", "--workers", "2", data=data, environment=moto.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(hash_tree(data.posts("big"))) == 10
        away = moto.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
        done = run_scrapy("verify", "big", data=data, environment=away)
        assert (done.returncode, "cannot read" in done.stdout) == (1, True)


def test_a_collection_cannot_be_stored_nowhere(data: Data) -> None:
    (data.collection("big") / "archive").mkdir(parents=True)
    done = run_scrapy("store", "big", data=data)
    assert (done.returncode, "must be s3://BUCKET" in done.stderr) == (2, True)
