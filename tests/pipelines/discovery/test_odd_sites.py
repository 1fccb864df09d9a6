"""Pagers, feeds and headers as sites write them that keep to no convention."""

from __future__ import annotations

import json

import pytest

from crawler.sources.undescribed import build_definition
from pipelines.discovery.canonical import find_canonical
from pipelines.discovery.classification import judge_document
from pipelines.discovery.feeds import read_feed
from pipelines.discovery.link_headers import find_linked
from pipelines.discovery.sitemaps import read_sitemap
from pipelines.page.document import Document
from pipelines.page.page import Page
from pipelines.reading.read import Reading, read
from pipelines.rules.links import LinkKind, Reason

SOURCE = build_definition("https://h/")
TEASERS = "".join(f'<h2><a href="/2026/11/2{n}/story-{n}">A story of the harbour, part {n}</a></h2>' for n in range(9))


def read_page(html: str, *, url: str = "https://h/news", head: tuple[tuple[bytes, bytes], ...] = ()) -> Reading:
    body = f"<html><body>{TEASERS}{html}</body></html>".encode()
    return read(Document(body=body, url=url, content_type=b"text/html", head=head), SOURCE)


def list_urls(reading: Reading, kind: LinkKind) -> list[str]:
    return [link.url.removeprefix("https://h") for link in reading.links if link.kind is kind]


FORM = '<form action="/news?old=1"><input type="hidden" name="start" value="{}"><button>{}</button>{}</form>'


@pytest.mark.parametrize(
    ("url", "html", "wanted"),
    [
        ("https://h/news", '<a href="/news?start=20">Older posts</a>', ["/news?start=20"]),
        ("https://h/news?start=20", '<a href="?start=0">Newer</a> <a href="?start=40">Older</a>', ["/news?start=40"]),
        ("https://h/news?start=20", '<a href="?start=0">More</a>', []),
        ("https://h/news", '<a href="/news?before=1700">Load more</a>', ["/news?before=1700"]),
        ("https://h/news?before=1700", '<a href="/news?before=1600">Next</a>', ["/news?before=1600"]),
        ("https://h/news", '<a href="/contact?topic=7">More</a>', []),
        ("https://h/news", '<button data-url="/news?page=2">Load more</button>', ["/news?page=2"]),
        ("https://h/news", '<a class="more" data-next="?page=2">More stories</a>', ["/news?page=2"]),
        ("https://h/news", '<button data-url="/news?page=2">Subscribe</button>', []),
        ("https://h/news", '<button data-state="page=2">Load more</button>', []),
        ("https://h/news?page=3", '<a href="?page=2"><i></i></a><a href="?page=4"><i></i></a>', ["/news?page=4"]),
        ("https://h/news", '<a href="/photos?page=2"><i></i></a>', []),
        ("https://h/news", '<tr hx-get="/rows?page=2" hx-trigger="revealed"></tr>', ["/rows?page=2"]),
        ("https://h/news", '<div hx-get="/rows?page=2" hx-trigger="click"></div>', []),
        ("https://h/news", '<turbo-frame loading="lazy" src="/rows?page=2"></turbo-frame>', ["/rows?page=2"]),
        ("https://h/news", FORM.format(20, "Older stories", ""), ["/news?start=20"]),
        ("https://h/news", FORM.format(20, "Search", ""), []),
        ("https://h/news", FORM.format(20, "Next", '<input name="q">'), []),
        ("https://h/news", FORM.format(20, "Next", "").replace("<form", '<form method="post"'), []),
    ],
)
def test_the_next_page_of_a_list_may_be_asked_for_by_position_cursor_button_or_form(
    url: str, html: str, wanted: list[str]
) -> None:
    assert list_urls(read_page(html, url=url), LinkKind.NEXT_PAGE) == wanted


LINKS = (b"link", b'</style.css>; rel=preload, </news?p=2>; title="a, b"; rel="next prefetch", </x>; rel="prev"')


def test_a_header_names_the_next_page() -> None:
    """Spec: RFC 8288 §3.5."""
    reading = read_page("", head=((b"server", b"x"), LINKS))
    (following,) = [link for link in reading.links if link.kind is LinkKind.NEXT_PAGE]
    assert (following.url, following.reason) == ("https://h/news?p=2", Reason.REL_NEXT)


@pytest.mark.parametrize(
    ("relation", "wanted"), [("next", "/news?p=2"), ("preload", "/style.css"), ("prev", "/x"), ("canonical", "")]
)
def test_the_links_of_a_header_are_told_apart(relation: str, wanted: str) -> None:
    assert find_linked((LINKS,), relation) == wanted
    assert find_linked(((b"link", b"<" * 20_000 + b'>; rel="next"'),), "next") == ""


@pytest.mark.parametrize("place", ["header", "second"])
def test_the_canonical_address_may_be_named_in_the_header_or_after_a_wrong_one(place: str) -> None:
    own, right = "https://h/2026/11/23/story-a-b", "https://h/2026/11/23/story-a-b?layout=2"
    links = '<link rel="canonical" href="/">' + (f'<link rel="canonical" href="{own}">' if place == "second" else "")
    page = Page(f"<html><head>{links}</head></html>", right)
    assert find_canonical(page.root, page.url, own if place == "header" else "") == own


@pytest.mark.parametrize(
    ("headline", "is_believed"),
    [
        ("The railway of ward 4 reopens", False),
        ("The theatre of ward 5 reopens", True),
        ("A railway reopens beside the theatre", True),
        ("Good news", True),
    ],
)
def test_a_canonical_address_of_another_headline_is_not_believed(headline: str, is_believed: bool) -> None:
    """A template may name the same article on every page, also one whose words are mostly the same."""
    stated, own = "https://h/the-theatre-of-ward-5-reopens", "https://h/the-railway-of-ward-4-reopens"
    page = Page(f'<html><link rel="canonical" href="{stated}"><h1>{headline}</h1></html>', own)
    assert find_canonical(page.root, page.url) == (stated if is_believed else "")


@pytest.mark.parametrize(
    ("stated", "is_believed"),
    [("/sections/news-from-all-wards/", False), ("/news/", False), ("/2026/the-railway-of-ward-4-reopens", True)],
)
def test_a_canonical_address_of_a_section_is_not_believed(stated: str, is_believed: bool) -> None:
    page = Page(
        f'<link rel="canonical" href="{stated}"><h1>The railway of ward 4 reopens</h1>',
        "https://h/a/the-railway-of-ward-4-reopens",
    )
    assert find_canonical(page.root, page.url) == (f"https://h{stated}" if is_believed else "")


def test_an_article_is_known_by_the_canonical_address_of_the_header() -> None:
    url, own = "https://h/2026/11/23/story-a-b?layout=2", "https://h/2026/11/23/story-a-b"
    prose = "<p>" + "The harbour master wrote its weight into the book, as with every crate. " * 9 + "</p>"
    body = f"<html><body><h1>The story of a and b</h1>{prose}</body></html>".encode()
    head = ((b"link", f'<{own}>; rel="canonical"'.encode()),)
    reading = read(Document(body=body, url=url, content_type=b"text/html", head=head), SOURCE)
    article, alias = reading.statements
    assert (article.url, article.read_at, alias.passed_to) == (own, alias.identifier, own)


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ('<footer><a href="/all">All articles</a><a href="/imprint-and-more">Us</a></footer>', ["/all"]),
        ('<frameset><frame src="/main.html"><frame src="https://elsewhere/"></frameset>', ["/main.html"]),
        ('<select><option>Section<option value="/part/2">Coast<option value="7">All</select>', ["/part/2"]),
    ],
)
def test_lists_at_the_foot_of_a_page_in_frames_and_in_a_choice_are_found(html: str, wanted: list[str]) -> None:
    body = f"<html>{html}</html>".encode()
    reading = read(Document(body=body, url="https://h/", content_type=b"text/html"), SOURCE)
    assert list_urls(reading, LinkKind.CATEGORY) == wanted


@pytest.mark.parametrize(
    ("kind", "href", "is_feed"),
    [
        ("application/json", "/feed.json", True),
        ("text/xml", "/rss", True),
        ("application/json", "/wp-json/wp/v2/pages/2", False),
        ("application/json", "/api/article/7", False),
        ("text/html", "/de/", False),
    ],
)
def test_a_feed_may_be_announced_by_a_broad_type(kind: str, href: str, is_feed: bool) -> None:
    reading = read_page(f'<link rel="alternate" type="{kind}" href="{href}">')
    assert list_urls(reading, LinkKind.FEED) == ([href] if is_feed else [])


def test_a_json_feed_may_name_its_version_at_its_end() -> None:
    items = [{"url": "/1", "content_text": "harbour " * 2_000}]
    feed = json.dumps({"items": items, "version": "https://jsonfeed.org/version/1"}).encode()
    assert judge_document(feed, b"application/json") is LinkKind.FEED
    assert judge_document(b'{"items": []}', b"application/feed+json; charset=utf-8") is LinkKind.FEED
    assert judge_document(feed.replace(b"jsonfeed", b"elsewhere"), b"application/json") is LinkKind.OTHER


JSON_FEED = (
    '{"version": "https://jsonfeed.org/version/1", "title": "Café", '
    '"items": [{"url": "/1"}, {"url": "/2", "content_text": "x"}]}'
)


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ('"x"', '"a\nb\tc"', 2),
        ("}]}", "},]}", 2),
        ("}]}", "}", 2),
        ('"x"}]}', '"x', 1),
        ('{"url": "/1"}, {', '{"url": "/1"}, oops {', 1),
    ],
)
def test_a_damaged_json_feed_is_read_as_far_as_it_can_be(old: str, new: str, count: int) -> None:
    feed = read_feed(JSON_FEED.replace(old, new).encode("cp1252"), "https://h/")
    assert [entry.url for entry in feed.entries] == ["https://h/1", "https://h/2"][:count]
    assert (feed.mended, feed.refused) == ("markup", "")


def test_a_json_feed_of_another_encoding_is_sound() -> None:
    feed = read_feed(JSON_FEED.encode("cp1252"), "https://h/")
    assert (len(feed.entries), feed.mended) == (2, "")
    assert read_feed(b'{"items": [oops', "https://h/").refused == "damaged"


def test_addresses_one_to_a_line_are_a_sitemap_whatever_it_is_served_as() -> None:
    assert judge_document(b"https://h/1\nhttps://h/2\n", b"text/html") is LinkKind.SITEMAP
    commented = b"# all\n\n  https://h/1\t\n\n https://h/2\n"
    assert judge_document(commented, b"text/plain") is LinkKind.SITEMAP
    assert [entry.url for entry in read_sitemap(commented, "https://h/s.txt").entries] == ["https://h/1", "https://h/2"]
    assert judge_document(b"# a heading", b"text/plain") is LinkKind.OTHER
    assert judge_document(b"https://h/1\n<p>https://h/2</p>\n", b"text/html") is LinkKind.OTHER


@pytest.mark.parametrize(
    "feed",
    [
        '<rss><channel xml:base="/en/"><item><link>1</link></item></channel></rss>',
        '<rss><channel xml:base="/en/"><item xml:base="x/"><link xml:base="../">1</link></item></channel></rss>',
        '<rss xml:base="/en/"><channel><item><link>1</link> & </item></channel></rss>',
        '<feed xml:base="en/" {}><entry><link href="1"/></entry></feed>',
        '<feed xml:base="/x/" {}><entry xml:base="/en/"><link href="1"/></entry></feed>',
        '<feed xml:base="/x/" {}><entry><link xml:base="../en/" href="1"/></entry></feed>',
    ],
)
def test_an_address_counts_from_the_nearest_base(feed: str) -> None:
    """Spec: XML Base §4."""
    body = feed.format('xmlns="http://www.w3.org/2005/Atom"').encode()
    assert [entry.url for entry in read_feed(body, "https://h/").entries] == ["https://h/en/1"]
