"""Completes protocol-relative addresses (`//host/path`) for use outside their page.

A post file keeps them as they were found, because its form is fixed; in a feed, a table or a message nobody knows any
more what they were relative to.
"""

from __future__ import annotations

import re

_START_TAG = re.compile(r"<[a-z][^<>]*>")
_ADDRESS = re.compile(r' (href|src|poster|cite)="//')
_CANDIDATES = re.compile(r' srcset="[^"]*"')
_CANDIDATE = re.compile(r'(?:(?<=")|(?<=, ))//')


def complete_address(address: str, page: str = "") -> str:
    """Return an address with the scheme of the page that it was on, or else https, where it begins with `//`."""
    if not address.startswith("//"):
        return address
    return f"{'http' if page.startswith('http:') else 'https'}:{address}"


def complete_addresses(body: str, page: str) -> str:
    """Return sanitised HTML in which no address begins with `//`.

    Args:
        page: address that the body was read from; an http page's addresses are http.
    """
    if '"//' not in body and ", //" not in body:
        return body
    start = complete_address("//", page)

    def complete_tag(tag: re.Match[str]) -> str:
        text = _ADDRESS.sub(lambda found: f' {found[1]}="{start}', tag[0])
        return _CANDIDATES.sub(lambda found: _CANDIDATE.sub(start, found[0]), text)

    return _START_TAG.sub(complete_tag, body)
