"""Articles that are hard to lay out: very long words, a table of 16 columns, Chinese and Arabic."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from archives.captures.writer import WarcWriter
from archives.storage.collection import Collection
from archives.warc.records import Exchange
from crawler.viewer.routes import POST, build_post_path
from tests.archives.conftest import BEGAN_AT, REQUEST
from tests.project import run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.project import Data

SITE = "http://harsh.example"
NAME = "harsh"
LONG_WORD = "Donaudampfschifffahrtsgesellschaft" * 7 + "skapitänskajüte"
_PROSE = "The council met for three hours and agreed that the bridge has to be closed until the arch is mended. " * 6
_ARABIC = "اجتمع المجلس ثلاث ساعات واتفق على إغلاق الجسر حتى يتم إصلاح القوس الحجري القديم فوق النهر الكبير. " * 6
_CHINESE = "议会开会三个小时，同意在石拱修复之前关闭这座桥，渡轮将免费运送居民过河。" * 8
_ROW = "".join(f"<td>{'0123456789' * 2}{column}</td>" for column in range(16))
ARTICLES = {
    "long": ("en", LONG_WORD, f"{_PROSE}</p><table><tr>{_ROW}</tr></table><p>{LONG_WORD} {'x' * 249}"),
    "arabic": ("ar", "إغلاق الجسر القديم حتى الربيع", f"{_ARABIC} Bridge {_ARABIC}"),
    "chinese": ("zh-Hans", "老桥关闭至春天", _CHINESE),
}


def build_page(language: str, headline: str, text: str) -> bytes:
    """Return an article's page."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{headline}</title>'
        '<meta property="article:published_time" content="2026-03-04T08:00:00+00:00"></head>'
        f"<body><article><h1>{headline}</h1><p>{text}</p></article></body></html>"
    ).encode()


def find_url(name: str) -> str:
    """Return the address of an article."""
    return f"{SITE}/news/2026/03/{quote(name)}-0304.html"


def build_harsh_path(name: str, *, page: str = POST) -> str:
    """Return the path of an article's post in the viewer, or of another page of it."""
    return build_post_path(NAME, urlsplit(SITE).netloc, find_url(name), page=page)


def import_harsh_pages(data: Data, scratch: Path) -> None:
    """Have a collection hold the articles, as files that another tool has written are imported."""
    files = Collection.open(scratch, NAME, create=True)
    with WarcWriter(files, info={"software": "test"}, prefix=NAME) as writer:
        for name, article in ARTICLES.items():
            page = build_page(*article)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\n\r\n"
            url = find_url(name)
            writer.write(Exchange(url=url, began_at=BEGAN_AT, raw_request=REQUEST, raw_response=head.encode() + page))
    done = run_scrapy("import", "--collection", NAME, *map(str, files.iter_warcs()), data=data)
    assert done.returncode == 0, done.stderr
