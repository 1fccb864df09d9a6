"""Removes characters that XML does not allow, because a single one makes a feed unreadable."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

# https://www.w3.org/TR/xml/#charsets: all that is not a Char.
_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def dump_xml_text(text: str) -> str:
    """Return the text without the characters that XML has no place for."""
    return _NO_CHARACTER.sub("", text)


def build_element(name: str, content: str, /, **attributes: str) -> str:
    """Return one element that holds a text; an empty one gives an empty element."""
    inside = "".join(f" {key}={quoteattr(dump_xml_text(value))}" for key, value in attributes.items())
    return f"<{name}{inside}>{escape(dump_xml_text(content))}</{name}>" if content else f"<{name}{inside}/>"
