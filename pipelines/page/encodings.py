"""Bytes of a page to text, also where the declaration is missing or wrong.

Labels mean what browsers mean by them. Otherwise publishers are believed less than browsers believe them: they declare
gb2312 and serve UTF-8, or declare nothing and serve GB18030. Text that is valid UTF-8 beyond ASCII is hardly ever
anything else. So the order is: byte order mark, valid UTF-8 beyond ASCII, the header, the page's own declaration, and
what is usual in the source's language.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

import webencodings

from pipelines.page.limits import MAX_PAGE_CHARS, check_chars

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"';,>]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)", re.IGNORECASE)
# The attributes of each meta tag, and what a prescan passes over. Each tag ends, at the end of the bytes if need be,
# so that nothing is read twice.
_REST = rb"""((?:[^>"']++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+)(>|\Z)"""
_TAG = re.compile(rb"<!--.*?(?:-->|\Z)|<meta(?=[\s/])" + _REST + rb"|</?[a-z]" + _REST, re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(rb"""([^\s"'>/=]+)\s*(?:=\s*("[^"]*"|'[^']*'|[^\s"'>][^\s>]*))?""")
# Labels, by what a source says that its pages are written in.
_BY_LANGUAGE = {
    "zh-hant": ("big5", "gb18030"),
    "zh-tw": ("big5", "gb18030"),
    "zh-hk": ("big5", "gb18030"),
    "zh": ("gb18030", "big5"),
    "ja": ("iso-2022-jp", "shift_jis", "euc-jp"),
    "ko": ("euc-kr",),
    "ru": ("windows-1251", "koi8-r"),
}
_MIXED_TRIES = ("gb18030", "shift_jis")
_HEAD_BYTES = 4096
# So much is decoded at a time where only a look is taken: the text of a body may take four times its bytes.
_LOOK_BYTES = 256 * 1024


def find_encoding(body: bytes, *, content_type: bytes = b"", language: str = "") -> str:
    """Return the name of the codec that reads `body`: Python's, or `x-user-defined` or `replacement`.

    Args:
        body: the page, content coding undone.
        content_type: value of the Content-Type header, as sent.
        language: what the source says its pages are written in; asked only where nothing else tells.
    """
    return _find_codec(body, content_type, language).name


def decode_page(body: bytes, *, content_type: bytes = b"", language: str = "") -> str:
    """Return the text of a page; bytes that its encoding does not know become U+FFFD.

    Raises:
        PageRefused: it has too many characters; so many are never held.
    """
    codec = _find_codec(body, content_type, language)
    if codec.name == _REPLACEMENT:
        return "\ufffd" if body else ""
    if len(body) > MAX_PAGE_CHARS:  # no encoding has more characters than bytes
        check_chars(sum(len(part) for part in _iter_decoded(body, codec, "replace")))
    return codec.decode(body, "replace")[0].removeprefix("\ufeff")


def _find_codec(body: bytes, content_type: bytes, language: str) -> codecs.CodecInfo:
    for bom, label in _BOMS:
        if body.startswith(bom):
            return _look_up(label)
    declared = _list_declared(body, content_type)
    if body.isascii():
        return _find_seven_bit(body, declared, _list_guesses(language))
    if _reads(body, _UTF_8):
        return _UTF_8
    if declared and declared[0].name == _REPLACEMENT:
        return declared[0]
    candidates = [codec for codec in declared if codec.name not in _DOUBTFUL]
    candidates += _list_guesses(language)
    if not declared and not language:
        candidates += map(_look_up, _MIXED_TRIES)
    readers = (codec for codec in candidates if _reads(body, codec))
    return next(readers, next(iter(declared or candidates), _look_up("windows-1252")))


def _find_seven_bit(body: bytes, declared: list[codecs.CodecInfo], guesses: list[codecs.CodecInfo]) -> codecs.CodecInfo:
    """Return the codec of a body without a byte beyond ASCII, in which escapes or NULs may hide other characters."""
    if declared and declared[0].name == _REPLACEMENT:
        return declared[0]
    hiding = {"iso2022_jp"} if b"\x1b" in body else set()
    hiding |= _SIXTEEN_BIT if b"\0" in body else set()
    believed = [codec for codec in declared if codec.name in hiding]
    readers = (codec for codec in believed + guesses if codec.name in hiding and _reads(body, codec))
    return next(readers, next(iter(believed), _UTF_8))


def _iter_decoded(body: bytes, codec: codecs.CodecInfo, errors: str) -> Iterator[str]:
    """Yield the text of a body part by part; what is cut off at its end is left out."""
    decoder = codec.incrementaldecoder(errors)
    for at in range(0, len(body), _LOOK_BYTES):
        yield decoder.decode(body[at : at + _LOOK_BYTES])


def _list_declared(body: bytes, content_type: bytes) -> list[codecs.CodecInfo]:
    """Return what is declared under labels that browsers know, the header's first.

    Spec: WHATWG HTML §13.2.3.2
    """
    head = body[:_HEAD_BYTES]
    header, xml = _CHARSET.search(content_type), _XML_ENCODING.match(head)
    inside = [find_codec(label) for label in (_find_in_meta(head), xml[1] if xml else b"")]
    # It could not have been read as far as that otherwise.
    ascii_based = [_INSIDE.get(codec.name, codec) if codec else None for codec in inside]
    found = [find_codec(header[1]) if header else None, *ascii_based]
    # All markup in UTF-16 has NULs.
    return [codec for codec in found if codec and (codec.name not in _SIXTEEN_BIT or b"\0" in head)]


def _find_in_meta(head: bytes) -> bytes:
    """Return the label that the first meta tag with a known one declares, or b''."""
    for tag in _TAG.finditer(head):
        attributes: dict[bytes, bytes] = {}
        for name, value in _ATTRIBUTE.findall(tag[1] if tag[2] == b">" else b""):
            attributes.setdefault(name.lower(), value.strip(b"\"'"))
        label = attributes.get(b"charset", b"")
        if not label and attributes.get(b"http-equiv", b"").lower() == b"content-type":
            match = _CHARSET.search(attributes.get(b"content", b""))
            label = match[1] if match else b""
        if label and find_codec(label):
            return label
    return b""


def find_codec(label: bytes) -> codecs.CodecInfo | None:
    """Return the codec that browsers mean by a label, or None for one that they do not know.

    Spec: WHATWG Encoding §4.2
    """
    encoding = webencodings.lookup(label.decode("latin-1"))
    if encoding is None:
        return None
    codec: codecs.CodecInfo = encoding.codec_info
    # Spec: WHATWG Encoding §10.1.1: "gbk's decoder is gb18030's decoder."
    return codecs.lookup("gb18030") if encoding.name == "gbk" else codec


def _look_up(label: str) -> codecs.CodecInfo:
    codec = find_codec(label.encode())
    assert codec is not None
    return codec


def _list_guesses(language: str) -> list[codecs.CodecInfo]:
    language = language.lower()
    return [_look_up(label) for label in _BY_LANGUAGE.get(language, _BY_LANGUAGE.get(language.split("-")[0], ()))]


def _reads(body: bytes, codec: codecs.CodecInfo) -> bool:
    """Tell whether a codec reads the whole body; a character cut off behind other such characters is forgiven."""
    is_ascii = True
    try:
        decoder = codec.incrementaldecoder()
        for at in range(0, len(body), _LOOK_BYTES):
            is_ascii = decoder.decode(body[at : at + _LOOK_BYTES]).isascii() and is_ascii
    except UnicodeError:
        return False
    return not decoder.getstate()[0] or not is_ascii


_UTF_8: Final = _look_up("utf-8")
_REPLACEMENT: Final = "replacement"
# Declared by default by servers and editors: others are tried first.
_DOUBTFUL: Final = frozenset({"utf-8", "cp1252"})
_SIXTEEN_BIT: Final = frozenset({"utf-16-le", "utf-16-be"})
_INSIDE: Final = {"utf-16-le": _UTF_8, "utf-16-be": _UTF_8, "x-user-defined": _look_up("windows-1252")}
