"""The links of a page, made absolute."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from w3lib.url import safe_url_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HREF_KINDS = ("a", "area", "link")
# Of an address and what it is relative to, together. Scrapy asks for no address beyond 2,083 characters.
_MAX_CHARS = 8_192
_MAX_PLAIN_CHARS = 2_000
# Most links of a page stand on every page of its site.
_REMEMBERED, _HOSTS = 1 << 14, 128
# Most links of a page: nothing in them needs joining or mending, and to find that out costs a tenth of doing it.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/?(?:\?[A-Za-z0-9._=&-]+)?")
_PLAIN_URL = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/?(?:\?[A-Za-z0-9._=&-]+)?")
_PLAIN_START = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?/")
_HOST = re.compile(r"[a-z]+://([^/?#]+)", re.IGNORECASE)


def iter_links(root: Any, base_url: str) -> Iterator[str]:
    """Yield the absolute URLs that a page's `a`, `area` and `link` elements name, in document order, each once.

    Blanks, brackets and Han characters in an address are percent-encoded as a browser would.

    Args:
        root: of the parsed page.
        base_url: what relative addresses count from: `Page.base_url`.
    """
    join = build_joiner(base_url)
    seen: set[str] = set()
    for element in root.iter(*_HREF_KINDS):
        url = join(element.get("href") or "")
        if url and url not in seen:
            seen.add(url)
            yield url


def read_host(url: str) -> str:
    """Return the host of an absolute address in lower case, with its port, or ''."""
    found = _HOST.match(url)
    return found[1].lower() if found else ""


def build_joiner(base_url: str) -> Callable[[str], str]:
    """Return what `join_url` is for all addresses on one page; those that need no care take a tenth of the time."""
    start = _PLAIN_START.match(base_url) if len(base_url) < _MAX_CHARS else None
    origin = _find_origin(start[0] if start else base_url)
    return lambda href: _complete(href, origin) or join_url(base_url, href)


@lru_cache(_HOSTS)
def _find_origin(base_url: str) -> str:
    return join_url(base_url, "/").removesuffix("/")


@lru_cache(_REMEMBERED)
def _complete(href: str, origin: str) -> str:
    """Return the address that a plain href means, or '' where joining takes more care."""
    if len(href) > _MAX_PLAIN_CHARS:
        return ""
    if href.startswith("/"):
        if href.startswith("//"):
            full = origin.partition("//")[0] + href
            return full if origin and _PLAIN_URL.fullmatch(full) else ""
        return origin + href if origin and is_plain_path(href) else ""
    return href if _PLAIN_URL.fullmatch(href) else ""


def is_plain_path(href: str) -> bool:
    """Return whether nothing in an address needs mending: the host before it is all that it lacks."""
    return bool(_PLAIN_PATH.fullmatch(href))


def join_url(base_url: str, href: str) -> str:
    """Return the absolute http(s) URL that `href` means on a page at `base_url`, without its fragment, or ''.

    A backslash before the query is a slash. Spec: WHATWG URL §4.4
    """
    if len(href) + len(base_url) > _MAX_CHARS:
        return ""
    href = href.strip().partition("#")[0]
    if not href or href[:11].lower() == "javascript:":
        return ""
    path, mark, query = href.partition("?")
    try:
        url = safe_url_string(urljoin(base_url, path.replace("\\", "/") + mark + query))
        scheme = urlsplit(url).scheme
    except ValueError:
        return ""
    return url if scheme in ("http", "https") else ""
