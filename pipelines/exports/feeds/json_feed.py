"""JSON Feed 1.1.

Spec: JSON Feed 1.1.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.exports.feeds.entries import Entry, FeedInfo


def build_json_feed(entries: list[Entry], info: FeedInfo) -> Iterator[str]:
    """Yield a feed, in one piece."""
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": info.title,
        "home_page_url": info.home,
        "feed_url": info.url,
    }
    if info.older:
        feed["next_url"] = info.older
    if info.hub:
        feed["hubs"] = [{"type": "WebSub", "url": info.hub}]
    feed["items"] = list(map(_build_item, entries))
    yield json.dumps(feed, ensure_ascii=False, indent=1) + "\n"


def _build_item(entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": entry.id,
        "title": entry.title,
        "content_html": entry.content,
        "summary": entry.summary,
        "date_published": entry.published.isoformat(),
        "date_modified": entry.updated.isoformat(),
        "authors": [{"name": name} for name in entry.authors],
        "tags": list(entry.categories),
    }
    if entry.url:
        item["url"] = entry.url
    if entry.language:
        item["language"] = entry.language
    return item
