"""The post that one page would make, with the evidence for each field.

Where a source has rules for such a page they win, field by field; what they leave empty, and every page of no source,
is read by `pipelines.article`. The same normalisers run as in a crawl, so a preview says what a crawl would write.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crawler.extract import Page
from crawler.links import LinkKind
from pipelines.article import Article, read_article
from pipelines.body import find_text, normalise_body
from pipelines.dates import DateRefused, parse_date
from pipelines.headlines import normalise_headline
from pipelines.items import Precision
from pipelines.symbols import find_symbols
from pipelines.tags import normalise_names, normalise_tags

if TYPE_CHECKING:
    from datetime import date, datetime, tzinfo

    from crawler.sources import Source
    from pipelines.options import PostOptions


@dataclass(slots=True, kw_only=True)
class Preview:
    """One post as it would be.

    Attributes:
        published: aware, or None; `day` is the local day where only that is known.
        evidence: field to where it was found: a place on the page, or `source: ` and an expression.
        refused: why a date that a source's rule found was not believed.
    """

    url: str = ""
    headline: str = ""
    published: datetime | None = None
    day: date | None = None
    precision: Precision | None = None
    sections: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    body_html: str = ""
    body_text: str = ""
    canonical_url: str = ""
    language: str = ""
    symbols: list[str] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    refused: str = ""

    @property
    def date_text(self) -> str:
        """ISO 8601 with an offset, the day alone where no more is known, or ''."""
        if self.published is not None and self.precision is not Precision.DAY:
            return self.published.isoformat()
        return self.day.isoformat() if self.day else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields under the names of a post, for JSON."""
        return {
            "url": self.url,
            "headline": self.headline,
            "datePublished": self.date_text,
            "datePublished_precision": self.precision,
            "articleSection": self.sections,
            "keywords": self.keywords,
            "author": self.authors,
            "articleBody": self.body_html,
            "canonicalUrl": self.canonical_url,
            "inLanguage": self.language,
            "symbols": self.symbols,
            "evidence": self.evidence,
        }


def build_preview(
    text: str,
    *,
    url: str,
    captured_at: datetime | None,
    language: str = "",
    zone: tzinfo | None = None,
    source: Source | None = None,
) -> Preview:
    """Return the post that a page would make.

    Args:
        language: BCP 47 tag, where it is known; a source's own is taken where it is not.
        zone: of naive times, likewise.
        source: whose rules are asked first.

    Raises:
        BodyRefused: the body is beyond what can be made safe.
    """
    if source is None:
        article = read_article(text, url=url, captured_at=captured_at, language=language, zone=zone)
        return _build_from_article(article, url)
    options = source.post
    page = Page(text, url)
    is_markup = page.data is None
    article = (
        read_article(
            text, url=url, captured_at=captured_at, language=language or options.language, zone=zone or options.zone
        )
        if is_markup
        else Article(language=language or options.language)
    )
    preview = _build_from_article(article, url)
    found = _find_fields(source, page, captured_at)
    _place_names(preview, found, options)
    _place_body(preview, found, url)
    if captured_at is not None:
        _place_date(preview, found, zone or options.zone, captured_at)
    return preview


def _build_from_article(article: Article, url: str) -> Preview:
    return Preview(
        url=url,
        headline=article.headline,
        published=article.datePublished,
        day=article.datePublished_day,
        precision=article.datePublished_precision,
        sections=article.sections,
        keywords=article.keywords,
        authors=article.authors,
        body_html=article.body_html,
        body_text=article.body_text,
        canonical_url=article.canonical_url,
        language=article.language,
        symbols=article.symbols,
        evidence=dict(article.evidence),
    )


_Found = dict[str, tuple[list[str], str]]


def _find_fields(source: Source, page: Page, captured_at: datetime | None) -> _Found:
    """Return for each field of the source's rules what the first expression that finds anything finds."""
    kind = source.find_kind(page.url)
    kind = LinkKind.ARTICLE if kind is LinkKind.OTHER else kind
    current = [parser for parser in source.parsers if parser.of is kind and parser.valid_until is None]
    parser = source.find_parser(kind, captured_at) if captured_at else next(iter(current), None)
    found: _Found = {}
    for name, expressions in parser.fields.items() if parser else ():
        for expression in expressions:
            texts = expression.find_all(page)
            if texts:
                found[name] = (texts, f"source: {expression.text}")
                break
    return found


def _place_names(preview: Preview, found: _Found, options: PostOptions) -> None:
    if "headline" in found:
        texts, preview.evidence["headline"] = found["headline"]
        preview.headline = normalise_headline(texts[0])
    if "articleSection" in found:
        texts, preview.evidence["sections"] = found["articleSection"]
        preview.sections = normalise_names(texts, drop=options.drop, aliases=options.aliases)
    if "keywords" in found:
        texts, preview.evidence["keywords"] = found["keywords"]
        preview.keywords = texts
    preview.keywords = normalise_tags(
        preview.keywords, title=preview.headline, drop=options.drop, aliases=options.aliases
    )
    if "author" in found:
        texts, preview.evidence["authors"] = found["author"]
        preview.authors = normalise_names(texts)


def _place_body(preview: Preview, found: _Found, url: str) -> None:
    if "articleBody" not in found:
        return
    texts, preview.evidence["body"] = found["articleBody"]
    preview.body_html = normalise_body(texts[0], base_url=url)
    preview.body_text = find_text(preview.body_html)
    preview.symbols = find_symbols(texts[0])


def _place_date(preview: Preview, found: _Found, zone: tzinfo, captured_at: datetime) -> None:
    if "datePublished" not in found:
        return
    texts, evidence = found["datePublished"]
    try:
        stated = parse_date(texts[0], zone=zone, captured_at=captured_at, language=preview.language)
    except DateRefused as refusal:
        preview.refused = str(refusal)
        return
    preview.published, preview.precision = stated.instant, stated.precision
    preview.day = stated.instant.date()
    preview.evidence["datePublished"] = evidence
