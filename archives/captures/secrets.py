"""Masks secrets in stored requests, so that readers of an archive cannot use the crawler's credentials."""

from __future__ import annotations

import re
from typing import Final

from archives.warc.messages import split_head

MASKED_HEADERS: Final = ("Authorization", "Cookie", "Proxy-Authorization")

_SECRET: Final = re.compile(rb"^(?:%s)[ \t]*:" % "|".join(MASKED_HEADERS).encode("ascii"), re.IGNORECASE | re.MULTILINE)


def mask_secrets(raw_request: bytes) -> bytes:
    """Put `*` over the values of `Authorization`, `Proxy-Authorization` and `Cookie`; all else stays."""
    head, body = split_head(raw_request)
    if not _SECRET.search(head):
        return raw_request
    lines = head.split(b"\n")
    is_secret = False
    for number, line in enumerate(lines):
        is_folded = line.startswith((b" ", b"\t"))
        is_secret = is_secret if is_folded else _SECRET.match(line) is not None
        if is_secret:
            lines[number] = _mask_line(line, is_folded=is_folded)
    return b"\n".join(lines) + body


def _mask_line(line: bytes, *, is_folded: bool) -> bytes:
    """A field line with `*` for its value; the space around the value and a final CR stay."""
    name = b"" if is_folded else line[: line.index(b":") + 1]
    value = line[len(name) :]
    start = len(value) - len(value.lstrip(b" \t"))
    end = len(value) - value.endswith(b"\r")
    return name + value[:start] + b"*" * (end - start) + value[max(start, end) :]
