"""Reads untrusted XML as a stream: no entities, no DTD, nothing fetched, tolerant of errors.

Well-formed documents are read by libxml2. Where it stops, `broken_xml` reads on, which takes ten times as long and
stops at nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import etree

from pipelines.discovery.broken_xml import ROOTS, iter_broken, spell
from pipelines.discovery.text_stream import DocumentRefused, find_encoding, iter_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECLARATION = re.compile(r"<\?xml[^>]{0,500}?\?>", re.IGNORECASE)
# What stands before the root where there is no DTD, and what begins one.
_BEFORE_ROOT = re.compile(r"(?:[^<]++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DOCTYPE = "<!DOCTYPE"
_ENTITY = "<!ENTITY"


class _NotWellFormed(Exception):
    """libxml2 must not, or cannot, read on."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class ElementStream:
    """The elements of one document.

    Args:
        body: gzip or not.
        names: local names of the elements that are wanted.
        content_type: value of the Content-Type header, as sent.

    Attributes:
        mended: what was wrong and was read nevertheless: `markup`, `encoding`, `entities`, or ''.
    """

    def __init__(self, body: bytes, names: frozenset[str], content_type: bytes = b"") -> None:
        self._body = body
        self._names = names
        self._encoding = find_encoding(body, content_type)
        self.mended = ""

    def __iter__(self) -> Iterator[etree._Element]:
        """Yield the root when it begins, and every element of the wanted names when it ends.

        One inside another is part of that one. An element is emptied as soon as the next is requested, so only one is
        in memory.

        Raises:
            DocumentRefused: it is too large, its gzip is damaged, or it is no XML at all.
        """
        count = 0
        try:
            for element in self._iter_well_formed():
                count += 1
                yield element
        except _NotWellFormed as fault:
            self.mended = fault.what
        else:
            return
        # What ended before the fault comes out the same again.
        for number, element in enumerate(
            iter_broken(iter_text(self._body, self._encoding, errors="replace"), self._names)
        ):
            if number >= count:
                yield element

    def _iter_well_formed(self) -> Iterator[etree._Element]:
        parser = etree.XMLPullParser(
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        root: etree._Element | None = None
        is_first, tail = True, ""
        try:
            for chunk in iter_text(self._body, self._encoding):
                piece = _DECLARATION.sub("", chunk, count=1) if is_first and chunk.startswith("<?xml") else chunk
                if root is None:
                    tail = _check_prolog(tail + piece, is_first=is_first)
                is_first = False
                parser.feed(piece)
                for event, element in parser.read_events():
                    if root is None:
                        root = element
                        _check_root(root)
                        yield root
                    elif event == "start":
                        _check_spelling(element)
                    elif find_name(element) in self._names and not self._is_inside(element):
                        yield element
                        _drop(element)
            if not is_first:
                parser.close()
        except etree.XMLSyntaxError:
            raise _NotWellFormed("markup") from None
        except UnicodeError:
            raise _NotWellFormed("encoding") from None

    def _is_inside(self, element: etree._Element) -> bool:
        return any(find_name(ancestor) in self._names for ancestor in element.iterancestors())


def _check_prolog(text: str, *, is_first: bool) -> str:
    """Keep a document type from libxml2; return what the next piece may continue with.

    It frees the elements of an entity that holds itself, while lxml then uses them, and it leaves out what an
    entity of a DTD that is not loaded stands for.
    """
    start = _BEFORE_ROOT.match(text)
    has_declarations = not is_first or text.startswith("<!", start.end() if start else 0)
    if has_declarations and _DOCTYPE in text.upper():
        raise _NotWellFormed("entities" if _ENTITY in text else "")
    return text[1 - len(_DOCTYPE) :]


def _check_root(root: etree._Element) -> None:
    if find_name(root) not in ROOTS:
        raise _NotWellFormed("markup")


def _check_spelling(element: etree._Element) -> None:
    """Leave a document that writes `<ITEM>` to the tolerant reader."""
    name = find_name(element)
    if spell(name) != name:
        raise _NotWellFormed("markup")


def _drop(element: etree._Element) -> None:
    element.clear(keep_tail=False)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def find_name(element: etree._Element) -> str:
    """Return the local name of an element, or '' of what is none."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def find_namespace(element: etree._Element) -> str:
    """Return the namespace of an element, or ''."""
    return element.tag.rpartition("}")[0].removeprefix("{") if isinstance(element.tag, str) else ""


def find_text(element: etree._Element) -> str:
    """Return all text of an element, trimmed."""
    if not isinstance(element.tag, str):
        return ""
    return "".join(str(text) for text in element.itertext()).strip()


__all__ = ["DocumentRefused", "ElementStream", "find_name", "find_namespace", "find_text"]
