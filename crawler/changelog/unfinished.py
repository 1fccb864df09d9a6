"""Unfinished runs: their captures may still become posts, so no cursor may pass their beginning."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from archives.urls import format_timestamp
from crawler.runs.crawl_manifest import is_joint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.storage.collection import Collection


def iter_unfinished(collection: Collection, since: str) -> Iterator[str]:
    """Yield when each run began that has not ended, of those that began at an instant or later."""
    # Names begin with the second in which the run began, so that nothing older has to be opened.
    least = format_timestamp(datetime.fromisoformat(since)) if since else ""
    for path in collection.runs_dir.glob("*.json"):
        if path.name < least:
            continue
        try:
            manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        # Of a shared crawl each worker that has captures here left its own manifest.
        if not manifest.get("ended_at") and not is_joint(manifest):
            yield dump_instant(datetime.fromisoformat(manifest["began_at"]))


def dump_instant(instant: datetime) -> str:
    """Return an instant as the log writes it: equal lengths sort by time."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
