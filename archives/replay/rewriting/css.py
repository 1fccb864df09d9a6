"""Rewrites addresses in style sheets to mementos and leaves everything else unchanged.

Names may be written with escapes (`u\\72l(`), strings may stand where an address is meant (`image-set("a.png" 1x)`),
and what is never closed ends with the sheet: as a browser reads, so it is read here, in one pass over the text.

Spec: CSS Syntax Level 3 §4.3; CSS Images Level 4 §2.4; CSS Values Level 4 §4.5.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from archives.replay.rewriting.links import PageLinks

_WS: Final = r"[ \t\r\n\f]"
_COMMENT: Final = r"/\*.*?(?:\*/|\Z)"
# A string ends with its quote, with the line, which is an error, or with the sheet.
_STRING: Final = (
    r"\"(?:[^\"\\\n\r\f]|\\(?:\r\n|.|\Z))*+(?:\"|(?=[\n\r\f])|\Z)"
    r"|'(?:[^'\\\n\r\f]|\\(?:\r\n|.|\Z))*+(?:'|(?=[\n\r\f])|\Z)"
)
_BARE: Final = r"(?:[^)(\"'\\\x00-\x20\x7f]|\\(?:[^\n\r\f]|\Z))*+"
_TOKEN: Final = re.compile(
    r"(?=[/@uis\"'()\\])(?:"  # to pass quickly over the rest
    rf"{_COMMENT}"
    rf"|(?P<at>@import(?:{_WS}|{_COMMENT})*+)(?:(?P<import>{_STRING})|(?=url\())"
    rf"|(?P<url>url\(){_WS}*+(?:(?P<quoted>{_STRING})(?P<end>{_WS}*+\))?|(?P<bare>{_BARE}){_WS}*+(?:\)|\Z)"
    r"|(?P<broken>(?:[^)\\]|\\.)*+(?:\)|\\?\Z)))"
    rf"|(?P<string>{_STRING})"
    r"|(?P<set>image-set\(|\bsrc\()"
    r"|(?P<bracket>[()])"
    r"|\\.)",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|(\r\n|[\n\r\f])|(.))", re.DOTALL)
_NAME: Final = re.compile(r"@?(?:[-\w]|\\(?:[0-9a-fA-F]{1,6}(?:\r\n|[ \t\r\n\f])?|[^\n\r\f]))++")
_MEANING: Final = re.compile(r"url|src|(?:-webkit-)?image-set|@import", re.IGNORECASE)
_HAS_ADDRESS: Final = re.compile(r"url\(|@import|image-set\(|\bsrc\(", re.IGNORECASE)
_UNSAFE: Final = re.compile(r"[\"'\\\n\r\f()<>]")
# Where markup could begin if a browser read this text as markup, as it does with a style element inside SVG.
_MARKUP: Final = re.compile(r"<(?=[a-zA-Z/!?])")


def rewrite_style(text: str, links: PageLinks) -> str:
    """A style sheet, or the declarations of a `style` attribute, with its addresses in the archive."""
    if "\\" in text:
        text = _NAME.sub(_spell_plainly, text)
    if _HAS_ADDRESS.search(text):
        text = _TOKEN.sub(_Rewriter(links), text)
    return _MARKUP.sub(r"\\3c ", text)


def _spell_plainly(match: re.Match[str]) -> str:
    """A name that tells of an address without its escapes; any other as it is."""
    name = match[0]
    if "\\" not in name:
        return name
    plain = _ESCAPE.sub(_unescape, name)
    return plain if _MEANING.fullmatch(plain) else name


class _Rewriter:
    """Writes one token after the other, and knows inside of which brackets it is.

    Attributes:
        depth: how many brackets are open.
        sets: for each open list of images, how many brackets were open inside of it.
    """

    def __init__(self, links: PageLinks) -> None:
        self._links = links
        self._depth = 0
        self._sets: list[int] = []
        self._is_import = False

    def __call__(self, match: re.Match[str]) -> str:
        is_import, self._is_import = self._is_import, False
        if match["at"]:
            self._is_import = match["import"] is None
            return match["at"] if match["import"] is None else f'@import "{self._rewrite(match["import"], "cs_")}"'
        if match["string"]:
            is_image = bool(self._sets) and self._sets[-1] == self._depth
            return f'"{self._rewrite(match["string"], "im_")}"' if is_image else match[0]
        if match["set"] or match["bracket"]:
            self._count(match)
            return match[0]
        return self._rewrite_url(match, "cs_" if is_import else "im_") if match["url"] else match[0]

    def _count(self, match: re.Match[str]) -> None:
        if match[0] == ")":
            if self._sets and self._sets[-1] == self._depth:
                self._sets.pop()
            self._depth = max(0, self._depth - 1)
            return
        self._depth += 1
        if match["set"]:
            self._sets.append(self._depth)

    def _rewrite_url(self, match: re.Match[str], modifier: str) -> str:
        if match["broken"] is not None:
            return 'url("about:invalid")'
        if match["quoted"] is None:
            return f'url("{self._rewrite(match["bare"], modifier)}")'
        if match["end"] is None:
            self._depth += 1  # something follows that says how to ask for it
            return f'url("{self._rewrite(match["quoted"], modifier)}"'
        return f'url("{self._rewrite(match["quoted"], modifier)}")'

    def _rewrite(self, found: str, modifier: str) -> str:
        url = found[1:].removesuffix(found[0]) if found[:1] in {'"', "'"} else found
        target = self._links.rewrite(_ESCAPE.sub(_unescape, url) if "\\" in url else url, modifier)
        if target is None or (modifier == "cs_" and target[:5].lower() == "data:"):
            target = "about:invalid"
        return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", target)


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        code = int(match[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return match[3] or ""
