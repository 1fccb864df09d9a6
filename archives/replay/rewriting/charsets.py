"""The character encoding of an archived page, as browsers determine it.

A page is sent on as UTF-8 and says so, so that nothing is left for a browser to guess. Its bytes stay as they are in
the archive, and `id_` gives them.

Spec: WHATWG Encoding §4.2; HTML §13.2.3.2 (prescan).
"""

from __future__ import annotations

import codecs
import re
from typing import Final

import webencodings

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_REPLACEMENT: Final = "replacement"
# Browsers write no link in the first three; Python knows no codec by the last two names.
_NOT_WRITTEN: Final = frozenset({"utf-16-le", "utf-16-be", _REPLACEMENT, "x-user-defined"})
_PRESCAN_BYTES: Final = 4096
# The attributes of each meta tag, and what a prescan passes over. Each tag ends, at the end of the bytes if need be,
# so that nothing is read twice.
_REST: Final = rb"""((?:[^>"']++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+)(>|\Z)"""
_TAG: Final = re.compile(
    rb"<!--.*?(?:-->|\Z)|<meta(?=[\s/])" + _REST + rb"|</?[a-z]" + _REST, re.IGNORECASE | re.DOTALL
)
_ATTRIBUTE: Final = re.compile(rb"""([^\s"'>/=]+)\s*(?:=\s*("[^"]*"|'[^']*'|[^\s"'>][^\s>]*))?""")
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,>]+)", re.IGNORECASE)
_XML: Final = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})")
_CSS: Final = re.compile(rb"^@charset \"([A-Za-z0-9_:.-]{2,40})\";")
_PARAMETER: Final = re.compile(r";\s*charset\s*=\s*\"?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)


def decode_page(data: bytes, content_type: str) -> tuple[str, str]:
    """The text of a page, and the name of the codec in which browsers encode the queries of its links.

    Args:
        content_type: the header as archived.

    Spec: WHATWG Encoding §4.3 (output encodings)
    """
    text, codec = _decode(data, _find_in_header(content_type) or _find_inside(data))
    return text, "utf-8" if codec.name in _NOT_WRITTEN else codec.name


def decode_style(data: bytes, content_type: str) -> str:
    """The text of a style sheet, without its `@charset`."""
    match = _CSS.match(data)
    declared = _find_in_header(content_type) or (_find_declared(match[1].decode()) if match else None)
    text, _ = _decode(data, declared)
    return text[len(match[0]) :] if match else text


def find_codec(label: str) -> codecs.CodecInfo | None:
    """The codec that browsers mean by a label; None for a label that they do not know."""
    encoding = webencodings.lookup(label)
    if encoding is None:
        return None
    codec: codecs.CodecInfo = encoding.codec_info
    # Spec: WHATWG Encoding §10.1.1: "gbk's decoder is gb18030's decoder."
    return codecs.lookup("gb18030") if encoding.name == "gbk" else codec


def _decode(data: bytes, declared: codecs.CodecInfo | None) -> tuple[str, codecs.CodecInfo]:
    for bom, label in _BOMS:
        if data.startswith(bom):
            codec = codecs.lookup(label)
            return codec.decode(data[len(bom) :], "replace")[0], codec
    if declared is not None:
        is_kept = declared.name != _REPLACEMENT
        return declared.decode(data, "replace")[0] if is_kept else "\ufffd"[: len(data)], declared
    for guess in ("utf-8", "gb18030"):
        try:
            return data.decode(guess), codecs.lookup(guess)
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace"), codecs.lookup("cp1252")


def _find_in_header(content_type: str) -> codecs.CodecInfo | None:
    match = _PARAMETER.search(content_type)
    return find_codec(match[1]) if match else None


def _find_inside(data: bytes) -> codecs.CodecInfo | None:
    start = data[:_PRESCAN_BYTES]
    for tag in _TAG.finditer(start):
        codec = _find_declared(_find_label(tag[1] if tag[2] == b">" else b""))
        if codec is not None:
            return codec
    xml = _XML.match(start)
    return _find_declared(xml[1].decode("ascii")) if xml else None


def _find_label(attributes: bytes) -> str:
    """What a meta tag declares, or ''."""
    found: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(attributes):
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip("\"'"))
    if found.get("charset") or found.get("http-equiv", "").lower() != "content-type":
        return found.get("charset", "")
    match = _CHARSET.search(found.get("content", ""))
    return match[1] if match else ""


def _find_declared(label: str) -> codecs.CodecInfo | None:
    """The codec of a label that is in the bytes themselves, which are therefore read as ASCII so far."""
    codec = find_codec(label)
    if codec is not None and codec.name.startswith("utf-16"):
        return codecs.lookup("utf-8")
    return codecs.lookup("cp1252") if codec is not None and codec.name == "x-user-defined" else codec
