"""The post that one page would make, with the evidence for each field.

It is read and settled by the functions that a crawl uses, by the rules of its source, or by those that `scrapy crawl
site` would make for its address. So a preview is the post of a crawl that has seen no other page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from crawler.sources import SourceError
from crawler.sources.undescribed import build_definition
from pipelines.dates.model import Precision
from pipelines.markup.sanitise import find_text
from pipelines.posts.items import Statement
from pipelines.posts.normalise import normalise
from pipelines.posts.settle import PostRefused, settle
from pipelines.reading.read import read
from pipelines.rules.links import LinkKind, Scope
from pipelines.rules.model import Discovery, Rules

if TYPE_CHECKING:
    from datetime import tzinfo

    from pipelines.page.document import Document
    from pipelines.posts.items import Post
    from pipelines.reading.read import Reading

_NO_ARTICLE = "neither rules nor content say that this page is an article, so a crawl would make no post of it"
_CAPTION = re.compile(r"<figcaption[ >].*?</figcaption>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One post as it would be.

    Attributes:
        statement: what the page states, normalised; of a list of articles, of the first.
        post: None if this page alone makes none; `refused` says why.
        notes: what a crawl would do otherwise, and what is not believed, a sentence each.
    """

    url: str
    statement: Statement
    post: Post | None = None
    refused: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def body_html(self) -> str:
        """The body, sanitised."""
        return self.statement.articleBody

    @property
    def body_text(self) -> str:
        """The body as plain text, a line a block, without captions."""
        return find_text(_CAPTION.sub("", self.statement.articleBody))

    @property
    def date_text(self) -> str:
        """ISO 8601 with an offset, the day alone where no more is known, or ''."""
        shown = self.post or self.statement
        if shown.datePublished is None:
            return ""
        is_day = shown.datePublished_precision is Precision.DAY
        return shown.datePublished.date().isoformat() if is_day else shown.datePublished.isoformat()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields under the names of a post, for JSON."""
        shown = self.post or self.statement
        return {
            "url": shown.url or self.url,
            "headline": shown.headline,
            "datePublished": self.date_text,
            "datePublished_precision": shown.datePublished_precision,
            "articleSection": shown.articleSection,
            "keywords": shown.keywords,
            "author": shown.author,
            "articleBody": shown.articleBody,
            "inLanguage": shown.inLanguage,
            "symbols": shown.symbols,
            "evidence": dict(self.statement.witnesses),
            "refused": self.refused,
            "notes": list(self.notes),
        }


def build_preview(
    document: Document, *, rules: Rules | None = None, language: str = "", zone: tzinfo | None = None
) -> Preview:
    """Return the post that a page would make.

    Args:
        rules: of its source; without them those that `scrapy crawl site` would make for its address.
        language: BCP 47 tag that is better known than the source knows it; likewise `zone`.

    Raises:
        pipelines.page.limits.PageRefused: the page is too large, or its body is beyond what can be made safe.
    """
    rules = _override(rules or _build_rules(document.url), language, zone)
    reading = read(document, rules, with_links=False)
    notes = list(_iter_reading_notes(reading))
    if not reading.statements:
        kind = reading.kind
        reading = read(document, rules, with_links=False, as_article=True)
        if kind is not LinkKind.ARTICLE:
            notes.insert(0, _NO_ARTICLE)
    found = reading.statements[0] if reading.statements else Statement(source=rules.name, identifier=document.url)
    statement = normalise(found, rules.post)
    notes += [f"{name} is not believed: {reason}" for name, reason in statement.refused.items()]
    post, refused = None, ""
    try:
        post = settle([statement], rules.post)
    except PostRefused as refusal:
        refused = str(refusal)
    return Preview(url=document.url, statement=statement, post=post, refused=refused, notes=tuple(notes))


def _iter_reading_notes(reading: Reading) -> list[str]:
    notes = [f"{name} ({count})" for name, count in reading.notes.items()]
    if len(reading.statements) > 1:
        notes.append(f"the page states something of {len(reading.statements)} articles; the first is shown")
    return notes


def _build_rules(url: str) -> Rules:
    """Return rules for a page of no source."""
    if url.startswith(("http://", "https://")):
        try:
            return build_definition(url)
        except (SourceError, ValueError):
            pass
    return Rules(name="page", scope=Scope(prefixes=()), discovery=Discovery(is_zone_guessed=True))


def _override(rules: Rules, language: str, zone: tzinfo | None) -> Rules:
    if not language and zone is None:
        return rules
    options = replace(rules.post, language=language or rules.post.language, zone=zone or rules.post.zone)
    discovery = rules.discovery
    if zone is not None and discovery is not None:
        discovery = replace(discovery, is_zone_guessed=False)
    return replace(rules, post=options, discovery=discovery)
