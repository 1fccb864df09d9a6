"""The newspaper's pages and API answers as text, from the templates in `web/`."""

from __future__ import annotations

import json
import struct
import zlib
from email.utils import format_datetime
from functools import cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.demo_site.articles import Article, Edition, Section

TITLE = "The Loopback Courier · 回环时报"
ARTICLES_A_PAGE = 5
NEWEST_ON_HOME = 5
LISTED = 6
INDENT = "　　"
"""Two full-width spaces, with which the API indents Chinese paragraphs."""

EMPTY_ENTRY_ID = "202603052391921712"
"""The id of a listing entry that has no title, no date, no link and no text behind it."""

BASE = "{base}"
"""Stands for the paper's own address in what must name it whole."""

ROBOTS = f"User-agent: *\nDisallow: /private/\nAllow: /\n\nSitemap: {BASE}/sitemap.xml\n"


@cache
def load_templates() -> Environment:
    """Return the newspaper's templates, each compiled once."""
    environment = Environment(
        loader=PackageLoader("crawler.demo_site", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_escape,
    )
    environment.filters["http_date"] = format_datetime
    environment.globals |= {"paper": TITLE, "base": BASE}
    return environment


def _escape(value: object) -> Markup:
    """Escape as `html` does: Jinja spells quotes in another way, and archives hold the paper's pages to the byte."""
    return value if isinstance(value, Markup) else Markup(escape(str(value)))  # noqa: S704 (it is escaped)


def _render(name: str, **values: object) -> str:
    return load_templates().get_template(name).render(values)


def read_file(name: str) -> bytes:
    """Return a file that is served as it is, such as the style sheet."""
    return resources.files(__package__).joinpath("web", name).read_bytes()


def build_home(edition: Edition) -> str:
    """Return the front page: every section with its newest articles, and the notice board."""
    newest = [(section, edition.articles_of(section)[:NEWEST_ON_HOME]) for section in edition.sections]
    return _render("home.html", sections=newest, notices=edition.notices)


def build_feed(articles: Sequence[Article]) -> str:
    """Return an RSS 2.0 feed of the newest articles, campaign tags and all."""
    return _render("feed.xml", articles=articles)


def build_sitemap(articles: Sequence[Article]) -> str:
    """Return a news sitemap of all articles that have a page."""
    return _render("sitemap.xml", articles=articles)


def build_section_page(section: Section, articles: Sequence[Article], page: int, pages: int) -> str:
    """Return one page of a section, with links to the pages on either side."""
    return _render("section.html", section=section, articles=articles, page=page, pages=pages)


def build_article_page(article: Article) -> str:
    """Return the page of an article: the whole text, or its first paragraph and a share link."""
    shown = article.paragraphs if article.whole else article.paragraphs[:1]
    return _render("article.html", article=article, paragraphs=shown)


def build_private_page() -> str:
    """Return an article that robots.txt excludes: only a crawler that ignores it gets to see it."""
    return _render("private.html")


def build_missing_page() -> str:
    """Return the body of a 404."""
    return _render("missing.html")


def build_text(article: Article | None) -> str:
    """The API's answer for one article, or for an id it does not know."""
    if article is None:
        return json.dumps({"code": 404, "message": "no such news"})
    answer = {
        "code": 0,
        "infoCode": article.id,
        "title": article.title,
        "showtime": f"{article.published:%Y-%m-%d %H:%M:%S}",
        article.text_key: _render("text.html", article=article, indent=INDENT if article.language == "zh" else ""),
    }
    return json.dumps(answer, ensure_ascii=False)


def build_listing_a(articles: Sequence[Article]) -> str:
    """Newest articles under `records`, one entry of which is empty."""
    records = [
        {
            "infoCode": article.id,
            "id": number,
            "title": article.title,
            "digest": article.paragraphs[0][:40],
            "url_w": f"/s/share.html?infoCode={article.id}",
            "showtime": f"{article.published:%Y-%m-%d %H:%M:%S}",
        }
        for number, article in enumerate(articles, 1)
    ]
    empty: dict[str, object] = dict.fromkeys(("title", "digest", "url_w", "showtime"), "")
    records.insert(2, {"infoCode": EMPTY_ENTRY_ID, "id": 0, **empty})
    return json.dumps({"rc": 1, "records": records}, ensure_ascii=False)


def build_listing_b(articles: Sequence[Article]) -> str:
    """Newest articles under `nodeList`; every second has its title only as `simtitle`."""
    nodes = [
        {
            "infocode": article.id,
            "title": "" if number % 2 else article.title,
            "from": article.section.name,
            "showtime": f"{article.published:%Y-%m-%d %H:%M:%S}",
            "simtitle": article.title,
            "simdigest": article.paragraphs[0][:40],
        }
        for number, article in enumerate(articles)
    ]
    return json.dumps({"nodeList": nodes}, ensure_ascii=False)


def build_listing_c(articles: Sequence[Article]) -> str:
    """Articles under `record`, among them those that are on no page."""
    record = [
        {
            "infoCode": article.id,
            "title": article.title,
            "medianame": article.section.name,
            "datetime": f"{article.published:%Y-%m-%d %H:%M:%S}",
        }
        for article in articles
    ]
    return json.dumps({"total": len(record), "record": record}, ensure_ascii=False)


def build_picture(width: int = 320, height: int = 96) -> bytes:
    """A PNG of a quiet harbour at dusk: sky above, water below, a sun between."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # PNG's filter type "none", one a row
        for x in range(width):
            sun = (x - width // 2) ** 2 + (y - height // 2) ** 2 < 400 and y < height // 2
            water = y >= height // 2
            rows += bytes((250, 190, 90) if sun else (40, 80 + y // 2, 120) if water else (235 - y, 205 - y, 190))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_build_png_chunk(kind, data) for kind, data in chunks)


def _build_png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
