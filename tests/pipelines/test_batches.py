"""Posts are written in batches, and nobody waits for a batch longer than it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        settings = LOOPBACK | {"COLLECTION": "wire", "CONCURRENT_ITEMS": 4, "POSTS_BATCH_SECONDS": 60}
        done = run_scrapy("runspider", str(spider), data=data, settings=settings, timeout_s=50)
    assert done.returncode == 0, done.stderr
    assert len(list(data.posts("wire").glob("*.md"))) == 12
