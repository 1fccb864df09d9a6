"""Feeds of hostile posts keep the rules of RFC 4287, RFC 5005, RSS 2.0 and OPML 2.0 that feed validators check."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from lxml import html

from pipelines.exports.feeds.feeds import FeedOptions, export_feeds
from pipelines.exports.records import build_record
from pipelines.posts.post_files import build_file_name
from pipelines.posts.settle import settle
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.samples import HOSTILE_BODY, OPTIONS, SHANGHAI, build_statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelines.exports.records import PostRecord

ATOM, HISTORY = "{http://www.w3.org/2005/Atom}", "{http://purl.org/syndication/history/1.0}"
ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
MAY_BE_EMPTY = (ENCODED, f"{ATOM}link", f"{HISTORY}archive")
# Spec: RFC 3986, appendix A: the characters of an address, and a scheme in front.
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}|[\[\]])+(?:#[^#\[\]]*)?")
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")  # RFC 5646
UNSAFE = "//script | //style | //iframe | //object | //embed | //form | //@style | //@*[starts-with(name(), 'on')]"
URLS = [
    "http://例え.example/ニュース?q=é",
    'http://x.example/a b<b>"|\\^',
    "//x.example/[1]?a[]=1#x#y",
    "/a",
    "javascript:alert(1)",
]
LANGUAGES = ["zh_CN", "english", "no lang", "de_DE.UTF-8", "", "x"]
BODY = '<p><a href="#x">x</a><a href="/y">y</a><img src="z.png" srcset="a.png 2x"><iframe src="i"></iframe><b>open'


def build_hostile_record(number: int, text: str) -> PostRecord:
    """A post as the stages make it of what a page states."""
    stated = build_statement(
        number,
        headline_found=text,
        headline="",
        url=URLS[number % len(URLS)],
        inLanguage=LANGUAGES[number % len(LANGUAGES)],
        keywords_found=[text, "", " "],
        keywords=[],
        author=[text],
        articleBody_found=HOSTILE_BODY + BODY + f"<p>{text}",
        articleBody="",
        datePublished=datetime(1850 + 60 * (number % 3), 1, 1, 12, tzinfo=SHANGHAI),
        is_normalised=False,
    )
    post = settle([stated], OPTIONS)
    return build_record(post, OPTIONS, collection="news", file=build_file_name(post, OPTIONS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "feeds"
    records = [build_hostile_record(number, text) for number, text in enumerate([*list_texts(), "c\x00\x0b\x1b\ufffe"])]
    options = FeedOptions(
        title="A <News> & \x08", url="https://news.example/feeds", hub="https://hub.example/", limit=4
    )
    assert export_feeds(records, folder, options) == len(records)
    return folder


def find_content_faults(content: str) -> Iterator[str]:
    tree = html.fragment_fromstring(content, create_parent=True)
    yield from (f"unsafe: {found}" for found in tree.xpath(UNSAFE))
    links = [link for _, name, link, _ in tree.iterlinks() if name != "srcset"]
    yield from (f"relative: {link}" for link in links if not URI.match(link))


def find_atom_faults(feed: ET.Element, *, is_archive: bool) -> Iterator[str]:
    links = [(link.get("rel"), link.get("href", "")) for link in feed.findall(f"{ATOM}link")]
    counts = Counter(rel for rel, _ in links)
    wanted = {"self": 1, "alternate": 1, "hub": int(not is_archive), "current": int(is_archive)}
    yield from (f"{counts[rel]} links {rel}" for rel, count in wanted.items() if counts[rel] != count)
    if (feed.find(f"{HISTORY}archive") is not None) != is_archive:
        yield "an archive document says so, and no other does"
    for holder in (feed, *feed.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            texts = [element.text or "" for element in holder.findall(ATOM + name)]
            if len(texts) != 1 or not texts[0].strip():
                yield f"{name}: {texts}"
    ids = [entry.findtext(f"{ATOM}id", "") for entry in feed.findall(f"{ATOM}entry")]
    addresses = [*ids, feed.findtext(f"{ATOM}id", ""), *(link.get("href", "") for link in feed.iter(f"{ATOM}link"))]
    yield from (f"no address: {address}" for address in addresses if not URI.fullmatch(address))
    yield from (f"twice: {identifier}" for identifier, count in Counter(ids).items() if count > 1)
    for entry in feed.findall(f"{ATOM}entry"):
        published, updated = (
            datetime.fromisoformat(entry.findtext(ATOM + name, "")) for name in ("published", "updated")
        )
        if published.tzinfo != UTC or published > updated:
            yield f"{published} is after {updated}, or without a zone"
        names = [author.findtext(f"{ATOM}name", "").strip() for author in entry.findall(f"{ATOM}author")]
        if not names or not all(names):
            yield f"authors: {names}"
        if not all(category.get("term", "").strip() for category in entry.findall(f"{ATOM}category")):
            yield "a category without a term"
        language = entry.get("{http://www.w3.org/XML/1998/namespace}lang", "en")
        if not LANGUAGE.fullmatch(language):
            yield f"language: {language}"
        yield from find_content_faults(entry.findtext(f"{ATOM}content", ""))


def find_rss_faults(channel: ET.Element) -> Iterator[str]:
    items = channel.findall("item")
    required = [(channel, ("title", "link", "description")), *((item, ("title", "guid", "pubDate")) for item in items)]
    for holder, names in required:
        counts = Counter(element.tag for element in holder)
        yield from (f"{counts[name]} of {name}" for name in names if counts[name] != 1)
        single = ("link", "description", "lastBuildDate", "generator", ENCODED)
        yield from (f"more than one {name}" for name in single if counts[name] > 1)
        texts = [("".join(element.itertext()).strip(), element) for element in holder]
        yield from (f"empty: {element.tag}" for text, element in texts if not text and element.tag not in MAY_BE_EMPTY)
    addresses = [element.text or "" for element in channel.iter("link")]
    yield from (f"no address: {address}" for address in addresses if not URI.fullmatch(address))
    for item in items:
        names = [element.tag for element in item]
        if ENCODED in names and names.index("description") > names.index(ENCODED):
            yield "the summary comes first"
        guid = item.find("guid")
        if guid is None or guid.get("isPermaLink") != "false":
            yield "an id that is no address says so"
        stated = item.findtext("pubDate", "")
        if f"{parsedate_to_datetime(stated):%a}" != stated[:3]:
            yield f"weekday: {stated}"
        for text in (item.findtext("description", ""), item.findtext(ENCODED, "")):
            yield from find_content_faults(text)


def test_atom_feeds_keep_the_rules(folder: Path) -> None:
    paths = sorted(folder.rglob("*.atom"))
    assert any(path.parent.name == "archive" for path in paths)
    for path in paths:
        faults = list(find_atom_faults(ET.parse(path).getroot(), is_archive=path.parent.name == "archive"))
        assert faults == [], path.name


def test_rss_feeds_keep_the_rules(folder: Path) -> None:
    for path in folder.rglob("*.rss"):
        channel = ET.parse(path).getroot().find("channel")
        assert channel is not None
        assert list(find_rss_faults(channel)) == [], path.name
        assert [link.get("rel") for link in channel.findall(f"{ATOM}link")].count("self") == 1


def test_the_list_of_feeds_keeps_the_rules(folder: Path) -> None:
    root = ET.parse(folder / "opml.xml").getroot()
    assert (root.tag, root.get("version"), root.findtext("head/title")) == ("opml", "2.0", "A <News> & ")
    for outline in root.iter("outline"):
        assert outline.get("text")
        assert (outline.get("type") == "rss") == bool(URI.fullmatch(outline.get("xmlUrl", "")))
