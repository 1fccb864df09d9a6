"""Decides which articles are not requested: older than a date, or unchanged by the sitemap."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.dates.parse import DateRefused, parse_date
from pipelines.discovery.address_shapes import find_date
from pipelines.discovery.sitemaps import find_month
from pipelines.rules.links import LinkKind, Reason

if TYPE_CHECKING:
    from crawler.runs.memory import CaptureMemory
    from pipelines.rules.links import Link

_ISO_DAY = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?(?!\d)")


def is_as_captured(link: Link, memory: CaptureMemory | None) -> bool:
    """Return whether a sitemap says that a page has not changed since it was captured. Spec: sitemaps.org, lastmod."""
    if link.reason is not Reason.SITEMAP or not link.dated or memory is None:
        return False
    changed_at, captured_at = find_instant(link.dated), memory.find_last_good(link.url)
    return changed_at is not None and captured_at is not None and changed_at < captured_at


def is_changed(link: Link, memory: CaptureMemory | None) -> bool:
    """Return whether a sitemap says that an archived article has changed since. Spec: sitemaps.org, lastmod."""
    changed_at = find_instant(link.dated) if link.reason is Reason.SITEMAP and link.dated else None
    return memory is not None and changed_at is not None and memory.is_changed(link.url, changed_at)


def is_too_old(link: Link, kind: LinkKind, since: date | None) -> bool:
    """Return whether an article is dated before a day, or a sitemap can hold none that is not."""
    if since is None or kind not in (LinkKind.ARTICLE, LinkKind.SITEMAP):
        return False
    if kind is LinkKind.SITEMAP and (month := find_month(link.url)):
        return month < (f"{since:%Y}-00" if month.endswith("-00") else f"{since:%Y-%m}")
    day = find_day(link.dated) or (find_date(link.url) if kind is LinkKind.ARTICLE else None)
    return day is not None and day < since


def find_instant(text: str) -> datetime | None:
    """Return the instant that a `lastmod` names, the end of a day where it names that, or None."""
    try:
        stated = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if len(text.strip()) <= len("2026-11-01"):
        stated += timedelta(days=1)
    return stated if stated.tzinfo else stated.replace(tzinfo=UTC) + timedelta(hours=12)


def find_day(text: str) -> date | None:
    """Return the day that a feed's or sitemap's date falls on, a month's last, or None."""
    if not text:
        return None
    iso = _ISO_DAY.match(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3] or 28))
        return parse_date(text, zone=UTC, captured_at=datetime.now(UTC)).instant.date()
    except (DateRefused, ValueError):
        return None
