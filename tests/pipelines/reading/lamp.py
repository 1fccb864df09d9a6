"""A source of three rules, and the reading of one page of it."""

from __future__ import annotations

from datetime import UTC, datetime

from crawler.sources import load_source
from pipelines.page.document import Document
from pipelines.reading.read import Reading, read

URL = "http://lamp.example/2026/03/08/the-ferry-stops"
NUMBERED = "http://lamp.example/2026/410.html"
TITLE = "The ferry stops for the winter"
RULES = """
name = "lamp"
timezone = "UTC"
scope = ["http://lamp.example/"]
seeds = ["http://lamp.example/"]
[links]
article = ['/\\d{4}/']
[[parser]]
of = "article"
fallback = false
[parser.fields]
headline = "h1"
datePublished = "xpath://time/@datetime"
articleBody = "html:div.text"
"""


def build_document(head: str, body: str, url: str = URL) -> Document:
    page = f"<html><head>{head}</head><body>{body}</body></html>"
    captured = datetime(2026, 3, 20, 9, tzinfo=UTC)
    return Document(body=page.encode(), url=url, content_type=b"text/html; charset=utf-8", captured_at=captured)


def read_page(head: str, body: str, *, rules: str = RULES, url: str = URL) -> Reading:
    return read(build_document(head, body, url), load_source(rules, path="lamp.toml"))
