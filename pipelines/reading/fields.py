"""The fields of an article on one page: by the source's rules, then from the page itself.

The rules always win. A field for which they find nothing on an article's HTML page is filled from what
`pipelines.article` reads there, unless the parser says otherwise; every field keeps the place that gave it.
"""

from __future__ import annotations

import re
from datetime import datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.article.article import Article, read_article
from pipelines.markup.sanitise import BodyRefused
from pipelines.page.page import Page
from pipelines.posts.items import Origin, Statement
from pipelines.reading.agreement import weigh_author, weigh_body
from pipelines.reading.dates import state_change, weigh_date
from pipelines.reading.headlines import weigh_headline
from pipelines.reading.notices import keep_sound_body
from pipelines.reading.witnesses import BY_RULE, list_witnesses
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.page.document import Document
    from pipelines.rules.model import Parser, Rules

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

# An address may promise an article and hold a picture: bytes in which nothing is marked up say nothing.
_MARKUP = re.compile(
    r"<(?:!doctype|html|head|title|meta|body|main|article|section|div|p|h[1-6]|table|td|span|br)\b", re.I
)


def read_fields(document: Document, page: Page, kind: LinkKind, rules: Rules) -> Statement:
    """Return what a page, or one entry of a listing, states; who it speaks of is left to the caller.

    Raises:
        pipelines.markup.sanitise.BodyRefused: no rule is there to read the page, and its body cannot be made safe.
    """
    parser = rules.find_parser(kind, document.captured_at)
    found: dict[str, list[str]] = {}
    witnesses: dict[str, str] = {}
    for name, texts, place in parser.iter_found(page) if parser else ():
        found[name], witnesses[name] = texts, f"{BY_RULE}{place}"
    statement = _state(document, rules, ORIGINS[kind], found)
    statement.witnesses = witnesses
    beside = list_witnesses(page) if kind is LinkKind.ARTICLE and is_marked_up(page) else None
    if beside is not None and parser is not None and "articleBody" in found:
        find_next = partial(parser.find_text, "articleBody", page)
        if not keep_sound_body(statement, page, beside, find_next):
            del found["articleBody"]
    if _is_to_be_filled(parser, page, kind, found):
        try:
            _fill(statement, found, _read_article(document, page, rules, found), rules)
        except BodyRefused as refusal:
            # What the rules found may do without the rest of the page.
            if parser is None:
                raise
            statement.refused["articleBody"] = refusal.reason
    if beside is not None:
        if "articleBody" not in found and statement.articleBody_found:
            keep_sound_body(statement, Page(page.text, page.url), beside)
        weigh_headline(statement, beside, found.get("headline", []))
        weigh_date(statement, beside, found.get("datePublished", []), rules)
        if parser is None or parser.fallback:
            state_change(statement, beside, rules)
        weigh_author(statement, beside)
        weigh_body(statement, beside)
    return statement


def find_identifier(page: Page, kind: LinkKind, document: Document, rules: Rules) -> str:
    """Return the id that a rule finds in an entry of a listing, or ''."""
    parser = rules.find_parser(kind, document.captured_at)
    text = parser.find_text("identifier", page) if parser else ""
    if parser and parser.reader and not text:
        text = next((texts[0] for name, texts, _ in parser.iter_found(page) if name == "identifier"), "")
    return text.strip()


def _state(document: Document, rules: Rules, origin: Origin, found: Mapping[str, list[str]]) -> Statement:
    def first(name: str) -> str:
        return next(iter(found.get(name, ())), "")

    return Statement(
        source=rules.name,
        origin=origin,
        headline_found=first("headline"),
        datePublished_found=first("datePublished"),
        dateModified_found=first("dateModified"),
        articleSection_found=list(found.get("articleSection", ())),
        keywords_found=list(found.get("keywords", ())),
        articleBody_found=first("articleBody"),
        author=list(found.get("author", ())),
        publisher=first("publisher").strip(),
        inLanguage=first("inLanguage").strip(),
        capture=document.capture,
        captured_at=document.captured_at,
    )


def _is_to_be_filled(parser: Parser | None, page: Page, kind: LinkKind, found: Mapping[str, list[str]]) -> bool:
    """Return whether a page is to be read for what the rules leave empty: it costs several times what they do."""
    if kind is not LinkKind.ARTICLE or (parser is not None and not parser.fallback):
        return False
    return any(name not in found for name in _FILLED) and is_marked_up(page)


def is_marked_up(page: Page) -> bool:
    """Return whether a page is HTML, and neither data nor plain text."""
    return page.data is None and bool(_MARKUP.search(page.text))


def _read_article(document: Document, page: Page, rules: Rules, found: Mapping[str, list[str]]) -> Article:
    return read_article(
        page,
        captured_at=document.captured_at,
        language=rules.post.language,
        zone=rules.known_zone,
        known_body=found["articleBody"][0] if "articleBody" in found else None,
        is_dated="datePublished" in found,
    )


def _fill(statement: Statement, found: Mapping[str, list[str]], article: Article, rules: Rules) -> None:
    """Put what the page's own words say where no rule found anything."""
    for name, attribute, value in _iter_stated(article):
        if value and name not in found:
            setattr(statement, attribute, value)
            witness = article.evidence.get(_FILLED.get(name, ""), "")
            if witness:
                statement.witnesses[name] = witness
    if "articleBody" not in found:
        statement.symbols = article.symbols
    day = article.datePublished_day
    if "datePublished" not in found and day:
        zone = rules.known_zone or rules.post.zone
        statement.datePublished = article.datePublished or datetime.combine(day, time(), zone)
        statement.datePublished_precision = article.datePublished_precision


def _iter_stated(article: Article) -> Iterator[tuple[str, str, Any]]:
    """Yield name, attribute of a statement, and value."""
    yield "headline", "headline_found", article.headline_found or article.headline
    yield "datePublished", "datePublished_found", article.datePublished_found
    yield "articleSection", "articleSection_found", article.sections
    yield "keywords", "keywords_found", article.keywords
    yield "author", "author", article.authors
    yield "articleBody", "articleBody_found", article.body_html
    yield "inLanguage", "inLanguage", article.language
