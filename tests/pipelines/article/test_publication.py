"""Which of all the days that a page names is that of its article."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from pipelines.article.article import read_article
from pipelines.page.page import Page

PROSE = "".join(
    f"<p>The council has met for the {n}th time about the old bridge, and nobody could say what it will cost.</p>"
    for n in range(4, 9)
)
HEADLINE = "<h1>The old bridge stays closed until the summer</h1>"
LINKS = f"<ul>{'<li>A link to somewhere</li>' * 70}</ul>"
CAPTURED = datetime(2026, 3, 20, 12, tzinfo=UTC)


def find_day(body: str, head: str = "") -> date | None:
    page = Page(f"<html lang=en><head><title>The old bridge</title>{head}</head><body>{body}</body></html>")
    return read_article(page, captured_at=CAPTURED).datePublished_day


def say_to_machines(day: str) -> str:
    said = {"@type": "NewsArticle", "headline": "The old bridge stays closed until the summer", "datePublished": day}
    return f'<script type="application/ld+json">{json.dumps(said)}</script>'


@pytest.mark.parametrize(
    "body",
    [
        # The footer of the article is not that of the site.
        f"<article>{HEADLINE}{PROSE}<footer><time datetime='2025-08-12'>12 August 2025</time></footer></article>",
        f"<div>{HEADLINE}{PROSE}</div><footer class='article-footer'><time datetime='2025-08-12'>Tue</time></footer>",
        # A label of its own, in a column beside the article.
        f"<main>{HEADLINE}{PROSE}</main><aside><h3>Published</h3><p>12 August 2025</p></aside>",
        f"<main>{HEADLINE}{PROSE}</main><div id='sidebar'><dl><dt>Veröffentlicht</dt><dd>12 Aug 2025</dd></dl></div>",
        # The class of what holds all speaks of a column.
        f"<div class='page sidebar-mode-single'>{HEADLINE}<div class='date'>August 12, 2025</div>{PROSE}</div>",
        # The headline is no heading.
        f"<div class='big'>The old bridge</div><p>By A. Mason</p><p>August 12, 2025</p>{PROSE}",
        # One day, alone, somewhere.
        f"{HEADLINE}{PROSE}{LINKS}<small>August 12, 2025</small>",
    ],
)
def test_a_day_is_found_wherever_the_article_says_it(body: str) -> None:
    assert find_day(body) == date(2025, 8, 12)


@pytest.mark.parametrize(
    "body",
    [
        # Of other articles, of comments, of the site.
        f"{HEADLINE}{PROSE}<div class='related'><h4>Published</h4><p>12 August 2025</p></div>",
        f"{HEADLINE}{PROSE}<div class='comments'><p>12 August 2025</p></div>",
        f"{HEADLINE}{PROSE}<footer><p>12 August 2025</p></footer>",
        f"{HEADLINE}{PROSE}{LINKS}<div><p>August 12, 2025</p><p>August 13, 2025</p></div>",
        # The day of the capture, as a site prints it for readers.
        f"<div>March 20, 2026</div>{'<p>Menu</p>' * 6}{HEADLINE}{PROSE}",
    ],
)
def test_a_day_of_something_else_dates_nothing(body: str) -> None:
    assert find_day(body) is None


@pytest.mark.parametrize(
    ("said", "shown", "expected"),
    [
        # Published again, with the whole site; nothing is changed before it is published.
        ("2025-11-20T16:02:46Z", "<div>May 14, 2025</div>", date(2025, 5, 14)),
        ("2025-11-20", "<p>Published <span>May 14, 2025</span></p><p>Updated November 20, 2025</p>", date(2025, 5, 14)),
        # A change is later.
        ("2025-05-14", "<div>November 20, 2025</div>", date(2025, 5, 14)),
        ("2025-11-20", "<div>Updated May 14, 2025</div>", date(2025, 11, 20)),
        # The clock of the server is not that of the desk.
        ("2025-05-15T03:00:00Z", "<div>May 14, 2025</div>", date(2025, 5, 15)),
        # A day in a sentence, and two days.
        ("2025-11-20", "<p>The market of May 14, 2025, with all its stalls</p>", date(2025, 11, 20)),
        ("2025-11-20", "<p>May 14, 2025</p><p>June 1, 2025</p>", date(2025, 11, 20)),
    ],
)
def test_an_earlier_day_below_the_headline_is_that_of_publication(said: str, shown: str, expected: date) -> None:
    assert find_day(f"{HEADLINE}{shown}{PROSE}", say_to_machines(said)) == expected


def test_two_statements_for_machines_that_agree_are_believed() -> None:
    head = say_to_machines("2025-11-20") + '<meta property="article:published_time" content="2025-11-20T08:00:00Z">'
    assert find_day(f"{HEADLINE}<div>May 14, 2025</div>{PROSE}", head) == date(2025, 11, 20)
