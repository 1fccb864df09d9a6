"""A simulated month of hourly crawls, decided by the code of the spiders; `python -m benchmarks.year` does a year."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from benchmarks.year import Year

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.long


def test_every_article_that_was_there_for_a_day_is_archived_once(
    memory_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In 25 days the site refuses everything for ten and all articles for ten, and its lists are down for 20 hours."""
    caplog.set_level(logging.CRITICAL)
    report = Year(memory_path, articles=1_000, days=25).run()
    assert report.reachable > 900
    assert report.missed == 0
    assert report.twice == 0
    assert report.posts == report.archived
    assert report.too_soon == 0
    # While all articles are refused, two requests an hour ask whether they still are; a year has more articles a spell.
    probes = 2 * 240
    assert report.article_requests - probes <= 1.3 * report.archived
    assert report.other_requests < 3 * report.hours
