"""The short ways of following links lead where the long ones do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from crawler.sources import load_source
from crawler.spiders.category import CategorySpider
from pipelines.page.addresses import iter_links, join_url

SOURCE = """
name = "paper"
title = "The Paper"
timezone = "UTC"
scope = ["//paper.example/"]
seeds = ["http://paper.example/"]
"""
BASES = [
    "http://paper.example/a/b.html",
    "https://Paper.example:8443/c?d=e",
    "http://user@paper.example/f/../g",
    "http://127.0.0.1:80/",
    "http://新闻.example/h",
    "https://paper.example",
]
SEGMENTS = st.text("aZ0-_.~ %é", min_size=1, max_size=4)
HREFS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "/", "//", "/./", "/../", "http://paper.example/"]),
    st.lists(SEGMENTS, max_size=4).map("/".join),
    st.sampled_from(["", "/"]),
    st.sampled_from(["", "?", "?a=1&b=2", "?a=b c", "#part"]),
)


@given(st.sampled_from(BASES), HREFS)
def test_a_plain_link_becomes_what_joining_makes_of_it(base_url: str, href: str) -> None:
    page = html.Element("div")
    page.append(html.Element("a", href=href))
    wanted = join_url(base_url, href)
    assert list(iter_links(page, base_url)) == ([wanted] if wanted else [])


def test_a_link_is_judged_again_only_on_a_page_nearer_to_the_seeds() -> None:
    """So that a depth limit takes no page away that a shorter way leads to."""
    spider = CategorySpider(load_source(SOURCE, path="paper.toml"))
    url = "http://paper.example/x"
    assert [spider.is_nearest(url, depth) for depth in (3, 3, 4, 2, 3, 0)] == [True, False, False, True, False, True]
