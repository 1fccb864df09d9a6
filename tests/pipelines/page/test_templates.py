"""The fingerprint of a template depends on what stands around an article, and on nothing of the article."""

from __future__ import annotations

import pytest

from pipelines.page.page import Page
from pipelines.page.templates import fingerprint

PAGE = """<html class="js"><body class="post-7 category-politics"><header><p>Lamp</p></header>
<main class="main wide"><article class="post-7 type-news css-1x9k2"><h1 class="headline">Ferry stops</h1>
<div class="story Story_text__a8Fz2" id="t7"><p>One.</p><p>Two.</p><p>Three.</p></div></article></main></body></html>"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Ferry stops", "Bridge opens"),
        ("<p>Two.</p>", "<p>Two.</p><p>More.</p><ul><li>And</li></ul>"),
        ("post-7 category-politics", "post-8 category-sports"),
        ('class="post-7 type-news css-1x9k2"', 'class="post-8 type-news css-77abc"'),
        ("Story_text__a8Fz2", "Story_text__b2Qq9"),
        ("main wide", "wide main"),
        ("<header><p>Lamp</p></header>", "<header><p>Lamp</p><div class='cookie-layer'><p>OK?</p></div></header>"),
    ],
)
def test_articles_of_one_template_share_it(before: str, after: str) -> None:
    assert before in PAGE
    assert fingerprint(Page(PAGE.replace(before, after))) == fingerprint(Page(PAGE))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('class="headline"', 'class="title"'),
        ('class="story ', 'class="text '),
        ("<main", "<section"),
        ("<p>One.", "<p>One.</p></div><div class=new><p>A.</p><p>B.</p><p>C.</p><p>D.</p><p>E."),
        ("<header>", "<header><h1>Lamp</h1>"),
    ],
)
def test_a_redesign_changes_it(before: str, after: str) -> None:
    assert fingerprint(Page(PAGE.replace(before, after))) != fingerprint(Page(PAGE))


def test_a_page_without_headline_and_text_has_none() -> None:
    assert fingerprint(Page("<div>Loading</div>")) == ""
