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


@pytest.mark.parametrize(
    "rules",
    ["[links]\n[discovery]", "[links]\narticle = ['/port[^/]+/2026/']", "[links]\narticle = ['/2026/']\n[discovery]"],
    ids=["no rule", "rule", "rule and discovery"],
)
def test_two_spellings_of_an_address_are_one_article_with_one_address(rules: str) -> None:
    """Which of them a crawl requests depends on which it meets first."""
    site = 'name = "lamp"\ntimezone = "UTC"\nseeds = ["http://lamp.example/"]\nscope = ["http://lamp.example/"]\n'
    source = load_source(site + rules, path="lamp.toml")
    prose = "<p>The ferry across the sound will not sail before spring, the office said.</p>" * 9
    body = f"<article><h1>The ferry stops</h1><time datetime='2026-03-04T10:00:00Z'></time>{prose}</article>"
    spellings = [f"http://lamp.example/{port}/2026/03/04/the-ferry-stops" for port in ("port(east)", "port%28east%29")]
    one, other = (read(build_document("", body, url), source).statements[0] for url in spellings)
    assert (one.identifier, one.url) == (other.identifier, other.url)
    assert one.url == spellings[0]
