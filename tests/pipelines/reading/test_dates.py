"""The date of the last change, as a page states it."""

from __future__ import annotations

import pytest

from tests.pipelines.reading.lamp import RULES, TITLE, read_page


@pytest.mark.parametrize(
    "head",
    [
        '<meta property="article:modified_time" content="2026-03-09T10:00:00Z">',
        '<script type="application/ld+json">{"@type": "NewsArticle", "dateModified": "2026-03-09T10:00:00Z"}</script>',
    ],
)
def test_the_date_of_change_that_a_page_states_is_read_without_a_rule(head: str) -> None:
    text = "<p>No ferry will cross the sound before spring, the office said.</p>"
    body = f"<h1>{TITLE}</h1><time datetime='2026-03-08T09:00Z'></time><div class='text'>{text}</div>"
    found = RULES.replace("fallback = false", "")
    assert read_page(head, body, rules=found).statements[0].dateModified_found == "2026-03-09T10:00:00Z"
    assert read_page(head, body).statements[0].dateModified_found == "", "the rules alone state this source's posts"
    assert read_page(head.replace("2026", "soon"), body, rules=found).statements[0].dateModified_found == ""


@pytest.mark.parametrize(
    ("stated", "found"), [("08:59:30", ""), ("09:00:02", ""), ("08:40:00", "2026-03-20T08:40:00Z")]
)
def test_the_time_at_which_a_page_was_sent_is_no_change(stated: str, found: str) -> None:
    head = f'<meta property="article:modified_time" content="2026-03-20T{stated}Z">'
    body = (
        f"<h1>{TITLE}</h1><time datetime='2026-03-08T09:00Z'></time><div class='text'><p>No ferry will cross.</p></div>"
    )
    rules = RULES.replace("fallback = false", "")
    assert read_page(head, body, rules=rules).statements[0].dateModified_found == found
