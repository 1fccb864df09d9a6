"""`scrapy sources new`: a definition drafted from one listing page, and the guesses that it is made of."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.settings import Settings

from crawler.demo_site import Newspaper
from crawler.source_tools.draft import NoDraft, draft_source
from crawler.source_tools.pages import PageReader, PageUnreadable, RawPage
from crawler.source_tools.paging import build_next_pattern, find_next_pages
from crawler.source_tools.selectors import Sample, propose_fields
from crawler.source_tools.shapes import build_pattern, find_site, group_anchors, list_anchors
from crawler.source_tools.visitor import MAX_PAGES, Visitor
from crawler.source_tools.zones import guess_zone
from crawler.sources import load_source
from pipelines.page.document import Document
from pipelines.page.page import Page
from pipelines.posts.normalise import normalise
from pipelines.posts.options import PostOptions
from pipelines.reading.read import read
from pipelines.rules.links import LinkKind, Scope
from pipelines.rules.model import Rules
from tests.project import Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "DOWNLOAD_DELAY": 0, "AUTOTHROTTLE_ENABLED": False}

# The whole way


def test_a_draft_of_the_newspaper_crawls_it_right_away(tmp_path: Path, data: Data) -> None:
    """From its front page alone: posts for at least nine articles in ten, headlines and days as the real source's."""
    draft, real = tmp_path / "draft.toml", tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        done = run_scrapy("sources", "new", f"{paper.base_url}/", "-o", str(draft), settings=ALLOW)
        assert done.returncode == 0, done.stderr
        assert len(paper.requests) <= 20
        assert "43 of 44 articles found" in done.stdout  # but a redirect
        real.write_text(paper.source_toml(), "utf-8")
        for source, collection in ((draft, "draft"), (real, "real")):
            arguments = ("-a", f"source={source}", "-a", f"collection={collection}")
            done = run_scrapy("crawl", "category", *arguments, data=data, settings=ALLOW)
            assert done.returncode == 0, done.stderr
        wanted = paper.expected.posts

    def read(collection: str) -> dict[str, list[str]]:
        return {path.name: path.read_text("utf-8").splitlines()[2:3] for path in data.posts(collection).glob("*.md")}

    drafted = read("draft")
    assert len(drafted) >= 0.9 * len(wanted)
    assert drafted.items() <= read("real").items()
    done = run_scrapy("sources", "check", str(draft), "--collection", "draft", data=data)
    assert done.returncode == 0, done.stderr
    assert "source: h1" in done.stdout


def test_a_draft_can_be_made_from_an_archive_alone(tmp_path: Path, data: Data) -> None:
    source = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        assert run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW).returncode == 0
        address = f"{paper.base_url}/"
    done = run_scrapy("sources", "new", address, "--collection", "newspaper", data=data)
    assert done.returncode == 0, done.stderr
    assert re.search("[23] articles were read to prove it", done.stdout)
    drafted = load_source(done.stdout, path="drafted.toml")
    assert drafted.find_kind(f"{address}tianqi/2026/02/16/NW202602160710000107.html") is LinkKind.ARTICLE
    assert drafted.find_kind(f"{address}section/tianqi.html") is LinkKind.CATEGORY
    assert drafted.find_kind(f"{address}section/tianqi-2.html") is LinkKind.NEXT_PAGE
    assert drafted.find_identifier(f"{address}tianqi/2026/02/16/NW202602160710000107.html") == "NW202602160710000107"


LIST = """<html lang="de"><head><title>Der Bote</title></head><body>
<nav><a href="/sport/">Sport</a><a href="/welt/">Welt</a>
<a href="/impressum/">Impressum</a></nav><main>
<a href="/welt/artikel-einer-sache-123.html">Die Fähre legt nach elf Wintern wieder ab</a>
<a href="/sport/artikel-einer-zweiten-124.html">Der Hafen gewinnt das letzte Spiel der Runde</a>
<a href="/welt/artikel-einer-dritten-125.html">Neue Brücke über den Fluss eröffnet</a></main></body></html>"""


def test_a_file_gives_a_draft_that_says_what_is_not_proved(tmp_path: Path) -> None:
    (tmp_path / "list.html").write_text(LIST, "utf-8")
    done = run_scrapy("sources", "new", str(tmp_path / "list.html"), "--url", "https://www.bote.de/")
    assert done.returncode == 0, done.stderr
    assert "nothing here is proved" in done.stdout
    source = load_source(done.stdout, path="bote.toml")
    assert (source.name, source.post.language, str(source.post.zone)) == ("bote", "de", "Europe/Berlin")
    assert source.find_kind("https://www.bote.de/welt/artikel-einer-vierten-126.html") is LinkKind.ARTICLE
    first, second = (
        "https://www.bote.de/welt/artikel-einer-vierten-126.html",
        "https://www.bote.de/sport/artikel-126.html",
    )
    assert source.identify(first) == first
    assert source.identify(second) == second
    assert source.find_kind("https://www.bote.de/impressum/") is LinkKind.OTHER


@pytest.mark.parametrize(
    ("text", "options", "code", "words"),
    [
        (LIST, (), 1, "give it with --url"),
        ("<p>Nothing here.</p>", ("--url", "https://www.bote.de/"), 1, "look like articles of one shape"),
        ("", ("--url", "https://www.bote.de/"), 1, "holds no HTML"),
        (LIST, ("--url", "https://www.bote.de/", "-o", "list.html"), 2, "exists; name another file"),
        (LIST, ("--at", "soon"), 2, "14 or 17 digits"),
    ],
)
def test_what_cannot_be_drafted_is_said(
    tmp_path: Path, text: str, options: tuple[str, ...], code: int, words: str
) -> None:
    (tmp_path / "list.html").write_text(text, "utf-8")
    options = tuple(str(tmp_path / option) if option == "list.html" else option for option in options)
    done = run_scrapy("sources", "new", str(tmp_path / "list.html"), *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@given(st.text(max_size=40))
def test_whatever_a_page_calls_itself_the_draft_is_a_definition(title: str) -> None:
    """A title is hostile text: it must not become a key."""
    text = LIST.replace("Der Bote", f"x {title}").replace('href="/sport/">', f'rel="{title}" href="/sport/">')
    page = RawPage(body=text.encode("utf-8", "replace"), url="https://www.bote.de/")
    source = load_source(draft_source(page, None).text, path="bote.toml")
    assert source.name == "bote"
    assert source.seeds == ("https://www.bote.de/",)


def test_a_shape_whose_pages_are_no_articles_is_given_up() -> None:
    """Comment pages have longer lists of links than articles; reading them tells."""
    links = "".join(f'<a href="/talk/{n}aaaa.html">Was sagen Sie zu dieser langen Geschichte?</a>' for n in range(9))
    links += "".join(f'<a href="/news/{n}.html">Die Fähre legt nach elf Wintern ab</a>' for n in range(100, 103))
    article = "<h1>Die Fähre legt nach elf Wintern ab</h1><p>4. März 2026</p><p>" + "Sie fährt wieder. " * 20 + "</p>"

    def fetch(url: str) -> RawPage:
        if "/news/" in url:
            return RawPage(body=article.encode(), url=url, captured_at=datetime(2026, 3, 9, tzinfo=UTC))
        if "/talk/" in url:
            return RawPage(body=b"<form></form>", url=url, captured_at=datetime(2026, 3, 9, tzinfo=UTC))
        raise PageUnreadable("404")

    listing = RawPage(body=links.encode(), url="https://www.bote.de/")
    source = load_source(draft_source(listing, fetch).text, path="bote.toml")
    assert source.find_kind("https://www.bote.de/news/7.html") is LinkKind.ARTICLE
    assert source.find_kind("https://www.bote.de/talk/7aaaa.html") is LinkKind.OTHER
    with pytest.raises(NoDraft):
        draft_source(RawPage(body=b"<p>x</p>", url="https://www.bote.de/"), fetch)


def test_a_visitor_keeps_to_robots_txt_and_to_a_limit() -> None:
    pauses: list[float] = []
    routes = {"/robots.txt": build_response(b"User-agent: *\nDisallow: /private/\n"), "/a": build_response(b"<p>x</p>")}
    settings = Settings({**ALLOW, "ROBOTSTXT_OBEY": True, "DOWNLOAD_DELAY": 0.5, "DOWNLOAD_TIMEOUT": 9})
    settings.set("RESOLVER_ALLOW", ["127.0.0.0/8"])
    with WireServer(routes) as server:
        visitor = Visitor(PageReader(settings), settings, sleep=pauses.append)
        with pytest.raises(PageUnreadable, match=r"robots\.txt says so"):
            visitor.visit(server.url("/private/1"))
        for _ in range(MAX_PAGES):
            assert visitor.visit(server.url("/a")).body == b"<p>x</p>"
        with pytest.raises(PageUnreadable, match="name a page that lists articles"):
            visitor.visit(server.url("/a"))
        assert [exchange.target for exchange in server.exchanges] == ["/robots.txt", *["/a"] * MAX_PAGES]
    assert pauses == [0.5] * MAX_PAGES


def test_a_front_page_of_sections_is_looked_through() -> None:
    """Its sections are not articles, however long their texts; the articles stand one page further."""
    days = [f"/news/2026/03/{day:02}/{day}0.html" for day in range(1, 7)]
    story = "<h1>Die Fähre legt wieder ab</h1><time>4. März 2026</time><p>" + "Sie fährt wieder. " * 20 + "</p>"
    section = "<h1>Nachrichten</h1><p>Hier lesen Sie alles aus dem Hafen und aus der Stadt, jeden Tag aufs Neue.</p>"
    section += "".join(f'<p><a href="{path}">Die Fähre legt wieder ab</a></p>' for path in days)
    pages = dict.fromkeys(days, story) | {f"/section/{n}.html": section for n in range(3)}
    front = "".join(f'<a href="/section/{n}.html">Nachrichten aus dem Hafen und der Stadt {n}</a>' for n in range(3))

    def fetch(url: str) -> RawPage:
        text = pages.get(url.removeprefix("https://www.bote.de"))
        if text is None:
            raise PageUnreadable("404")
        return RawPage(body=text.encode(), url=url, captured_at=datetime(2026, 3, 9, tzinfo=UTC))

    source = load_source(
        draft_source(RawPage(body=front.encode(), url="https://www.bote.de/"), fetch).text, path="bote.toml"
    )
    assert source.find_kind("https://www.bote.de/news/2026/03/01/10.html") is LinkKind.ARTICLE
    assert source.find_kind("https://www.bote.de/section/7.html") is LinkKind.CATEGORY


def test_sections_that_only_articles_name_are_found() -> None:
    """As on the first source: the front page has no link to a category, the foot of every article has."""
    days = [f"/news/2026/03/{day:02}/{day}0.html" for day in range(1, 7)]
    links = "".join(f'<a href="{path}">Die Fähre legt nach elf Wintern ab</a>' for path in days)
    story = "<h1>Die Fähre legt nach elf Wintern ab</h1><p>4. März 2026</p><p>" + "Sie fährt wieder. " * 20 + "</p>"
    pages = dict.fromkeys(days, story + '<p><a href="/category/hafen.html">Hafen</a></p>')
    pages["/category/hafen.html"] = links

    def fetch(url: str) -> RawPage:
        text = pages.get(url.removeprefix("https://www.bote.de"))
        if text is None:
            raise PageUnreadable("404")
        return RawPage(body=text.encode(), url=url, captured_at=datetime(2026, 3, 9, tzinfo=UTC))

    source = load_source(
        draft_source(RawPage(body=links.encode(), url="https://www.bote.de/"), fetch).text, path="bote.toml"
    )
    assert source.find_kind("https://www.bote.de/category/stadt.html") is LinkKind.CATEGORY


STORY = "<h1>Die Fähre legt wieder ab</h1><time>4. März 2026</time><p>" + "Sie fährt wieder. " * 20 + "</p>"


def serve(pages: dict[str, str]) -> Callable[[str], RawPage]:
    """Return what reads pages of an invented site."""

    def fetch(url: str) -> RawPage:
        text = pages.get(url.removeprefix("https://www.bote.de"))
        if text is None:
            raise PageUnreadable("404")
        return RawPage(body=text.encode(), url=url, captured_at=datetime(2026, 3, 9, tzinfo=UTC))

    return fetch


def test_a_draft_knows_feeds_and_sitemaps_and_is_measured_by_them() -> None:
    """The page shows three, the feed nine, the sitemap twelve and a section; two articles are named alike."""
    slugs = ["alte-faehre", "neue-bruecke", "tagesblick", *(f"meldung-vom-hafen-{n}" for n in range(8)), "tagesblick"]
    paths = [f"/n/{40_000 + 13 * number}/{slug}" for number, slug in enumerate(slugs)]
    items = [f"<item><title>Die Fähre</title><link>https://www.bote.de{path}</link></item>" for path in paths[:9]]
    places = [f"<url><loc>https://www.bote.de{path}</loc></url>" for path in [*paths, "/hafen/"]]
    front = '<link rel="alternate" type="application/rss+xml" href="/neu">'
    front += '<link rel="stylesheet" href="//cdn.example/a.css">'
    front += "".join(f'<a href="{path}">Die Fähre legt nach elf Wintern wieder ab</a>' for path in paths[:3])
    pages = dict.fromkeys(paths, STORY) | {
        "/robots.txt": "Sitemap: https://www.bote.de/karte.xml",
        "/karte.xml": "<sitemapindex><sitemap><loc>/karte-2026-03.xml</loc></sitemap></sitemapindex>",
        "/karte-2026-03.xml": f"<urlset>{''.join(places)}</urlset>",
        "/neu": f"<rss><channel>{''.join(items)}</channel></rss>",
    }
    draft = draft_source(RawPage(body=front.encode(), url="https://www.bote.de/"), serve(pages))
    assert (draft.named, draft.missing) == (12, ())
    assert draft.measure == "12 of 12 articles found that the site names"
    source = load_source(draft.text, path="bote.toml")
    assert len({source.identify(f"https://www.bote.de{path}") for path in paths}) == 12
    assert source.find_identifier(f"https://www.bote.de{paths[2]}") == "40026"
    assert source.seeds[1:] == ("https://www.bote.de/neu", "https://www.bote.de/karte.xml")
    assert source.find_kind("https://www.bote.de/neu") is LinkKind.FEED
    assert source.find_kind("https://www.bote.de/karte-2026-04.xml") is LinkKind.SITEMAP
    assert source.discovery is not None
    assert source.requisites is not None
    assert source.requisites.scope.admits("https://cdn.example/a.css")
    rules = draft.text.partition("[links]")[2].splitlines()
    assert all("#" in line for line in rules if line.startswith("    '"))


def test_sections_go_on_alike_and_what_is_not_found_is_named() -> None:
    """Numbered pages stand behind bare numbers; an article of another form is counted as missing."""
    names = ("hafen", "stadt", "welt")
    front = "".join(f'<nav><a href="/{name}/">{name}</a></nav>' for name in names)
    links = {name: [f"/{name}/die-faehre-legt-wieder-ab-{n}" for n in range(4)] for name in names}
    lists = {
        name: "".join(f'<a href="{path}">Die Fähre legt nach elf Wintern wieder ab</a>' for path in paths)
        for name, paths in links.items()
    }
    front += (
        "".join(lists[name] for name in names)
        + '<a href="/x/2026/03/04/eine-ganz-andere-sache">Eine ganz andere Sache</a><a href="/seite/2">weiter</a>'
    )
    pages = {f"/{name}/": f'{text}<a href="/{name}/2">2</a>' for name, text in lists.items()}
    pages["/seite/2"] = lists["hafen"]
    pages |= {path: STORY for paths in links.values() for path in paths}
    draft = draft_source(RawPage(body=front.encode(), url="https://www.bote.de/"), serve(pages))
    source = load_source(draft.text, path="bote.toml")
    assert all(source.find_kind(f"https://www.bote.de/{name}/2") is LinkKind.NEXT_PAGE for name in names)
    assert source.find_kind("https://www.bote.de/seite/7") is LinkKind.NEXT_PAGE
    assert draft.missing == ("https://www.bote.de/x/2026/03/04/eine-ganz-andere-sache",)
    assert "# not found, for instance: https://www.bote.de/x/2026" in draft.text


def test_https_is_asked_for_where_a_scheme_is_missing() -> None:
    """Nothing listens there; the sentence shows what was requested."""
    done = run_scrapy("sources", "new", "localhost.localdomain:9", settings=ALLOW)
    assert done.returncode == 1
    assert "https://localhost.localdomain:9" in done.stderr
    assert "urlopen" not in done.stderr
    done = run_scrapy("sources", "new", "absent.html", settings=ALLOW)
    assert "there is no file absent.html; name a file, a URL or a capture" in done.stderr


# Shapes


@pytest.mark.parametrize(
    ("urls", "other", "identifier"),
    [
        (["https://a.example/2026/03/04/ferry", "https://a.example/2026/03/05/bridge"], "2027/01/01/x-y_z", None),
        (
            ["https://a.example/world/20260304/1.html", "https://a.example/arts/20260305/2.html"],
            "x-1/20270101/3.html",
            None,
        ),
        (["https://a.example/story.php?id=1&from=x", "https://a.example/story.php?id=2"], "story.php?a=b&id=77", "77"),
        (["https://a.example/p/one-two-three/", "https://a.example/p/four-five-six/"], "p/seven-eight", None),
        (["https://a.example/%E6%B8%AF/t1.html", "https://a.example/%E6%B8%AF/t2.html"], "%E6%B9%BE/t3.html", "t3"),
    ],
)
def test_a_pattern_matches_what_it_was_made_from_and_its_like(
    urls: list[str], other: str, identifier: str | None
) -> None:
    pattern = build_pattern(urls)
    assert all(re.search(pattern, url) for url in urls)
    found = re.search(pattern, f"https://a.example/{other}")
    assert found
    assert found.groupdict().get("id") == identifier
    assert not re.search(pattern, "https://a.example/about")
    assert not re.search(pattern, urls[0].replace("a.example", "b.example"))


def test_addresses_of_several_hosts_of_a_site_share_a_pattern() -> None:
    pattern = build_pattern(["https://news.a.example/1/111.html", "https://sport.a.example/2/222.html"])
    assert re.search(pattern, "https://arts.a.example/3/333.html")
    assert not re.search(pattern, "https://xa.example/3/333.html")


def test_addresses_of_no_common_shape_have_no_pattern() -> None:
    assert build_pattern(["https://a.example/1", "https://a.example/1/2"]) == ""


@given(st.lists(st.text(alphabet="ab1-_.%/?=&é ", max_size=12), min_size=2, max_size=4))
def test_any_addresses_have_a_pattern_or_none(tails: list[str]) -> None:
    pattern = build_pattern([f"https://a.example/{tail}" for tail in tails])
    re.compile(pattern)


def test_articles_come_before_what_frames_them() -> None:
    page = Page(LIST, "https://www.bote.de/")
    clusters = group_anchors(list_anchors(page.root, page.url))
    assert {url.rpartition("-")[2] for url in clusters[0].urls} == {"123.html", "124.html", "125.html"}


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://news.bbc.co.uk/x", "bbc.co.uk"),
        ("http://www.people.com.cn/", "people.com.cn"),
        ("https://www.bote.de/", "bote.de"),
        ("https://bote.de/", "bote.de"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://10.0.0.7/", "10.0.0.7"),
    ],
)
def test_a_site_is_what_its_hosts_have_in_common(url: str, site: str) -> None:
    assert find_site(url) == site


# Further pages, zones, selectors


@pytest.mark.parametrize(
    ("link", "url", "others"),
    [
        ('<a rel="next" href="/s/sea-2.html">x</a>', "/s/sea-2.html", ["/s/arts-13.html"]),
        ('<a href="?page=2">weiter</a>', "/s/?page=2", ["/t/?x=y&page=9"]),
        ('<a href="/s/page/2/">Older posts</a>', "/s/page/2/", ["/t/page/14/"]),
        ('<a href="index_2.html">下一页</a>', "/s/index_2.html", ["/t/index_3.html"]),
        ('<a href="list2.shtml">2</a>', "/s/list2.shtml", ["/s/list11.shtml"]),
        ('<a href="?start=20">Older</a>', "/s/?start=20", ["/t/?start=300"]),
        ('<a href="?before=k4x">Older</a>', "/s/?before=k4x", ["/t/?before=z9"]),
        ('<a href="?x%5BcurrentPage%5D=2">2</a>', "/s/?x%5BcurrentPage%5D=2", ["/s/?x%5BcurrentPage%5D=13"]),
    ],
)
def test_a_listing_s_next_page_is_found_and_matched_by_its_address(link: str, url: str, others: list[str]) -> None:
    (found,) = find_next_pages(
        Page(f'{link}<a href="/x">Next time, a long headline begins like this</a>', "http://h/s/")
    )
    assert found == f"http://h{url}"
    pattern = build_next_pattern(found, never=["http://h/s/", "http://h/2026/03/04/a-b.html"])
    assert re.search(pattern, found)
    assert all(re.search(pattern, f"http://h{other}") for other in others)
    assert not re.search(pattern, "http://h/s/about.html")


def test_a_pattern_that_takes_articles_for_further_pages_is_none() -> None:
    assert build_next_pattern("http://h/s/a-2.html", never=["http://h/news/story-17.html"]) == ""
    assert build_next_pattern("http://h/s/more", never=[]) == ""
    assert build_next_pattern("http://h/?page_id=2", never=[]) == ""


@pytest.mark.parametrize(
    ("url", "language", "zone"),
    [
        ("https://a.de/", "", "Europe/Berlin"),
        ("https://a.com/", "zh-Hant", "Asia/Taipei"),
        ("https://a.com/", "zh-CN", "Asia/Shanghai"),
        ("https://a.com/", "en", ""),
        ("https://a.com/", "", ""),
    ],
)
def test_a_zone_is_guessed_or_left_open(url: str, language: str, zone: str) -> None:
    assert guess_zone(url, language) == zone
    assert not zone or ZoneInfo(zone)


PROSE = "跨江大桥星期一正式通车，比原计划晚了两年，费用也比当初的预算增加了一倍。"


def build_sample(number: int, head: str = "") -> Sample:
    text = (
        f"<html><head><title>大桥{number}通车_某某网</title>{head}</head><body>"
        f"<div class=css-1x9Ab2><h1>大桥{number}通车</h1></div>"
        f'<div class="info"><span class="when">2026-03-0{number} 10:21:0{number}</span></div>'
        f'<div class="zKq3Xw text-body"><p>{PROSE}{number}</p><p>{PROSE[::-1]}</p></div></body></html>'
    )
    at = datetime(2026, 3, 9, tzinfo=UTC)
    url = f"http://h/{number}"
    rules = Rules(name="h", scope=Scope(prefixes=()), post=PostOptions(zone=ZoneInfo("Asia/Shanghai")))
    document = Document(body=text.encode(), url=url, captured_at=at)
    (statement,) = read(document, rules, as_article=True).statements
    return Sample(page=Page(text, url), statement=normalise(statement, rules.post), captured_at=at)


def test_selectors_are_proposed_for_what_only_the_text_says() -> None:
    proposals = propose_fields([build_sample(1), build_sample(2)], zone=ZoneInfo("Asia/Shanghai"), language="zh")
    assert {proposal.field: proposal.expression for proposal in proposals} == {
        "headline": "h1",
        "datePublished": "span.when",
        "articleBody": "html:div.text-body",
    }


def test_what_is_declared_needs_no_selector() -> None:
    head = '<meta property="article:published_time" content="2026-03-01T10:21:01+08:00">'
    date = propose_fields([build_sample(1, head)], zone=ZoneInfo("Asia/Shanghai"), language="zh")[1]
    assert (date.expression, date.places) == ("", ("meta:article:published_time",))


def test_a_selector_that_fails_on_one_sample_is_none() -> None:
    other = Sample(
        page=Page("<h2>大桥</h2>", "http://h/3"),
        statement=build_sample(1).statement,
        captured_at=datetime(2026, 3, 9, tzinfo=UTC),
    )
    proposals = propose_fields([build_sample(1), other], zone=ZoneInfo("Asia/Shanghai"), language="zh")
    assert [proposal.expression for proposal in proposals] == ["", "", ""]
