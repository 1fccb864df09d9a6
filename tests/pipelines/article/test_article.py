"""A whole article from one page: fields, evidence, and that nothing but the arguments decides."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.article.article import Article, read_article
from pipelines.dates.model import Precision
from pipelines.markup.sanitise import normalise_body
from pipelines.page.page import Page

CAPTURED_AT = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
URL = "https://paper.example/2026/03/08/bridge.html"
PROSE = [
    "跨江大桥星期一正式通车，比原计划晚了两年，费用也比当初的预算增加了一倍。",
    "承建方<span id=stock_1.600160>巨化股份</span>表示，从星期二起大桥将供电车使用，汽车仍须绕行老路。",
]
PAGE = f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>大桥今日通车_要闻_某某网</title>
<meta name="keywords" content="大桥,通车,市长"><meta property="article:section" content="要闻">
<link rel="canonical" href="/2026/bridge"></head>
<body><div class="nav"><a href="/">首页</a></div><h1>大桥今日通车</h1>
<div class="info">2026-03-08 10:21 来源：某某日报 记者 李四</div>
<div class="body"><p>{PROSE[0]}</p><p>{PROSE[1]} <img src="/b.jpg" onload="x()"></p><p>责任编辑：王五</p></div>
<div class="related"><ul><li><a href="/1">旧闻</a></li></ul></div></body></html>"""


def read(text: str = PAGE, *, url: str = URL, **options: object) -> Article:
    arguments = {"captured_at": CAPTURED_AT, "zone": ZoneInfo("Asia/Shanghai")} | options
    return read_article(Page(text, url), **arguments)  # type: ignore[arg-type]


def test_every_field_and_its_evidence() -> None:
    article = read()
    assert article.headline == article.headline_found == "大桥今日通车"
    assert article.datePublished is not None
    assert article.datePublished.isoformat() == "2026-03-08T10:21:00+08:00"
    assert article.datePublished_precision is Precision.MINUTE
    assert article.datePublished_found.startswith("2026-03-08 10:21")
    assert article.keywords == ["大桥", "通车", "市长"]
    assert article.sections == ["要闻"]
    assert article.authors == ["李四"]
    assert article.canonical_url == "https://paper.example/2026/bridge"
    assert article.language == "zh-CN"
    assert article.symbols == ["SH600160"]
    assert article.body_text.split("\n") == [
        PROSE[0],
        PROSE[1].replace("<span id=stock_1.600160>", "").replace("</span>", ""),
    ]
    assert article.evidence == {
        "headline": "h1",
        "datePublished": "text:near headline",
        "keywords": "meta:keywords",
        "sections": "meta:article:section",
        "authors": "text:near headline",
        "body": "mainbody",
    }


def test_the_body_is_sanitised_and_absolute() -> None:
    article = read()
    assert '<img src="https://paper.example/b.jpg">' in article.body_html
    assert "onload" not in article.body_html
    assert normalise_body(article.body_html, base_url=URL) == article.body_html


def test_what_is_known_of_the_page_wins_over_what_it_says() -> None:
    assert read(language="zh-Hans").language == "zh-Hans"
    day_only = read(zone=None)
    assert day_only.datePublished is None
    assert str(day_only.datePublished_day) == "2026-03-08"
    assert day_only.datePublished_precision is Precision.DAY


def test_a_body_that_only_machines_see_is_taken_where_the_page_shows_none() -> None:
    stated = "\\n".join(["The bridge over the river was opened on Monday & nobody was there to see it."] * 4)
    page = f"""<title>Bridge opens</title><script type="application/ld+json">{{"@type": "NewsArticle",
    "headline": "Bridge opens", "articleBody": "{stated}"}}</script><div id="app"></div>"""
    article = read(page)
    assert article.evidence["body"] == "jsonld:articleBody"
    assert article.body_text.count("\n") == 3
    assert article.body_html.count("<p>") == 4
    assert "Monday &amp; nobody" in article.body_html


def test_what_somebody_found_already_is_not_looked_for() -> None:
    """Tags and authors are still judged by the text that is known."""
    whole, rest = read(), read(known_body=f"<p>{PROSE[0]}</p>", is_dated=True)
    assert (rest.body_html, rest.body_text, rest.datePublished, rest.symbols) == ("", "", None, [])
    assert (rest.headline, rest.keywords, rest.authors) == (whole.headline, whole.keywords, whole.authors)
    assert sorted(rest.evidence) == ["authors", "headline", "keywords", "sections"]
    assert read(text=PAGE.replace("大桥今日通车", "要闻一则"), known_body="<p>x</p>").keywords == []


def test_an_empty_page_is_an_empty_article() -> None:
    assert read("", url="", captured_at=None) == Article()


def test_an_address_that_is_none_costs_only_what_rests_on_it() -> None:
    article = read(url="http://[broken")
    assert article.headline == "大桥今日通车"
    assert article.canonical_url == ""


def test_reading_twice_gives_the_same() -> None:
    assert read() == read()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    read(text)
    read(PAGE.replace("大桥", text))


STORY = "".join(
    f"<p>{text}</p>"
    for text in (
        "The bridge over the river was opened on Monday, two years later than planned and at twice the cost.",
        "Thousands came to cross it on foot, among them the mayor, who had promised it in his first campaign.",
    )
)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            '<title>Bridge opens at last - The Paper</title><h1><a href="/">The Paper</a></h1>'
            "<h2>Bridge opens at last</h2>",
            id="the name of the site leads home",
        ),
        pytest.param(
            '<title>Notes » Archive » Bridge opens at last</title><h1 id="blog"><a href="/">Notes</a></h1>'
            '<h2 class="entry-title"><a href="/x">Bridge opens at last</a></h2>',
            id="a blog's",
        ),
        pytest.param(
            '<title>The Paper: Bridge opens at last</title><meta property="og:site_name" content="The Paper">',
            id="the name before it",
        ),
        pytest.param(
            "<title>Bridge opens at last | The Paper</title><h1>Bridge opens at last</h1>"
            '<script type="application/ld+json">'
            '{"@type": "NewsArticle", "headline": "Bridge opens at last | The Paper"}</script>',
            id="JSON-LD with the name behind it",
        ),
        pytest.param(
            "<title>Opening of the bridge: all you need to know</title><h1>Bridge opens at last</h1>"
            '<script type="application/ld+json">{"@type": "BlogPosting",'
            ' "headline": "Opening of the bridge: all you need to know"}</script>',
            id="JSON-LD that repeats the title for search engines",
        ),
        pytest.param(
            "<title>Town council - detail</title><h1>Detail</h1><h2>Bridge opens at last</h2><p>2026-03-07</p>",
            id="the name of a part of the page",
        ),
        pytest.param(
            '<title>Bridge opens at last | Notes</title><h1><a href="/2026/">Notes</a></h1>'
            '<h2><a href="/x">Bridge opens at last</a></h2>',
            id="the name of the site leads to a copy of its front page",
        ),
        pytest.param(
            "<title>Bridge opens at last | Notes</title><h1>Notes</h1><h2>Bridge opens at last</h2>",
            id="the name of the site, without a link, ends the title",
        ),
        pytest.param(
            '<title>Paper - Archive - Bridge opens at last</title><meta property="og:site_name" content="Paper">'
            '<meta property="og:title" content="Bridge opens at last"><h3>Paper</h3>',
            id="a lesser heading with the name of the site",
        ),
        pytest.param(
            "<title>Bridge opens at last</title><h1>Bridge opens at last</h1><h3>Bridge opens</h3>"
            '<script type="application/ld+json">{"@type": "WebSite", "name": "Bridge opens at last"}</script>',
            id="stated as the name of the site",
        ),
        pytest.param(
            '<title>Bridge opens at last | The Paper</title><meta property="og:site_name" content="The Paper">'
            "<h1>Bridge opens at last | The Paper</h1>",
            id="a heading with the name of the site behind it",
        ),
        pytest.param(
            "<title>Bridge opened</title><h1>Bridge opens at last</h1>"
            '<script type="application/ld+json">{"@type": "NewsArticle",'
            ' "headline": "Town Bridge opens at last"}</script>',
            id="JSON-LD with a kicker before it",
        ),
        pytest.param(
            "<title>Startseite</title><h1>Bridge opens at last</h1><p>Page 1</p>", id="a title that says nothing"
        ),
        pytest.param(
            '<title>Bridge opens at last | The Paper</title><meta property="og:title" content="Bridge opens at last">'
            '<h1>Bridge opens at last</h1><script type="application/ld+json">'
            '{"@type": "NewsArticle", "headline": "Our ten best stories of the week"}</script>',
            id="a heading that the title and og:title repeat",
        ),
        pytest.param(
            "<title>Bridge opens at last | The Paper</title><h3>More</h3>"
            '<meta property="og:site_name" content="The Paper"><script type="application/ld+json">'
            '{"@type": "NewsArticle", "headline": "Bridge opens at last | The Paper"}</script>',
            id="JSON-LD with the name of the site, and no heading",
        ),
        pytest.param(
            '<title>Bridge opens at last│Town</title><div class="title">Bridge opens at last│Town</div>',
            id="a title that is no heading",
        ),
        pytest.param(
            "<title>Bridge opened</title><h1>Bridge opens at last</h1><div><h1>Bridge opens at last</h1></div>",
            id="the same heading twice",
        ),
        pytest.param(
            '<title>What opens? Bridge opens at last</title><meta property="og:title" content="Bridge opens at last">'
            "<h1>Bridge opens at last</h1><h2>What opens?</h2>",
            id="a lesser heading with the first words of the title",
        ),
        pytest.param(
            '<title>Bridge opens at last</title><meta property="og:title" content="Bridge opens at last">'
            "<h1>Opens</h1><h1>Elsewhere</h1>",
            id="a word of the title as a heading",
        ),
        pytest.param(
            "<title>The Harbour Office</title><p>2026-03-08 | Notice</p><h4>Bridge opens at last</h4>",
            id="a lesser heading with a day before it",
        ),
        pytest.param(
            "<title>The Harbour Office</title><h6>Bridge opens at last</h6><p>By Ada Quill</p>"
            "<p>(8 March 2026) The first tram crossed it at noon, and two hundred guests stood on the bank.</p>",
            id="a lesser heading with a day behind the byline",
        ),
        pytest.param(
            "<title>Paper Example</title><h1>Paper Example</h1><h2>Bridge opens at last</h2><span>8 March 2026</span>",
            id="a dated heading below the name of the host",
        ),
        pytest.param(
            "<title>Bridge opens at last | The Paper</title><h3><a href=/a>Tunnel is dug</a></h3><p>8 March 2026</p>",
            id="a dated heading that leads to another article",
        ),
        pytest.param(
            "<title>Bridge opens at last | The Paper</title><h2>The years of building</h2>"
            "<p>On 8 March 2019 the first stone was laid in the presence of the mayor and of two hundred guests.</p>",
            id="a heading with a day in the sentence behind it",
        ),
    ],
)
def test_the_headline_is_what_readers_take_for_it(page: str) -> None:
    assert read(f"<html><head></head><body>{page}{STORY}</body></html>").headline == "Bridge opens at last"


def test_a_headline_that_is_cut_within_a_phrase_is_completed() -> None:
    whole = (
        "Bridge over the river opens at last, two years later than planned, and everybody crosses it on foot at once"
    )
    page = (
        f'<title>{whole} | The Paper</title><script type="application/ld+json">{{"@type": "NewsArticle", "headline": '
    )
    assert read(f'{page}"{whole[:91]}"}}</script>{STORY}').headline == whole
    assert read(f'{page}"{whole[:20]}"}}</script>{STORY}').headline == whole[:20]


def test_a_heading_over_other_articles_is_no_headline() -> None:
    page = (
        "<title>大河网-文章</title><div class='piece-title'>大桥今日通车</div>"
        "<div><p>大桥今日正式通车，市长出席。</p></div>"
        "<div class='more-title'>相关推荐</div><div>2026-03-09 旧桥拆除</div>"
    )
    assert read(page).headline == "大桥今日通车"


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        (
            "<time class=published datetime=2026-03-07>7</time><time class=updated datetime=2026-03-08>8</time>",
            "2026-03-07",
        ),
        ("<time title='2026-03-07T10:00:00+08:00'>yesterday, or so</time>", "2026-03-07"),
        ("<span class='when' data-time='1772848800000'>yesterday, or so</span>", "2026-03-07"),
        ("<p class='d'>hace 20 horas</p>", "2026-03-09"),
        ("<p>7 มีนาคม 2569</p>", "2026-03-07"),
        ("<p>二〇二六年三月七日</p>", "2026-03-07"),
        ("<p>an hour ago</p>", "2026-03-09"),
        ("<p>قبل يومين</p>", "2026-03-07"),
    ],
)
def test_what_dates_an_article_stands_near_its_headline(around: str, expected: str) -> None:
    page = f"<h1>Bridge opens at last</h1>{around}<div>{STORY}</div>"
    assert str(read(page, url="https://paper.example/bridge").datePublished_day) == expected


@pytest.mark.parametrize(
    "frame",
    [
        "<div id='comments'><time datetime='2026-03-07'>7 March 2026</time></div>",
        "<aside class='related'><time datetime='2019-11-02'>2 Nov 2019</time></aside>",
        "<p>Site last updated 01/02/2024</p>",
    ],
)
def test_what_dates_something_else_dates_no_article(frame: str) -> None:
    page = f"<article><h1>Bridge opens at last</h1>{STORY * 2}</article>{frame}"
    assert read(page, url="https://paper.example/bridge").datePublished_day is None


STATED = """<script type="application/ld+json">
{"@type": "Article", "headline": "Bridge opens at last", "author": "NAME"}</script>"""


@pytest.mark.parametrize(
    ("stated", "byline", "expected"),
    [
        pytest.param("web.entry", "<p>By Ada Quill</p>", "Ada Quill", id="who entered it"),
        pytest.param("Ada M. Quill", "<p>By Ada Quill</p>", "Ada M. Quill", id="the same"),
        pytest.param("", '<p class="author">By</p><p class="author">Ada Quill</p>', "Ada Quill", id="a label"),
        pytest.param("", "<div>Written by</div><div>Ada Quill</div>", "Ada Quill", id="a label without a class"),
        pytest.param("", '<p class="author avatar">AQ</p><p class="author">Ada Quill</p>', "Ada Quill", id="initials"),
        pytest.param("", '<p class="writer">Words: Ada Quill</p>', "Ada Quill", id="a label within the element"),
        pytest.param("", "<p>Autor: Ada Quill<br>Quelle: Lamp</p>", "Ada Quill", id="the label of another line"),
        pytest.param("", "<p>Szerző: Ada Quill</p>", "Ada Quill", id="Hungarian"),
        pytest.param("", "<p>Geschrieben von: <span>Ada Quill</span></p>", "Ada Quill", id="German, as Joomla"),
        pytest.param("", "<p>Аутор: Јована Петровић</p>", "Јована Петровић", id="Serbian"),
        pytest.param("", "<p>Հեղինակ՝ Անի Պետրոսյան</p>", "Անի Պետրոսյան", id="Armenian"),
        pytest.param("", "<p>كتبت - سارة الخطيب</p>", "سارة الخطيب", id="a dash in Arabic"),
        pytest.param(
            "", "<div>By</div><div>Haven Trust for Old Bridges</div><p>By Ada Quill</p>", "Ada Quill", id="a cut name"
        ),
    ],
)
def test_authors_are_those_whom_readers_see(stated: str, byline: str, expected: str) -> None:
    head = STATED.replace("NAME", stated)
    page = f"<html><head>{head}</head><body><h1>Bridge opens at last</h1>{byline}{STORY}</body></html>"
    assert read(page).authors == [expected]


@pytest.mark.parametrize(
    "byline", ['<a data-test="byline" href="/w/ada">Ada Quill</a>', "<p class='author_mail'><b>Ada Quill</b></p>"]
)
def test_what_holds_the_headline_is_no_column_beside_it(byline: str) -> None:
    page = f"<div class='sidebar-1'><h1>Bridge opens at last</h1>{STORY}{byline}</div>"
    assert read(page).authors == ["Ada Quill"]


LETTERS = """<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Bridge opens at last",
"author": [{"@type": "Person", "name": "Ada Quill", "url": "URL"}], "publisher": {"name": "Ada Quill"}}</script>"""


@pytest.mark.parametrize(
    ("profile", "expected"), [("https://letters.example/@ada", ["Ada Quill"]), ("https://www.ada.example/team", [])]
)
def test_a_paper_with_the_name_of_its_author_is_no_author_without_a_profile_elsewhere(
    profile: str, expected: list[str]
) -> None:
    page = (
        f"<html><head>{LETTERS.replace('URL', profile)}</head><body><h1>Bridge opens at last</h1>{STORY}</body></html>"
    )
    assert read(page, url="https://ada.example/1").authors == expected
