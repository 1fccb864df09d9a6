"""XML that strangers wrote, read as a stream: no entities, no DTD, nothing fetched, and never more than is allowed.

Sitemaps of 50 MB are lawful and so is gzip around them, so neither may be held in memory as a tree, nor believed about
its size.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://www.sitemaps.org/protocol.html: 50 MB uncompressed.
MAX_BYTES = 52_428_800
_CHUNK_BYTES = 65_536
_GZIP = b"\x1f\x8b"
_BLANK = b"\xef\xbb\xbf \t\r\n"
# What stands before the root where there is no DTD, and what declares an entity; NULs taken out, for UTF-16.
_BEFORE_ROOT = re.compile(rb"(?:[^<]++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_ENTITY = b"<!ENTITY"
_EBCDIC = "<?xm".encode("cp037")
# Encodings in which a markup declaration is spelt with its ASCII bytes. No feed is written in another.
_ENCODING = re.compile(rb"<\?xml(?:[^?]|\?(?!>))*?encoding\s*=\s*[\"']([^\"']*)")
_PLAIN_ENCODING = re.compile(
    rb"us-ascii|ascii|utf-?8|utf-?(?:16|32)(?:[lb]e)?|ucs-?[24]|iso[-_]8859-?[0-9]+|latin-?[0-9]|(?:windows|cp)-?(?:125[0-9]|"
    rb"874|932|936|949|950|866)|x?-?(?:gbk|gb2312|gb18030|big5|big5-hkscs|euc-?(?:jp|kr|cn|tw)|s(?:hift)?[-_]?jis)|"
    rb"koi8-?[ru]|tis-?620|ks_c_5601-1987|macintosh|x-mac-[a-z]+",
    re.IGNORECASE,
)


class DocumentRefused(ValueError):
    """A document that is read no further; what was read until then holds.

    Attributes:
        reason: `damaged`, `entities` or `too_large`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def iter_chunks(body: bytes, *, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """Yield a document in pieces, gzip undone, without ever holding more than one piece of it.

    Raises:
        DocumentRefused: it is longer than `max_bytes`, or its gzip is damaged.
    """
    pieces = _iter_expanded(body) if body.startswith(_GZIP) else _iter_pieces(body)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise DocumentRefused("too_large", f"holds more than {max_bytes} bytes")
        yield piece


def _iter_pieces(body: bytes) -> Iterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(body), _CHUNK_BYTES):
        yield bytes(view[start : start + _CHUNK_BYTES])


def _iter_expanded(body: bytes) -> Iterator[bytes]:
    """Undo gzip of one member or several. Spec: RFC 1952 §2.2."""
    rest = body
    while rest.startswith(_GZIP):
        decoder = zlib.decompressobj(wbits=31)
        try:
            piece = decoder.decompress(rest, _CHUNK_BYTES)
            while piece:
                yield piece
                piece = decoder.decompress(decoder.unconsumed_tail, _CHUNK_BYTES)
        except zlib.error as error:
            raise DocumentRefused("damaged", f"is damaged gzip: {error}") from error
        if not decoder.eof:
            raise DocumentRefused("damaged", "is gzip cut short")
        rest = decoder.unused_data.lstrip(b"\x00")


def read_opening(body: bytes, *, size: int = 4_096) -> bytes:
    """Return the first bytes of a document, gzip undone and blanks before it dropped; b'' where it is damaged."""
    try:
        return next(iter_chunks(body[: 16 * size]), b"")[:size].lstrip(_BLANK)
    except DocumentRefused:
        return b""


def iter_elements(body: bytes, names: frozenset[str]) -> Iterator[etree._Element]:
    """Yield the root when it begins, and every element of these local names when it ends.

    One inside another is part of that one. An element is emptied as soon as the next is asked for, so only one is in
    memory.

    Raises:
        DocumentRefused: it declares entities, is too large, or its gzip is damaged.
    """
    parser = etree.XMLPullParser(
        events=("start", "end"),
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: etree._Element | None = None
    is_first = True
    tail = b""
    for chunk in iter_chunks(body):
        piece = chunk.lstrip(_BLANK) if is_first else chunk
        if not piece:
            continue
        if root is None:
            tail = _check_prolog(tail + piece.replace(b"\0", b""), is_first=is_first)
        is_first = False
        try:
            parser.feed(piece)
        except etree.XMLSyntaxError:
            return
        for event, element in parser.read_events():
            if root is None:
                root = element
                _check_entities(element)
                yield root
            if (
                event == "end"
                and element is not root
                and find_name(element) in names
                and not _is_inside(element, names)
            ):
                yield element
                _drop(element)


def _check_prolog(text: bytes, *, is_first: bool) -> bytes:
    """Refuse a declared entity before the parser sees it; return what the next piece may go on with.

    libxml2 frees the elements of an entity that holds itself, while lxml goes on to use them.
    """
    encoding = _ENCODING.match(text) if is_first else None
    if text.startswith(_EBCDIC) or (encoding and not _PLAIN_ENCODING.fullmatch(encoding[1])):
        raise DocumentRefused("damaged", "is in an encoding that no feed is written in")
    start = _BEFORE_ROOT.match(text)
    has_declarations = not is_first or text.startswith(b"<!", start.end() if start else 0)
    if has_declarations and _ENTITY in text:
        raise DocumentRefused("entities", "declares entities, which no sitemap and no feed needs")
    return text[1 - len(_ENTITY) :]


def _check_entities(root: etree._Element) -> None:
    subset = root.getroottree().docinfo.internalDTD
    if subset is not None and next(iter(subset.iterentities()), None) is not None:
        raise DocumentRefused("entities", "declares entities, which no sitemap and no feed needs")


def _is_inside(element: etree._Element, names: frozenset[str]) -> bool:
    return any(find_name(ancestor) in names for ancestor in element.iterancestors())


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
    if not isinstance(element.tag, str):  # an entity that nobody declared
        return ""
    return "".join(str(text) for text in element.itertext()).strip()
