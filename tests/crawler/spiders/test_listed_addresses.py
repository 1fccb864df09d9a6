"""Listings whose entries give the addresses of articles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from crawler.sources import SourceError, load_source
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy
from tests.wire import Route, WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

DEFINITION = """
name = "ferry"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/api/latest"]
[links]
article = ['/story/(?P<id>[0-9]+)$']
listing = ['/api/latest$']
[[parser]]
of = "listing"
records = "items"
[parser.fields]
url = "path"
headline = "title"
datePublished = "at"
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
articleBody = "html:div"
"""


def answer_with(text: str, kind: str) -> bytes:
    return build_response(text.encode(), headers=[("Content-Type", kind)])


def test_articles_are_fetched_from_the_addresses_that_a_listing_gives(data: Data, tmp_path: Path) -> None:
    items = [
        {"path": f"../story/{number}", "title": f"Pier {number} reopens", "at": f"2026-11-0{number}T08:00:00Z"}
        for number in range(1, 4)
    ] + [{"path": "https://elsewhere.example/story/9", "title": "Of another site", "at": "2026-11-09T08:00:00Z"}]
    page = (
        "<html><body><h1>Pier {0} reopens</h1><div><p>Ferries call at pier {0} from Monday on.</p></div></body></html>"
    )
    routes: dict[str, Route] = {"/api/latest": answer_with(json.dumps({"items": items}), "application/json")}
    for number in range(1, 3):  # the third is not there
        routes[f"/story/{number}"] = answer_with(page.format(number), "text/html")
    path = tmp_path / "ferry.toml"
    with WireServer(routes) as server:
        path.write_text(DEFINITION.format(base=server.base_url), "utf-8")
        done = run_scrapy(
            "crawl", "category", "-a", f"source={path}", data=data, settings=LOOPBACK | {"LOG_LEVEL": "INFO"}
        )
    assert done.returncode == 0, done.stderr
    posts = {post.name: post.read_text("utf-8") for post in data.posts("ferry").glob("*.md")}
    for number in (1, 2):
        text = posts[f"2026-11-0{number}-{number}.md"]  # the day is the listing's word, the text the page's
        assert f"Ferries call at pier {number} from Monday on." in text
    assert "'listing/out_of_scope': 1," in done.stderr
    assert "'posts/dropped/no_text': 1," in done.stderr, "only the listing speaks of the third"
    before = hash_tree(data.posts("ferry"))
    assert run_scrapy("verify", "ferry", "--posts", data=data).returncode == 0
    assert run_scrapy("reparse", "ferry", data=data).returncode == 0
    assert hash_tree(data.posts("ferry")) == before


def test_only_listings_give_addresses() -> None:
    text = DEFINITION.format(base="https://ferry.example").replace('headline = "h1"', 'url = "h1"')
    with pytest.raises(SourceError, match=r"parser\[1\]\.fields\.url"):
        load_source(text, path="ferry.toml")
