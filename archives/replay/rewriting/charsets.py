"""Which characters a page's bytes are: what was declared, under the names that browsers give to encodings.

A page is sent on as UTF-8 and says so, so that nothing is left for a browser to guess. Its bytes stay as they are in
the archive, and `id_` gives them.

Spec: WHATWG Encoding §4.2; HTML §13.2.3.2 (prescan).
"""

from __future__ import annotations

import codecs
import re
from typing import Final

# Labels that mean more than they say: browsers read these as the larger set.
_LARGER: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "utf-7": "cp1252",
}
_ALIASES: Final = {"x-gbk": "gb18030", "x-sjis": "cp932", "unicode-1-1-utf-8": "utf-8", "tis-620": "cp874"}
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_PRESCAN_BYTES: Final = 4096
_META: Final = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML: Final = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})")
_CSS: Final = re.compile(rb"^@charset \"([A-Za-z0-9_:.-]{2,40})\";")
_PARAMETER: Final = re.compile(r";\s*charset\s*=\s*\"?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)


def decode_page(data: bytes, content_type: str) -> tuple[str, str]:
    """The text of a page, and the name of its encoding.

    Args:
        content_type: the header as archived.
    """
    declared = _find_in_header(content_type) or _find_inside(data)
    return _decode(data, declared)


def decode_style(data: bytes, content_type: str) -> str:
    """The text of a style sheet, without its `@charset`."""
    match = _CSS.match(data)
    declared = _find_in_header(content_type) or (find_codec(match[1].decode()) if match else None)
    text, _ = _decode(data, declared)
    return text[len(match[0]) :] if match else text


def find_codec(label: str) -> str | None:
    """The codec that browsers mean by a label; None for a label that nobody knows."""
    name = label.strip().lower()
    name = _ALIASES.get(name, name)
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    try:
        b"".decode(found)
    except (LookupError, ValueError):
        return None
    return _LARGER.get(found, found)


def _decode(data: bytes, declared: str | None) -> tuple[str, str]:
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace"), name
    if declared is not None:
        return data.decode(declared, "replace"), declared
    for guess in ("utf-8", "gb18030"):
        try:
            return data.decode(guess), guess
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace"), "cp1252"


def _find_in_header(content_type: str) -> str | None:
    match = _PARAMETER.search(content_type)
    return find_codec(match[1]) if match else None


def _find_inside(data: bytes) -> str | None:
    start = data[:_PRESCAN_BYTES]
    match = _META.search(start) or _XML.match(start)
    codec = find_codec(match[1].decode("ascii")) if match else None
    # A page in UTF-16 could not have been read as far as its own declaration.
    return "utf-8" if codec and codec.startswith("utf-16") else codec
