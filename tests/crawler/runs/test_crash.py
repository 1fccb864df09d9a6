"""Sudden death and a full disk: what was captured stays whole, and the next run finishes the work."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from crawler.demo_site import Newspaper
from tests.project import Data, Process, hash_tree, run_module, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8"}


def start_crawl(source: Path, data: Data) -> Process:
    settings = {"AUTOTHROTTLE_ENABLED": False, "LOG_LEVEL": "ERROR", **ALLOW}
    return start_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)


def count_captures(data: Data) -> int:
    return sum(path.stat().st_size > 20_000 for path in (data.collection("newspaper") / "archive").glob("*.open"))


@pytest.mark.parametrize("posts_before_death", [0, 10, 25])
def test_a_killed_crawl_loses_nothing_and_the_next_run_finishes_it(
    data: Data, tmp_path: Path, posts_before_death: int
) -> None:
    source = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        text = paper.source_toml().replace("delay = 0", "delay = 0.02\nconcurrency = 1")
        source.write_text(text, "utf-8")
        process = start_crawl(source, data)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (
            count_captures(data) and len(list(data.posts("newspaper").glob("*.md"))) >= posts_before_death
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        written = hash_tree(data.posts("newspaper"))
        assert len(written) < len(paper.expected.posts)
        (left_open,) = (data.collection("newspaper") / "archive").glob("*.open")

        source.write_text(paper.source_toml(), "utf-8")
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW)
        assert done.returncode == 0, done.stderr
        assert "Salvaged" in done.stderr
        assert len(list(data.posts("newspaper").glob("*.md"))) == len(paper.expected.posts)
    assert not left_open.exists()
    assert len(data.warcs("newspaper")) == 2
    done = run_scrapy("verify", "newspaper", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_posts_of_a_killed_crawl_stand_on_captures_that_survived(data: Data, tmp_path: Path) -> None:
    """A capture is on disk before its post, so the archive of a killed run proves every post it wrote."""
    source = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml().replace("delay = 0", "delay = 0.02\nconcurrency = 1"), "utf-8")
        with start_crawl(source, data) as process:
            while len(list(data.posts("newspaper").glob("*.md"))) < 8:
                time.sleep(0.01)
            process.kill()
    written = hash_tree(data.posts("newspaper"))
    assert run_module("archives", "recover", data.collection("newspaper")).returncode == 0
    done = run_scrapy("reparse", "newspaper", "--out", str(tmp_path / "again"), data=data)
    assert done.returncode == 0, done.stderr
    again = hash_tree(tmp_path / "again")
    assert written.items() <= again.items()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: that needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("free_kib", [100, 400, 900])
def test_a_full_disk_stops_the_crawl_and_the_next_run_finishes_it(
    small_disk: Path, tmp_path: Path, free_kib: int
) -> None:
    """Whatever filled up first, captures, posts, ledger or frontier: no half record, and nothing is lost."""
    data = Data(small_disk / "data")
    source = tmp_path / "newspaper.toml"
    filler = small_disk / "filler"
    settings = ALLOW | {"ARCHIVE_MIN_FREE_BYTES": 0}
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        filler.write_bytes(b"x" * ((16 * 1024 - free_kib) * 1024))
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
        assert done.returncode in (2, 3), done.stderr
        filler.unlink()
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
        assert done.returncode == 0, done.stderr
        assert len(hash_tree(data.posts("newspaper"))) == len(paper.expected.posts)
    verified = run_scrapy("verify", "newspaper", "--posts", data=data)
    assert verified.returncode == 0, verified.stdout + verified.stderr
