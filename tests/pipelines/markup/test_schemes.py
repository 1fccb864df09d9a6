"""Addresses without a scheme get one where there is no page to take it from, and nothing else changes."""

from __future__ import annotations

import pytest

from pipelines.markup.schemes import complete_address, complete_addresses
from tests.pipelines.exports.samples import build_sample

PAGE = "https://news.example/a.html"
BODIES = [
    ('<a href="//h.example/p">x</a>', '<a href="https://h.example/p">x</a>'),
    ('<img src="//h.example/a.jpg" alt=", //b">', '<img src="https://h.example/a.jpg" alt=", //b">'),
    (
        '<img srcset="//h.example/a.jpg 1x, //h.example/b.jpg 2x">',
        '<img srcset="https://h.example/a.jpg 1x, https://h.example/b.jpg 2x">',
    ),
    ('<blockquote cite="//h.example/">x</blockquote>', '<blockquote cite="https://h.example/">x</blockquote>'),
    ('<p>he wrote href="//h.example/" there</p>', '<p>he wrote href="//h.example/" there</p>'),
    ('<a href="https://h.example//p">x</a>', '<a href="https://h.example//p">x</a>'),
]


@pytest.mark.parametrize(("found", "wanted"), BODIES)
def test_addresses_get_the_scheme_of_their_page(found: str, wanted: str) -> None:
    assert complete_addresses(found, PAGE) == wanted
    http = wanted if found == wanted else wanted.replace("https://h.example/", "http://h.example/")
    assert complete_addresses(found, "http://news.example/") == http
    assert complete_addresses(wanted, PAGE) == wanted


def test_a_record_holds_whole_addresses_while_the_post_keeps_what_was_found() -> None:
    record = build_sample(1, articleBody='<p><a href="//h.example/p">x</a></p>', shareLink="//h.example/s")
    assert record.articleBody == '<p><a href="http://h.example/p">x</a></p>', "its page is an http page"
    assert record.shareLink == "http://h.example/s"
    assert complete_address("/p") == "/p"
    assert complete_address("//h.example/p") == "https://h.example/p"
