"""What one page of a source states of its article, as found: by the source's rules, then by the page's own words.

The rules always win. A field for which they find nothing on an article's HTML page is filled from what
`pipelines.article.article` reads there, unless the parser says otherwise; every field keeps the place that gave it.
A crawl, a reparse, a preview and a dry run all read a page here, so they cannot come to different posts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import TYPE_CHECKING

from pipelines.article.article import Article, read_article
from pipelines.markup.sanitise import BodyRefused
from pipelines.posts.items import CaptureRef, Origin, Post, Precision
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from crawler.sources import Parser, Source
    from pipelines.rules.expressions import Page

ORIGINS = {
    LinkKind.ARTICLE: Origin.ARTICLE,
    LinkKind.TEXT: Origin.TEXT,
    LinkKind.LISTING: Origin.LISTING,
}
# Fields that a page without rules is read for, by their names in `Article.evidence`.
_FILLED = {
    "headline": "headline",
    "datePublished": "datePublished",
    "articleSection": "sections",
    "keywords": "keywords",
    "author": "authors",
    "articleBody": "body",
}

# An address may promise an article and hold a picture: bytes in which nobody has marked anything up say nothing.
_MARKUP = re.compile(
    r"<(?:!doctype|html|head|title|meta|body|main|article|section|div|p|h[1-6]|table|td|span|br)\b", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one page states.

    Attributes:
        found: field to the texts found; a field that nothing was found for is not in it.
        places: field to where it was found: `source: ` and an expression, or a place such as `jsonld:headline`.
        published: the instant that the page's own words give, where no rule found a date.
        precision: how much of it was stated.
        article: what the page's own words say; None where the rules found every field, or nobody asked.
    """

    found: Mapping[str, list[str]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    published: datetime | None = None
    precision: Precision | None = None
    article: Article | None = None

    def find_first(self, name: str) -> str:
        """Return the first text of a field, or ''."""
        return next(iter(self.found.get(name, ())), "")


def read_page(
    source: Source,
    page: Page,
    kind: LinkKind,
    *,
    captured_at: datetime | None,
    language: str = "",
    zone: tzinfo | None = None,
) -> Reading:
    """Return what a page states.

    Args:
        kind: what the page is: an article, a text, or one entry of a listing.
        captured_at: also chooses the parser; None for today's, and for dates that do not rest on it.
        language: of the page, where it is better known than the source knows it; likewise `zone`.

    Raises:
        BodyRefused: no rule is there to read the page, and its body is beyond what can be made safe.
    """
    parser = source.find_parser(kind, captured_at)
    found: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for name, texts, place in parser.iter_found(page) if parser else ():
        found[name], places[name] = texts, f"source: {place}"
    if not _is_to_be_filled(parser, page, kind, found):
        return Reading(found=found, places=places)
    try:
        article = read_article(
            page.text,
            url=page.url,
            captured_at=captured_at,
            language=language or source.post.language,
            zone=zone or source.known_zone,
            known_body=found["articleBody"][0] if "articleBody" in found else None,
            is_dated="datePublished" in found,
        )
    except BodyRefused:
        # What the rules found may do without the rest of the page.
        if parser is None:
            raise
        return Reading(found=found, places=places)
    has_date = "datePublished" in found
    for name, texts in _iter_stated(article):
        if texts and name not in found:
            found[name] = texts
            places[name] = article.evidence.get(_FILLED.get(name, ""), "")
    day = article.datePublished_day
    published = article.datePublished or (datetime.combine(day, time(), zone or source.post.zone) if day else None)
    return Reading(
        found=found,
        places={name: place for name, place in places.items() if place},
        published=None if has_date else published,
        precision=None if has_date or published is None else article.datePublished_precision,
        article=article,
    )


def _is_to_be_filled(parser: Parser | None, page: Page, kind: LinkKind, found: Mapping[str, list[str]]) -> bool:
    """Tell whether a page is to be read for what the rules leave empty: it costs several times what they do."""
    if kind is not LinkKind.ARTICLE or (parser is not None and not parser.fallback):
        return False
    return any(name not in found for name in _FILLED) and page.data is None and bool(_MARKUP.search(page.text))


def _iter_stated(article: Article) -> Iterator[tuple[str, list[str]]]:
    headline = article.headline_found or article.headline
    yield "headline", [headline] if headline else []
    yield "datePublished", [article.datePublished_found] if article.datePublished_found else []
    yield "articleSection", article.sections
    yield "keywords", article.keywords
    yield "author", article.authors
    yield "articleBody", [article.body_html] if article.body_html else []
    yield "inLanguage", [article.language] if article.language else []


def build_post(
    source: Source,
    reading: Reading,
    kind: LinkKind,
    *,
    identifier: str,
    share_link: str = "",
    capture: CaptureRef | None = None,
) -> Post:
    """Return the part of a post that one page states, all as found."""
    is_own_body = reading.article is not None and reading.places.get("articleBody", "") == reading.article.evidence.get(
        "body"
    )
    return Post(
        source=source.name,
        identifier=identifier,
        origin=ORIGINS[kind],
        shareLink=share_link,
        headline_found=reading.find_first("headline"),
        datePublished=reading.published,
        datePublished_precision=reading.precision,
        datePublished_found=reading.find_first("datePublished"),
        dateModified_found=reading.find_first("dateModified"),
        articleSection_found=list(reading.found.get("articleSection", ())),
        keywords_found=list(reading.found.get("keywords", ())),
        articleBody_found=reading.find_first("articleBody"),
        author=list(reading.found.get("author", ())),
        publisher=reading.find_first("publisher").strip(),
        inLanguage=reading.find_first("inLanguage").strip(),
        symbols=reading.article.symbols if reading.article and is_own_body else [],
        places=dict(reading.places),
        capture=capture,
    )
