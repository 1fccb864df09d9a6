"""Finds where a page sends its reader: by the header field `Refresh`, or by `<meta http-equiv="refresh">`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pipelines.page.addresses import join_url
from pipelines.page.encodings import decode_page
from pipelines.page.limits import PageRefused
from pipelines.page.page import Page

if TYPE_CHECKING:
    from lxml import etree

    from pipelines.page.document import Document

# A later refresh reloads the page and is no redirect; Scrapy has the same limit.
_MAX_SECONDS: Final = 100
_BEGINNING_BYTES: Final = 16 * 1024
_VALUE: Final = re.compile(
    r"\s*(?=[\d.])(?P<seconds>\d*)[\d.]*(?:\s*[;,]|\s)\s*(?:url\s*=\s*)?"
    r"(?:\"(?P<in_double>[^\"]*)|'(?P<in_single>[^']*)|(?P<bare>.*))",
    re.IGNORECASE | re.DOTALL,
)


def find_refresh(document: Document) -> str:
    """Return the address that a page sends its reader to at once, or ''."""
    for name, value in document.head:
        if name == b"refresh" and (target := _find_target(value.decode("utf-8", "replace"))):
            return join_url(document.url, target)
    beginning = document.body[:_BEGINNING_BYTES]
    is_html = b"html" in document.content_type.lower() or not document.content_type
    if not is_html or b"refresh" not in beginning.lower():
        return ""
    page = Page(decode_page(beginning, content_type=document.content_type), document.url)
    try:
        metas = [element for element in page.root.iter("meta") if _is_refresh(element)]
    except PageRefused:
        return ""
    target = next(filter(None, (_find_target(element.get("content") or "") for element in metas)), "")
    return join_url(page.base_url, target) if target else ""


def _is_refresh(element: etree._Element) -> bool:
    is_seen = all(ancestor.tag != "noscript" for ancestor in element.iterancestors())
    return is_seen and (element.get("http-equiv") or "").strip().lower() == "refresh"


def _find_target(value: str) -> str:
    """Return the address of a refresh within the limit, or ''. Spec: HTML §4.2.5.3."""
    found = _VALUE.match(value)
    if found is None or int(found["seconds"][:6] or 0) >= _MAX_SECONDS:
        return ""
    return (found["in_double"] or found["in_single"] or found["bare"] or "").strip()
