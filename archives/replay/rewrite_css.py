"""Style sheets inside the archive: every `url()` and `@import` leads to a memento, all else stays as it was.

Spec: CSS Syntax Level 3 §4.3; the addresses are all that is looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from archives.replay.links import PageLinks

_STRING: Final = r"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'"
_TOKEN: Final = re.compile(
    r"/\*.*?(?:\*/|\Z)"
    rf"|@import\s*+(?P<import>{_STRING})"
    rf"|(?P<open>(?P<at>@import\s++)?url\(\s*+)(?P<url>{_STRING}|(?:[^)\"'\s\\]|\\.)*+)\s*+\)"
    rf"|{_STRING}",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|\n|(.))", re.DOTALL)
_UNSAFE: Final = re.compile(r"[\"'\\\n\r\f()<>]")
# Where markup could begin if a browser read this text as markup, as it does with a style element inside SVG.
_MARKUP: Final = re.compile(r"<(?=[a-zA-Z/!?])")


def rewrite_style(text: str, links: PageLinks) -> str:
    """A style sheet, or the declarations of a `style` attribute, with its addresses in the archive."""
    if "url" not in text and "@import" not in text and not re.search(r"(?i)url\(|@import", text):
        return _MARKUP.sub(r"\\3c ", text)
    return _MARKUP.sub(r"\\3c ", _TOKEN.sub(lambda match: _rewrite_token(match, links), text))


def _rewrite_token(match: re.Match[str], links: PageLinks) -> str:
    if match["import"]:
        return f'@import "{_rewrite(match["import"], links, "cs_")}"'
    if match["open"]:
        modifier = "cs_" if match["at"] else "im_"
        return f'{match["at"] or ""}url("{_rewrite(match["url"], links, modifier)}")'
    return match[0]


def _rewrite(found: str, links: PageLinks, modifier: str) -> str:
    url = found[1:-1] if found[:1] in {'"', "'"} else found
    url = _ESCAPE.sub(_unescape, url) if "\\" in url else url
    target = links.rewrite(url, modifier)
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", "about:invalid" if target is None else target)


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        code = int(match[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return match[2] or ""
