"""The run manifest: a JSON record of a run, in the collection's `runs/`."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import scrapy

from archives.storage.files import hash_file, write_file
from pipelines.examples import STAT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_SETTINGS = (
    "ARCHIVE_MODE",
    "ARCHIVE_MASK_SECRETS",
    "AUTOTHROTTLE_ENABLED",
    "CONCURRENT_REQUESTS",
    "DOWNLOAD_DELAY",
    "DOWNLOAD_MAXSIZE",
    "DOWNLOAD_TIMEOUT",
    "ROBOTSTXT_OBEY",
    "USER_AGENT",
)


def build_manifest(
    crawler: Crawler,
    *,
    run_id: str,
    crawl: str | None,
    began_at: datetime,
    exit_reason: str | None,
    files: list[Path],
) -> dict[str, Any]:
    """Describe a run.

    Args:
        run_id: names the manifest's file.
        crawl: what the run is a part of, where several workers share a crawl.
        began_at: aware UTC.
        exit_reason: None while the run is in progress.
        files: closed WARC files that the run made.
    """
    spider, stats = crawler.spider, crawler.stats
    assert spider is not None
    source = getattr(spider, "source", None)
    return {
        "run": run_id,
        "crawl": crawl,
        "spider": spider.name,
        "source": source.name if source else None,
        "source_sha256": hashlib.sha256(source.definition.encode()).hexdigest() if source else None,
        "collection": crawler.settings["COLLECTION"],
        "seeds": list(getattr(spider, "seeds", ())),
        "versions": {"newsreel": crawler.settings["NEWSREEL_VERSION"], "scrapy": scrapy.__version__},
        "settings": {name: crawler.settings.get(name) for name in _SETTINGS},
        "began_at": began_at.isoformat(),
        "ended_at": datetime.now(UTC).isoformat() if exit_reason else None,
        "exit_reason": exit_reason,
        "counts": list_counts(stats.get_stats()),
        "examples": stats.get_value(STAT, {}),
        "files": [{"name": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)} for path in files],
    }


def list_counts(stats: Mapping[str, Any]) -> dict[str, int | str]:
    """Return what a manifest tells of a run's statistics."""
    return {
        name: value
        for name, value in sorted(stats.items())
        if isinstance(value, (int, str)) and not name.startswith("memusage/")
    }


def remove_examples(runs_dir: Path, is_gone: Callable[[str], bool]) -> None:
    """Take addresses out of the examples of all manifests in a folder."""
    for path in sorted(runs_dir.glob("*.json")):
        try:
            manifest = json.loads(path.read_text("utf-8"))
        except ValueError:
            logger.warning("%s is damaged and stays as it is; delete it if it may hold an erased address", path)
            continue
        has_changed = False
        for part in (manifest, *manifest.get("workers", ())):
            examples = part.get("examples", {})
            kept = {
                name: left for name, urls in examples.items() if (left := [url for url in urls if not is_gone(url)])
            }
            if kept != examples:
                part["examples"], has_changed = kept, True
        if has_changed:
            write_manifest(path, manifest)


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest whole or not at all."""
    write_file(path, json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n")
