"""Bytes of a page to text, also where the declaration is missing or wrong.

Publishers declare gb2312 and serve UTF-8, or declare nothing and serve GB18030. Text that is valid UTF-8 beyond
ASCII is hardly ever anything else, so the bytes are asked before the declaration is believed.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from pipelines.page.limits import MAX_PAGE_CHARS, check_chars

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9_.-]+)", re.IGNORECASE)
# https://encoding.spec.whatwg.org/#names-and-labels: what browsers read under these labels
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "gb_2312-80": "gb18030", "big5": "big5hkscs"}
_WIDER |= {"iso-8859-1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932"}
# Codecs of Python that no page is written in; utf-16 and utf-32 read nothing without a byte order mark.
_NOT_OF_PAGES = frozenset(["idna", "punycode", "undefined", "unicode-escape", "unicode_escape", "raw-unicode-escape"])
_NOT_OF_PAGES |= {"raw_unicode_escape", "utf-7", "mbcs", "oem", "utf-16", "utf-32"}
_BY_LANGUAGE = {
    "zh-hant": ("big5hkscs", "gb18030"),
    "zh-tw": ("big5hkscs", "gb18030"),
    "zh-hk": ("big5hkscs", "gb18030"),
    "zh": ("gb18030", "big5hkscs"),
    "ja": ("cp932", "euc_jp"),
    "ko": ("cp949",),
    "ru": ("cp1251", "koi8-r"),
}
_MIXED_TRIES = ("gb18030", "cp932")
_HEAD_BYTES = 4096
# So much is decoded at a time where only a look is taken: the text of a body may take four times its bytes.
_LOOK_BYTES = 256 * 1024


def find_encoding(body: bytes, *, content_type: bytes = b"", language: str = "") -> str:
    """Return the name of the codec that reads `body`.

    Args:
        body: the page, content coding undone.
        content_type: value of the Content-Type header, as sent.
        language: what the source says its pages are written in; asked only where nothing else tells.
    """
    for bom, name in _BOMS:
        if body.startswith(bom):
            return name
    if _reads(body, "utf-8"):
        return "utf-8"
    declared = _find_declared(body, content_type)
    candidates = [name for name in declared if name not in ("utf-8", "cp1252")]
    candidates += _BY_LANGUAGE.get(language.lower(), _BY_LANGUAGE.get(language.lower().split("-")[0], ()))
    candidates += _MIXED_TRIES if not declared and not language else ()
    for name in candidates:
        if _reads(body, name):
            return name
    return declared[0] if declared else (candidates or ["cp1252"])[0]


def decode_page(body: bytes, *, content_type: bytes = b"", language: str = "") -> str:
    """Return the text of a page; bytes that its encoding does not know become U+FFFD.

    Raises:
        PageRefused: it has too many characters; so many are never held.
    """
    name = find_encoding(body, content_type=content_type, language=language)
    if len(body) > MAX_PAGE_CHARS:  # no encoding has more characters than bytes
        check_chars(sum(len(part) for part in _iter_decoded(body, name, "replace")))
    return body.decode(name, "replace").removeprefix("\ufeff")


def _iter_decoded(body: bytes, name: str, errors: str) -> Iterator[str]:
    """Yield the text of a body part by part; what is cut off at its end is left out."""
    decoder = codecs.getincrementaldecoder(name)(errors)
    for at in range(0, len(body), _LOOK_BYTES):
        yield decoder.decode(body[at : at + _LOOK_BYTES])


def _find_declared(body: bytes, content_type: bytes) -> list[str]:
    head = body[:_HEAD_BYTES]
    found = [_CHARSET.search(content_type), _XML_ENCODING.match(head), _CHARSET.search(head)]
    names = [_normalise_label(match[1].decode("ascii")) for match in found if match]
    return [name for name in names if name]


def _normalise_label(label: str) -> str:
    """Return the codec that a label stands for, or '' where it is none of texts: Python also calls zip a codec."""
    label = _WIDER.get(label.lower(), label.lower())
    try:
        info = codecs.lookup(label)
    except LookupError:
        return ""
    is_of_text = getattr(info, "_is_text_encoding", True) and info.name not in _NOT_OF_PAGES
    return _WIDER.get(info.name, info.name) if is_of_text else ""


def _reads(body: bytes, name: str) -> bool:
    """Tell whether a codec reads the whole body; a character cut off behind other such characters is forgiven."""
    is_ascii = True
    try:
        decoder = codecs.getincrementaldecoder(name)()
        for at in range(0, len(body), _LOOK_BYTES):
            is_ascii = decoder.decode(body[at : at + _LOOK_BYTES]).isascii() and is_ascii
    except (UnicodeError, LookupError):
        return False
    return not decoder.getstate()[0] or not is_ascii
