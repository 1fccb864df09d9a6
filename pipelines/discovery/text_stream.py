"""Decompresses and decodes untrusted bytes piece by piece, within limits.

Sitemaps of 50 MB are lawful and so is gzip around them, so neither may be held in memory whole, nor believed about its
size. What a document says of its encoding is believed no more than what a page says of it.
"""

from __future__ import annotations

import codecs
import re
import zlib
from typing import TYPE_CHECKING

from pipelines.page.encodings import find_codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# https://www.sitemaps.org/protocol.html: 50 MB uncompressed.
MAX_BYTES = 52_428_800
_CHUNK_BYTES = 65_536
_GZIP = b"\x1f\x8b"
# A file that is gzip already, packed again by the server: more than that is a bomb.
_MAX_LAYERS = 3
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How the first two characters of markup look. Spec: XML 1.0, appendix F.1.
_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARATION = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"';,>]+)", re.IGNORECASE)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_BLANK = "\ufeff \t\r\n"


class DocumentRefused(ValueError):
    """A document that is read no further; what was read until then holds.

    Attributes:
        reason: `damaged`, `too_large` or `too_many`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def iter_chunks(body: bytes, *, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """Yield a document in pieces, gzip undone as often as it was done, without holding more than one piece of it.

    Raises:
        DocumentRefused: it is longer than `max_bytes`, or its gzip is damaged.
    """
    size = 0
    for piece in _iter_unpacked(_iter_pieces(body), layers=_MAX_LAYERS, max_bytes=max_bytes):
        size += len(piece)
        if size > max_bytes:
            raise DocumentRefused("too_large", f"holds more than {max_bytes} bytes")
        yield piece


def _iter_pieces(body: bytes) -> Iterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(body), _CHUNK_BYTES):
        yield bytes(view[start : start + _CHUNK_BYTES])


def _iter_unpacked(pieces: Iterator[bytes], *, layers: int, max_bytes: int) -> Iterator[bytes]:
    first = next(pieces, b"")
    while len(first) < len(_GZIP):
        more = next(pieces, b"")
        if not more:
            break
        first += more
    rest = _chain(first, pieces)
    if not first.startswith(_GZIP):
        yield from rest
    elif layers:
        expanded = _iter_expanded(rest, max_bytes=max_bytes)
        yield from _iter_unpacked(expanded, layers=layers - 1, max_bytes=max_bytes)
    else:
        raise DocumentRefused("damaged", f"is gzip within gzip, more than {_MAX_LAYERS} deep")


def _chain(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from pieces


def _iter_expanded(pieces: Iterable[bytes], *, max_bytes: int) -> Iterator[bytes]:
    """Undo gzip of one member or several. Spec: RFC 1952 §2.2."""
    decoder = zlib.decompressobj(wbits=31)
    size = 0
    for piece in pieces:
        rest = piece
        while rest:
            if decoder.eof:
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                decoder = zlib.decompressobj(wbits=31)
            try:
                expanded = decoder.decompress(rest, _CHUNK_BYTES)
            except zlib.error as error:
                raise DocumentRefused("damaged", f"is damaged gzip: {error}") from error
            size += len(expanded)
            if size > max_bytes:
                raise DocumentRefused("too_large", f"holds more than {max_bytes} bytes")
            if expanded:
                yield expanded
            rest = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    if not decoder.eof:
        raise DocumentRefused("damaged", "is gzip cut short")


def find_encoding(body: bytes, content_type: bytes = b"") -> str:
    """Return the name of the codec that reads a feed or sitemap.

    In this order: byte order mark, NULs where markup would have them, valid UTF-8 beyond ASCII, the header, the XML
    declaration, windows-1252.

    Args:
        content_type: value of the Content-Type header, as sent.
    """
    opening = _read_bytes(body, _CHUNK_BYTES)
    for mark, name in (*_BOMS, *_WIDE):
        if opening.startswith(mark):
            return name
    header, declared = _CHARSET.search(content_type), _DECLARATION.match(opening)
    labels = [found[1] for found in (header, declared) if found]
    candidates = [codec for label in labels if (codec := find_codec(label)) and codec.name not in _WITH_NULS]
    is_ascii, is_utf8 = _judge_utf8(body)
    if is_utf8 and not (is_ascii and candidates and candidates[0].name.startswith("iso2022")):
        return "utf-8"
    legacy = [codec.name for codec in candidates if codec.name != "utf-8"]
    return legacy[0] if legacy else "cp1252"


_WITH_NULS = frozenset(("utf-16-le", "utf-16-be", "replacement", "x-user-defined"))


def _judge_utf8(body: bytes) -> tuple[bool, bool]:
    """Return whether a document is ASCII, and whether it is UTF-8, but for a few bytes that nothing would read."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    wide = bad = 0
    try:
        for chunk in iter_chunks(body):
            text = decoder.decode(chunk)
            if not text.isascii():
                wide += len(_BEYOND_ASCII.findall(text))
                bad += text.count("\ufffd")
    except DocumentRefused:
        pass
    return not wide, 2 * bad < wide or not wide


def iter_text(body: bytes, encoding: str, *, errors: str = "strict") -> Iterator[str]:
    """Yield a document as text in pieces.

    Raises:
        DocumentRefused: it is too large, or its gzip is damaged.
        UnicodeError: bytes are none of the encoding, and `errors` is `strict`.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    is_first = True
    for chunk in iter_chunks(body):
        text = decoder.decode(chunk)
        if is_first:
            text = text.lstrip(_BLANK)
        if text:
            is_first = False
            yield text
    rest = decoder.decode(b"", final=True)
    if rest:
        yield rest


def read_opening(body: bytes, *, size: int = 8_192) -> str:
    """Return the first characters of a document, gzip undone and blanks before it dropped; '' where it is damaged."""
    opening = _read_bytes(body, 2 * size)
    name = next((name for mark, name in (*_BOMS, *_WIDE) if opening.startswith(mark)), "utf-8")
    return opening.decode(name, "replace").lstrip(_BLANK)[:size]


def _read_bytes(body: bytes, size: int) -> bytes:
    opening = b""
    try:
        for chunk in iter_chunks(body):
            opening += chunk
            if len(opening) >= size:
                break
    except DocumentRefused:
        pass
    return opening[:size]
