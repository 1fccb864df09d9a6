"""A tolerant reader for feeds and sitemaps that are not well-formed.

Bare ampersands, names of HTML characters, `<3` in a headline, unclosed tags, warnings of PHP before the
XML: each of these ends an XML parser, and none of them hides from a reader what was meant. A record (an entry, an
address) ends where its end tag stands, or where the next begins. What is cut off in the middle of a text is left out,
since half an address is another one.
"""

from __future__ import annotations

import html.entities
import re
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from lxml import etree

from pipelines.discovery.text_stream import DocumentRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOTS = frozenset(("rss", "feed", "entry", "RDF", "Channel", "urlset", "sitemapindex"))
# Of these nothing holds another but as its child of another kind: the next one ends it.
_RECORDS = frozenset(("item", "entry", "url", "sitemap"))
# They hold text, or markup of HTML: a field that begins within one means that its end tag is missing.
_TEXTS = frozenset(
    ("title", "link", "guid", "id", "pubDate", "published", "updated", "date", "loc", "lastmod", "issued")
)
# Names as their specifications write them; some programs do not.
_NAMES = (
    ROOTS
    | _RECORDS
    | _TEXTS
    | frozenset(
        (
            "author",
            "category",
            "channel",
            "creator",
            "modified",
            "name",
            "news",
            "origLink",
            "publication_date",
            "subject",
        )
    )
)
_SPELT = {name.lower(): name for name in sorted(_NAMES)} | {"channel": "channel", "ispermalink": "isPermaLink"}
_MAX_DEPTH = 60
_MAX_STACK = 1_000
_MAX_TAG_CHARS = 65_536
_MAX_SECTION_CHARS = 8 * 1024 * 1024

_NAME = r"[A-Za-z_][\w.-]*+(?::[A-Za-z_][\w.-]*+)?"
_TAG = re.compile(
    rf"""<(?:/(?P<end>{_NAME})\s*>|(?P<start>{_NAME})(?P<rest>(?=[\s/>])(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>"""
    rf"""|(?P<bare>{_NAME})(?P<loose>(?=[\s/>])[^<>]*+)>|\?[^<>]*+>|![^<>]*+>)""",
    re.ASCII,
)
# Text up to what may be a tag; a bracket that is the last of what has come may begin one.
_TEXT = re.compile(r"(?:[^<]++|<(?![A-Za-z_/!?]|\Z))++")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9/:?@!$&'()*+,;=._~-]|%[0-9A-Fa-f]{2})*+(?:#[A-Za-z0-9._~-]*+)?")
_ATTRIBUTE = re.compile(rf"""(?<![\w.-])({_NAME})\s*+=\s*+("[^"]*"|'[^']*'|[^\s"'>]+)""", re.ASCII)
_REFERENCE = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DOCTYPE = re.compile(r"<!DOCTYPE[^<>\[]*+", re.IGNORECASE)
_DOCTYPE_START = "<!DOCTYPE"
_SUBSET_END = re.compile(r"\]\s*>")
_SECTIONS = (("<![CDATA[", "]]>"), ("<!--", "-->"))
_PREFIXES = {
    "atom": "http://www.w3.org/2005/Atom",
    "dc": "http://purl.org/dc/elements/1.1/",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "image": "http://www.google.com/schemas/sitemap-image/1.1",
    "news": "http://www.google.com/schemas/sitemap-news/0.9",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xml": "http://www.w3.org/XML/1998/namespace",
}


def spell(name: str) -> str:
    """Return a local name of feeds and sitemaps as its specification writes it; others stay as they are."""
    return name if name in _NAMES else _SPELT.get(name.lower(), name)


def iter_broken(pieces: Iterable[str], names: frozenset[str]) -> Iterator[etree._Element]:
    """Yield the root, and every element of the wanted local names when it ends; see `xml_stream.ElementStream`.

    Raises:
        DocumentRefused: nothing in it is the root of a feed or a sitemap.
    """
    builder = _Builder(names)
    for kind, text in _iter_tokens(pieces):
        builder.take(kind, text)
        yield from builder.give()
    builder.end()
    yield from builder.give()
    if not builder.has_root:
        raise DocumentRefused("damaged", "has no root element of a feed or a sitemap")


def _iter_tokens(pieces: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield `text`, `raw` (of a CDATA section) and `tag` as they come."""
    waiting = _Waiting()
    source = iter(pieces)
    is_over = False
    while not is_over:
        piece = next(source, None)
        is_over = piece is None
        waiting.add(piece or "")
        while (token := waiting.take(is_over=is_over)) is not None:
            if token[1]:
                yield token


class _Waiting:
    """Text that has come and is not yet cut into tokens."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        # From where on no end of a section has been found: nothing is searched twice.
        self._searched: dict[str, int] = {}
        self._has_root = False

    def add(self, piece: str) -> None:
        self._text = self._text[self._at :] + piece
        self._searched = {end: max(0, to - self._at) for end, to in self._searched.items()}
        self._at = 0

    def take(self, *, is_over: bool) -> tuple[str, str] | None:
        """Return the next token, or None if more text is needed to tell."""
        text, at = self._text, self._at
        if at >= len(text):
            return None
        plain = _TEXT.match(text, at)
        if plain:
            return self._pass(plain.end())
        for start, end in _SECTIONS:
            if text.startswith(start, at):
                return self._take_section(start, end, is_over=is_over)
        if text[at : at + len(_DOCTYPE_START)].upper() == _DOCTYPE_START:
            return self._take_doctype(is_over=is_over)
        return self._take_tag(is_over=is_over)

    def _take_tag(self, *, is_over: bool) -> tuple[str, str] | None:
        text, at = self._text, self._at
        is_whole = is_over or len(text) - at > len(_DOCTYPE_START)  # else it may yet begin a section
        found = _TAG.match(text, at) if is_whole else None
        if found:
            self._at = found.end()
            return "tag", found[0]
        if not is_over and len(text) - at < _MAX_TAG_CHARS and text.find("<", at + 1) < 0:
            return None
        return self._pass(at + 1)

    def _pass(self, to: int) -> tuple[str, str]:
        token = self._text[self._at : to]
        self._at = to
        return "text", token

    def _take_section(self, start: str, end: str, *, is_over: bool) -> tuple[str, str] | None:
        text, at = self._text, self._at
        stop = text.find(end, max(at + len(start), self._searched.get(end, 0)))
        if stop >= 0:
            self._searched.pop(end, None)
            self._at = stop + len(end)
            return ("raw", text[at + len(start) : stop]) if start == "<![CDATA[" else ("raw", "")
        self._searched[end] = max(0, len(text) - len(end))
        if not is_over and len(text) - at < _MAX_SECTION_CHARS:
            return None
        self._at = at + len(start)  # without an end it is none
        return "raw", ""

    def _take_doctype(self, *, is_over: bool) -> tuple[str, str] | None:
        text, at = self._text, self._at
        opening = _DOCTYPE.match(text, at)
        stop = opening.end() if opening else at + 1
        if text.startswith(">", stop):
            self._at = stop + 1
            return "raw", ""
        if text.startswith("[", stop) and (end := _SUBSET_END.search(text, stop)):
            self._at = end.end()
            return "raw", ""
        if not is_over and len(text) - at < _MAX_TAG_CHARS:
            return None
        self._at = stop
        return "raw", ""


class _Builder:
    """Makes elements of tokens; of the document around the records it keeps the names alone."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._spaces = dict(_PREFIXES)
        self._around: list[str] = []
        self._open: list[etree._Element] = []
        self._done: list[etree._Element] = []
        # Text of the innermost element since one was opened or closed: whether it is as meant, and what it is.
        self._texts: list[tuple[str, str]] = []
        self.has_root = False

    def give(self) -> list[etree._Element]:
        """Return what has ended since the last call."""
        done, self._done = self._done, []
        return done

    def take(self, kind: str, text: str) -> None:
        """Take one token."""
        if kind == "tag":
            self._take_tag(text)
            kind, text = "raw", ""  # no reference goes on behind it
        if self._open and (text or self._texts):
            self._texts.append((kind, text))

    def end(self) -> None:
        """Close what the document leaves open, without the text that was cut off."""
        self._texts.clear()
        if len(self._open) > 1:
            cut = self._open[-1]
            parent = cut.getparent()
            if parent is not None:
                parent.remove(cut)
                self._open.pop()
            self._close_to(0)
        self._open.clear()

    def _add_text(self) -> None:
        """Put text where it belongs, once for all of it; a reference may have come in two pieces."""
        if not self._texts:
            return
        runs = ((kind, "".join(text for _, text in run)) for kind, run in groupby(self._texts, key=itemgetter(0)))
        text = _NOT_XML.sub("", "".join(run if kind == "raw" else resolve_references(run) for kind, run in runs))
        self._texts.clear()
        element = self._open[-1]
        if len(element):
            element[-1].tail = (element[-1].tail or "") + text
        else:
            element.text = (element.text or "") + text

    def _take_tag(self, tag: str) -> None:
        found = _TAG.match(tag)
        assert found is not None
        if found["end"]:
            self._end_tag(spell(found["end"].rpartition(":")[2]))
        elif name := found["start"] or found["bare"]:
            rest = found["rest"] if found["start"] else found["loose"]
            self._start_tag(name, rest)

    def _start_tag(self, name: str, rest: str) -> None:
        attributes = {key: value.strip("\"'") for key, value in _ATTRIBUTE.findall(rest)} if "=" in rest else {}
        self._note_spaces(attributes)
        prefix, _, local = name.rpartition(":")
        local = spell(local)
        is_empty = rest.rstrip().endswith("/")
        if not self.has_root and local in ROOTS:
            self.has_root = True
            self._done.append(self._build(None, prefix, local, attributes))
        if self._open:
            self._end_before(prefix, local)
        if not self._open and local not in self._names:
            if not is_empty and len(self._around) < _MAX_STACK:
                self._around.append(local)
        elif self.has_root and len(self._open) < _MAX_DEPTH:
            self._add_text()
            self._open.append(self._build(self._open[-1] if self._open else None, prefix, local, attributes))
            if is_empty:
                self._close_to(len(self._open) - 1)

    def _note_spaces(self, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            if key == "xmlns" and not self._open:
                self._spaces[""] = value
            elif key.startswith("xmlns:"):
                self._spaces[key[6:]] = value

    def _end_before(self, prefix: str, local: str) -> None:
        """Close what the tag that begins now shows to be over."""
        record = _find_local(self._open[0])
        is_record = local in _RECORDS and local in self._names
        if is_record and (record not in _RECORDS or self._name(prefix, local) == self._open[0].tag):
            self._close_to(0)
        elif len(self._open) > 1 and local in _TEXTS and _find_local(self._open[-1]) in _TEXTS:
            self._close_to(len(self._open) - 1)

    def _build(
        self, parent: etree._Element | None, prefix: str, local: str, attributes: dict[str, str]
    ) -> etree._Element:
        own = attributes.get("xmlns", "")
        tag = _qualify(own, local) if own and not prefix else self._name(prefix, local)
        element = etree.Element(tag) if parent is None else etree.SubElement(parent, tag)
        for key, value in attributes.items():
            if key != "xmlns" and not key.startswith("xmlns:"):
                space, _, name = key.rpartition(":")
                element.set(self._name(space, name) if space else _spell_attribute(name), _clean(value))
        return element

    def _name(self, prefix: str, local: str) -> str:
        return _qualify(self._spaces.get(prefix, f"urn:x-undeclared:{prefix}" if prefix else ""), local)

    def _end_tag(self, local: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if _find_local(self._open[place]) == local:
                self._close_to(place)
                return
        if local in self._around:
            if self._open:
                self._close_to(0)
            while self._around.pop() != local:
                pass

    def _close_to(self, place: int) -> None:
        """Close all elements from a place on; the record is done where it is among them."""
        self._add_text()
        if place == 0 and self._open:
            self._done.append(self._open[0])
        del self._open[place:]


def _spell_attribute(name: str) -> str:
    return _SPELT.get(name.lower(), name.lower()) if name.isupper() else name


def _qualify(space: str, local: str) -> str:
    space = _clean(space)
    # What is not an address is none for lxml either, and tells nothing.
    if not space or not _ADDRESS.fullmatch(space):
        return local
    try:
        etree.Element(f"{{{space}}}x")
    except ValueError:  # libxml2 is stricter than any pattern of ours
        return local
    return f"{{{space}}}{local}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("", resolve_references(text))


def _find_local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def resolve_references(text: str) -> str:
    """Return a text with its character references resolved, also those that only HTML knows; others stay as they are.

    A reference that does not end in `;` is none: in `?a=1&lang=de` it is a parameter.
    """
    return _REFERENCE.sub(_resolve, text) if "&" in text else text


def _resolve(found: re.Match[str]) -> str:
    if found[3]:
        return html.entities.html5.get(found[3] + ";", found[0])
    number = int(found[1]) if found[1] else int(found[2], 16)
    if 0x80 <= number <= 0x9F:  # meant as windows-1252, as browsers take it
        return bytes((number,)).decode("cp1252", "ignore")
    return chr(number) if number <= 0x10FFFF else "\ufffd"
