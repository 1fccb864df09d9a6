"""An article read from one page without a source definition: each field with the evidence that gave it.

This is the whole of what a page without rules of its own becomes a post by, a pure function of its text, its address
and the instant of its capture: no network, no clock. Where a source gives selectors they win; what they leave empty is
filled from here.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.article.bylines import find_authors, has_stated, list_signed
from pipelines.article.datelines import find_shown, list_lines_near, read_around
from pipelines.article.keywords import choose_sections, choose_topics
from pipelines.article.main_text import MainBody
from pipelines.article.publication import find_publication
from pipelines.article.second_opinion import find_body
from pipelines.article.titles import find_headline
from pipelines.markup.sanitise import normalise_body
from pipelines.names.headlines import normalise_headline
from pipelines.names.symbols import find_symbols
from pipelines.page.languages import find_language
from pipelines.page.metadata import read_metadata
from pipelines.page.page import HEADINGS, Page

if TYPE_CHECKING:
    from datetime import date, datetime, tzinfo

    from pipelines.dates.model import Precision

_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What one page says of its article; every text is empty if the page does not say it.

    Attributes:
        headline: one line of text; `headline_found` is as the page has it.
        datePublished: aware; None if the page states no zone and none is known.
        datePublished_day: local day of publication, also where the instant is not known.
        datePublished_precision: how much was stated, DAY where `datePublished` is None.
        body_html: sanitised fragment; `body_text` is its plain text, a line a block, without captions.
        canonical_url: as the page declares it, made absolute.
        language: BCP 47 tag.
        symbols: securities that the body names, as `pipelines.names.symbols` writes them.
        evidence: name of a field to the place that it was found in, such as `jsonld:headline` or `h1`.
    """

    headline: str = ""
    headline_found: str = ""
    datePublished: datetime | None = None  # noqa: N815 (schema.org's spelling, as in `Post`)
    datePublished_day: date | None = None  # noqa: N815
    datePublished_found: str = ""  # noqa: N815
    datePublished_precision: Precision | None = None  # noqa: N815
    keywords: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    body_html: str = ""
    body_text: str = ""
    canonical_url: str = ""
    language: str = ""
    symbols: list[str] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)


def read_article(
    page: Page,
    *,
    captured_at: datetime | None,
    language: str = "",
    zone: tzinfo | None = None,
    known_body: str | None = None,
    is_dated: bool = False,
) -> Article:
    """Return what a page says of its article.

    Args:
        page: its tree is cut up, so everything else must have been read from it.
        captured_at: aware instant of the capture, which relative dates count from; None refuses them.
        language: BCP 47 tag, where the source knows it.
        zone: zone of the source; without it, an offset that the page states is taken for it, or no instant given.
        known_body: HTML of the body if already found; then no other is searched for or returned.
        is_dated: the date is known; none is looked for.

    Raises:
        BodyRefused: the body is beyond what can be made safe.
    """
    metadata = read_metadata(page)
    headline, shown = find_headline(page, metadata)
    language = language or find_language(page)
    around = read_around(find_shown(page, headline.text) if shown is None and headline else shown)
    publication = (
        None
        if is_dated
        else find_publication(page, metadata, around, zone=zone, captured_at=captured_at, language=language)
    )
    near = list_lines_near(around)
    signed = [] if has_stated(metadata) else list_signed(page)
    is_shown = headline is not None and headline.evidence in HEADINGS
    clean_headline = normalise_headline(headline.text, is_shown=is_shown) if headline else ""
    if known_body is None:
        body, body_evidence = find_body(page, metadata, headline=clean_headline, shown=shown)
    else:
        body, body_evidence = MainBody(html="", text=_TAG.sub(" ", html.unescape(known_body))), ""
    keywords, keywords_evidence = choose_topics(metadata, headline=clean_headline, text=body.text)
    sections, sections_evidence = choose_sections(metadata)
    authors, authors_evidence = find_authors(metadata, signed=signed, near=near, body_text=body.text, language=language)
    evidence = {
        "headline": headline.evidence if headline else "",
        "datePublished": publication.evidence if publication else "",
        "keywords": keywords_evidence,
        "sections": sections_evidence,
        "authors": authors_evidence,
        "body": body_evidence,
    }
    return Article(
        headline=clean_headline,
        headline_found=headline.text if headline else "",
        datePublished=publication.instant if publication else None,
        datePublished_day=publication.day if publication else None,
        datePublished_found=publication.found if publication else "",
        datePublished_precision=publication.precision if publication else None,
        keywords=keywords,
        sections=sections,
        authors=authors,
        body_html=normalise_body(body.html, base_url=page.base_url),
        body_text=body.text if known_body is None else "",
        canonical_url=metadata.canonical_url,
        language=language,
        symbols=find_symbols(body.html),
        evidence={name: place for name, place in evidence.items() if place},
    )
