"""What a spider is given of a response with a content coding."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from scrapy import Request
from scrapy.http import TextResponse
from scrapy.utils.test import get_crawler

from archives.warc.messages import parse_head
from crawler.fetching.archived import make_response
from crawler.fetching.limits import DecodingMiddleware

HEAD = parse_head(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n")
BODY = gzip.compress('<meta charset="utf-8"><title>Zürich</title>'.encode(), mtime=0)


@pytest.mark.parametrize("path", ["", "page.html"])
def test_the_encoding_is_that_of_the_decoded_page(path: str) -> None:
    url = f"https://paper.example/{path}"
    coded = make_response(HEAD, BODY, url)
    decoded = asyncio.run(DecodingMiddleware(get_crawler()).process_response(Request(url), coded))
    assert isinstance(decoded, TextResponse)
    assert decoded.css("title::text").get() == "Zürich"
    assert b"Content-Encoding" not in decoded.headers
