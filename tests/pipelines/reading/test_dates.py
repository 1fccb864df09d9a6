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
