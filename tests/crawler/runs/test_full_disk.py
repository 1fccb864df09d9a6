"""A disk that fills up again and again, and a crawl that is killed in between: it ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.crawler.bigpaper import BigPaper
from tests.crawler.frontier.test_frontier import read_payloads
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARTICLES = 300
DISK_KIB = 24 * 1024
FULL = 4
KILLS = 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: that needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill_up(disk: Path, free_kib: int) -> Path:
    """Leave so much room and no more."""
    filler = disk / "filler"
    used = subprocess.run(["du", "-sk", disk], capture_output=True, text=True, check=True).stdout.split()[0]
    filler.write_bytes(bytes(max(0, DISK_KIB - int(used) - free_kib) * 1024))
    return filler


def test_a_crawl_that_meets_full_disks_and_sudden_deaths_ends_like_an_undisturbed_one(
    small_disk: Path, tmp_path: Path
) -> None:
    chance = random.Random(11)
    data, calm = Data(small_disk / "data"), Data(tmp_path / "calm")
    source = tmp_path / "big.toml"
    codes = []
    with BigPaper(ARTICLES, delay_s=0.005) as paper:
        source.write_text(paper.source_toml(), "utf-8")
        crawl = ("crawl", "category", "-a", f"source={source}")
        done = run_scrapy(*crawl, data=calm, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
        settings = LOOPBACK | {"LOG_LEVEL": "ERROR", "ARCHIVE_MIN_FREE_BYTES": 0}
        for number in range(FULL + KILLS):
            is_full = number % 2 == 0
            filler = fill_up(small_disk, chance.randint(60, 400)) if is_full else None
            asked = sum(paper.tally.values())
            process = start_scrapy(*crawl, data=data, settings=settings, stderr=subprocess.DEVNULL)
            if filler is not None:
                codes.append(process.wait(timeout=60))
                filler.unlink()
                continue
            deadline = time.monotonic() + 60
            while process.poll() is None and sum(paper.tally.values()) < asked + 40 and time.monotonic() < deadline:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = run_scrapy(*crawl, data=data, settings=settings)
        assert done.returncode == 0, done.stderr
    # 2 where not even the collection could be opened.
    assert set(codes) <= {2, 3}
    assert 3 in codes
    assert hash_tree(data.posts("big")) == hash_tree(calm.posts("big"))
    assert len(hash_tree(data.posts("big"))) == ARTICLES
    assert read_payloads(data) == read_payloads(calm)
    verified = run_scrapy("verify", "big", "--posts", data=data)
    assert verified.returncode == 0, verified.stdout + verified.stderr
