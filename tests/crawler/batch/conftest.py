"""A collection of many small files, crawled once for all that is done with it in shards."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from crawler.demo_site import Newspaper
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

NAME = "newspaper"


@pytest.fixture(scope="package")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """The newspaper, crawled once into many small files."""
    folder = tmp_path_factory.mktemp("crawled")
    data, source = Data(folder / "data"), folder / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        settings: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "ARCHIVE_FILE_BYTES": 40_000}
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
        assert done.returncode == 0, done.stderr
    assert len(data.warcs(NAME)) > 4
    return data


@pytest.fixture
def copied(crawled: Data, tmp_path: Path) -> Data:
    """A copy of the newspaper's data, to be worked in."""
    subprocess.run(["cp", "-r", crawled.path, tmp_path / "data"], check=True)
    return Data(tmp_path / "data")
