"""What a callback yields, on its way through a crawl: the limits of a page, and the steps of Scrapy's middlewares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

PAGE = build_response(b"<html><body><h1>Harbour</h1></body></html>", headers=[("Content-Type", "text/html")])
SPIDER = """
import json
from pathlib import Path

from scrapy import Request, Spider


class Pages(Spider):
    name = "pages"

    async def start(self):
        yield Request(self.url + "/start", errback=self.note_failure)

    def note(self, **what):
        with Path(self.saw).open("a") as file:
            file.write(json.dumps(what) + "\\n")

    def note_failure(self, failure):
        self.note(failed=type(failure.value).__name__)

    def parse(self, response):
        self.note(path=response.url.removeprefix(self.url), depth=response.meta["depth"],
                  referer=response.request.headers.get("Referer", b"").decode().removeprefix(self.url),
                  is_start=response.meta.get("is_start_request", False))
        if response.url.endswith("/start"):
            yield Request(self.url + "/next", errback=self.note_failure, meta={"download_latency": 0})
            yield Request(self.url + "/" + 3000 * "x")
            BEHIND
"""


def crawl(behind: str, data: Data, folder: Path, **settings: Any) -> tuple[list[dict[str, Any]], str]:
    """Return what the spider noted, and the log."""
    spider, saw = folder / "pages.py", folder / "saw"
    spider.write_text(SPIDER.replace("BEHIND", behind), "utf-8")
    with WireServer({"/start": PAGE, "/next": PAGE}) as server:
        arguments = ("-a", f"url={server.base_url.rstrip('/')}", "-a", f"saw={saw}")
        done = run_scrapy("runspider", str(spider), *arguments, data=data, settings=LOOPBACK | settings)
    return [json.loads(line) for line in saw.read_text("utf-8").splitlines()], done.stderr


def test_requests_pass_the_steps_of_scrapys_middlewares(data: Data, tmp_path: Path) -> None:
    more_than_are_taken_at_once = "for _ in range(4001): yield Request(self.url + 9 * '/a')"
    seen, log = crawl(more_than_are_taken_at_once, data, tmp_path)
    assert seen == [
        {"path": "/start", "depth": 0, "referer": "", "is_start": True},
        {"path": "/next", "depth": 1, "referer": "/start", "is_start": False},
    ]
    assert "'urllength/request_ignored_count': 1" in log
    assert "'request_depth_max': 1" in log
    assert "'bounds/path_repeats': 4001" in log
    assert log.count("internal meta keys that were likely copied") == 1
    assert "the Referer header will be removed" not in log


def test_a_middleware_that_a_project_switches_off_stays_off(data: Data, tmp_path: Path) -> None:
    off = json.dumps({"scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None})
    _, log = crawl("pass", data, tmp_path, SPIDER_MIDDLEWARES=off)
    assert "urllength" not in log
    assert "'request_depth_max': 1" in log


@pytest.mark.parametrize("behind", ["while True: pass", "raise KeyError"])
def test_what_comes_before_the_end_of_a_page_is_passed_on(behind: str, data: Data, tmp_path: Path) -> None:
    seen, log = crawl(behind, data, tmp_path, BOUNDS_PAGE_SECONDS=0.2)
    assert [page["path"] for page in seen if "path" in page] == ["/start", "/next"]
    is_endless = behind.startswith("while")
    assert ({"failed": "OutOfTime"} in seen) is is_endless
    assert ("'bounds/page_seconds': 1" in log) is is_endless
    assert ("'spider_exceptions/KeyError': 1" in log) is not is_endless
