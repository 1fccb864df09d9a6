"""Exit codes of a crawl; Scrapy alone would exit with 0 in almost every case."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from crawler.runs.run import STAT_FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExitCode(IntEnum):
    """What a crawl's process says when it ends."""

    OK = 0
    PROBLEMS = 1
    USAGE = 2
    OUT_OF_SPACE = 3
    INTERRUPTED = 11
    TIME_LIMIT = 15


_BY_REASON: Final = {
    "shutdown": ExitCode.INTERRUPTED,
    "closespider_timeout": ExitCode.TIME_LIMIT,
    "closespider_errorcount": ExitCode.PROBLEMS,
    "memusage_exceeded": ExitCode.PROBLEMS,
    "start_error": ExitCode.PROBLEMS,
}


def find_exit_code(stats: Mapping[str, Any], *, has_pages: bool, is_silent: bool = False) -> ExitCode:
    """Return how a run ended.

    Args:
        has_pages: the spider counts the pages that it reads, as ours do; of others every response counts.
        is_silent: it was asked for articles and found none.
    """
    if stats.get(STAT_FAILED):
        return ExitCode.OUT_OF_SPACE
    if found := _BY_REASON.get(stats.get("finish_reason", "")):
        return found
    if not (count_pages(stats) if has_pages else stats.get("response_received_count", 0)):
        return ExitCode.PROBLEMS
    return ExitCode.PROBLEMS if is_silent or stats.get("spider_exceptions/count") else ExitCode.OK


def count_pages(stats: Mapping[str, Any]) -> int:
    """Return how many pages a spider of ours has read."""
    return sum(value for name, value in stats.items() if name.startswith("pages/") and "failed" not in name)


def explain_early_end(stats: Mapping[str, Any]) -> str:
    """Return one sentence on a run that its limit of responses ended before it read a page, or ''."""
    if count_pages(stats) or not str(stats.get("finish_reason", "")).startswith("closespider_pagecount"):
        return ""
    return "CLOSESPIDER_PAGECOUNT ended the run before it read a page; robots.txt and sitemaps count, too: allow more"
