"""Page requisites: pictures, style sheets and their references, scripts, fonts.

They are captured so that a replayed page looks like the page. They never become posts, they come after pages, and one
that cannot be fetched does no harm.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.markup.allow_list import iter_srcset
from pipelines.page.addresses import join_url
from pipelines.rules.model import RequisiteKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from pipelines.page.page import Page

_MAX_STYLE_CHARS = 2_000_000

# Where pages keep the address of a picture until a script puts it into `src`.
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-actualsrc", "data-echo", "data-original-src")
_LAZY_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_PRELOADED = {"style": RequisiteKind.STYLE, "font": RequisiteKind.FONT, "image": RequisiteKind.IMAGE}
_PICTURED = ("video", "input", "body", "table", "td", "image", "amp-img")
_FONT = re.compile(r"\.(?:woff2?|ttf|otf|eot)$", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r"""@import\s+(?:url\(\s*)?["']?([^"')\s;]+)""", re.IGNORECASE)
_URL = re.compile(r"""url\(\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^)"'\s]+))\s*\)""", re.IGNORECASE)

_Found = tuple[RequisiteKind, str]


def iter_page_requisites(page: Page) -> Iterator[_Found]:
    """Yield what a page needs, in the order of the document, each address once."""
    seen: set[str] = set()
    for element in page.root.iter():
        if not isinstance(element.tag, str):
            continue
        for kind, address in _iter_element(element):
            absolute = join_url(page.base_url, address)
            if absolute and absolute not in seen:
                seen.add(absolute)
                yield kind, absolute


def _iter_element(element: etree._Element) -> Iterator[_Found]:
    tag = str(element.tag)
    if tag in ("img", "source", "amp-img"):
        yield from _iter_picture(element)
    elif tag == "link":
        yield from _iter_link(element)
    elif tag == "script":
        yield RequisiteKind.SCRIPT, element.get("src") or ""
    elif tag == "style":
        yield from iter_style_requisites(element.text or "")
    if tag in _PICTURED:
        names = ["poster", "background", "href", "{http://www.w3.org/1999/xlink}href", "xlink:href"]
        names += ["src"] if (element.get("type") or "").lower() == "image" else []
        yield from ((RequisiteKind.IMAGE, element.get(name) or "") for name in names)
    if "url(" in (element.get("style") or ""):
        yield from iter_style_requisites(element.get("style") or "")


def _iter_picture(element: etree._Element) -> Iterator[_Found]:
    # A picture of one dot is not there to be seen: it counts who sees the page.
    if all((element.get(name) or "").removesuffix("px") in ("0", "1") for name in ("width", "height")):
        return
    if element.tag != "source" or not _is_of_media(element):
        yield from ((RequisiteKind.IMAGE, element.get(name) or "") for name in ("src", *_LAZY))
    for name in _LAZY_SETS:
        yield from ((RequisiteKind.IMAGE, address) for address, _ in iter_srcset(element.get(name) or ""))


def _is_of_media(source: etree._Element) -> bool:
    parent = source.getparent()
    return parent is not None and parent.tag in ("video", "audio")


def _iter_link(element: etree._Element) -> Iterator[_Found]:
    rels = (element.get("rel") or "").lower().split()
    href = element.get("href") or ""
    if "stylesheet" in rels:
        yield RequisiteKind.STYLE, href
    elif any(rel in ("icon", "apple-touch-icon", "shortcut") for rel in rels):
        yield RequisiteKind.IMAGE, href
    elif "preload" in rels and (element.get("as") or "").lower() in _PRELOADED:
        yield _PRELOADED[(element.get("as") or "").lower()], href


def iter_style_requisites(text: str) -> Iterator[_Found]:
    """Yield what a style sheet, or the value of a `style` attribute, refers to, as it is written there.

    Spec: CSS Values 4 §4.5 (`url()`); CSS Cascade 4 §2 (`@import`).
    """
    text = _COMMENT.sub("", text[:_MAX_STYLE_CHARS])
    imported = [match[1] for match in _IMPORT.finditer(text)]
    yield from ((RequisiteKind.STYLE, address) for address in imported)
    for match in _URL.finditer(text):
        address = match[1] or match[2] or match[3] or ""
        if address not in imported and address[:5].lower() != "data:":
            is_font = _FONT.search(address.partition("?")[0].partition("#")[0])
            yield RequisiteKind.FONT if is_font else RequisiteKind.IMAGE, address
