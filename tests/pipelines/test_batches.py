"""Posts are written in batches, and nobody waits for a batch longer than it is worth."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.utils.test import get_crawler

from pipelines.dates.model import Precision
from pipelines.posts.items import Origin, Statement
from pipelines.posts.ledger import Ledger
from pipelines.stages import Absorbed, PostFilesPipeline, before_posts
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

SPIDER = """
import scrapy

class Wire(scrapy.Spider):
    name = "wire"
    def parse(self, response):
        for number in range(12):
            url = f"{response.url}#{number}"
            yield {"title": f"Item {number}", "date": "2026-03-04", "body": "<p>x</p>", "url": url}
"""


def test_a_page_of_many_items_does_not_wait_for_the_clock(data: Data, tmp_path: Path) -> None:
    """Scrapy lets four items of a page wait at once, so a fixed wait would be spent again for every four."""
    with WireServer({"/": build_response(b"<html>hello</html>")}) as server:
        spider = tmp_path / "wire_spider.py"
        spider.write_text(f'{SPIDER}\nWire.start_urls = ["{server.base_url}/"]\n', "utf-8")
        settings = LOOPBACK | {"COLLECTION": "wire", "CONCURRENT_ITEMS": 4, "POSTS_BATCH_SECONDS": 600}
        done = run_scrapy("runspider", str(spider), data=data, settings=settings)
    assert done.returncode == 0, done.stderr
    assert len(list(data.posts("wire").glob("*.md"))) == 12


def state(identifier: str, **said: Any) -> Statement:
    return Statement(
        source="news",
        identifier=identifier,
        origin=Origin.ARTICLE,
        headline="Tide",
        datePublished=datetime(2026, 3, 4, tzinfo=UTC),
        datePublished_precision=Precision.DAY,
        articleBody="<p>x</p>",
        is_normalised=True,
        **said,
    )


def list_known(folder: Path) -> list[str]:
    with closing(Ledger(folder / "ledger.sqlite")) as ledger:
        return [identifier for _, identifier in ledger.iter_keys()]


@pytest.mark.parametrize("is_refused", [False, True])
def test_no_page_is_finished_before_its_statements_are_in_the_ledger(tmp_path: Path, *, is_refused: bool) -> None:
    """A page that is finished is acknowledged, and nothing would read it again."""
    posts = tmp_path / "posts"
    settings = {"POSTS_DIR": str(posts), "POSTS_LEDGER": str(tmp_path / "ledger.sqlite")}
    crawler = get_crawler(settings_dict=settings)
    pipeline = PostFilesPipeline(crawler)
    known_at_sync = []
    crawler.signals.connect(lambda: known_at_sync.append(list_known(tmp_path)), signal=before_posts, weak=False)

    async def process() -> list[Any]:
        items = (state("1"), state("2"), state("3", waits_for=Origin.SHARE))
        return await asyncio.gather(*map(pipeline.process_item, items), return_exceptions=True)

    if is_refused:
        posts.write_bytes(b"")
    first, second, late = asyncio.run(process())
    assert known_at_sync == [["3"]], "one batch, and what waits for another capture is not held up by it"
    assert isinstance(late, Absorbed)
    if is_refused:
        assert isinstance(first, OSError)
        assert isinstance(second, OSError)
        assert list_known(tmp_path) == ["3"]
    else:
        assert [post.identifier for post in (first, second)] == ["1", "2"]
        assert list_known(tmp_path) == ["1", "2", "3"]
