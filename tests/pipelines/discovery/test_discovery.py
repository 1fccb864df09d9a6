"""What sitemaps, feeds, addresses and pages are taken to say, and what hostile ones may not do."""

from __future__ import annotations

import gc
import gzip
import resource
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources import load_source
from pipelines.dates.model import Precision
from pipelines.discovery.address_shapes import (
    build_shape,
    find_date,
    find_page_number,
    is_service,
    leads_to_front,
    measure_article,
)
from pipelines.discovery.canonical import find_canonical
from pipelines.discovery.classification import is_article_page, judge_document
from pipelines.discovery.feeds import FeedEntry, read_feed
from pipelines.discovery.sitemaps import MAX_ENTRIES, read_sitemap, sort_children, sort_newest_first
from pipelines.discovery.structure import list_structure
from pipelines.page.page import Page
from pipelines.reading.announcements import read_date
from pipelines.rules.addresses import build_identity, find_carried, is_same_place, normalise_location
from pipelines.rules.links import LinkKind

BASE = "https://paper.example/feed"
RSS = """
<?xml version="1.0"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
     xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0">
<channel><title>Paper</title><link>http://paper.example/</link><atom:link rel="next" href="?p=2"/>
<item><title>One &amp;amp; two</title><link>http://paper.example/1?utm_source=rss#x</link>
<pubDate>Mon, 23 Nov 2026 08:00:00 +0800</pubDate><author>ann@paper.example (Ann)</author>
<category>Port</category></item>
<item><title>Two</title><guid>https://paper.example/2</guid><dc:creator>Bo</dc:creator>
<dc:date>2026-11-22</dc:date></item>
<item><title>Three</title><link>https://proxy.example/x</link>
<feedburner:origLink>https://paper.example/3</feedburner:origLink></item>
<item><title>No address</title><guid isPermaLink="false">17</guid></item>
</channel></rss>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>P</title></channel>
<item rdf:about="https://paper.example/1"><title>One</title><link>https://paper.example/1</link>
<dc:date>2026-11-23T08:00+08:00</dc:date><dc:subject>Port</dc:subject></item></rdf:RDF>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://paper.example/news/">
<link rel="self" href="feed.xml"/><link rel="next" href="feed-2.xml"/>
<entry><title type="html">One</title><link rel="enclosure" href="a.mp3"/><link href="1.html"/>
<published>2026-11-23T00:00:00Z</published><updated>2026-11-23T01:00:00Z</updated>
<author><name>Ann</name></author><category term="port" label="Port"/></entry></feed>"""
JSON = """{"version": "https:\\/\\/jsonfeed.org\\/version\\/1.1", "title": "P", "next_url": "/f2.json", "items": [
{"id": "https://paper.example/1", "title": "One", "date_published": "2026-11-23T00:00:00Z", "tags": ["port", 7],
 "authors": [{"name": "Ann"}]}, {"id": "7"}, 3]}"""


def test_rss_is_read() -> None:
    feed = read_feed(RSS.encode(), BASE)
    assert [entry.url for entry in feed.entries] == [f"https://paper.example/{n}" for n in (1, 2, 3)]
    assert feed.entries[0] == FeedEntry(
        url="https://paper.example/1",
        title="One &amp; two",
        published="Mon, 23 Nov 2026 08:00:00 +0800",
        authors=("Ann",),
        categories=("Port",),
    )
    assert (feed.entries[1].authors, feed.entries[1].published) == (("Bo",), "2026-11-22")
    assert feed.next_url == f"{BASE}?p=2"


@pytest.mark.parametrize("text", [RDF, ATOM, JSON], ids=["rss 1.0", "atom", "json feed"])
def test_every_form_of_a_feed_says_the_same(text: str) -> None:
    feed = read_feed(text.encode(), "https://paper.example/feed")
    (entry,) = feed.entries
    assert entry.url in ("https://paper.example/1", "https://paper.example/news/1.html")
    assert entry.title == "One"
    assert entry.published.startswith("2026-11-23T0")
    assert [name.lower() for name in entry.categories] == ["port"]


def test_a_feed_in_another_encoding_is_read() -> None:
    text = '<?xml version="1.0" encoding="gb2312"?><rss><item><title>潮汐表</title><link>/1</link></item></rss>'
    assert read_feed(text.encode("gb2312"), BASE).entries[0].title == "潮汐表"


SITEMAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:n="http://www.google.com/schemas/sitemap-news/0.9" xmlns:i="http://www.google.com/schemas/sitemap-image/1.1">
<url><loc> https://paper.example/1 </loc><lastmod>2026-11-22</lastmod><i:image><i:loc>https://x.example/p.jpg</i:loc></i:image></url>
<url><loc>https://paper.example/2</loc><n:news><n:publication_date>2026-11-23T08:00:00+08:00</n:publication_date>
<n:title>Two</n:title><n:keywords>port, tide</n:keywords></n:news></url><url><loc>mailto:x</loc></url></urlset>"""
INDEX = "<sitemapindex><sitemap><loc>/a.xml</loc></sitemap><sitemap><loc>/b.xml.gz</loc></sitemap></sitemapindex>"


@pytest.mark.parametrize(
    "body",
    [SITEMAP.encode(), gzip.compress(SITEMAP.encode()), b"\xef\xbb\xbf\n" + SITEMAP.encode()],
    ids=["plain", "gzip", "after_a_mark"],
)
def test_a_sitemap_is_read(body: bytes) -> None:
    sitemap = read_sitemap(body, "https://paper.example/sitemap.xml")
    assert [entry.url for entry in sitemap.entries] == ["https://paper.example/1", "https://paper.example/2"]
    assert [entry.is_news for entry in sitemap.entries] == [False, True]
    assert sitemap.entries[1].keywords == ("port", "tide")
    assert [entry.url[-1] for entry in sort_newest_first(sitemap.entries)] == ["2", "1"]
    assert not sitemap.refused


def test_an_index_and_plain_text_are_read() -> None:
    index = read_sitemap(INDEX.encode(), "https://paper.example/sitemap.xml")
    assert [entry.url for entry in index.children] == ["https://paper.example/a.xml", "https://paper.example/b.xml.gz"]
    text = read_sitemap(
        b"https://paper.example/1\r\nhttps://paper.example/2\nnonsense://x\n", "https://paper.example/s.txt"
    )
    assert [entry.url for entry in text.entries] == ["https://paper.example/1", "https://paper.example/2"]


# Hostile documents

ENTITIES = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><{0}>&b;</{0}>'
FILES = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><urlset><url><loc>http://h/&a;</loc></url></urlset>'


@pytest.mark.parametrize("text", [ENTITIES.replace("{0}", "urlset"), ENTITIES.replace("{0}", "rss"), FILES])
def test_declared_entities_stand_for_nothing(text: str) -> None:
    for body in (text.encode(), text.encode("utf-16")):
        sitemap = read_sitemap(body, "http://h/s.xml")
        assert sitemap.mended == "entities"
        assert [entry.url for entry in sitemap.entries] == (["http://h/&a"] if text is FILES else [])
    assert read_feed(text.encode(), "http://h/s.xml").mended == "entities"


SELF = '<!DOCTYPE x[<!ENTITY a "<c>&a;">]><rss>&a;<item><link>http://h/1</link></item>'
HIDDEN = [
    (SELF.encode(), "entities", True),
    (f'<?xml version="1.0" encoding="utf-16"?>{SELF}'.encode("utf-16"), "entities", True),
    (f"<!--{'x' * 70_000}-->{SELF}".encode(), "entities", True),
    (f'<?xml version="1.0" encoding="utf-7"?>{SELF}'.encode("utf-7"), "entities", True),
    (f'<?xml version=">"encoding="utf-7"?>{SELF}'.encode("utf-7"), "entities", True),
    (f'<?xml version="1.0" encoding="IBM037"?>{SELF}'.encode("cp037"), "encoding", False),
    (b'<?xml version="1.0" encoding="IBM037"?>' + SELF.encode("cp037"), "encoding", False),
]


@pytest.mark.parametrize(("body", "mended", "is_read"), HIDDEN)
def test_no_declared_entity_reaches_the_parser(body: bytes, mended: str, *, is_read: bool) -> None:
    """One with elements in it that holds itself makes libxml2 free what lxml then uses."""
    gc.collect()
    gc.freeze()  # so that each collection skips what other tests hold
    for _ in range(20):
        feed = read_feed(body, "http://h/")
        assert (feed.mended, bool(feed.entries), bool(feed.refused)) == (mended, is_read, not is_read)
        gc.collect()


def test_a_feed_may_speak_of_entities() -> None:
    text = "<description><![CDATA[<!DOCTYPE x [<!ENTITY y]>]]></description>"
    item = f"<item><title>x</title><link>http://h/1</link>{text}</item>"
    feed = read_feed(f"<!-- x --><rss><channel>{item}</channel></rss>".encode(), "http://h/feed")
    assert (feed.refused, [entry.url for entry in feed.entries]) == ("", ["http://h/1"])


def test_a_bomb_is_cut_in_little_memory() -> None:
    bomb = gzip.compress(b"<urlset><url><loc>http://h/1</loc></url>" + b" " * 80_000_000, 9)
    assert len(bomb) < 100_000
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    sitemap = read_sitemap(bomb * 10, "http://h/s.xml.gz")
    assert sitemap.refused == "too_large"
    assert [entry.url for entry in sitemap.entries] == ["http://h/1"]
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_a_sitemap_of_too_many_addresses_is_cut() -> None:
    body = (
        b"<urlset>" + b"".join(b"<url><loc>http://h/%d</loc></url>" % n for n in range(MAX_ENTRIES + 5)) + b"</urlset>"
    )
    sitemap = read_sitemap(body, "http://h/s.xml")
    assert (len(sitemap.entries), sitemap.refused) == (MAX_ENTRIES, "too_many")


def test_what_came_before_the_damage_is_kept() -> None:
    packed = gzip.compress(SITEMAP.encode())
    assert read_sitemap(packed[:-20], "https://paper.example/s").refused == "damaged"
    broken = read_sitemap(SITEMAP.encode()[:-200], "https://paper.example/s")
    assert broken.entries[0].url == "https://paper.example/1"


@given(st.binary(max_size=200))
def test_no_bytes_raise(body: bytes) -> None:
    for document in (body, b"<rss><item>" + body, b"<urlset><url>" + body, b"{" + body, b"\x1f\x8b\x08" + body):
        read_sitemap(document, "http://h/s")
        read_feed(document, "http://h/s")
        judge_document(document, b"text/plain")


# What a document is


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (RSS.encode(), b"text/html", LinkKind.FEED),
        (ATOM.encode(), b"", LinkKind.FEED),
        (RDF.encode(), b"application/xml", LinkKind.FEED),
        (JSON.encode(), b"application/json", LinkKind.FEED),
        (SITEMAP.encode(), b"text/xml", LinkKind.SITEMAP),
        (b"<?xml version='1.0'?><!-- made --><?xml-stylesheet href='x'?>" + INDEX.encode(), b"", LinkKind.SITEMAP),
        (gzip.compress(SITEMAP.encode()), b"application/octet-stream", LinkKind.SITEMAP),
        (b"https://paper.example/1\nhttps://paper.example/2\n", b"text/plain; charset=utf-8", LinkKind.SITEMAP),
        (b"https://paper.example/1 is our address", b"text/plain", LinkKind.OTHER),
        (b"<!doctype html><html><body>rss <rss></body></html>", b"text/html", LinkKind.OTHER),
        (b'{"items": []}', b"application/json", LinkKind.OTHER),
        (b"", b"", LinkKind.OTHER),
        (b"\x1f\x8b broken", b"", LinkKind.OTHER),
    ],
    ids=[
        *("rss", "atom", "rdf", "json_feed", "sitemap", "index", "gzip"),
        *("addresses", "prose", "html", "json", "empty", "cut"),
    ],
)
def test_a_document_is_what_its_bytes_say(body: bytes, content_type: bytes, kind: LinkKind) -> None:
    assert judge_document(body, content_type) is kind


PROSE = "<p>" + "The harbour master wrote its weight into the book, as with every crate since the flood. " * 8 + "</p>"
TEASERS = "".join(
    f'<h2><a href="/2026/11/2{n}/a-story-{n}">A story of the harbour, part {n}</a></h2>' for n in range(9)
)


@pytest.mark.parametrize(
    ("url", "html", "is_article"),
    [
        ("https://h/2026/11/23/the-ferry-is-late", f"<h1>The ferry is late</h1>{PROSE}", True),
        ("https://h/x", f'<meta property="og:type" content="article"><h1>Late</h1>{PROSE}', True),
        (
            "https://h/x",
            f'<script type="application/ld+json">{{"@type": "NewsArticle"}}</script><h1>A</h1>{PROSE}',
            True,
        ),
        ("https://h/", f'<meta property="og:type" content="article"><h1>The front</h1>{PROSE}', False),
        ("https://h/harbour/", f"<h1>Harbour</h1>{TEASERS}", False),
        ("https://h/harbour/", f"<h1>Harbour</h1><p>{PROSE}</p>{TEASERS}", False),
        ("https://h/2026/11/", f"<h1>November</h1>{TEASERS}", False),
        ("https://h/2026/11/23/", f"<h1>The 23rd</h1>{TEASERS}{PROSE}", False),
        ("https://h/list_12345.html?page=3", f"<h1>List</h1>{TEASERS}", False),
    ],
)
def test_a_page_is_an_article_or_a_list(url: str, html: str, is_article: bool) -> None:
    assert is_article_page(Page(f"<html><body>{html}</body></html>", url).root, url) is is_article


# Addresses


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("HTTP://Paper.example:80", "http://paper.example/"),
        ("https://h/a?utm_source=x&id=3&fbclid=1#top", "https://h/a?id=3"),
        ("https://h/a;jsessionid=0A1B?PHPSESSID=1", "https://h/a"),
        ("https://h/story.php?sid=1234", "https://h/story.php?sid=1234"),
        ("https://h/story.php?sid=0123456789abcdef0123456789abcdef&b", "https://h/story.php?b"),
        ("https://h/a?b=1&a=2&b=%E4%B8%AD", "https://h/a?b=1&a=2&b=%E4%B8%AD"),
        ("https://[h", "https://[h"),
        ("https://h/(S(lit3py55t21z5v55vlm25s55))/news/1", "https://h/news/1"),
        ("https://h/(X(1)S(lit3py55t21z5v55vlm25s55))/news/1", "https://h/news/1"),
        ("https://h/news/(S(hort))/1", "https://h/news/(S(hort))/1"),
        ("https://h/wiki/Pier_(quay)/1", "https://h/wiki/Pier_(quay)/1"),
        ("https://h/a?id=3&print=1", "https://h/a?id=3"),
        ("https://h/a?amp", "https://h/a"),
        ("https://h/a?view=print&id=3", "https://h/a?id=3"),
        ("https://h/a?view=article&print=2", "https://h/a?view=article&print=2"),
        ("https://h/a?source=rss_home&share=twitter&mod=newsletter", "https://h/a"),
        ("https://h/a?source=agency&mod=3", "https://h/a?source=agency&mod=3"),
        ("https://h/a?__twitter_impression=true&_hsenc=x&guccounter=1&wt_zmc=a.b", "https://h/a"),
        ("https://h/a?id=3&amp;x=1&amp;amp;y=2", "https://h/a?id=3&x=1&y=2"),
    ],
)
def test_chaff_is_no_part_of_an_address(url: str, wanted: str) -> None:
    assert normalise_location(url) == wanted


@given(st.text(alphabet="aZ09:/?#&=;._-%[]中", max_size=40).map("https://h/{}".format) | st.text(max_size=30))
def test_normalising_again_changes_nothing(url: str) -> None:
    once = normalise_location(url)
    assert normalise_location(once) == once
    assert build_identity(build_identity(url)) == build_identity(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.facebook.com/sharer/sharer.php?u=https%3A%2F%2Fpaper.example%2F1%3Futm_source%3Dfb",
        "https://service.weibo.com/share/share.php?title=x&url=https://paper.example/1",
        "https://api.whatsapp.com/send?text=Look%20here:%20https://paper.example/1",
        "https://www.google.com/amp/s/paper.example/1",
        "https://paper-example.cdn.ampproject.org/c/s/paper.example/1",
    ],
)
def test_a_share_link_means_the_article(url: str) -> None:
    def admits(address: str) -> bool:
        return address.startswith("https://paper.example/")

    assert find_carried(url, admits) == "https://paper.example/1"
    assert find_carried(url, lambda _: False) == ""


def test_places_are_the_same_but_for_trifles() -> None:
    assert is_same_place("http://www.h/a/?utm_id=1", "https://h/a")
    assert not is_same_place("https://h/a", "https://h/a/amp")
    assert not is_same_place("https://h/a?id=1", "https://h/a?id=2")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://h/2026/11/23/ferry-late-again", 2),
        ("https://h/a/202611/t20261123_123456.shtml", 2),
        ("https://h/news/the-ferry-is-late-again/", 2),
        ("https://h/article?id=1234567", 1),
        ("https://h/p/6401593389", 1),
        ("https://h/news/90210/old-ferry/", 1),
        ("https://h/channel/90210/sport/", 0),
        ("https://h/archive/2026/old-ferry/", 0),
        ("https://h/politics/", 0),
        ("https://h/2026/11/", 0),
        ("https://h/2026/11/23/", 0),
        ("https://h/", 0),
        ("https://h/section/world-news", 0),
    ],
)
def test_the_form_of_an_address_tells(url: str, says: int) -> None:
    assert measure_article(url) == says


def test_small_facts_of_addresses() -> None:
    assert build_shape("https://h/a/2026/3/the-ferry-is-late-again.html?b=2&a=1") == "h/a/#/#/~.html?a&b"
    assert find_date("https://h/2026/02/30/x") is None
    assert find_date("https://h/news/20261123/x") == date(2026, 11, 23)
    assert [find_page_number(f"https://h/{x}") for x in ("a?page=3", "a/page/4/", "index_5.html", "a")] == [3, 4, 5, 1]
    assert find_page_number("https://h/the-ferry-is-late-again-9102") == 1, "the number of an article"
    assert find_page_number("https://h/the-ferry-is-late-again-2") == 2
    assert [leads_to_front(f"https://h/{x}") for x in ("?from=/a/b", "?p=12", "a")] == [True, False, False]
    assert is_service("https://h/wp-login.php")
    assert is_service("https://h/a/photo.JPG")
    assert not is_service("https://h/searching-for-the-ferry")


# Structure

LIST = f"""<html><head><link rel="alternate" type="application/atom+xml" href="/atom.xml">
<link rel="canonical" href="/harbour/"></head><body>
<nav><a href="/weather/">Weather</a><a href="/login">Log in</a></nav>
<main>{TEASERS}<a href="/2026/11/20/a-story-0"><img src="x.jpg" alt=""></a><a href="https://elsewhere.example/a">else</a></main>
<div class="pager"><a href="/harbour/?page=1">1</a> <a href="/harbour/?page=2">2</a>
<a href="/harbour/?page=9">9</a></div>
<footer><a href="/imprint">Imprint</a></footer></body></html>"""


def find_links(html: str, url: str) -> dict[str, tuple[str, str]]:
    links = list_structure(Page(html, url), lambda address: address.startswith("https://h/"))
    return {link.url.removeprefix("https://h"): (link.kind.value, link.reason.value) for link in links}


def test_the_structure_of_a_list_tells_where_it_leads() -> None:
    found = find_links(LIST, "https://h/harbour/")
    assert found == {
        "/atom.xml": ("feed", "announced"),
        "/harbour/?page=2": ("next", "pager"),
        **{f"/2026/11/2{n}/a-story-{n}": ("article", "cluster") for n in range(9)},
        "/weather/": ("category", "navigation"),
    }


def test_a_menu_may_number_its_sections() -> None:
    def build(title: str) -> str:
        names = ("Harbour", "Fields", title)
        items = (f'<li><a href="/rubric/{number}.html">{name}</a></li>' for number, name in enumerate(names))
        return f'<ul class="menu">{"".join(items)}</ul>'

    sections = {f"/rubric/{number}.html": ("category", "navigation") for number in range(3)}
    assert find_links(build("Letters"), "https://h/") == sections
    # A headline among them says that these are articles, though too few to be sure.
    assert find_links(build("The old lock keeper's last summer by the river"), "https://h/") == {}


@pytest.mark.parametrize("text", ["Next", "下一页", "Older posts", "»", "weiter", "次へ"])
def test_the_next_page_is_known_by_its_words(text: str) -> None:
    assert find_links(f'<a href="/a/page/2/">{text}</a>', "https://h/a/") == {"/a/page/2/": ("next", "pager")}


@pytest.mark.parametrize(
    ("url", "links", "wanted"),
    [
        ("https://h/sea/", '<a href="/sea/2">2</a><a href="/sea/3">3</a>', "https://h/sea/2"),
        ("https://h/sea/2", '<a href="/sea/">1</a><a href="/sea/2">2</a><a href="/sea/3">3</a>', "https://h/sea/3"),
        ("https://h/sea/9/", '<a href="/sea/8/">8</a><a href="/sea/10/">10</a>', "https://h/sea/10/"),
        ("https://h/sea/", '<a href="/land/2">2</a>', ""),
        ("https://h/sea/", '<a href="/sea/2">Two ferries</a>', ""),
        ("https://h/sea/", '<a href="/sea/7">7</a>', ""),
    ],
)
def test_a_pager_may_count_behind_the_address_of_the_list(url: str, links: str, wanted: str) -> None:
    found = [path for path, (kind, _) in find_links(links, url).items() if kind == "next"]
    assert found == ([wanted.removeprefix("https://h")] if wanted else [])


def test_a_list_of_han_headlines_is_found() -> None:
    rows = "".join(
        f'<li><a href="/n1/2026/112{n}/c1001-3200{n}11.html">海港今日迎来第{n}艘满载钢琴的渡轮</a></li>'
        for n in range(5)
    )
    assert len(find_links(f"<ul>{rows}</ul>", "https://h/a/")) == 5


@pytest.mark.parametrize(
    ("href", "wanted"),
    [
        ("https://h/2026/11/23/story-a-b", "https://h/2026/11/23/story-a-b"),
        ("/2026/11/23/story-a-b?utm_source=x", "https://h/2026/11/23/story-a-b"),
        ("https://h/", ""),
        ("https://h/harbour/", ""),
        ("", ""),
    ],
)
def test_a_canonical_address_is_believed_if_it_can_be(href: str, wanted: str) -> None:
    """A template that names the front page, or a section, would make one article of all."""
    page = Page(f'<html><head><link rel="canonical" href="{href}"></head></html>', "https://h/2026/11/23/story-a-b/amp")
    assert find_canonical(page.root, page.url) == wanted


@pytest.mark.parametrize(
    ("own", "href", "wanted"),
    [
        ("https://h/2026/11/23/ferry-is-late-again", "undefined", ""),
        ("https://h/2026/11/23/ferry-is-late-again", "/2026/11/23/null", ""),
        ("https://h/2026/11/23/ferry-is-late-again", "https://h/2026/11/20/storm-closes-old-quay", ""),
        ("https://h/2026/11/23/ferry-is-late-4711", "https://h/2026/11/20/storm-closes-quay-4712", ""),
        ("https://h/2026/11/23/ferry-late-again", "/2026/11/23/ferry-is-late", "https://h/2026/11/23/ferry-is-late"),
        (
            "https://h/2026/11/23/old-words-here-4711",
            "/2026/11/23/new-name-now-4711",
            "https://h/2026/11/23/new-name-now-4711",
        ),
        ("https://h/news/4711/ferry/", "https://h/news/4712/ferry/", "https://h/news/4712/ferry/"),
        (
            "https://h/2026/11/23/ferry-is-late-again",
            "h/2026/11/23/ferry-is-late-again",
            "https://h/2026/11/23/ferry-is-late-again",
        ),
        ("https://www.h/2026/11/23/ferry-is-late", "h/2026/11/23/ferry-is-late", "https://h/2026/11/23/ferry-is-late"),
    ],
)
def test_a_canonical_address_of_another_page_is_not_believed(own: str, href: str, wanted: str) -> None:
    page = Page(f'<html><head><link rel="canonical" href="{href}"></head></html>', own)
    assert find_canonical(page.root, page.url) == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://h/a?id=7&cat=2", "https://h/a/?cat=2&id=7&from=front&ref=home"),
        ("https://h/a?b=1&b=2", "https://h/a?b=1&b=2&utm_source=x"),
        ("https://h/port(east)/it's.html?q=%28", "https://h/port%28east%29/it%27s.html?q=%28"),
    ],
)
def test_the_order_of_parameters_and_where_a_reader_came_from_make_no_other_article(one: str, other: str) -> None:
    assert build_identity(one) == build_identity(other)
    assert build_identity("https://h/a?from=20") != build_identity("https://h/a?from=40")
    assert build_identity("https://h/a?b=1&b=2") != build_identity("https://h/a?b=2&b=1")
    assert build_identity("https://h/a%2Fb") != build_identity("https://h/a/b")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["map-2025-12", "map-2026-1", "map-2026-11", "news"], ["news", "map-2026-11", "map-2026-1", "map-2025-12"]),
        (["202601", "202512"], ["202601", "202512"]),
        (["2019", "2026", "2020"], ["2026", "2020", "2019"]),
        (["posts-1", "posts-2"], ["posts-1", "posts-2"]),
    ],
)
def test_the_sitemaps_of_an_index_come_newest_first(names: list[str], wanted: list[str]) -> None:
    index = "".join(f"<sitemap><loc>http://h/{name}.xml</loc></sitemap>" for name in names)
    children = read_sitemap(f"<sitemapindex>{index}</sitemapindex>".encode(), "http://h/s").children
    assert [child.url[9:-4] for child in sort_children(children)] == wanted


# Dates of feeds

KNOWN = 'name = "p"\ntimezone = "Asia/Shanghai"\nscope = ["//h/"]\nseeds = ["http://h/"]\n'
GUESSED = KNOWN + "[discovery]\nzone_is_guess = true\n"


@pytest.mark.parametrize(
    ("definition", "found", "instant", "precision"),
    [
        (KNOWN, "Mon, 23 Nov 2026 08:00:01 GMT", "2026-11-23T08:00:01+00:00", Precision.SECOND),
        (KNOWN, "2026-11-23 08:00:01", "2026-11-23T08:00:01+08:00", Precision.SECOND),
        (GUESSED, "2026-11-23 08:00:01", "2026-11-23T00:00:00+08:00", Precision.DAY),
        (KNOWN, "Mon, 23 Nov 2026 00:00:00 GMT", "2026-11-23T00:00:00+08:00", Precision.DAY),
        (KNOWN, "2026-11-23T00:00:00+08:00", "2026-11-22T16:00:00+00:00", Precision.SECOND),
        (KNOWN, "2026-11-23", "2026-11-23T00:00:00+08:00", Precision.DAY),
        (KNOWN, "soon", "", None),
        (KNOWN, "", "", None),
    ],
)
def test_a_feeds_date_says_no_more_than_it_knows(
    definition: str, found: str, instant: str, precision: Precision | None
) -> None:
    source = load_source(definition, path="p.toml")
    stated, how_much = read_date(found, source, datetime(2026, 11, 24, tzinfo=UTC))
    assert (stated, how_much) == (datetime.fromisoformat(instant) if instant else None, precision)
