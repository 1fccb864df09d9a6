"""The item pipelines with other people's items: dicts, dataclasses and attrs classes from spiders we did not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

SPIDER = """
import dataclasses, attr, scrapy

@dataclasses.dataclass
class Article:
    title: str
    date: str
    body: str
    url: str
    tags: list

@attr.s(auto_attribs=True)
class Attrs:
    headline: str
    datePublished: str
    articleBody: str
    link: str

class Item(scrapy.Item):
    title = scrapy.Field()
    published = scrapy.Field()
    content = scrapy.Field()
    id = scrapy.Field()

class Foreign(scrapy.Spider):
    name = "foreign"
    def parse(self, response):
        yield {"title": "Dict", "date": "2026-03-04 10:00:00", "body": "<p>d</p>", "url": response.url + "#d",
               "tags": "tide, harbour", "category": "News"}
        yield Article("Dataclass", "2026-03-05", "<p>c<script>x()</script></p>", response.url + "#c", ["a", "A", "b"])
        yield Attrs("Attrs", "2026-03-06T10:00:00+02:00", "<p>a</p>", response.url + "#a")
        yield Item(title="Item", published="2026-03-07 08:00", content="<p>i</p>", id="I1")
        yield {"title": "Nameless"}
        yield {"title": "Undated", "body": "<p>u</p>", "url": response.url + "#u"}
"""


@pytest.fixture
def crawled(data: Data, tmp_path: Path) -> tuple[Data, str]:
    with WireServer({"/": build_response(b"<html>hello</html>")}) as server:
        spider = tmp_path / "foreign.py"
        spider.write_text(SPIDER + f'\nForeign.start_urls = ["{server.base_url}/"]\n', "utf-8")
        done = run_scrapy("runspider", str(spider), data=data, settings=LOOPBACK | {"COLLECTION": "foreign"})
    assert "Traceback" not in done.stderr, done.stderr
    return data, done.stderr


def test_every_kind_of_item_becomes_a_post(crawled: tuple[Data, str]) -> None:
    data, _ = crawled
    posts = {path.name: path.read_text("utf-8") for path in data.posts("foreign").glob("*.md")}
    assert sorted(posts) == [
        "2026-03-04-Dict.md",
        "2026-03-05-Dataclass.md",
        "2026-03-06-Attrs.md",
        "2026-03-07-I1.md",
    ]
    assert (
        'title: "Dict"\ndate: 2026-03-04 10:00:00 +0000\ncategories: News\ntags: ["tide", "harbour"]\n'
        in (posts["2026-03-04-Dict.md"])
    )
    assert "date: 2026-03-05\n" in posts["2026-03-05-Dataclass.md"]
    assert 'tags: ["a", "b"]\n' in posts["2026-03-05-Dataclass.md"]
    assert "<script" not in posts["2026-03-05-Dataclass.md"]
    assert "date: 2026-03-06 08:00:00 +0000\n" in posts["2026-03-06-Attrs.md"]


def test_what_cannot_become_a_post_is_counted_under_its_reason(crawled: tuple[Data, str]) -> None:
    _, log = crawled
    assert "'posts/dropped/no_identifier': 1" in log
    assert "'posts/dropped/no_date': 1" in log
    assert "'posts/new': 4" in log
