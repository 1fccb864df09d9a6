"""The post that one page would make, with the evidence for each field.

A page of a source is read as in a crawl of it, by `crawler.sources.reading`; a page of no source by
`pipelines.article.article` alone. The same normalisers run as in a crawl, so a preview says what a crawl would write.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crawler.sources.reading import ORIGINS, Reading, read_page
from pipelines.article.article import Article, read_article
from pipelines.dates.parse import DateRefused, parse_date
from pipelines.markup.sanitise import find_text, normalise_body
from pipelines.names.headlines import normalise_headline
from pipelines.names.symbols import find_symbols
from pipelines.names.tags import normalise_names, normalise_tags
from pipelines.posts.items import Precision
from pipelines.rules.expressions import Page
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from datetime import date, datetime, tzinfo

    from crawler.sources import Source
    from pipelines.posts.options import PostOptions


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
    page = Page(text, url)
    kind = source.find_kind(url)
    kind = kind if kind in ORIGINS else LinkKind.ARTICLE
    known_zone, known_language = zone or source.post.zone, language or source.post.language
    reading = read_page(source, page, kind, captured_at=captured_at, language=language, zone=zone)
    preview = _build_from_article(reading.article or Article(language=known_language), url)
    _place_names(preview, reading, source.post)
    _place_body(preview, reading, url)
    _place_date(preview, reading, known_zone, captured_at)
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


def _find_ruled(reading: Reading, name: str) -> list[str]:
    """Return the texts that the source's own rules found for a field."""
    return reading.found[name] if reading.places.get(name, "").startswith("source: ") else []


def _place_names(preview: Preview, reading: Reading, options: PostOptions) -> None:
    if texts := _find_ruled(reading, "headline"):
        preview.headline = normalise_headline(texts[0])
        preview.evidence["headline"] = reading.places["headline"]
    if texts := _find_ruled(reading, "articleSection"):
        preview.sections = texts
        preview.evidence["sections"] = reading.places["articleSection"]
    if texts := _find_ruled(reading, "keywords"):
        preview.keywords = texts
        preview.evidence["keywords"] = reading.places["keywords"]
    if texts := _find_ruled(reading, "author"):
        preview.authors = normalise_names(texts)
        preview.evidence["authors"] = reading.places["author"]
    if texts := _find_ruled(reading, "inLanguage"):
        preview.language = texts[0].strip()
    drop, aliases = options.drop, options.aliases
    preview.sections = normalise_names(preview.sections, drop=drop, aliases=aliases)
    preview.keywords = normalise_tags(preview.keywords, title=preview.headline, drop=drop, aliases=aliases)


def _place_body(preview: Preview, reading: Reading, url: str) -> None:
    if texts := _find_ruled(reading, "articleBody"):
        preview.evidence["body"] = reading.places["articleBody"]
        preview.body_html = normalise_body(texts[0], base_url=url)
        preview.body_text = find_text(preview.body_html)
        preview.symbols = find_symbols(texts[0])


def _place_date(preview: Preview, reading: Reading, zone: tzinfo, captured_at: datetime | None) -> None:
    """Put in the date that a rule found."""
    texts = _find_ruled(reading, "datePublished")
    if not texts:
        return
    preview.published, preview.day, preview.precision = None, None, None
    preview.evidence["datePublished"] = reading.places["datePublished"]
    if captured_at is None:
        preview.refused = f"{texts[0].strip()!r} counts from the instant of the capture; give it with --at"
        return
    try:
        stated = parse_date(texts[0], zone=zone, captured_at=captured_at, language=preview.language)
    except DateRefused as refusal:
        preview.refused = str(refusal)
        return
    preview.published, preview.precision = stated.instant, stated.precision
    preview.day = stated.instant.date()
