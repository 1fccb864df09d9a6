"""Fixtures that every room of the tests may use."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from crawler.demo_site import Newspaper
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY = Path("/dev/shm")  # noqa: S108 (the folder's own name is random)

# The examples are the same in every run, and how long one takes depends on the machine: luck and load fail no change.
settings.register_profile("newsreel", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("newsreel")
# The tests start a thousand processes, each of which would compile all of our modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure() -> None:
    """Let processes be interrupted also where a shell has started the tests in the background, which ignores Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Run one process more than there are cores, because tests wait for disks, browsers and servers."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that none of them is left for one process at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what lives until the end: five thousand tests and their modules."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """An empty data directory."""
    return Data(tmp_path / "data")


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder for a test that writes small files thousands of times: in memory, where the system has room there."""
    parent = _MEMORY if os.access(_MEMORY, os.W_OK) else tmp_path
    with TemporaryDirectory(dir=parent, prefix="newsreel-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def newspaper_archive(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """The demo's newspaper, crawled in two editions; `newspaper` is a copy of it."""
    folder = tmp_path_factory.mktemp("newspaper")
    data, source = Data(folder / "data"), folder / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        for edition in (1, 2):
            time.sleep(1)  # so that a timestamp, which counts whole seconds, can be between the runs
            paper.publish(edition=edition)
            settings = {"RESOLVER_ALLOW": "127.0.0.0/8"}
            done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
            assert done.returncode == 0, done.stderr
            assert "ERROR" not in done.stderr, done.stderr
            assert len(list(data.posts("newspaper").glob("*.md"))) == len(paper.expected.posts)
    return data


@pytest.fixture(scope="module")
def newspaper(newspaper_archive: Data, tmp_path_factory: pytest.TempPathFactory) -> Data:
    """A copy of the newspaper's archive for the tests of one file."""
    path = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(newspaper_archive.path, path)
    return Data(path)
