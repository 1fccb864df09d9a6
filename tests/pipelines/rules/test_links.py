"""What a link leads to, which links a page has, and which may be fetched."""

from __future__ import annotations

import html

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.page.addresses import iter_links, join_url
from pipelines.page.page import Page
from pipelines.rules.links import LinkKind, Scope, compile_rules, unwrap_share

RULES = compile_rules(
    {
        LinkKind.ARTICLE: [r"/\d{4}/(?P<id>\w+)\.html$"],
        LinkKind.CATEGORY: [r"/category/[^/]+\.html$"],
        LinkKind.SHARE: [r"/share\?code=(?P<id>\w+)"],
    }
)


@pytest.mark.parametrize(
    ("url", "kind", "identifier"),
    [
        ("http://x/2026/N1.html", LinkKind.ARTICLE, "N1"),
        ("http://x/category/Career%20In.html", LinkKind.CATEGORY, ""),
        ("http://x/share?code=N1", LinkKind.SHARE, "N1"),
        ("http://x/about.html", LinkKind.OTHER, ""),
    ],
)
def test_kinds(url: str, kind: LinkKind, identifier: str) -> None:
    assert RULES.find_match(url) == (kind, identifier)


def test_a_share_link_is_unwrapped_without_fetching_it() -> None:
    assert unwrap_share(RULES, "http://api/text?id={id}", "http://x/share?code=N1") == "http://api/text?id=N1"
    assert unwrap_share(RULES, "http://api/text?id={id}", "http://x/2026/N1.html") == ""


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("b.html", "http://x/a/b.html"),
        ("//y.example/c", "http://y.example/c"),
        ("/category/Career In touxingPEVC.html", "http://x/category/Career%20In%20touxingPEVC.html"),
        ("/category/anxin(xianggang).html", "http://x/category/anxin(xianggang).html"),
        ("/标签", "http://x/%E6%A0%87%E7%AD%BE"),
        (" /a#part ", "http://x/a"),
        ("\\b\\c?d=\\e", "http://x/b/c?d=%5Ce"),
        ("#part", ""),
        ("JavaScript:alert(1)", ""),
        ("mailto:desk@x", ""),
        ("http://[broken", ""),
    ],
)
def test_links_become_absolute_as_a_browser_makes_them(href: str, url: str) -> None:
    assert join_url("http://x/a/", href) == url


def list_links(text: str) -> list[str]:
    page = Page(text, "http://x/")
    return list(iter_links(page.root, page.base_url))


def test_a_page_gives_each_link_once_in_order_and_respects_its_base() -> None:
    page = '<base href="http://y/"><a href="1">a</a><a href="1">b</a><link rel=next href="2"><area href="3"><a>c</a>'
    assert list_links(page) == ["http://y/1", "http://y/2", "http://y/3"]


@example("http://y.example/a/b?c=d")
@example("//y.example/a")
@example("//y.example/a/../b")
@example("http://y.example/a.b/./c")
@given(st.text(alphabet="htps:/.abA0-_?=&#%~ ", max_size=30))
def test_the_short_way_to_an_address_leads_where_the_long_one_does(href: str) -> None:
    page = Page(f'<a href="{html.escape(href)}">a</a>', "http://x.example/a/b.html")
    joined = join_url("http://x.example/a/b.html", href)
    assert list(iter_links(page.root, page.base_url)) == ([joined] if joined else [])


@pytest.mark.parametrize("page", ["", " \n", "\x00", "<", "plain text"])
def test_what_is_no_page_has_no_links(page: str) -> None:
    assert list_links(page) == []


@pytest.mark.parametrize(
    ("prefix", "url", "admitted"),
    [
        ("//news.example/", "https://news.example/a", True),
        ("http://news.example/", "https://news.example/a", False),
        ("//news.example/", "http://NEWS.example/a", True),
        ("//news.example/", "http://news.example.evil.example/", False),
        ("//news.example/", "http://evil.example/news.example/", False),
        ("//news.example/", "http://news.example@evil.example/", False),
        ("//news.example/", "http://user@news.example/", False),
        ("//.news.example/", "http://m.news.example/", True),
        ("//.news.example/", "http://news.example/", True),
        ("//.news.example/", "http://badnews.example/", False),
        ("//news.example/cn/", "http://news.example/en/", False),
        ("//news.example/cn/", "http://news.example/robots.txt", True),
        ("//news.example:8080/", "http://news.example/", False),
        ("//news.example/", "ftp://news.example/", False),
        ("//news.example", "http://news.example", True),
    ],
)
def test_scope(prefix: str, url: str, admitted: bool) -> None:
    assert Scope(prefixes=(prefix,)).admits(url) is admitted
