"""Reads `Link` header fields, in which a site may name the next page of a list or the canonical address of a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_CHARS = 16_384
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:"[^"]*"|[^\s",;]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]*))', re.IGNORECASE)


def find_linked(head: Iterable[tuple[bytes, bytes]], relation: str) -> str:
    """Return the first address that the header of a response names for a relation, as written, or ''.

    Spec: RFC 8288 §3.

    Args:
        head: names in lower case, and values.
        relation: in lower case: `next`, `canonical`.
    """
    for name, value in head:
        if name != b"link":
            continue
        for address, parameters in _LINK.findall(value[:_MAX_CHARS].decode("utf-8", "replace")):
            found = _REL.search(parameters)
            if found and relation in (found[1] or found[2] or "").lower().split():
                return str(address).strip()
    return ""
