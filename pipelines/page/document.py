"""A page parsed once, for everything that reads it: what it says about itself, its headline, its body.

Parsing is a third of the cost of reading an article, and every reader wants the same few things, so they share one
tree. Who cuts the tree up (the finder of the main text does) comes last.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lxml import etree
from lxml import html as lxml_html

from pipelines.page.limits import check_markup, drain_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

# Includes leave end tags of the document in the midst of it, and the parser would stop there.
_DOCUMENT_ENDS = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
_PARSER = lxml_html.HTMLParser(encoding="utf-8")
_EMPTY = "<html><head></head><body></body></html>"
_NAME_ATTRIBUTES = ("name", "property", "itemprop", "http-equiv")
# Longer texts are folded in pieces of this size.
_PIECE_CHARS = 256 * 1024

_BLOCKS = """
address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form
h1 h2 h3 h4 h5 h6 header hgroup hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul
"""
BLOCKS = frozenset(_BLOCKS.split())
HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])


class Webpage:
    """One page, parsed.

    Attributes:
        text: the page as text, decoded.
        url: its address, empty where it is not known.
        root: its root element; of an empty page where the text holds no element.
    """

    def __init__(self, text: str, url: str = "") -> None:
        self.text = text
        self.url = url
        self.root = _parse(text)

    @cached_property
    def metas(self) -> list[tuple[str, str]]:
        """Name and content of each `meta`, the name in lower case and without the blanks that some have at its end."""
        found = []
        for element in self.root.iter("meta"):
            content = fold_blanks(element.get("content") or "")
            name = next((value for key in _NAME_ATTRIBUTES if (value := element.get(key))), "")
            if content and name.strip():
                found.append((name.strip().lower(), content))
        return found

    @cached_property
    def title(self) -> str:
        """Text of the first `title`."""
        element = self.root.find(".//title")
        return read_text(element) if element is not None else ""

    def find_meta(self, *names: str) -> str:
        """Return the content of the first of these metas that there is, or ''."""
        for name in names:
            for key, content in self.metas:
                if key == name:
                    return content
        return ""

    def iter_scripts(self, *, of_type: str = "") -> Iterator[str]:
        """Yield the text of each script whose type holds `of_type`."""
        for element in self.root.iter("script"):
            if of_type in (element.get("type") or "").lower() and element.text:
                yield element.text


def read_text(element: Any) -> str:
    """Return all text of an element on one line; comments and instructions have none."""
    return fold_blanks(element.text_content()) if isinstance(element.tag, str) else ""


def fold_blanks(text: str) -> str:
    """Return the text with every run of white space as one blank."""
    return " ".join(text.split()) if len(text) <= _PIECE_CHARS else "".join(_iter_folded(text)).strip(" ")


def _iter_folded(text: str) -> Iterator[str]:
    """Yield a long text so piece by piece, because each of its words alone takes sixty bytes."""
    is_behind_blank = True
    for at in range(0, len(text), _PIECE_CHARS):
        piece = text[at : at + _PIECE_CHARS]
        words = " ".join(piece.split())
        if piece[0].isspace() and not is_behind_blank:
            yield " "
            is_behind_blank = True
        if words:
            is_behind_blank = piece[-1].isspace()
            yield f"{words} " if is_behind_blank else words


def fold_title(text: str) -> str:
    """Return letters and digits of a text only, so that two spellings of a headline compare equal."""
    return re.sub(r"[\W_]+", "", text).casefold()


def _parse(text: str) -> Any:
    check_markup(text)
    for candidate in (_DOCUMENT_ENDS.sub("", drain_attributes(text.replace("\x00", ""))), _EMPTY):
        try:
            return lxml_html.document_fromstring(candidate.encode("utf-8", "replace"), parser=_PARSER)
        except (etree.ParserError, etree.XMLSyntaxError):
            continue
    raise AssertionError("the empty page cannot be parsed")
