"""Headlines as one line of text."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

_TAG: Final = re.compile(r"</?(?P<name>[A-Za-z][A-Za-z0-9-]*)[^<>]*>")
# Tags that would run, load or hide something if a headline were inserted into HTML unescaped.
_LIVE_NAMES: Final = """
applet audio base body embed form frame frameset head html iframe img input link math meta noscript object plaintext
portal script select style svg template textarea title video xmp
"""
_LIVE: Final = frozenset(_LIVE_NAMES.split())
_LIMIT = 500


def normalise_headline(found: str, *, is_shown: bool = False) -> str:
    """Return a headline as one line of plain text: markup and control characters out, white space folded.

    Full-width punctuation stays: it is how the publisher writes.

    Args:
        is_shown: readers see the text as it is, so a bare `<br>` in it is a word, not markup.
    """
    text, before = found, ""
    while text != before and ("&" in text or "<" in text):
        text, before = _TAG.sub(_keep_word if is_shown else "", html.unescape(text)), text
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Zs") else c for c in text)
        text = "".join(c for c in text if unicodedata.category(c) != "Cs")
    return " ".join(text.split())[:_LIMIT].rstrip()


def _keep_word(tag: re.Match[str]) -> str:
    """Return a tag that readers see, or '' if it has attributes or is in `_LIVE`."""
    return "" if "=" in tag[0] or tag["name"].lower() in _LIVE else tag[0]
