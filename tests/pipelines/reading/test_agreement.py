"""Author and text are weighed against what else the page says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.posts.items import Post
from tests.pipelines.reading.lamp import RULES, TITLE
from tests.pipelines.reading.test_witnesses import PROSE, make

TOP = f"<h1>{TITLE}</h1><time datetime='2026-03-08T10:00Z'>8 March</time>"
BYLINE = '<p class="by">{}</p>'
SIGNED = RULES + 'author = "css:p.by"\n'.replace("css:", "")


def say(**stated: Any) -> str:
    return f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", **stated})}</script>'


def sign(name: str, head: str) -> Post:
    return make(head, TOP + BYLINE.format(name), rules=SIGNED)


@pytest.mark.parametrize(
    ("head", "confidence"),
    [
        ("", "medium"),
        (say(author={"name": "Jane Ferry"}), "high"),
        ('<meta name="author" content="jane ferry">', "high"),
        (say(author="Tom Lamp"), "low"),
        (say(author="Tom Lamp") + '<meta name="author" content="Jane Ferry">', "medium"),
        (say(author="Harbour News") + '<meta property="og:site_name" content="Harbour News">', "medium"),
        ('<meta name="author" content="编辑部">', "medium"),
    ],
)
def test_who_else_names_the_author(head: str, confidence: str) -> None:
    post = sign("Jane Ferry", head)
    assert (post.author, post.evidence["author"].confidence) == (["Jane Ferry"], confidence)


def test_the_name_of_the_site_gives_way_to_a_person() -> None:
    post = sign("The Daily Lamp", say(author=[{"name": "Jane Ferry"}]))
    assert (post.author, post.evidence["author"].place) == (["Jane Ferry"], "jsonld:author")
    assert post.evidence["author"].disagreeing == ("source: p.by: The Daily Lamp",)
    assert sign("The Daily Lamp", "").author == ["The Daily Lamp"], "there is nobody else"


OWN = " ".join(PROSE.replace("<p>", "").replace("</p>", " ").split()).partition(">")[2]


@pytest.mark.parametrize(
    ("head", "confidence"),
    [
        ("", "medium"),
        ('<meta name="description" content="The ferry across the sound will not sail">', "high"),
        ('<meta name="description" content="What we know about boats and their timetables.">', "medium"),
        (say(articleBody=OWN), "high"),
        (say(articleBody="The market hall opens again, and the baker sells bread. " * 9), "low"),
        (say(articleBody="Too short to contradict."), "medium"),
    ],
)
def test_what_else_the_page_says_of_the_text(head: str, confidence: str) -> None:
    assert make(head, TOP).evidence["articleBody"].confidence == confidence
