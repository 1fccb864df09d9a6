"""Converts any Scrapy item to a statement, by common field names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pipelines.page.document import CaptureRef
from pipelines.posts.items import Origin, Statement

_NAMES = {
    "identifier": ("identifier", "id", "guid", "canonicalUrl", "canonical_url", "url", "link"),
    "url": ("url", "canonicalUrl", "canonical_url", "link"),
    "headline_found": ("headline_found", "headline", "title", "name"),
    "datePublished_found": (
        "datePublished_found",
        "datePublished",
        "published",
        "published_at",
        "date",
        "datetime",
    ),
    "dateModified_found": ("dateModified_found", "dateModified", "updated", "updated_at", "modified"),
    "articleBody_found": (
        "articleBody_found",
        "articleBodyHtml",
        "articleBody",
        "body_html",
        "body",
        "content",
        "text",
    ),
    "publisher": ("publisher", "medium"),
    "inLanguage": ("inLanguage", "language", "lang"),
    "shareLink": ("shareLink", "share_link", "share_url"),
    "source": ("source",),
}
_LISTS = {
    "articleSection_found": ("articleSection_found", "articleSection", "categories", "category", "section"),
    "keywords_found": ("keywords_found", "keywords", "tags", "tag"),
    "author": ("author", "authors", "byline"),
    "symbols": ("symbols",),
}


def adopt(item: Mapping[str, Any], *, source: str) -> Statement:
    """Return an item as a statement; values are taken as found.

    Args:
        item: any mapping of field names to values; an `ItemAdapter` is one.
        source: name of the source where the item does not say.
    """
    origin = item.get("origin")
    values: dict[str, Any] = {name: _find_text(item, names) for name, names in _NAMES.items()}
    values |= {name: _find_texts(item, names) for name, names in _LISTS.items()}
    values["source"] = values["source"] or source
    capture = item.get("capture")
    return Statement(
        **values,
        origin=Origin(origin) if origin in set(Origin) else Origin.FOREIGN,
        capture=capture if isinstance(capture, CaptureRef) else None,
    )


def _find_text(item: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        value = item.get(name)
        if isinstance(value, (datetime, date)):
            return value.isoformat()
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    return ""


def _find_texts(item: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and value.strip():
            return [value]
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
            texts = [str(entry) for entry in value if entry is not None and str(entry).strip()]
            if texts:
                return texts
    return []
