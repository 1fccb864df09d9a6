"""Statements from feeds and news sitemaps: headline, dates, tags, authors; never the text.

An entry names the article by its address, and that is all there is to join it by; so the article's page and every feed
must write the address alike, which is the work of `pipelines.rules.addresses`.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

from pipelines.dates.model import DateRefused, Precision
from pipelines.dates.parse import parse_date
from pipelines.discovery.feeds import FeedEntry
from pipelines.posts.items import Origin, Statement

if TYPE_CHECKING:
    from pipelines.discovery.sitemaps import SitemapEntry
    from pipelines.page.document import Document
    from pipelines.rules.model import Rules

_ELSEWHERE = timezone(timedelta(hours=-11))


def state_entry(entry: FeedEntry | SitemapEntry, document: Document, rules: Rules) -> Statement:
    """Return what one entry states of its article."""
    is_of_feed = isinstance(entry, FeedEntry)
    statement = Statement(
        source=rules.name,
        identifier=rules.identify(entry.url),
        origin=Origin.FEED if is_of_feed else Origin.SITEMAP,
        headline_found=entry.title,
        datePublished_found=entry.published,
        dateModified_found=entry.updated if isinstance(entry, FeedEntry) else "",
        keywords_found=list(entry.categories if isinstance(entry, FeedEntry) else entry.keywords),
        author=list(entry.authors) if isinstance(entry, FeedEntry) else [],
        capture=document.capture,
        captured_at=document.captured_at,
    )
    for name in ("datePublished", "dateModified"):
        found = getattr(statement, f"{name}_found")
        instant, precision = read_date(found, rules, document.captured_at)
        if instant is not None:
            setattr(statement, name, instant)
            setattr(statement, f"{name}_precision", precision)
    return statement


def read_date(found: str, rules: Rules, captured_at: datetime | None) -> tuple[datetime | None, Precision | None]:
    """Return an instant and what of it is believed; None for both where the text is not a date.

    Midnight to the second is how software writes a day, and a time without an offset says nothing if the zone is
    not known; of both only the day counts.
    """
    if not found or captured_at is None:
        return None, None
    try:
        stated = parse_date(found, zone=rules.post.zone, captured_at=captured_at)
        elsewhere = parse_date(found, zone=_ELSEWHERE, captured_at=captured_at)
    except DateRefused:
        return None, None
    if stated.precision is Precision.DAY:
        return stated.instant, stated.precision
    has_offset = elsewhere.instant == stated.instant
    is_midnight = stated.instant.astimezone(UTC).time() == time() if has_offset else stated.instant.time() == time()
    if is_midnight or (not has_offset and rules.known_zone is None):
        day = (stated.instant.astimezone(UTC) if has_offset else stated.instant).date()
        return datetime.combine(day, time(), rules.post.zone), Precision.DAY
    return stated.instant, stated.precision
