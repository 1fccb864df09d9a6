"""A link that was found, and why it is believed to lead where it does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipelines.rules.links import LinkKind


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
    NAVIGATION = "navigation"
    REL_NEXT = "rel_next"
    PAGER = "pager"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLink:
    """A link and what is believed of it.

    Attributes:
        url: absolute, without what does not belong to the address; see `pipelines.rules.addresses`.
        dated: a date that stands beside the link, as found; it bounds a crawl and states nothing of the article.
    """

    url: str
    kind: LinkKind
    reason: Reason
    dated: str = ""
