"""What answers at an address where a rule of the source says that an article is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crawler.sources import load_source
from pipelines.page.classes import IN_PLACE
from pipelines.reading.read import read
from tests.pipelines.reading.lamp import NUMBERED, RULES, build_document, read_page

LINKS = "".join(f'<li><a href="/{n}">The lighthouse was painted for the {n}th time</a></li>' for n in range(8))


@pytest.mark.parametrize(
    "body",
    [
        "Forbidden",
        "OK",
        "null",
        "{}",
        '{"error": "rate limited"}',
        "%PDF-1.7",
        "GIF89a",
        f"<html><ul>{LINKS}</ul></html>",
    ],
)
@pytest.mark.parametrize("rules", [RULES, RULES.replace("fallback = false", "")], ids=["rules alone", "rules"])
def test_neither_data_nor_a_word_nor_a_list_states_anything_of_an_article(body: str, rules: str) -> None:
    document = replace(build_document("", "", NUMBERED), body=body.encode())
    reading = read(document, load_source(rules, path="lamp.toml"))
    assert reading.statements == ()
    assert reading.page_class in IN_PLACE


def test_a_page_on_which_the_rules_find_nothing_is_still_an_article() -> None:
    """Otherwise an outdated rule would not be noticed."""
    prose = "<p>The ferry across the sound will not sail before spring, the office said.</p>" * 9
    assert len(read_page("", f"<h3>The ferry stops</h3><section>{prose}</section>", url=NUMBERED).statements) == 1


@pytest.mark.parametrize("as_article", [True, False])
@pytest.mark.parametrize("links", ["[links]", "[links]\narticle = ['/port[^/]+/2026/']"], ids=["no rule", "rule"])
def test_two_spellings_of_an_address_are_one_article_with_one_address(links: str, *, as_article: bool) -> None:
    """Which of them a crawl asks for is by chance, so that nothing may depend on it."""
    site = '"http://lamp.example/"'
    rules = load_source(
        f'name = "lamp"\ntimezone = "UTC"\nseeds = [{site}]\nscope = [{site}]\n{links}\n[discovery]\n', path="lamp.toml"
    )
    prose = "<p>The ferry across the sound will not sail before spring, the office said.</p>" * 9
    body = f"<article><h1>The ferry stops</h1><time datetime='2026-03-04T10:00:00Z'></time>{prose}</article>"
    spellings = [f"http://lamp.example/{port}/2026/03/04/the-ferry-stops" for port in ("port(east)", "port%28east%29")]
    documents = [build_document("", body, url) for url in spellings]
    one, other = (read(document, rules, as_article=as_article).statements[0] for document in documents)
    assert (one.identifier, one.url) == (other.identifier, other.url)
    assert one.url == spellings[0]
