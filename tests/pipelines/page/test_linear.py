"""Reading an article takes time in proportion to its page: four times the page, about four times the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pipelines.article.article import read_article
from pipelines.page.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable

PROSE = "<p>The ferry came in at noon, and nobody was surprised, least of all the gulls, who had seen it.</p>"
START = f"<h1>A ferry comes in at noon</h1>{PROSE * 5}"

SHAPES: dict[str, Callable[[int], str]] = {
    "links in a row": lambda n: (
        START + "<div>" + "<a href=/x>a link that is long enough</a><br>" * n + "<p>x</p></div>"
    ),
    "links between blocks": lambda n: START + "<a href=/x>a link that is long enough</a>" * n + "<p>x</p>",
    "announcements": lambda n: START + "<p>Related</p>" * n + PROSE * 50,
    "announcements between prose": lambda n: START + f"<div>Related articles</div>{PROSE}" * n + PROSE * 50,
    "comments": lambda n: START + "<p>" + "a word or two <!-- x -->" * (4 * n) + "</p>",
    "hidden": lambda n: START + "<p>" + "a word or two <i hidden>x</i>" * (2 * n) + "</p>" + PROSE * n,
    "bad dates": lambda n: START + "".join(f"<time>2026-13-{number}</time>" for number in range(n)),
    "elements behind the headline": lambda n: "<h1>A ferry comes in</h1>" + "<b>x</b>" * (4 * n) + PROSE,
    "entries": lambda n: START + "<ul class=related>" + f"<li>{PROSE}<a href=/x>more</a></li>" * n + "</ul>",
}


def measure(build: Callable[[int], str], size: int) -> float:
    page = f"<html><head></head><body>{build(size)}</body></html>"
    times = []
    for _ in range(2):
        began = time.process_time()
        read_article(Page(page, "http://a.example/x.html"), captured_at=datetime(2026, 1, 3, tzinfo=UTC))
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("name", SHAPES)
def test_four_times_the_page_takes_no_more_than_seven_times_the_time(name: str) -> None:
    """Sixteen times would be the square."""
    small, large = measure(SHAPES[name], 700), measure(SHAPES[name], 2800)
    assert large < 7 * small + 0.05
