"""The addresses that a browser finds in a style sheet: tokens as the standard has them, and nothing of our own code.

Spec: CSS Syntax Level 3 §3.3, §4.3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}+[ \t\n]?+|[^\n0-9a-fA-F])"
_NAME = rf"(?:[-\w]|[^\x00-\x7f]|{_ESCAPE})++"
_TOKEN = re.compile(
    r"(?P<space>[ \t\n]+|/\*.*?(?:\*/|\Z))"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.|\\\Z)*+(?:\"|\Z)|'(?:[^'\\\n]|\\.|\\\Z)*+(?:'|\Z))"
    r"|(?P<bad>(?:\"(?:[^\"\\\n]|\\.)*+|'(?:[^'\\\n]|\\.)*+)(?=\n))"
    rf"|(?P<at>@{_NAME})|(?P<function>{_NAME}\()|(?P<name>{_NAME})|(?P<open>\()|(?P<close>\))|(?P<other>.)",
    re.DOTALL,
)
_QUOTED = re.compile(r"[ \t\n]*[\"']")
_URL = re.compile(rf"[ \t\n]*((?:[^)(\"'\\\x00-\x20\x7f]|{_ESCAPE})*+)[ \t\n]*+(?:\)|\Z)")
_REMNANT = re.compile(r"(?:[^)\\]|\\.)*+(?:\)|\\?\Z)", re.DOTALL)
_PIECE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n]?|(\n)|(.)|\Z)", re.DOTALL)
# What asks for the string that follows it, and for any string inside of it.
_ASKING = {"@import", "url", "src"}
_SETS = {"image-set", "-webkit-image-set"}


def iter_urls(style: str) -> Iterator[str]:
    """Yield every address, its escapes undone."""
    text = re.sub(r"\r\n?|\f", "\n", style).replace("\0", "\ufffd")
    position, before, functions = 0, "", [""]
    while match := _TOKEN.match(text, position):
        position, kind = match.end(), match.lastgroup
        name = _unescape(match[0]).lower()
        if kind == "function" and name == "url(" and not _QUOTED.match(text, position):
            url = _URL.match(text, position)
            if url:
                yield _unescape(url[1])
            end = url or _REMNANT.match(text, position)
            assert end is not None
            position, kind = end.end(), "url"
        elif kind == "string" and (before in _ASKING or functions[-1] in _SETS):
            yield _unescape(match[0][1:].removesuffix(match[0][0]))
        if kind in {"function", "open"}:
            functions.append(name[:-1])
        elif kind == "close":
            functions = functions[:-1] or [""]
        if kind != "space":
            before = name.rstrip("(") if kind in {"at", "function"} else ""


def _unescape(text: str) -> str:
    return _PIECE.sub(_undo, text)


def _undo(match: re.Match[str]) -> str:
    if match[1]:
        code = int(match[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return match[3] or ""
