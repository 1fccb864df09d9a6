"""Lists the links of a page as a reader sees them.

A link is not always an `a` with an address: cards and rows of tables that a script opens name theirs in `onclick` or
in a `data-` attribute, and options of a menu in their value.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.discovery.address_shapes import is_service
from pipelines.page.addresses import build_joiner
from pipelines.rules.addresses import find_carried, is_same_place, normalise_location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lxml import etree

    from pipelines.page.page import Page

MAX_LINKS = 3_000
_NAVIGATION = re.compile(r"\b(?:nav|menu|navi|channel|categor|section|column|topbar|masthead)", re.IGNORECASE)
_BESIDE = re.compile(r"\b(?:foot|copyright|friend[-_]?link|sns|social|share|login|breadcrumb|cookie)", re.IGNORECASE)
_OPENED_BY_DATA = ("data-href", "data-link", "data-url", "data-permalink")
_OPTIONS = "//option[starts-with(@value, '/') or starts-with(@value, 'http')]"
_OPENING = " or ".join(f"@{name}" for name in (*_OPENED_BY_DATA, "onclick"))
# What a click runs: `location.href = "story.html"`, `window.open('/story')`, `go("/story")`.
_SCRIPTED = re.compile(
    r"(?:location(?:\.href)?\s*=|location\.(?:assign|replace)\(|window\.open\()\s*([\"'])(?P<moved>[^\"'<>\s]+)\1"
    r"|([\"'])(?P<named>(?:https?:/)?/[^\"'<>\s]+)\3"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One link of a page as a reader sees it.

    Attributes:
        label: its text, or what a browser says of it to readers who do not see its picture.
        words: its own classes and relation, and those of what holds it directly.
    """

    url: str
    text: str
    label: str
    words: str
    is_menu: bool
    is_beside: bool

    @property
    def width(self) -> int:
        """How wide its text is drawn."""
        return measure_width(self.text)


def measure_width(text: str) -> int:
    """Return how wide a text is drawn: Han, kana and hangul take two columns."""
    if text.isascii():
        return len(text)
    return len(text) + sum(map("WF".__contains__, map(unicodedata.east_asian_width, text)))


def has_rel(element: etree._Element, wanted: str) -> bool:
    """Return whether an element names a relation."""
    return wanted in (element.get("rel") or "").lower().split()


def iter_anchors(page: Page, admits: Callable[[str], bool]) -> Iterator[Anchor]:
    """Yield the links of a page that lead to other pages in scope."""
    join = build_joiner(page.base_url)
    for element, href in _iter_hrefs(page.root):
        address = join(href)
        if not address:
            continue
        address = normalise_location(address) if admits(address) else find_carried(address, admits)
        if not address or is_same_place(address, page.url) or is_service(address):
            continue
        around = _describe_ancestors(element)
        text = find_anchor_text(element)
        yield Anchor(
            url=address,
            text=text,
            label=text or (element.get("aria-label") or "").strip(),
            words=" ".join(filter(None, (_describe(element), _describe(element.getparent())))),
            is_menu=bool(_NAVIGATION.search(around)),
            is_beside=bool(_BESIDE.search(around)),
        )


def _iter_hrefs(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Yield what may be clicked on with the address that it leads to."""
    count = 0
    for element in root.iter("a", "area"):
        href = element.get("href") or ""
        scripted = find_scripted(href) if href[:11].lower() == "javascript:" else ""
        if scripted or (href and not href.startswith(("#", "javascript:"))):
            yield element, scripted or href
            count += 1
        if count >= MAX_LINKS:
            return
    for element in root.xpath(f"//*[{_OPENING}][not(.//a[@href])][not(self::a[@href != '#'])]")[: MAX_LINKS - count]:
        given = next((value for name in _OPENED_BY_DATA if (value := element.get(name))), "")
        if href := given or find_scripted(element.get("onclick") or ""):
            yield element, href
            count += 1
    for element in root.xpath(_OPTIONS)[: MAX_LINKS - count]:
        yield element, element.get("value")


def find_scripted(script: str) -> str:
    """Return the address that a script of one line opens, or ''."""
    found = _SCRIPTED.search(script[:2_000])
    return str(found["moved"] or found["named"]) if found else ""


def find_anchor_text(element: etree._Element) -> str:
    """Return what a reader sees of a link: its text, or the name of its picture."""
    text = " ".join("".join(str(piece) for piece in element.itertext()).split())
    if text:
        return text
    picture = element.find(".//img")
    names = (element.get("title"), picture.get("alt") if picture is not None else "", element.get("alt"))
    return " ".join(next(filter(None, names), "").split())


def _describe(element: etree._Element | None) -> str:
    if element is None or not isinstance(element.tag, str):
        return ""
    return f"{element.get('class') or ''} {element.get('rel') or ''}".strip()


def _describe_ancestors(element: etree._Element) -> str:
    """Return the tags, classes, ids and roles of all that holds a link."""
    words: list[str] = []
    for ancestor in element.iterancestors():
        if not isinstance(ancestor.tag, str) or ancestor.tag in ("body", "html"):
            break
        words += [ancestor.tag, *(ancestor.get(name) or "" for name in ("class", "id", "role"))]
    return " ".join(words)
