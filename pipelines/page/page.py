"""A page parsed once for all readers: rules, links, metadata, headline, main text.

Parsing is a third of the cost of reading an article, so all readers share one tree. The finder of the main text cuts
the tree up and therefore comes last.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any

from lxml import etree
from lxml import html as lxml_html

from pipelines.page.addresses import join_url
from pipelines.page.jsonld import iter_nodes
from pipelines.page.limits import Work, check_json, check_markup, drain_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

# Includes leave end tags of the document in the midst of it, and the parser would stop there.
_DOCUMENT_ENDS = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
# Where a word may be parted at the end of a line; they are not part of it.
_SOFT_HYPHEN = "\u00ad"
_SOFT_HYPHENS = re.compile("&(?i:shy|#173|#xad);")
_NO_LETTERS = re.compile(r"[\W_]+")
_EMPTY = b"<html><head></head><body></body></html>"
_BLANKS = "\x00 \t\r\n\ufeff"
_WRAPPED = re.compile(r"[\w$.\[\]'\" ]{1,120}[=(]\s*(?=[{\[])")
# Not lxml.html's own parser: that one calls Python to choose a class for every element that it hands out.
_PARSER = etree.HTMLParser(encoding="utf-8")
_PARSER.set_element_class_lookup(
    etree.ElementDefaultClassLookup(
        element=lxml_html.HtmlElement, comment=lxml_html.HtmlComment, pi=lxml_html.HtmlProcessingInstruction
    )
)
_MARKED = ("meta", "script", "h1", "h2", "time")
_NAME_ATTRIBUTES = ("name", "property", "itemprop", "http-equiv")
_END_TAGS = ("</html", "</body", "</HTML", "</BODY")
# Longer texts are folded in pieces of this size.
_PIECE_CHARS = 256 * 1024

_BLOCKS = """
address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form
h1 h2 h3 h4 h5 h6 header hgroup hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul
"""
BLOCKS = frozenset(_BLOCKS.split())
HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])


class Page:
    """One page, parsed on first use.

    Args:
        text: the page, decoded.
        url: its address, empty if it is not known.

    Attributes:
        work: what has been done with it.
        is_empty: the text holds nothing that could be parsed as HTML; `root` is then that of an empty page.
    """

    def __init__(self, text: str, url: str = "") -> None:
        self.text = text
        self.url = url
        self.work = Work()

    @cached_property
    def root(self) -> Any:
        """Root element of the tree.

        Raises:
            PageRefused: the page is too large to be parsed.
        """
        root = _parse(self.text)
        return _parse_empty() if root is None else root

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to parse."""
        return not self.text.strip(_BLANKS)

    @property
    def is_ended(self) -> bool:
        """Whether there is an end tag of the body or the document, which a page that was cut off does not have."""
        return any(self.text.rfind(tag) >= 0 for tag in _END_TAGS)

    @cached_property
    def data(self) -> Any:
        """The JSON value that the text holds, also inside a JSONP call or an assignment; None when there is none."""
        return find_json(self.text)

    @cached_property
    def base_url(self) -> str:
        """The address that relative addresses on the page count from. Spec: HTML §4.2.3."""
        hrefs = (element.get("href") for element in self.root.iter("base"))
        href = next((href for href in hrefs if href is not None), "")
        return (join_url(self.url, href) if href else "") or self.url

    @cached_property
    def elements(self) -> list[Any]:
        """All nodes of the tree in document order: elements, comments and processing instructions.

        They are kept because lxml otherwise creates them again at each walk. Nodes that are dropped later stay listed.
        """
        return list(self.root.iter())

    def list_elements(self, *tags: Any) -> list[Any]:
        """Return the elements with these tags in document order; ten times as fast as a walk."""
        return list(compress(self.elements, map(frozenset(tags).__contains__, self._tags)))

    @cached_property
    def _tags(self) -> list[Any]:
        return [element.tag for element in self.elements]

    @cached_property
    def marked(self) -> dict[str, list[Any]]:
        """Elements of the kinds that classification, witnesses and metadata look at, by tag, found in one walk.

        Each walk through the tree costs as much as all that is then done with what it finds.
        """
        found: dict[str, list[Any]] = {name: [] for name in _MARKED}
        for element in self.root.iter(*_MARKED):
            found[element.tag].append(element)
        return found

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """Objects of the page's JSON-LD, outer before inner."""
        # Remix writes what cannot be a script into a `meta` of that name.
        named = (content for name, content in self.metas if name == "script:ld+json")
        return list(iter_nodes([*self.iter_scripts(of_type="ld+json"), *named]))

    @cached_property
    def metas(self) -> list[tuple[str, str]]:
        """Name and content of each `meta`, the name in lower case and without the blanks that some have at its end."""
        found = []
        for element in self.marked["meta"]:
            content = fold_blanks(element.get("content") or "")
            name = next((value for key in _NAME_ATTRIBUTES if (value := element.get(key))), "")
            if content and name.strip():
                found.append((name.strip().lower(), content))
        return found

    @cached_property
    def _contents(self) -> dict[str, str]:
        """Content of the first `meta` of each name."""
        return dict(reversed(self.metas))

    @cached_property
    def title(self) -> str:
        """Text of the first `title`."""
        element = next(self.root.iter("title"), None)
        return read_text(element) if element is not None else ""

    def find_meta(self, *names: str) -> str:
        """Return the content of the first of these metas that there is, or ''."""
        contents = self._contents
        for name in names:
            if name in contents:
                return contents[name]
        return ""

    @cached_property
    def states(self) -> list[str]:
        """JSON outside of scripts: metas for programs, and what Inertia and Astro draw from, in attributes."""
        stated = (content for _, content in self.metas if content[0] == "{")
        islands = (island.get("props") for island in self.root.iter("astro-island"))
        return [*stated, *self._iter_drawn(), *filter(None, islands)]

    def _iter_drawn(self) -> Iterator[str]:
        """Yield the JSON from which Inertia renders the page, in `data-page` of an element with an id."""
        for element in self.list_elements("div"):
            state = element.get("data-page")
            if state is None or element.get("id") is None:
                continue
            if any(body.getparent() is self.root for body in element.iterancestors("body")):
                yield state

    def iter_scripts(self, *, of_type: str = "") -> Iterator[str]:
        """Yield the text of each script whose type holds `of_type`."""
        for element in self.marked["script"]:
            if of_type in (element.get("type") or "").lower() and element.text:
                yield element.text


def read_text(element: Any) -> str:
    """Return all text of an element on one line; comments and instructions have none."""
    if not isinstance(element.tag, str):
        return ""
    return fold_blanks(element.text_content() if len(element) else element.text or "")


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
    return _NO_LETTERS.sub("", text).casefold()


def find_json(text: str) -> Any:
    """Return the object or array that `text` holds, bare or wrapped as JSONP or as an assignment, else None.

    Raises:
        PageRefused: it is too large to be loaded.
    """
    text = text.strip("\ufeff \t\r\n;")
    if text[:1] not in ("{", "["):
        wrapped = _WRAPPED.match(text)
        if not wrapped:
            return None
        text = text[wrapped.end() :].rstrip(" ;)\r\n\t")
    check_json(text)
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _parse(text: str) -> Any:
    """Return the root element, or None if the text holds none."""
    if not text.strip(_BLANKS):
        return None
    check_markup(text)
    text = _SOFT_HYPHENS.sub("", text.replace(_SOFT_HYPHEN, ""))
    candidate = _DOCUMENT_ENDS.sub("", drain_attributes(text.replace("\x00", "")))
    try:
        return lxml_html.document_fromstring(candidate.encode("utf-8", "replace"), parser=_PARSER)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None


def _parse_empty() -> Any:
    return lxml_html.document_fromstring(_EMPTY, parser=_PARSER)
