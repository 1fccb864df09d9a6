"""Exit codes: what a run's statistics say of how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crawler.monitoring.exits import ExitCode, explain_early_end, find_exit_code
from crawler.scheduling.run_outcome import Status, judge
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

WELL = {"finish_reason": "finished", "pages/article": 3, "response_received_count": 4}


@pytest.mark.parametrize(
    ("stats", "code"),
    [
        ({}, ExitCode.OK),
        ({"pages/failed/article": 2}, ExitCode.OK),
        ({"finish_reason": "closespider_itemcount"}, ExitCode.OK),
        ({"spider_exceptions/count": 1}, ExitCode.PROBLEMS),
        ({"finish_reason": "start_error"}, ExitCode.PROBLEMS),
        ({"finish_reason": "memusage_exceeded"}, ExitCode.PROBLEMS),
        ({"finish_reason": "closespider_errorcount"}, ExitCode.PROBLEMS),
        ({"archive/write_failed": 1, "finish_reason": "storage_failed"}, ExitCode.OUT_OF_SPACE),
        ({"archive/write_failed": 1, "finish_reason": "shutdown"}, ExitCode.OUT_OF_SPACE),
        ({"finish_reason": "shutdown"}, ExitCode.INTERRUPTED),
        ({"finish_reason": "shutdown", "pages/article": 0}, ExitCode.INTERRUPTED),
        ({"finish_reason": "closespider_timeout"}, ExitCode.TIME_LIMIT),
        ({"pages/article": 0, "pages/failed/article": 7}, ExitCode.PROBLEMS),
    ],
)
def test_a_run_ends_with_one_code(stats: Mapping[str, Any], code: ExitCode) -> None:
    assert find_exit_code(WELL | dict(stats), has_pages=True) is code


def test_of_a_spider_that_counts_no_pages_every_response_counts() -> None:
    assert find_exit_code({"response_received_count": 1}, has_pages=False) is ExitCode.OK
    assert find_exit_code({"response_received_count": 1}, has_pages=True) is ExitCode.PROBLEMS
    assert find_exit_code({}, has_pages=False) is ExitCode.PROBLEMS


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ExitCode.OK, Status.OK),
        (ExitCode.PROBLEMS, Status.FAILED),
        (ExitCode.OUT_OF_SPACE, Status.FAILED),
        (ExitCode.INTERRUPTED, Status.INTERRUPTED),
        (ExitCode.TIME_LIMIT, Status.TIME_LIMIT),
    ],
)
def test_the_schedule_understands_every_code(code: ExitCode, status: Status) -> None:
    assert judge(None, exit_code=code, stopped_for=None) is status


def test_every_code_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8").partition("## Exit codes")[2]
    assert [code for code in ExitCode if code > ExitCode.USAGE and f"| {code.value} |" not in text] == []
    assert "| command | 0 | 1 | 2 |" in text


def test_a_run_that_a_limit_ended_before_it_read_a_page_says_so() -> None:
    cut = {"finish_reason": "closespider_pagecount", "response_received_count": 2}
    assert "CLOSESPIDER_PAGECOUNT ended the run before it read a page" in explain_early_end(cut)
    assert explain_early_end(cut | {"pages/category": 1}) == ""
    assert explain_early_end({"finish_reason": "finished"}) == ""
