"""Decodes the bytes of a page, also if the declared encoding is missing or wrong.

Labels mean what browsers mean by them. Otherwise publishers are believed less than browsers believe them: they declare
gb2312 and serve UTF-8, or declare nothing and serve GB18030. Text that is valid UTF-8 beyond ASCII is hardly ever
anything else, and a byte or two that are cut or misplaced make no text another encoding's. So the order is: byte order
mark, UTF-8 beyond ASCII, the header, the page's own declaration, what is usual in the language of the source or of the
page, and what `chardet` makes of the letters.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

import webencodings

from pipelines.page.limits import MAX_PAGE_CHARS, check_chars

if TYPE_CHECKING:
    from collections.abc import Iterator

# Byte order marks, and what a first tag in UTF-16 shows without one. Spec: XML 1.0 Appendix F
_BYTE_ORDERS = (
    (re.compile(rb"\xef\xbb\xbf"), "utf-8"),
    (re.compile(rb"\xff\xfe|(?:[\t\n\r ]\0)*<\0[!?A-Za-z]\0"), "utf-16le"),
    (re.compile(rb"\xfe\xff|(?:\0[\t\n\r ])*\0<\0[!?A-Za-z]"), "utf-16be"),
)
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
    "ru": ("windows-1251", "koi8-r", "iso-8859-5", "ibm866"),
    "uk": ("windows-1251", "koi8-u", "iso-8859-5"),
    **dict.fromkeys(("be", "bg", "kk", "mk", "mn", "tg"), ("windows-1251",)),
    **dict.fromkeys(("cs", "hr", "hu", "pl", "ro", "sk", "sl", "bs"), ("windows-1250", "iso-8859-2")),
    "sr": ("windows-1250", "windows-1251"),
    **dict.fromkeys(("tr", "az"), ("windows-1254",)),
    "el": ("windows-1253",),
    "he": ("windows-1255",),
    **dict.fromkeys(("ar", "fa", "ur"), ("windows-1256",)),
    **dict.fromkeys(("et", "lt", "lv"), ("windows-1257",)),
    "vi": ("windows-1258",),
    "th": ("windows-874",),
}
_MIXED_TRIES = ("gb18030", "shift_jis")
_LATIN = "windows-1252"
_LATIN_SPEAKERS = "af ca da de en es eu fi fo fr ga gl id is it ms nb nl nn no pt sq sv sw"
_LATIN_LANGUAGES = frozenset(re.findall("[a-z]+", _LATIN_SPEAKERS))
_HEAD_BYTES = 4096
# A declaration further down is looked for in pages that have no other and are no UTF-8.
_LATE_BYTES = 1024 * 1024
_SCRIPT = re.compile(rb"<(script|style|noscript)\b.*?(?:</\1|\Z)", re.IGNORECASE | re.DOTALL)
_HTML_LANGUAGE = re.compile(rb"<html\b[^>]{0,400}?\slang\s*=\s*[\"']?([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)", re.IGNORECASE)
_MARKUP = re.compile(rb"<[^<>]*>|[\x00-\x20]{2,}")
_SAMPLE_BYTES = 24 * 1024
# A character in so many may be damaged before a text is taken for one of another encoding.
_SOUND_FOR_DAMAGED = 8
_FEW_DAMAGED = 2
# So much is decoded at a time where only a look is taken: the text of a body may take four times its bytes.
_LOOK_BYTES = 256 * 1024
# What is left of quotation marks and dashes in UTF-8 that was read as Latin-1; nobody writes it.
_DOUBLED = "\u00e2\u0080"


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
    text = codec.decode(body, "replace")[0].removeprefix("\ufeff")
    return _mend_doubled(text) if _DOUBLED in text else text


def _mend_doubled(text: str) -> str:
    """Return a text that was encoded as UTF-8 twice as it was before, if all of it was."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _find_codec(body: bytes, content_type: bytes, language: str) -> codecs.CodecInfo:
    for start, label in _BYTE_ORDERS:
        if start.match(body):
            return _look_up(label)
    declared = _list_declared(body, content_type)
    if body.isascii():
        return _find_seven_bit(body, declared, _list_guesses(language or _find_language(body)))
    if _reads(body, _UTF_8):
        return _UTF_8
    if declared and declared[0].name == _REPLACEMENT:
        return declared[0]
    declared = declared or _list_late(body)
    if _is_mostly(body, _UTF_8, at_least=0 if declared[:1] == [_UTF_8] else 1):
        return _UTF_8
    believed = [codec for codec in declared if codec.name not in _DOUBTFUL]
    readers = (codec for codec in believed if _reads(body, codec))
    nearly = (codec for codec in believed if _is_mostly(body, codec, at_least=0))
    found = next(readers, None) or next(nearly, None)
    return found or _guess(body, declared, language or _find_language(body))


def _guess(body: bytes, declared: list[codecs.CodecInfo], language: str) -> codecs.CodecInfo:
    """Return the codec that a body without a declaration that it keeps to is most likely written in."""
    usual = _list_guesses(language)
    readers = [codec for codec in usual if _reads(body, codec)]
    if len(readers) == 1 and len(usual) == 1:
        return readers[0]
    detected = _detect(body)
    if detected is not None and (detected.name in {codec.name for codec in readers} or not (usual or declared)):
        return detected
    if declared and declared[0].name == "cp1252" and not readers:
        return declared[0]
    if detected is not None and not usual and _reads(body, detected):
        return detected
    if not usual and not declared:
        readers += [codec for codec in map(_look_up, _MIXED_TRIES) if _reads(body, codec)]
    return next(iter([*readers, *(codec for codec in declared if codec is not _UTF_8)]), _look_up(_LATIN))


def _detect(body: bytes) -> codecs.CodecInfo | None:
    """Return what the letters of a body look like, or None if nothing can be said or it would not be read by it."""
    import chardet  # noqa: PLC0415 (most bodies declare their encoding, and it takes as long as reading three pages)

    text = _MARKUP.sub(b" ", _SCRIPT.sub(b" ", body[:_LATE_BYTES]))
    beyond = next((at for at, byte in enumerate(text) if byte > 0x7F), 0)
    sample = text[max(0, beyond - 200) :][:_SAMPLE_BYTES]
    found = chardet.detect(sample)["encoding"] if len(sample) > len(_LATIN) else None
    codec = _KNOWN.get(codecs.lookup(found).name) if found else None
    return codec if codec is not None and codec is not _UTF_8 and _is_mostly(body, codec) else None


def _find_language(body: bytes) -> str:
    found = _HTML_LANGUAGE.search(body[:_HEAD_BYTES])
    return found[1].decode("ascii") if found else ""


def _list_late(body: bytes) -> list[codecs.CodecInfo]:
    """Return what a meta tag declares beyond the bytes that it should be in; what a script says is not a tag."""
    label = _find_in_meta(_SCRIPT.sub(b" ", body[:_LATE_BYTES]))
    codec = find_codec(label) if label else None
    return [codec] if codec is not None and codec.name not in _SIXTEEN_BIT else []


def _is_mostly(body: bytes, codec: codecs.CodecInfo, *, at_least: int = 1) -> bool:
    """Return whether a codec reads a body but for a damaged character here and there.

    Args:
        at_least: so many characters beyond ASCII must be sound; with none, two damaged ones are not a contradiction.
    """
    damaged = sound = 0
    for part in _iter_decoded(body, codec, "replace"):
        beyond = len(part) - len(part.encode("ascii", "ignore"))
        lost = part.count("\ufffd")
        damaged, sound = damaged + lost, sound + beyond - lost
    if not at_least and damaged <= _FEW_DAMAGED:
        return True
    return sound >= at_least and damaged * _SOUND_FOR_DAMAGED <= sound


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
    primary = language.split("-")[0]
    usual = _BY_LANGUAGE.get(language, _BY_LANGUAGE.get(primary, ()))
    return [_look_up(label) for label in usual or ((_LATIN,) if primary in _LATIN_LANGUAGES else ())]


def _reads(body: bytes, codec: codecs.CodecInfo) -> bool:
    """Return whether a codec reads the whole body; a character cut off behind other such characters is forgiven."""
    is_ascii = True
    try:
        decoder = codec.incrementaldecoder()
        for at in range(0, len(body), _LOOK_BYTES):
            is_ascii = decoder.decode(body[at : at + _LOOK_BYTES]).isascii() and is_ascii
    except UnicodeError:
        return False
    return not decoder.getstate()[0] or not is_ascii


# Codecs that browsers have, by Python's names.
_KNOWN: Final = {codec.name: codec for codec in map(_look_up, webencodings.LABELS)}
_UTF_8: Final = _look_up("utf-8")
_REPLACEMENT: Final = "replacement"
# Declared by default by servers and editors: others are tried first.
_DOUBTFUL: Final = frozenset({"utf-8", "cp1252"})
_SIXTEEN_BIT: Final = frozenset({"utf-16-le", "utf-16-be"})
_INSIDE: Final = {"utf-16-le": _UTF_8, "utf-16-be": _UTF_8, "x-user-defined": _look_up("windows-1252")}
