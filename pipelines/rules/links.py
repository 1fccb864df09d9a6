"""The kind of a link, determined by its address.

The verdict depends on nothing but the URL and the source's rules, so a crawl and a reparse of its captures years later
send every page to the same reader.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


_REMEMBERED = 1 << 14


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


class Reason(StrEnum):
    """What made us believe that a link leads to a page of its kind."""

    ROBOTS = "robots"
    GUESS = "guess"
    SITEMAP = "sitemap"
    NEWS_SITEMAP = "news_sitemap"
    FEED = "feed"
    ANNOUNCED = "announced"
    CANONICAL = "canonical"
    RULE = "rule"
    CLUSTER = "cluster"
    DECLARED = "declared"
    NAVIGATION = "navigation"
    REL_NEXT = "rel_next"
    PAGER = "pager"
    OWED = "owed"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link and what is believed of it.

    Attributes:
        url: absolute, without what does not belong to the address; see `pipelines.rules.addresses`.
        dated: a date that is beside the link, as found; it bounds a crawl and states nothing of the article.
    """

    url: str
    kind: LinkKind
    reason: Reason
    dated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRules:
    """Regular expressions searched in a URL, by kind, in the order in which they are tried."""

    patterns: Mapping[LinkKind, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    # Most links of a page are on every page of a site.
    _known: dict[str, tuple[LinkKind, str]] = field(default_factory=dict, repr=False, compare=False)

    def find_match(self, url: str) -> tuple[LinkKind, str]:
        """Return the kind of `url` and the article id that its pattern's group `id` names, or an empty string."""
        known = self._known.get(url)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[url] = self._match(url)
        return known

    def _match(self, url: str) -> tuple[LinkKind, str]:
        for kind, patterns in self.patterns.items():
            for pattern in patterns:
                found = pattern.search(url)
                if found:
                    return kind, found.groupdict().get("id") or ""
        return LinkKind.OTHER, ""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The rule that says which URLs a run may fetch: prefixes `http://host/path` or `//host/path` (either scheme).

    A prefix whose host starts with a dot admits the host and every name below it.
    """

    prefixes: tuple[str, ...]

    def admits(self, url: str) -> bool:
        """Return whether `url` may be fetched; robots.txt of an admitted host is always in scope.

        An address with a user name or a password is never in scope.
        """
        try:
            parts = urlsplit(url)
        except ValueError:  # an archive of others may hold any address
            return False
        if parts.scheme not in ("http", "https") or "@" in parts.netloc:
            return False
        path = parts.path or "/"
        return any(
            scheme in ("", parts.scheme) and (path == "/robots.txt" or path.startswith(below))
            for name in _list_names(parts.netloc.lower())
            for scheme, below in self._prefixes_of.get(name, ())
        )

    @cached_property
    def _prefixes_of(self) -> dict[str, list[tuple[str, str]]]:
        """Schemes and paths by host; a source of many hosts would otherwise compare every link with all of them."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for prefix in self.prefixes:
            parts = urlsplit(prefix)
            found[parts.netloc.lower()].append((parts.scheme, parts.path or "/"))
        return dict(found)


def _list_names(host: str) -> Iterator[str]:
    """Yield a host as a prefix may name it: as it is, or with a dot as itself or a name below another."""
    yield host
    yield f".{host}"
    at = host.find(".")
    while at >= 0:
        yield host[at:]
        at = host.find(".", at + 1)


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
    """Build link rules; the most specific kinds are tried first, whatever order they are given in.

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
