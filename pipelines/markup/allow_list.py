"""The allow-list of publishable markup, and a fast check for markup that already conforms to it.

The recogniser is strict rather than clever. It accepts well-formed markup whose elements an HTML parser would build
exactly as they are written, with allowed attributes in double quotes, addresses that can only be fetched, and no
brace; with nothing but blocks at top level, no blank line inside a block and no line indented like code, it also means
the same in a Markdown file.

Spec: HTML Living Standard §13.2.6 (tree construction); CommonMark 0.31 §4.6 (HTML blocks).
"""

from __future__ import annotations

import html
import html.entities
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_DEPTH = 100

VOID = frozenset(["br", "hr", "img", "source", "col"])
_TABLE_PARENTS: Mapping[str, frozenset[str]] = {
    "caption": frozenset(["table"]),
    "colgroup": frozenset(["table"]),
    "thead": frozenset(["table"]),
    "tbody": frozenset(["table"]),
    "tfoot": frozenset(["table"]),
    "col": frozenset(["colgroup"]),
    "tr": frozenset(["table", "thead", "tbody", "tfoot"]),
    "td": frozenset(["tr"]),
    "th": frozenset(["tr"]),
}
LIST_PARENTS: Mapping[str, frozenset[str]] = {
    "li": frozenset(["ul", "ol"]),
    "dt": frozenset(["dl"]),
    "dd": frozenset(["dl"]),
}
_PARENTS = {**_TABLE_PARENTS, **LIST_PARENTS}
TEXTLESS = frozenset(["table", "thead", "tbody", "tfoot", "tr", "colgroup"])
HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
BLOCKS = (
    HEADINGS
    | _PARENTS.keys()
    | frozenset(["p", "div", "section", "ul", "ol", "dl", "blockquote", "pre", "hr", "figure", "figcaption", "table"])
)
INLINES = frozenset(
    [
        "br",
        "em",
        "strong",
        "b",
        "i",
        "u",
        "s",
        "del",
        "ins",
        "sub",
        "sup",
        "small",
        "mark",
        "abbr",
        "cite",
        "q",
        "code",
        "span",
        "a",
        "img",
        "picture",
        "source",
        "time",
        "audio",
        "video",
    ]
)
ALLOWED = BLOCKS | INLINES
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "href": frozenset(["a"]),
    "src": frozenset(["img", "source", "audio", "video"]),
    "srcset": frozenset(["img", "source"]),
    "alt": frozenset(["img"]),
    "width": frozenset(["img", "video", "source", "table", "td", "th", "col"]),
    "height": frozenset(["img", "video", "source", "table", "td", "th"]),
    "colspan": frozenset(["td", "th"]),
    "rowspan": frozenset(["td", "th"]),
    "start": frozenset(["ol"]),
    "datetime": frozenset(["time"]),
    "cite": frozenset(["blockquote", "q"]),
    "class": ALLOWED,
    "title": ALLOWED,
    "lang": ALLOWED,
    "dir": ALLOWED,
}
VALUES: Mapping[str, re.Pattern[str]] = {
    "class": re.compile(r"[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*"),
    "width": re.compile(r"[0-9]{1,5}%?"),
    "height": re.compile(r"[0-9]{1,5}%?"),
    "colspan": re.compile(r"[0-9]{1,3}"),
    "rowspan": re.compile(r"[0-9]{1,3}"),
    "start": re.compile(r"-?[0-9]{1,6}"),
    "datetime": re.compile(r"[0-9A-Z:+. -]{1,40}"),
    "lang": re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"),
    "dir": re.compile(r"ltr|rtl|auto"),
}
URL_ATTRIBUTES = frozenset(["href", "src", "cite"])

# Tags recur on a page and from page to page; long ones are links, which do not, and would only take memory.
_MAX_CACHED = 4096
_MAX_CACHED_CHARS = 200

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_TAG = re.compile(r'(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?P<attributes>(?: +[a-z-]+="[^"<>]*")*) */?')
_ATTRIBUTE = re.compile(r' +([a-z-]+)="([^"]*)"')
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_CODE_LINE = re.compile(r"\n(?: {4}| {0,3}\t)")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
ABSOLUTE = re.compile(r"(?:[hH][tT][tT][pP][sS]?:)?//[^\s/?#\\][^\s\\]*")
_MAIL = re.compile(r"[mM][aA][iI][lL][tT][oO]:[^\s\\]+")
_RELATIVE = re.compile(r"(?![/\\]{2})(?:[^\s:/?#\\]*|[^\s:/?#\\]*[/?#][^\s\\]*)")


class Tag(NamedTuple):
    """One tag as it is written, `attributes` with the blank before each."""

    is_end: bool
    name: str
    attributes: str


def iter_pieces(markup: str) -> Iterator[tuple[Tag | None, str]]:
    """Yield each tag with the text up to the next `<`; what stands before the first has no tag.

    Where a `<` begins no tag in lower case with its attributes in double quotes, the tag is None and all behind the
    `<` is text.
    """
    pieces = iter(markup.split("<"))
    yield None, next(pieces)
    for piece in pieces:
        written, closing, text = piece.partition(">")
        tag = read_tag(written) if closing else None
        yield tag, piece if tag is None else text


def read_tag(written: str) -> Tag | None:
    """Return the tag that is written between `<` and `>`, or None if it is not one."""
    return _read_short_tag(written) if len(written) <= _MAX_CACHED_CHARS else _read_tag(written)


def _read_tag(written: str) -> Tag | None:
    found = _TAG.fullmatch(written)
    return Tag(bool(found["end"]), found["name"], found["attributes"]) if found else None


_read_short_tag = lru_cache(_MAX_CACHED)(_read_tag)


def is_clean(body: str, *, has_base: bool = False) -> bool:
    """Return whether markup may be published as it is.

    Args:
        has_base: relative addresses are not clean, because the address to resolve them against is known.
    """
    if "{" in body or _CODE_LINE.search(body.strip()):
        return False
    pieces = iter_pieces(body)
    _, head = next(pieces)
    if head.strip(" \t\n"):
        return False
    stack: list[str] = []
    for tag, text in pieces:
        if tag is None or not _is_tag_clean(tag, stack, has_base=has_base):
            return False
        if text and not _is_text_clean(text, stack):
            return False
    return not stack


def _is_tag_clean(tag: Tag, stack: list[str], *, has_base: bool) -> bool:
    """Return whether a tag may follow where the elements of the stack are open, and move the stack on."""
    is_end, name, attributes = tag
    if is_end:
        return not attributes and bool(stack) and stack.pop() == name
    if not is_place_for(name, stack):
        return False
    if attributes and not _is_attribute_list_clean(name, attributes, has_base):
        return False
    if name not in VOID:
        stack.append(name)
    return True


def _is_text_clean(text: str, stack: list[str]) -> bool:
    if not text.strip(" \t\n"):
        return not stack or not _BLANK_LINE.search(text)
    if not stack or stack[-1] in TEXTLESS or _BLANK_LINE.search(text):
        return False
    return "&" not in text or _has_good_references(text)


def _has_good_references(text: str) -> bool:
    """Return whether every `&` begins a reference that all readers know and that is not a control character."""
    references = list(_REFERENCE.finditer(text))
    return len(references) == text.count("&") and all(_is_good_reference(found) for found in references)


def _is_good_reference(found: re.Match[str]) -> bool:
    if found[3]:
        return f"{found[3]};" in html.entities.html5
    number = int(found[1]) if found[1] else int(found[2], 16)
    return number in (9, 10) or 0x20 <= number < 0x7F or 0xA0 <= number < 0xD800 or 0xE000 <= number < 0xFFFE


def is_place_for(name: str, stack: list[str]) -> bool:
    """Return whether an HTML parser would open the element inside the open ones, and close none of them for it."""
    if name not in ALLOWED or len(stack) >= MAX_DEPTH:
        return False
    parent = stack[-1] if stack else ""
    if name in _PARENTS:
        return parent in _PARENTS[name]
    if parent in TEXTLESS:
        return False
    if name in BLOCKS:
        return "p" not in stack and not (name in HEADINGS and HEADINGS.intersection(stack))
    return bool(stack) and not (name == "a" and "a" in stack)


def _is_attribute_list_clean(name: str, attributes: str, has_base: bool) -> bool:
    if len(attributes) <= _MAX_CACHED_CHARS:
        return _is_short_list_clean(name, attributes, has_base)
    return _are_attributes_clean(name, attributes, has_base)


def _are_attributes_clean(name: str, attributes: str, has_base: bool) -> bool:
    pairs = _ATTRIBUTE.findall(attributes)
    values = {key: html.unescape(value) for key, value in pairs}
    if len(values) != len(pairs) or not all(_has_good_references(value) for _, value in pairs):
        return False
    if not all(is_attribute_clean(name, key, value, has_base=has_base) for key, value in values.items()):
        return False
    return not is_tracking_pixel(name, values)


_is_short_list_clean = lru_cache(_MAX_CACHED)(_are_attributes_clean)


def is_attribute_clean(name: str, key: str, value: str, *, has_base: bool) -> bool:
    """Return whether the element may carry the attribute with this value, character references resolved."""
    if name not in ATTRIBUTES.get(key, ()) or "\n" in value or "\t" in value:
        return False
    if key in URL_ATTRIBUTES:
        return _is_url_clean(value, has_base=has_base, has_mail=key == "href")
    if key == "srcset":
        return bool(value) and all(_is_url_clean(url, has_base=has_base) for url, _ in iter_srcset(value))
    return key not in VALUES or bool(VALUES[key].fullmatch(value))


def _is_url_clean(url: str, *, has_base: bool, has_mail: bool = False) -> bool:
    """Return whether an address can do no more than be fetched; anything with another scheme is out."""
    if _CONTROLS.search(url):
        return False
    if ABSOLUTE.fullmatch(url) or (has_mail and _MAIL.fullmatch(url)):
        return True
    return not has_base and bool(_RELATIVE.fullmatch(url))


def iter_srcset(value: str) -> Iterator[tuple[str, str]]:
    """Yield each candidate's address and descriptor."""
    for candidate in re.split(r",\s+|,$", value.strip()):
        url, _, descriptor = candidate.strip().partition(" ")
        yield url, descriptor.strip()


def is_tracking_pixel(name: str, attributes: Mapping[str, str]) -> bool:
    """Return whether an image is too small to be looked at."""
    if name != "img":
        return False
    sizes = (attributes.get("width", "").strip(), attributes.get("height", "").strip())
    return all(re.fullmatch(r"[01](?:px)?", size) for size in sizes)


def load_attributes(attributes: str) -> dict[str, str]:
    """Return a start tag's attributes, character references resolved."""
    return {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(attributes)}
