"""What a link leads to, judged by its address alone.

The verdict depends on nothing but the URL and the source's rules, so a crawl and a reparse of its captures years later
send every page to the same reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml import html as lxml_html
from w3lib.url import safe_url_string

from pipelines.page.limits import check_markup, drain_attributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_HREF_KINDS = ("a", "area", "link")
# Of an address and what it is relative to, together. Scrapy asks for no address beyond 2,083 characters.
_MAX_CHARS = 8_192

# Most links of a page: nothing in them needs joining or mending, and to find that out costs a tenth of doing it.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/?(?:\?[A-Za-z0-9._=&-]+)?")


class LinkKind(StrEnum):
    """What we believe a link leads to."""

    ARTICLE = "article"
    CATEGORY = "category"
    NEXT_PAGE = "next"
    LISTING = "listing"
    SHARE = "share"
    TEXT = "text"
    FEED = "feed"
    SITEMAP = "sitemap"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRules:
    """Regular expressions searched in a URL, by kind, in the order in which they are tried."""

    patterns: Mapping[LinkKind, tuple[re.Pattern[str], ...]] = field(default_factory=dict)

    def find_match(self, url: str) -> tuple[LinkKind, str]:
        """Return the kind of `url` and the article id that its pattern's group `id` names, or an empty string."""
        for kind, patterns in self.patterns.items():
            for pattern in patterns:
                found = pattern.search(url)
                if found:
                    return kind, found.groupdict().get("id") or ""
        return LinkKind.OTHER, ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The rule that says which URLs a run may fetch: prefixes `http://host/path` or `//host/path` (either scheme).

    A prefix whose host starts with a dot admits the host and every name below it.
    """

    prefixes: tuple[str, ...]

    def admits(self, url: str) -> bool:
        """Tell whether `url` may be fetched; robots.txt of an admitted host is always in scope.

        An address that carries a name or a password is in nobody's scope.
        """
        try:
            parts = urlsplit(url)
        except ValueError:  # an archive of others may hold any address
            return False
        if parts.scheme not in ("http", "https") or "@" in parts.netloc:
            return False
        return any(_is_below(parts.scheme, parts.netloc, parts.path or "/", prefix) for prefix in self.prefixes)


def _is_below(scheme: str, netloc: str, path: str, prefix: str) -> bool:
    wanted = urlsplit(prefix)
    if wanted.scheme and wanted.scheme != scheme:
        return False
    host, allowed = netloc.lower(), wanted.netloc.lower()
    is_same_host = host == allowed.removeprefix(".") or (allowed.startswith(".") and host.endswith(allowed))
    return is_same_host and (path == "/robots.txt" or path.startswith(wanted.path or "/"))


def iter_links(page: str, base_url: str) -> Iterator[str]:
    """Yield the absolute URLs that a page's `a`, `area` and `link` elements name, in document order, each once.

    Blanks, brackets and Han characters in an address are percent-encoded as a browser would.
    """
    if not page.strip():
        return
    check_markup(page)
    try:
        root = lxml_html.document_fromstring(drain_attributes(page).encode("utf-8", "replace"), parser=_PARSER)
    except (etree.ParserError, ValueError):
        return
    yield from iter_element_links(root, base_url)


_PARSER = etree.HTMLParser(encoding="utf-8")


def iter_element_links(root: etree._Element, base_url: str) -> Iterator[str]:
    """Yield the absolute URLs named in a parsed page; see `iter_links`."""
    base = root.find(".//base[@href]")
    if base is not None:
        base_url = join_url(base_url, base.get("href")) or base_url
    origin = join_url(base_url, "/").removesuffix("/")
    seen: set[str] = set()
    for element in root.iter(*_HREF_KINDS):
        href = element.get("href")
        if not href:
            continue
        url = origin + href if origin and _PLAIN_PATH.fullmatch(href) else join_url(base_url, href)
        if url and url not in seen:
            seen.add(url)
            yield url


def join_url(base_url: str, href: str) -> str:
    """Return the absolute http(s) URL that `href` means on a page at `base_url`, without its fragment, or ''."""
    if len(href) + len(base_url) > _MAX_CHARS:
        return ""
    href = href.strip().partition("#")[0]
    if not href or href[:11].lower() == "javascript:":
        return ""
    try:
        url = safe_url_string(urljoin(base_url, href))
        scheme = urlsplit(url).scheme
    except ValueError:
        return ""
    return url if scheme in ("http", "https") else ""


def unwrap_share(rules: LinkRules, template: str, url: str) -> str:
    """Return the address that holds the text of a share link, without fetching anything, or ''.

    Args:
        rules: the source's link rules; the share pattern must name the article's id.
        template: address with `{id}` in it.
        url: the share link.
    """
    kind, identifier = rules.find_match(url)
    return template.replace("{id}", identifier) if template and kind is LinkKind.SHARE and identifier else ""


def compile_rules(patterns: Mapping[LinkKind, Iterable[str]]) -> LinkRules:
    """Build link rules; the most telling kinds are tried first, whatever order they are given in.

    Raises:
        re.error: a pattern is not a regular expression.
    """
    order = (
        LinkKind.TEXT,
        LinkKind.SHARE,
        LinkKind.LISTING,
        LinkKind.NEXT_PAGE,
        LinkKind.ARTICLE,
        LinkKind.CATEGORY,
        LinkKind.FEED,
        LinkKind.SITEMAP,
    )
    return LinkRules(
        patterns={kind: tuple(re.compile(p) for p in patterns[kind]) for kind in order if kind in patterns}
    )
