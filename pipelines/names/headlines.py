"""Headlines as one line of text."""

from __future__ import annotations

import html
import re
import unicodedata

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_LIMIT = 500


def normalise_headline(found: str) -> str:
    """Return a headline as one line of plain text: markup and control characters out, white space folded.

    Full-width punctuation stays: it is how the publisher writes.
    """
    text, before = found, ""
    while text != before and ("&" in text or "<" in text):
        text, before = _TAG.sub("", html.unescape(text)), text
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Zs") else c for c in text)
        text = "".join(c for c in text if unicodedata.category(c) != "Cs")
    return " ".join(text.split())[:_LIMIT].rstrip()
