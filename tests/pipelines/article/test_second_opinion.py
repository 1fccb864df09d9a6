"""Where our own finding is doubtful: who else is asked, and whom we believe."""

from __future__ import annotations

import json

import pytest

from pipelines.article import second_opinion
from pipelines.article.article import Article, read_article
from pipelines.page.page import Page

HEADLINE = "Bridge over the river opens"
STORY = [
    "The bridge over the river was opened on Monday, two years later than planned and at twice the cost.",
    "Thousands came to cross it on foot, among them the mayor, who had promised it in his first campaign.",
    "From Tuesday on it belongs to the trams; cars, the council decided, will have to take the old road.",
]
MARKUP = "".join(f"<p>{text}</p>" for text in STORY)
SHELL = (
    f"<html><head><title>{HEADLINE}</title></head><body><nav><a href='/'>Home</a></nav><div id='root'></div>%s</body>"
)
OTHER = {
    "title": "Old road closed",
    "body": [f"The old road will be closed from {n} May for a week." for n in range(3)],
}


def read(text: str) -> Article:
    return read_article(Page(text, "https://paper.example/news/bridge"), captured_at=None)


def as_data(value: object) -> str:
    return SHELL % f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(value)}</script>'


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(as_data({"props": {"story": {"title": HEADLINE, "text": MARKUP}, "next": [OTHER]}}), id="markup"),
        pytest.param(
            as_data({"a": {"headline": HEADLINE, "blocks": [{"type": "p", "data": {"t": text}} for text in STORY]}}),
            id="blocks",
        ),
        pytest.param(
            as_data(
                {
                    "a": {
                        "headline": HEADLINE,
                        "doc": {
                            "type": "doc",
                            "content": [
                                {
                                    "type": "paragraph",
                                    "content": [
                                        {"type": "text", "text": text[:30]},
                                        {"type": "text", "marks": [{"type": "bold"}], "text": text[30:]},
                                    ],
                                }
                                for text in STORY
                            ],
                        },
                    }
                }
            ),
            id="rich text",
        ),
        pytest.param(
            SHELL
            % f"<script>window.__STATE__ = {json.dumps({'post': {'title': HEADLINE, 'paragraphs': STORY}})};</script>",
            id="assigned",
        ),
        pytest.param(
            SHELL
            % f"<script>window.state = JSON.parse({json.dumps(json.dumps({'x': [OTHER], 'body': STORY}))})</script>",
            id="in a string",
        ),
        pytest.param(
            SHELL
            % "".join(
                f"<script>self.__next_f.push({json.dumps([1, part])});{' ' * 300}</script>"
                for part in (MARKUP[:100], MARKUP[100:])
            ),
            id="pushed in pieces",
        ),
        pytest.param(
            SHELL % f"<div id=app data-page='{json.dumps({'story': {'title': HEADLINE, 'text': MARKUP}})}'></div>",
            id="in an attribute",
        ),
        pytest.param(
            SHELL
            % f"<astro-island props='{json.dumps({'title': [0, HEADLINE], 'text': [0, MARKUP]})}'></astro-island>",
            id="in the attribute of an island",
        ),
    ],
)
def test_data_that_a_script_draws_the_page_from_is_read(page: str) -> None:
    article = read(page)
    assert article.body_text.split("\n") == STORY
    assert article.evidence["body"] == "script:data"


def test_what_the_page_shows_outranks_its_data() -> None:
    data = json.dumps({"title": "Old road closed", "body": [OTHER["body"] * 9]})
    page = f"<h1>{HEADLINE}</h1><div>{MARKUP}</div><script type='application/json'>{data}</script>"
    article = read(page)
    assert article.body_text.split("\n") == STORY
    assert article.evidence["body"] == "mainbody"


def test_a_declarative_shadow_root_is_read() -> None:
    template = f"<x-story><template shadowrootmode=open><h1>{HEADLINE}</h1>{MARKUP}</template></x-story>"
    article = read(SHELL % template)
    assert article.body_text.split("\n") == STORY
    assert article.headline == HEADLINE


def test_parts_that_a_server_streams_stand_where_its_scripts_put_them() -> None:
    first, second, third = (f"<p>{text}</p>" for text in STORY)
    page = (
        f'<h1>{HEADLINE}</h1><div>{first}<template id="B:0"></template></div><div hidden id="S:0">{second}'
        f'<template id="P:1"></template></div><div hidden id="S:1">{third}</div>'
        f'<div hidden id="S:2">{OTHER["body"]}</div>'
        "<script>$RS('S:1','P:1');$RC(\"B:0\",\"S:0\")</script>"
    )
    assert read(SHELL % page).body_text.split("\n") == STORY


def test_another_method_is_asked_where_ours_leaves_most_of_a_page() -> None:
    parts = "".join(f"<section><h2>Part {n}</h2><ul><li>{text}</li></ul></section>" for n, text in enumerate(STORY * 2))
    links = "".join(f"<li><a href='/{n}'>Why number {n} matters more than all</a></li>" for n in range(3))
    page = f"<h1>{HEADLINE}</h1><article><div>{STORY[0]}</div></article><div class='x'>{parts}<ul>{links}</ul></div>"
    text = f"<html><body>{page}</body></html>"
    article = read(text)
    assert all(part in article.body_text for part in STORY)
    assert article.evidence["body"] == "trafilatura"


def test_no_other_method_is_asked_where_a_flash_says_what_its_headline_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "_ask_trafilatura", lambda *_: pytest.fail("trafilatura was asked"))
    flash = " ".join(STORY[:2])
    others = "".join(f"<div class=entry><h3><a href=/x>More</a></h3><p>{text}</p></div>" for text in OTHER["body"] * 2)
    article = read(f"<html><body><article><h1>{HEADLINE}</h1><p>{flash}</p></article><div>{others}</div></body></html>")
    assert article.body_text == flash
    assert article.evidence["body"] == "mainbody"


def test_trafilatura_gives_markup_that_we_settle() -> None:
    text = f"<html><body><article><h1>{HEADLINE}</h1>{MARKUP}</article></body></html>"
    asked = second_opinion._ask_trafilatura(Page(text, "https://paper.example/news/bridge"), HEADLINE)
    assert all(part in asked.text for part in STORY)


@pytest.mark.parametrize(
    "body", ["", "<div></div>", "<script>{</script>", '<script type="application/json">[[[</script>']
)
def test_a_page_without_an_article_has_none(body: str) -> None:
    assert read(SHELL % body).body_text == ""
