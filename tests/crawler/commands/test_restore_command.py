"""Restoring as docs/operations.md says: from WARC files alone, and from a copy that was made while a crawl ran."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from crawler.demo_site import Newspaper
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from pathlib import Path


def write_source(paper: Newspaper, folder: Path) -> Path:
    source = folder / "newspaper.toml"
    source.write_text(paper.source_toml(), "utf-8")
    return source


def test_warc_files_alone_bring_every_post_back(tmp_path: Path) -> None:
    old, new = Data(tmp_path / "old"), Data(tmp_path / "new")
    with Newspaper() as paper:
        source = write_source(paper, tmp_path)
        for edition in (1, 2):
            paper.publish(edition=edition)
            done = run_scrapy("crawl", "category", "-a", f"source={source}", data=old, settings=LOOPBACK)
            assert done.returncode == 0, done.stderr
    shutil.copytree(old.collection("newspaper") / "archive", tmp_path / "archive")
    done = run_scrapy("import", str(tmp_path / "archive"), "--collection", "newspaper", data=new)
    assert done.returncode == 0, done.stdout + done.stderr
    before = hash_tree(old.posts("newspaper"))
    assert len(before) > 40
    assert hash_tree(new.posts("newspaper")) == before
    assert run_scrapy("verify", "newspaper", "--posts", data=new).returncode == 0


def test_a_copy_made_while_a_crawl_runs_is_good(tmp_path: Path) -> None:
    data, copy = Data(tmp_path / "data"), Data(tmp_path / "copy")
    with Newspaper() as paper:
        source = write_source(paper, tmp_path)
        settings = LOOPBACK | {"DOWNLOAD_DELAY": 0.05, "CONCURRENT_REQUESTS_PER_DOMAIN": 1}
        arguments = ("crawl", "category", "-a", f"source={source}")
        crawl = start_scrapy(*arguments, data=data, settings=settings, stderr=subprocess.DEVNULL)
        try:
            while crawl.poll() is None and len(list(data.posts("newspaper").glob("*.md"))) < 5:
                time.sleep(0.1)
            assert crawl.poll() is None
            shutil.copytree(data.path, copy.path, ignore=shutil.ignore_patterns("*.tmp"))
        finally:
            crawl.terminate()
            crawl.wait()
        # The next run closes the file that was being written, and fetches what was left.
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=copy, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
    assert len(list(copy.posts("newspaper").glob("*.md"))) >= 41
    verified = run_scrapy("verify", "newspaper", "--posts", data=copy)
    assert verified.returncode == 0, verified.stdout + verified.stderr
