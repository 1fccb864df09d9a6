"""Feeds and sitemaps that no XML parser reads: what is wrong with them hides nothing that comes after it."""

from __future__ import annotations

import ast
import gzip
import html
import re
from typing import TYPE_CHECKING

import feedparser
import pytest

from pipelines.discovery.broken_xml import iter_broken
from pipelines.discovery.classification import judge_document
from pipelines.discovery.feeds import read_feed
from pipelines.discovery.sitemaps import read_sitemap
from pipelines.discovery.text_stream import DocumentRefused, find_encoding, iter_text
from pipelines.discovery.xml_stream import ElementStream, find_name, find_namespace, find_text
from pipelines.page.limits import limit_time
from pipelines.rules.links import LinkKind
from tests.project import SHARED, needs_shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lxml import etree

URL = "https://paper.example/feed"


def build_rss(odd: str, *, link: str = "/{n}?a=1&amp;b=2") -> str:
    """Six entries, the third of which is titled `odd`."""
    items = "".join(
        f"<item><title>{odd if n == 2 else n}</title><link>https://paper.example{link.format(n=n)}</link></item>"
        for n in range(6)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>P</title>{items}</channel></rss>'


@pytest.mark.parametrize(
    "record",
    [
        pytest.param("<title xmlns='" + "a" * 60_000 + " '>", id="namespace"),
        pytest.param("<title " + "a" * 60_000 + "=>", id="attribute"),
        pytest.param("<title>" + "<a>" * 70 + "some words<b>" * 40_000, id="too-deep"),
        pytest.param("<title>" + "some words</b>" * 40_000, id="end-tags"),
    ],
)
def test_a_long_record_takes_no_more_time_than_many_short_ones(record: str) -> None:
    with limit_time(2.0):
        assert [find_name(each) for each in iter_broken(["<rss><item>", record], frozenset(("item",)))] == [
            "rss",
            "item",
        ]


@pytest.mark.parametrize(
    ("odd", "title"),
    [
        ("Fish & chips", "Fish & chips"),
        ("Q&A", "Q&A"),
        ("Caf&eacute;&nbsp;noir &#151; &#x201e;neu&ldquo;", "Café\xa0noir — „neu“"),
        ("&undefined; &#0; &; &#xZZ;", "&undefined;  &; &#xZZ;"),
        ("1 <3 2 < 4 <", "1 <3 2 < 4 <"),
        ("a<br>b<p>c", "abc"),
        ("<b>bold", "bold"),
        ("<![CDATA[a & b <3 &amp;]]>", "a & b <3 &amp;"),
        ("bell\x07", "bell"),
        ("half <b class='x", "half <b class='x"),
        ("</item-x></b> x", " x"),
        ("<media:thumb url='x'/>ok", "ok"),
    ],
)
def test_an_odd_title_hides_no_entry(odd: str, title: str) -> None:
    feed = read_feed(build_rss(odd).encode(), URL)
    assert [entry.url for entry in feed.entries] == [f"https://paper.example/{n}?a=1&b=2" for n in range(6)]
    assert feed.entries[2].title == title.strip()
    assert (feed.refused, feed.mended) == ("", "" if odd.startswith("<![") else "markup")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</item>", ""),
        ("</title><link>", "<link>"),
        ("</link></item>", "</item>"),
        ("<channel>", "<channel><atom:link rel='self' href='x'>"),
        ("</title>", "</Title>"),
        ("&amp;", "&"),
        ("</channel>", ""),
        ("</rss>", "<!-- never ended"),
        ("</rss>", "</rss>\n<script>track()</script>"),
    ],
)
def test_tags_that_are_missing_or_too_many_hide_no_entry(old: str, new: str) -> None:
    feed = read_feed(build_rss("2").replace(old, new).encode(), URL)
    assert [entry.url for entry in feed.entries] == [f"https://paper.example/{n}?a=1&b=2" for n in range(6)]
    assert feed.mended == "markup"


WARNING = "<br />\n<b>Warning</b>:  Undefined index: x in <b>/srv/feed.php</b> on line <b>3</b><br />\n"


@pytest.mark.parametrize("before", [WARNING, "Notice: x is deprecated\n", "\n\n  ", "<!-- cached --><meta>"])
def test_what_stands_before_the_root_is_passed_over(before: str) -> None:
    for root, kind, read in (("rss", LinkKind.FEED, read_feed), ("urlset", LinkKind.SITEMAP, read_sitemap)):
        text = build_rss("2") if root == "rss" else f"<urlset>{'<url><loc>/1</loc></url>'}</urlset>"
        body = (before + text).encode()
        assert judge_document(body, b"text/html") is kind
        assert len(read(body, URL).entries) == (6 if root == "rss" else 1)


SITEMAP = '<?xml version="1.0" encoding="{}"?><urlset><url><loc>https://h/caf&#233;</loc></url></urlset>'


@pytest.mark.parametrize(
    "body",
    [
        SITEMAP.format("UTF-16").encode("utf-16"),
        SITEMAP.format("UTF-16").encode("utf-16-be"),
        SITEMAP.format("utf-16").encode(),
        SITEMAP.format("ucs-4").encode("utf-32"),
        gzip.compress(gzip.compress(SITEMAP.format("utf-8").encode())),
        gzip.compress(SITEMAP.format("utf-8").encode("utf-16")) + bytes(512),
    ],
    ids=["mark", "no_mark", "declared_only", "four_bytes", "packed_twice", "padded"],
)
def test_a_sitemap_is_unpacked_and_decoded(body: bytes) -> None:
    assert judge_document(body, b"") is LinkKind.SITEMAP
    sitemap = read_sitemap(body, URL)
    assert ([entry.url for entry in sitemap.entries], sitemap.mended) == (["https://h/caf%C3%A9"], "")


def test_gzip_within_gzip_has_an_end() -> None:
    body = SITEMAP.encode()
    for _ in range(5):
        body = gzip.compress(body)
    assert read_sitemap(body, URL).refused == "damaged"


@pytest.mark.parametrize(
    ("text", "declared", "written", "header", "mended"),
    [
        ("Zürich", "iso-8859-1", "iso-8859-1", b"", ""),
        ("Zürich", "iso-8859-1", "utf-8", b"", ""),
        ("Zürich", "utf-8", "cp1252", b"", ""),
        ("Zürich", "utf-8", "iso-8859-2", b"text/xml; charset=iso-8859-2", ""),
        ("潮汐", "gb2312", "gbk", b"", ""),
        ("潮汐表和渡轮", "utf-8", "utf-8", b"text/xml; charset=iso-8859-1", ""),
    ],
)
def test_what_is_said_of_an_encoding_is_believed_if_it_can_be(
    text: str, declared: str, written: str, header: bytes, mended: str
) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?>{build_rss(text)[21:]}'.encode(written)
    feed = read_feed(body, URL, header)
    assert (len(feed.entries), feed.entries[2].title, feed.mended) == (6, text, mended)


def test_a_few_bad_bytes_cost_no_more_than_themselves() -> None:
    body = build_rss("Zürich über alles fährt Öl").encode().replace(b"alles", b"al\xffles")
    feed = read_feed(body, URL)
    assert (feed.entries[2].title, feed.mended) == ("Zürich über al\ufffdles fährt Öl", "encoding")


def test_a_text_that_is_cut_off_is_left_out() -> None:
    """Half an address is another one."""
    body = build_rss("2").encode()
    cut = body[: body.index(b"/5?a") + 4]
    assert [entry.title for entry in read_feed(cut, URL).entries] == ["0", "1", "2", "3", "4"]


REPLIES = """<rss xmlns:atom="http://www.w3.org/2005/Atom"><item><title>1</title>
<atom:link rel="replies" href="https://h/1/comments"/><enclosure url="https://h/1.mp3"/><comments>https://h/1#c</comments>
{}</item></rss>"""


@pytest.mark.parametrize(
    ("links", "wanted"),
    [
        ("<link>https://h/1</link>", ["https://h/1"]),
        ('<atom:link href="https://h/1"/>', ["https://h/1"]),
        ('<atom:link href="https://h/x"/><link>https://h/1</link>', ["https://h/1"]),
        ("<guid>https://h/1</guid>", ["https://h/1"]),
        ("", []),
    ],
)
def test_only_its_own_address_is_an_entrys(links: str, wanted: list[str]) -> None:
    assert [entry.url for entry in read_feed(REPLIES.format(links).encode(), "https://h/feed").entries] == wanted


def test_a_picture_of_a_sitemap_is_no_article() -> None:
    picture = "<image:image><image:loc>/p.jpg</image:loc><image:title>Pier</image:title></image:image>"
    for declared in ('xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"', ""):
        body = f"<urlset {declared}><url>{picture}<loc>/1</loc></url><url>{picture}</url></urlset>"
        (entry,) = read_sitemap(body.encode(), "https://h/").entries
        assert (entry.url, entry.title) == ("https://h/1", "")


@pytest.mark.parametrize(
    "junk", ["<", "<a ", "<!--", "<![CDATA[", "&", "<title>", "</x>", '<a b="', "<!DOCTYPE ", "<url>"]
)
def test_hostile_markup_takes_time_that_grows_with_it(junk: str) -> None:
    body = ("<urlset><url><loc>/1</loc></url><url>" + junk * 20_000).encode()
    assert read_sitemap(body, "https://h/").entries[0].url == "https://h/1"


def test_what_is_no_feed_is_refused() -> None:
    with pytest.raises(DocumentRefused):
        list(iter_broken(["<html><body>rss</body>"], frozenset({"item"})))


# What others expect

FIELDS = {"link": "url", "title": "title", "published": "published", "updated": "updated"}
_EXPECTED = re.compile(rf"entries\[0\](?:\.|\[u?')({'|'.join(FIELDS)})'?\]?\s*==\s*(u?'(?:[^'\\]|\\.)*')")
_ENTRY_END = re.compile(rb"</(?:\w+:)?(?:item|entry)>")
_LINKS = rb"<guid>http://h/1</guid><link href='http://h/1'/>"
DEPARTURES = {
    "base64": "a headline in base64, which only Atom 0.3 allowed, is taken as it stands",
    "cdf": "CDF of 1997 is not read",
    "item_link_base_docuri": "the feed lay elsewhere when that was written",
    "item_image_link_conflict": "the host of an address is in lower case (RFC 3986 §6.2.2.1)",
    "sanitize": "a headline is text; scripts in it are taken out where the statement is normalised",
}


NOT_FOUND = {
    "cdf": "CDF of 1997 is not read",
    "atom/2/iri": "a host of other letters is written in ASCII",
    "link-same-rel": "of several addresses the first is taken, not the last",
    "entry_link_multiple": "likewise",
    "multiple_item_guid": "likewise",
    "rss/must/atom_link": "in RSS the text of Atom's link is not an address",
    "_no_href_link_priority": "what an entry encloses is not the entry",
    "enclosure_no_href": "likewise",
    "canonical_uri": "ports and question marks that say nothing are left out",
    "rel-colon": "likewise",
    "origLink": "what FeedBurner says of an entry's own address wins",
    "item_image_link_": "the host of an address is in lower case",
    "entry_id_no_normalization": "likewise",
}


def to_text(value: str) -> str:
    """A headline without markup, since that is what a feed's entry has for us."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", html.unescape(value))).split())


def check_named(paths: Iterable[str], reasons: Mapping[str, str]) -> None:
    """Every departure has a name and a reason, and every name a departure."""
    assert [path for path in paths if not any(name in path for name in reasons)] == []
    assert [name for name in reasons if not any(name in path for path in paths)] == []


def list_vectors() -> list[Path]:
    folder = SHARED / "corpus" / "vectors" / "feedparser"
    return sorted(path for path in folder.rglob("*.xml")) if folder.is_dir() else []


@needs_shared
def test_what_feedparser_finds_is_found() -> None:
    checked = 0
    departing = set()
    for path in list_vectors():
        body = path.read_bytes()
        head = body.decode(find_encoding(body), "replace")[:4_000]
        expect = re.search(r"Expect:(.*)", head)
        header = re.search(r"Content-type:(.*)", head, re.IGNORECASE)
        base = re.search(r"Content-Location:\s*(\S+)", head)
        for name, value in _EXPECTED.findall(expect[1]) if expect else ():
            wanted = ast.literal_eval(value)
            # Most have no address, and an entry without one is not an article.
            linked = body if name == "link" else _ENTRY_END.sub(_LINKS + rb"\g<0>", body)
            feed = read_feed(linked, base[1] if base else URL, header[1].strip().encode() if header else b"")
            found = {
                getattr(entry, attribute) for entry in feed.entries[:1] for attribute in (FIELDS[name], "published")
            }
            checked += 1
            if to_text(wanted) not in {to_text(text).rstrip("/") for text in found} | {to_text(text) for text in found}:
                departing.add(str(path))
    assert checked > 80
    check_named(departing, DEPARTURES)


@needs_shared
def test_the_tolerant_reader_finds_in_sound_feeds_what_libxml2_finds() -> None:
    names = frozenset({"item", "entry", "link"})

    def describe(element: etree._Element) -> list[tuple[str, str, str]]:
        return [(find_name(child), find_namespace(child), find_text(child)) for child in element]

    compared = others = 0
    for path in (SHARED / "corpus" / "vectors").rglob("*.xml"):
        body = path.read_bytes()
        stream = ElementStream(body, names)
        try:
            strict = [describe(element) for element in stream][1:]
        except DocumentRefused:
            continue
        if stream.mended:
            continue
        loose = iter_broken(iter_text(body, find_encoding(body), errors="replace"), names)
        compared += 1
        others += strict != [describe(element) for element in loose][1:]
    # Entries within entries, and controls of windows-1252 written as numbers.
    assert compared > 3_000
    assert others <= 12


@needs_shared
def test_every_address_that_feedparser_finds_is_found() -> None:
    missing = []
    paths = list((SHARED / "corpus" / "vectors").rglob("*.xml"))
    for path in paths:
        body = path.read_bytes()
        wanted = {entry.get("link", "").partition("#")[0].rstrip("/") for entry in feedparser.parse(body).entries}
        found = {entry.url.rstrip("/") for entry in read_feed(body, "http://127.0.0.1:8097/").entries}
        if any(address.startswith("http") and address not in found for address in wanted):
            missing.append(str(path))
    assert len(paths) > 3_500
    check_named(missing, NOT_FOUND)


@pytest.mark.parametrize("title", ["Pier", "Pier & quay"])
def test_a_document_of_one_entry_is_a_feed(title: str) -> None:
    """Spec: RFC 4287 §2. The link of the feed that it was taken from is not its own."""
    source = '<source><link href="http://h/"/></source>'
    body = (
        f'<entry xmlns="http://www.w3.org/2005/Atom">{source}<title>{title}</title><link href="/1"/></entry>'.encode()
    )
    assert judge_document(body, b"") is LinkKind.FEED
    assert [entry.url for entry in read_feed(body, "http://h/entry").entries] == ["http://h/1"]
    assert judge_document(b"<entry><title>Pier</title></entry>", b"") is LinkKind.OTHER
