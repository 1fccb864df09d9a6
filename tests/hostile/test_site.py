"""The whole hostile site in one crawl: it ends, in bounded memory, and no good page is lost to a bad one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives.warc.reader import scan_records
from pipelines.posts.front_matter import load_front_matter
from tests.hostile.crawl import Crawl, crawl_hostile, read_posts
from tests.hostile.origin import GOOD, HostileOrigin
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

MIB = 1 << 20
BOUNDS = (
    "bounds/head_bytes",
    "bounds/decoded_bytes",
    "bounds/codings",
    "bounds/held_bytes",
    "bounds/page_tags",
    "bounds/host_pages",
    "bounds/path_repeats",
    "archive/truncated/length",
    "archive/truncated/time",
    "archive/truncated/disconnect",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crawl, Data]]:
    data = Data(tmp_path_factory.mktemp("hostile") / "data")
    with HostileOrigin() as origin:
        yield crawl_hostile(origin.source_toml(), data), data


def test_the_crawl_ends_well_and_in_time(site: tuple[Crawl, Data]) -> None:
    crawl, _ = site
    assert crawl.exit_code == 0, crawl.log[-3000:]
    assert crawl.seconds < 180


def test_its_memory_is_bounded(site: tuple[Crawl, Data]) -> None:
    """205 to 305 MiB were measured, of which a crawl that does nothing takes 100."""
    crawl, _ = site
    assert 0 < crawl.peak_bytes < 340 * MIB


def test_every_good_page_is_posted(site: tuple[Crawl, Data]) -> None:
    crawl, data = site
    posts = "".join(read_posts(data))
    assert [name for name in GOOD if name not in posts] == [], crawl.log[-3000:]


def test_no_callback_fails(site: tuple[Crawl, Data]) -> None:
    crawl, _ = site
    assert "Traceback" not in crawl.log
    assert not [name for name in crawl.stats if name.startswith("spider_exceptions")]


@pytest.mark.parametrize("name", BOUNDS)
def test_each_bound_that_was_hit_is_counted_by_its_name(site: tuple[Crawl, Data], name: str) -> None:
    crawl, _ = site
    assert crawl.stats.get(name, 0) >= 1, sorted(crawl.stats)


def test_the_archive_is_whole_and_no_record_is_larger_than_a_response_may_be(site: tuple[Crawl, Data]) -> None:
    _, data = site
    damage: list[Exception] = []
    largest = max(len(record.block) for path in data.warcs("hostile") for record in scan_records(path, damage.append))
    assert damage == []
    assert largest < 33 * MIB
    done = run_scrapy("verify", "hostile", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_post_breaks_out_of_its_front_matter_or_of_liquid(site: tuple[Crawl, Data]) -> None:
    _, data = site
    posts = read_posts(data)
    for name, text in posts.items():
        fields, body = load_front_matter(text)
        assert "permalink" not in fields, name
        assert "{" not in body, name
        assert not set("\x00\x07\x1b") & set(text), name


def test_nothing_is_written_outside_of_the_data_directory(site: tuple[Crawl, Data]) -> None:
    _, data = site
    names = {path.name for path in Path(data.path.parent).iterdir()}
    assert names == {"data", "hostile.toml", "log"}
