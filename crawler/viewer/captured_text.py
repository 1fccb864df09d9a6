"""The text of a capture, without menus and scripts.

It is read by the rules of the source whose post the capture made, and else by those of `scrapy crawl site`, so it also
is there for pages that other tools captured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError, NotArchived, RecordError
from archives.index.cdxj import REVISIT_MIME
from archives.replay.lookup import build_stamp
from archives.replay.pages import Link, list_screenshot_links
from archives.replay.rewriting.charsets import decode_page
from archives.replay.rewriting.content import PAGE_MIMES, is_page
from archives.replay.routes import build_calendar_path, build_path
from crawler.reparsing.documents import read_document
from crawler.source_tools.preview import build_preview
from crawler.viewer.pages import build_page, format_published
from crawler.viewer.stories import build_story
from pipelines.markup.sanitise import BodyRefused, normalise_body
from pipelines.page.limits import PageRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry
    from archives.replay.http import Response
    from pipelines.page.document import Document
    from pipelines.rules.model import Rules

MODIFIER: Final = "txt_"
_MAX_BYTES: Final = 16 * 1024 * 1024
_LOOKED_AT: Final = 2_000_000
# Fewer letters than this, and a page has nothing to read while its scripts are off.
_FEW: Final = 200
_UNSEEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|svg|head)\b.*?(?:</\1\s*>|\Z)|<[^>]*>", re.IGNORECASE | re.DOTALL
)
_INVISIBLE: Final = re.compile(r"<(script|style|template|title)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_HIDDEN: Final = re.compile(
    r"<(?:html|body|main)\b[^>]*style\s*=\s*[\"'][^\"']*(?:display:\s*none|visibility:\s*hidden|opacity:\s*0\b)"
    r"|<style[^>]*>\s*(?:html|body)\s*\{[^}]*(?:display:\s*none|visibility:\s*hidden|opacity:\s*0\b)"
    r"|<style[^>]*\bamp-boilerplate\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPage:
    """What `text.html` shows.

    Attributes:
        links: to the capture's other pages.
        current: the address of this page.
        story: the body, its pictures and links in the archive; all of the page where it has no article.
        is_article: whether it has one.
        refused: why a crawl would make no post of it; empty if it would.
    """

    entry: IndexEntry
    collection: str
    links: Sequence[Link]
    current: str
    headline: str
    language: str
    published: str
    authors: Sequence[str]
    story: Markup
    is_article: bool
    refused: str


def build_text_path(collection: str, entry: IndexEntry) -> str:
    """Return the path of the text of a capture."""
    return build_path(collection, entry.url, stamp=build_stamp(entry.captured_at), modifier=MODIFIER)


def can_have_text(index: CollectionIndex, entry: IndexEntry) -> bool:
    """Return whether a capture is a page, or a revisit of one."""
    if entry.mime != REVISIT_MIME:
        return entry.mime in PAGE_MIMES
    try:
        return is_page(read_resolved(index, entry, max_bytes=_MAX_BYTES))
    except ArchiveError:  # the page itself shows what is wrong
        return False


def is_blank(index: CollectionIndex, entry: IndexEntry) -> bool:
    """Return whether a page shows little or nothing while its scripts are off.

    Raises:
        archives.errors.ArchiveError: the capture cannot be read.
    """
    document = read_document(index, entry, max_bytes=_MAX_BYTES)
    text, _ = decode_page(document.body[:_LOOKED_AT], document.content_type.decode("latin-1"))
    if _HIDDEN.search(text):
        return True
    return sum(map(str.isalnum, unescape(_UNSEEN.sub(" ", text)))) < _FEW


def show_text(index: CollectionIndex, entry: IndexEntry, rules: Rules | None, *, more: Sequence[Link] = ()) -> Response:
    """Return the text of a capture as a page.

    Args:
        rules: of its source; None if it belongs to none.
        more: links to other pages of the capture.

    Raises:
        archives.errors.ArchiveError: the capture cannot be read, or is not a page.
    """
    collection = index.collection.name
    if not can_have_text(index, entry):
        raise NotArchived(f"{entry.url} is {entry.mime or 'of no known type'}, of which no text is shown")
    document = read_document(index, entry, max_bytes=_MAX_BYTES)
    try:
        preview = build_preview(document, rules=rules)
    except PageRefused as refusal:
        raise RecordError(f"{entry.url} cannot be read as a page: {refusal}") from refusal
    stamp = build_stamp(entry.captured_at)
    shown = preview.post or preview.statement
    body = preview.body_html or _read_all(document)
    page = TextPage(
        entry=entry,
        collection=collection,
        links=[
            Link("Text", build_text_path(collection, entry)),
            Link("Archived page", build_path(collection, entry.url, stamp=stamp)),
            *list_screenshot_links(index, entry),
            *more,
            Link("Calendar", build_calendar_path(collection, entry.url)),
        ],
        current=build_text_path(collection, entry),
        headline=shown.headline,
        language=shown.inLanguage,
        published=format_published(shown.datePublished, shown.datePublished_precision),
        authors=shown.author,
        story=build_story(body, collection=collection, stamp=stamp, url=document.url or entry.url),
        is_article=bool(preview.body_html),
        refused=preview.refused,
    )
    return build_page("text.html", page, crumbs=[Link(collection, f"/{collection}/")])


def _read_all(document: Document) -> str:
    """Return all that a page says, as sanitised markup; empty if it is too much."""
    text, _ = decode_page(document.body[:_LOOKED_AT], document.content_type.decode("latin-1"))
    _, begins, inside = text.partition("<body")
    try:
        return normalise_body(_INVISIBLE.sub(" ", begins + inside or text), base_url=document.url)
    except BodyRefused:
        return ""
