"""Simulated hourly crawls, decided by the code of the spiders: a month, and with `NEWSREEL_WHOLE_YEAR` a year."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from benchmarks.year import Report, Year

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.long


def test_every_article_that_was_there_for_a_day_is_archived_once(
    memory_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In 25 days the site refuses everything for ten and all articles for ten, and its lists are down for 20 hours."""
    caplog.set_level(logging.CRITICAL)
    report = Year(memory_path, articles=400, days=25).run()
    check(report, reachable=350)
    # While all articles are refused, two requests an hour ask whether they still are; a year has more articles a spell.
    probes = 2 * 240
    assert report.article_requests - probes <= 1.3 * report.archived


@pytest.mark.skipif(not os.environ.get("NEWSREEL_WHOLE_YEAR"), reason="NEWSREEL_WHOLE_YEAR is not set: minutes of CPU")
def test_so_is_every_article_of_a_year(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    report = Year(tmp_path, articles=20_000, days=365).run()
    check(report, reachable=19_000)
    assert report.article_requests <= 1.3 * report.archived


def check(report: Report, *, reachable: int) -> None:
    assert report.reachable > reachable
    assert report.missed == 0
    assert report.twice == 0
    assert report.posts == report.archived
    assert report.too_soon == 0
    assert report.other_requests < 3.1 * report.hours
