"""What a page states about itself, where it states it, and what is chosen when statements differ."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.article.bylines import find_authors, list_signed
from pipelines.article.datelines import read_around
from pipelines.article.keywords import choose_sections, choose_topics
from pipelines.article.publication import Publication, find_publication
from pipelines.article.titles import find_headline, strip_suffixes
from pipelines.dates.model import Precision
from pipelines.page import jsonld
from pipelines.page.languages import find_language, parse_tag
from pipelines.page.metadata import Metadata, Statement, read_metadata
from pipelines.page.page import Page, fold_title, read_text

SHANGHAI = ZoneInfo("Asia/Shanghai")
CAPTURED_AT = datetime(2024, 5, 21, 2, 0, tzinfo=UTC)


def build(head: str = "", body: str = "", url: str = "https://paper.example/a/1") -> Page:
    return Page(f"<html><head>{head}</head><body>{body}</body></html>", url)


def read(head: str = "", body: str = "", url: str = "https://paper.example/a/1") -> Metadata:
    return read_metadata(build(head, body, url))


def publish(
    head: str = "",
    body: str = "",
    *,
    url: str = "https://paper.example/a",
    zone: ZoneInfo | None = SHANGHAI,
    captured_at: datetime | None = CAPTURED_AT,
    language: str = "zh",
) -> Publication | None:
    page = build(head, body, url)
    metadata = read_metadata(page)
    _, shown = find_headline(page, metadata)
    return find_publication(page, metadata, read_around(shown), zone=zone, captured_at=captured_at, language=language)


def script(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


# The page


@pytest.mark.parametrize("text", ["", "   ", "\x00", "<!-- only a comment -->", "<?pi?>", "plain words"])
def test_a_text_without_elements_is_an_empty_page(text: str) -> None:
    assert read_text(Page(text).root) in ("", "plain words")


def test_text_behind_the_end_of_the_document_is_kept() -> None:
    page = Page("<html><body><p>menu</p></body></html><html><body><p>story</p></body></html>")
    assert read_text(page.root) == "menustory"


def test_names_of_metas_lose_case_and_blanks() -> None:
    page = build('<meta name="og:time " content=" 2019-01-02 "><meta PROPERTY="OG:Title" content="x"><meta name=a>')
    assert page.metas == [("og:time", "2019-01-02"), ("og:title", "x")]
    assert page.find_meta("nothing", "og:title") == "x"


# JSON-LD


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2]}',
        '{"a": [1, 2,],}',
        '// a comment\n{"a": [1, /* two */ 2]}',
        '<!-- {"a": [1, 2]} -->',
        '//<![CDATA[\n{"a": [1, 2]}\n//]]>',
        '{"a": [1, 2]};',
        "{&quot;a&quot;: [1, 2]}",
    ],
)
def test_slips_in_json_are_forgiven(text: str) -> None:
    assert jsonld.load_lenient(text) == {"a": [1, 2]}


def test_what_looks_like_a_slip_inside_a_string_stays() -> None:
    text = '{"url": "https://paper.example//x", "b": "1,]",\n"c": "two\nlines",}'
    assert jsonld.load_lenient(text) == {"url": "https://paper.example//x", "b": "1,]", "c": "two\nlines"}


@given(st.text())
def test_no_text_breaks_the_loader(text: str) -> None:
    jsonld.load_lenient(text)
    list(jsonld.iter_nodes([text]))


def test_nodes_come_out_of_graphs_and_lists_outer_first() -> None:
    nodes = jsonld.iter_nodes(['[{"@graph": [{"@id": "1"}, {"@id": "2", "author": {"@id": "3"}}]}]', "broken {"])
    assert [node.get("@id", "outer") for node in nodes] == ["outer", "1", "2", "3"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("NewsArticle", True),
        ("https://schema.org/ReportageNewsArticle", True),
        (["CreativeWork", "BlogPosting"], True),
        ("WebPage", False),
        (None, False),
    ],
)
def test_kinds_of_articles(kind: object, expected: bool) -> None:
    assert jsonld.is_article({"@type": kind}) is expected


def test_people_are_named_directly_in_objects_and_by_reference() -> None:
    nodes = [{"@id": "#jane", "name": "Jane Roe"}]
    assert jsonld.list_texts(["A &amp; B", {"name": "Jim"}, {"@id": "#jane"}, {"name": ["X", "Y"]}, 3], nodes) == [
        "A & B",
        "Jim",
        "Jane Roe",
        "X",
        "Y",
    ]


# Statements


def test_an_article_in_json_ld_states_all_fields() -> None:
    metadata = read(
        script(
            '{"@type": "NewsArticle", "headline": "Bridge opens", "datePublished": "2024-05-20T08:00:00+02:00",'
            ' "keywords": "bridge, river", "articleSection": ["Local"], "author": [{"name": "Jane Roe"}],'
            ' "articleBody": "The bridge is open.", "publisher": {"@type": "Organization", "name": "The Paper"}}'
        )
    )
    assert metadata.headlines == [Statement(text="Bridge opens", evidence="jsonld:headline")]
    assert metadata.published == [Statement(text="2024-05-20T08:00:00+02:00", evidence="jsonld:datePublished")]
    assert [[entry.text for entry in group] for group in metadata.keywords] == [["bridge, river"]]
    assert [entry.text for entry in metadata.sections] == ["Local"]
    assert metadata.authors[0][0].text == "Jane Roe"
    assert metadata.bodies[0].text == "The bridge is open."
    assert "The Paper" in metadata.site_names


def test_of_several_articles_the_one_that_the_title_names_is_read() -> None:
    metadata = read(
        "<title>Second story - The Paper</title>"
        + script('[{"@type": "Article", "headline": "First story"}, {"@type": "Article", "headline": "Second story"}]')
    )
    assert metadata.headlines[0].text == "Second story"


def test_a_meta_with_a_property_is_no_microdata() -> None:
    both = '<meta itemprop="headline" property="x:title" content="The bridge opens">'
    assert [one.text for one in read(both).headlines if one.evidence.startswith("microdata")] == []
    assert [one.text for one in read(both.replace("property", "id")).headlines] == ["The bridge opens"]


def test_the_vocabulary_of_baidu_is_read() -> None:
    text = '{"@context": "https://ziyuan.baidu.com/contexts/cambrian.jsonld", "title": "标题", "pubDate": "2024-05-20"}'
    metadata = read(script(text))
    assert metadata.published == [Statement(text="2024-05-20", evidence="cambrian:pubDate")]


@pytest.mark.parametrize(
    "name",
    [
        *("publishdate", "PubDate", "og:time ", "og:release_date", "weibo: article:create_at", "firstpublishedtime"),
        *("date", "sailthru.date", "citation_date", "citation_online_date"),
    ],
)
def test_metas_named_for_publication_state_a_date(name: str) -> None:
    metadata = read(f'<meta name="{name}" content="2024-05-20 10:00">')
    assert [entry.text for entry in metadata.published] == ["2024-05-20 10:00"]
    assert metadata.published[0].evidence == f"meta:{name.strip().lower()}"


@pytest.mark.parametrize("name", ["article:modified_time", "lastmod", "expires", "unpublishdate", "event:release_date"])
def test_other_metas_state_no_date(name: str) -> None:
    assert read(f'<meta name="{name}" content="2024-05-20 10:00">').published == []


def test_more_trustworthy_dates_come_first() -> None:
    metadata = read(
        '<meta name="createdate" content="c"><meta name="pubdate" content="p">'
        '<meta property="article:published_time" content="a">'
        + script('{"@type": "NewsArticle", "headline": "h", "datePublished": "j"}'),
        '<time itemprop="datePublished" datetime="m"></time>',
    )
    assert [entry.text for entry in metadata.published] == ["j", "a", "m", "p", "c"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<link rel="canonical" href="/b/2">', "https://paper.example/b/2"),
        ('<meta property="og:url" content="https://paper.example/c?id=3">', "https://paper.example/c?id=3"),
        ('<link rel="canonical" href="https://paper.example/">', ""),
        ('<link rel="canonical" href="javascript:void(0)">', ""),
        (
            '<link rel="alternate" href="/rss"><link href="/x"><link rel="canonical" href="/b/2">',
            "https://paper.example/b/2",
        ),
        ('<link rel="canonical" href="https://[broken">', ""),
        ("", ""),
    ],
)
def test_canonical_addresses_are_checked(head: str, expected: str) -> None:
    assert read(head).canonical_url == expected


# Headlines


def headline_of(head: str, body: str) -> tuple[str, str]:
    page = build(head, body)
    found, _ = find_headline(page, read_metadata(page))
    return (found.text, found.evidence) if found else ("", "")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("The bridge opens at last | The Paper", "The bridge opens at last"),
        ("Haven: The bridge opens at last | The Paper", "Haven The bridge opens at last"),
    ],
)
def test_a_kicker_within_the_heading_is_none_of_its_words_where_the_title_goes_without(
    title: str, expected: str
) -> None:
    body = "<h1><span>Haven</span> <span>The bridge opens at last</span></h1>"
    assert headline_of(f"<title>{title}</title>", body)[0] == expected


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        pytest.param(
            "<title>桥梁今日通车 - 某某新闻网</title>",
            "<h1>某某新闻网</h1><h1>桥梁今日通车</h1><h1>热点</h1>",
            ("桥梁今日通车", "h1"),
            id="the h1 that the title repeats",
        ),
        pytest.param(
            "<title>桥梁今日通车_新闻频道_某某网</title>", "<h3>相关阅读</h3>", ("桥梁今日通车", "title"), id="suffixes"
        ),
        pytest.param(
            "<title>桥梁今日通车_某某网</title>",
            '<div class="art-title">桥梁今日通车</div>',
            ("桥梁今日通车", "div"),
            id="an element whose class says title",
        ),
        pytest.param(
            '<meta property="og:title" content="奖金711万元！">',
            "<h1>奖金711万元！“大奖”首位获奖者是谁</h1>",
            ("奖金711万元！“大奖”首位获奖者是谁", "h1"),
            id="an attribute cut at a quotation mark",
        ),
        pytest.param(
            "<title>Bridge opens | The Paper</title>"
            + script('{"@type": "NewsArticle", "headline": "A bridge for everybody opens"}'),
            "<h1>Bridge opens at last</h1>",
            ("A bridge for everybody opens", "jsonld:headline"),
            id="JSON-LD where no heading repeats the title",
        ),
        pytest.param(
            "<title>News - Society of Geographers</title>",
            "<h5>Annual meeting was held</h5><p>2019-05-18 source: office</p>",
            ("Annual meeting was held", "h5"),
            id="a heading with a date behind it",
        ),
        pytest.param(
            "", "<h2>Menu</h2><h2>A headline without any title</h2>", ("A headline without any title", "h2"), id="none"
        ),
        pytest.param("", "<p>no heading</p>", ("", ""), id="nothing"),
    ],
)
def test_headlines(head: str, body: str, expected: tuple[str, str]) -> None:
    assert headline_of(head, body) == expected


@pytest.mark.parametrize(
    ("title", "sites", "expected"),
    [
        ("Bridge opens - The Paper", [], "Bridge opens"),
        ("Bridge opens | Local | The Paper", [], "Bridge opens"),
        ("Anti-war march - what we know", ["The Paper"], "Anti-war march"),
        ("Bridge opens « The Paper", [], "Bridge opens"),
        ("Le maire : « Le pont ouvre »", [], "Le maire : « Le pont ouvre »"),
        ("Anti-war march", [], "Anti-war march"),
        ("桥梁今日通车-某某新闻网", [], "桥梁今日通车"),
        ("桥梁今日通车--文化--某某网", [], "桥梁今日通车"),
        ("T-34坦克亮相", [], "T-34坦克亮相"),
        ("Paper", ["Paper"], "Paper"),
        ("", [], ""),
    ],
)
def test_suffixes_go_by_their_structure(title: str, sites: list[str], expected: str) -> None:
    assert strip_suffixes(title, sites) == expected


@given(st.text(), st.lists(st.text(), max_size=3))
def test_stripping_suffixes_only_shortens(title: str, sites: list[str]) -> None:
    assert strip_suffixes(title, sites) in title


@given(st.text())
def test_folded_titles_stay_folded(text: str) -> None:
    assert fold_title(fold_title(text)) == fold_title(text)


# Publication

HEADLINE = "<title>桥梁今日通车</title>"
SHOWN = "<h1>桥梁今日通车</h1>"


@pytest.mark.parametrize(
    ("head", "body", "expected", "evidence"),
    [
        pytest.param(
            '<meta name="publishdate" content="2024-05-20">' + HEADLINE,
            f"{SHOWN}<div>2024年05月20日10:21 来源：某某日报</div>",
            "2024-05-20T10:21:00+08:00",
            "text:near headline",
            id="a day in a meta, the minute below the headline",
        ),
        pytest.param(
            HEADLINE
            + script(
                '{"@type": "NewsArticle", "headline": "桥梁今日通车", "datePublished": "2024-05-20T02:21:33.000Z"}'
            ),
            f"{SHOWN}<p>2024-05-20 10:21</p>",
            "2024-05-20T02:21:33+00:00",
            "jsonld:datePublished",
            id="an aware instant before the same minute in words",
        ),
        pytest.param(
            HEADLINE,
            f'{SHOWN}<p>2024-05-20 10:21</p><script>var ct = "1716171693";</script>',
            "2024-05-20T10:21:33+08:00",
            "script:ct",
            id="the second from a script that agrees on the minute",
        ),
        pytest.param(
            HEADLINE,
            f'{SHOWN}<em id="publish_time">昨天</em><script>var ct = "1581517074";</script>',
            "2020-02-12T22:17:54+08:00",
            "script:ct",
            id="what rests on the capture gives way to what does not",
        ),
        pytest.param(
            HEADLINE,
            f"{SHOWN}<p>昨天 10:21</p>",
            "2024-05-20T10:21:00+08:00",
            "text:near headline",
            id="relative to the capture",
        ),
        pytest.param(
            HEADLINE,
            '<html data-publishtime="2024-05-20 10:21:05"><div data-ptime="2024-05-20 10:21:05"></div>',
            "2024-05-20T10:21:05+08:00",
            "attribute:data-ptime",
            id="attributes",
        ),
        pytest.param(
            HEADLINE,
            "<!--enpproperty <date>2024-05-20 10:21:05.0</date><author>x</author>-->",
            "2024-05-20T10:21:05+08:00",
            "comment:date",
            id="the comment of an editorial system",
        ),
        pytest.param(
            HEADLINE,
            "<p>发布日期：2024-05-20 责任编辑：王五</p>",
            "2024-05-20",
            "text:labelled",
            id="a labelled day at the end",
        ),
        pytest.param(
            HEADLINE,
            f"{SHOWN}<p>2024年2月27日下午，街道党工委委员、街道经济和科技促进局局长、金融业联合会秘书长等一行来到产业园，就小镇建设开展调研工作，"
            "并与负责人交流，对今后的发展提出了许多意见，大家听取了汇报。</p><p>发布日期：2024-05-20</p>",
            "2024-05-20",
            "text:near headline",
            id="the day in a sentence is another",
        ),
    ],
)
def test_publication(head: str, body: str, expected: str, evidence: str) -> None:
    found = publish(head, body)
    assert found is not None
    if "T" in expected:
        assert found.instant == datetime.fromisoformat(expected)
        assert found.precision is not Precision.DAY
    else:
        assert (found.day.isoformat(), found.precision) == (expected, Precision.DAY)
    assert found.evidence == evidence


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://paper.example/2024-05/20/content_1.html", "2024-05-20"),
        ("https://paper.example/202405/t20240520_15263156.htm", "2024-05-20"),
        ("https://paper.example/20/0229/18/F6ISIFBD.html", "2020-02-29"),
        ("https://paper.example/a/210120/8605520.html", "2021-01-20"),
        ("https://paper.example/article/1000200033136171577", ""),
    ],
)
def test_an_address_may_hold_the_day(url: str, expected: str) -> None:
    found = publish(url=url)
    assert (found.day.isoformat() if found else "") == expected


def test_without_a_zone_a_naive_time_gives_no_instant() -> None:
    found = publish(HEADLINE, f"{SHOWN}<p>2024-05-20 10:21</p>", zone=None)
    assert found is not None
    assert (found.instant, found.day.isoformat(), found.precision) == (None, "2024-05-20", Precision.DAY)


def test_without_a_zone_an_offset_on_the_page_is_taken_for_it() -> None:
    head = HEADLINE + '<meta property="article:published_time" content="2024-05-20T00:00:00+08:00">'
    found = publish(head, f"{SHOWN}<p>2024-05-20 10:21</p>", zone=None)
    assert found is not None
    assert found.instant == datetime(2024, 5, 20, 10, 21, tzinfo=timezone(timedelta(hours=8)))


def test_utc_is_a_notation_and_no_zone() -> None:
    head = HEADLINE + '<meta property="article:published_time" content="2024-05-20T00:00:00Z">'
    found = publish(head, f"{SHOWN}<p>2024-05-20 10:21</p>", zone=None)
    assert found is not None
    assert found.instant == datetime(2024, 5, 20, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["昨天 10:21", "05-20 10:21", "3小时前"])
def test_without_a_capture_nothing_that_rests_on_one_is_read(text: str) -> None:
    assert publish(HEADLINE, f"{SHOWN}<p>{text}</p>", captured_at=None) is None
    assert publish(HEADLINE, f"{SHOWN}<p>{text}</p>") is not None


# Tags, sections, authors


def topics_of(head: str, body: str = "", *, headline: str = "", text: str = "") -> list[str]:
    return choose_topics(read(head, body), headline=headline, text=text)[0]


def test_the_most_trustworthy_list_of_tags_is_taken() -> None:
    tags = "".join(f'<meta property="article:tag" content="{tag}">' for tag in ("bridge", "river"))
    head = f'<meta name="keywords" content="x,y">{tags}'
    assert topics_of(head, text="x y") == ["bridge", "river"]


def test_a_longer_list_that_holds_the_first_is_better() -> None:
    head = '<meta property="article:tag" content="Bridge"><meta name="news_keywords" content="river, bridge, ferry">'
    assert topics_of(head) == ["river", "bridge", "ferry"]


def test_words_written_for_search_engines_are_no_tags() -> None:
    head = '<meta name="keywords" content="news,sport,weather,shops,travel"><meta name="og:site_name" content="news">'
    assert topics_of(head, text="The bridge is open.") == []
    assert topics_of(head, text="sport and weather") == ["sport", "weather", "shops", "travel"]


def test_what_machines_put_among_the_tags_goes() -> None:
    text = (
        "8f507083-bac4-423a-9015-2eb31e1bce50, Category: News, paper.example, editors_pick, topic/bridge, NLP Entity: X"
    )
    assert topics_of(f'<meta property="article:tag" content="{text}">') == ["bridge"]


def test_links_to_tags_are_tags_where_nothing_else_is() -> None:
    links = '<li><a href="/tag/bridge">#Bridge</a></li><li><a href="/tag/river">River</a></li>'
    assert topics_of("", f'<ul>{links}</ul><a href="/about">About</a>') == ["Bridge", "River"]
    assert topics_of("", '<a rel="category tag" href="/c">News</a><a rel="tag" href="/t">Ferry</a>') == ["Ferry"]
    assert topics_of("", '<a rel="tag" href="/category/news/">News</a><a rel="tag" href="/t">Ferry</a>') == ["Ferry"]


def test_sections_are_no_tags() -> None:
    metadata = read(
        '<meta property="article:section" content="Local"><meta name="section" content="Other">',
        url="https://paper.example/1",
    )
    assert choose_sections(metadata) == (["Local"], "meta:article:section")
    assert choose_topics(metadata, headline="", text="") == ([], "")


@pytest.mark.parametrize(
    ("line", "language", "expected"),
    [
        ("2024-05-20 10:21 新京报记者 裴剑飞", "zh", ["裴剑飞"]),
        ("文/栗思", "zh", ["栗思"]),
        ("（作者：方敏，北京大学教授）", "zh", ["方敏"]),
        ("新华社记者邹多为、唐诗凝 摄", "zh", ["邹多为", "唐诗凝"]),
        ("时间：2026-03-08 作者：张三 点击：88次", "zh", ["张三"]),
        ("記者 陳美玲／台北報導", "zh", ["陳美玲"]),
        ("记者了解到，大桥已经通车", "zh", []),
        ("文章指出，大桥已经通车", "zh", []),
        ("来源：某某日报", "zh", []),
        ("By Jane Roe and John Doe", "en", ["Jane Roe", "John Doe"]),
        ("Von Nina Magoley", "de", ["Nina Magoley"]),
        ("By the river", "en", []),
    ],
)
def test_bylines(line: str, language: str, expected: list[str]) -> None:
    assert find_authors(Metadata(), signed=[], near=[line], body_text="", language=language)[0] == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (["By Jane Roe"], ["Jane Roe"]),
        (["Jane Roe, John Doe"], ["Jane Roe", "John Doe"]),
        (["Elena Ober (obe)"], ["Elena Ober"]),
        (["https://paper.example/jane"], []),
        (["The Paper"], []),
        (["@thepaper", "Jane Roe"], ["Jane Roe"]),
        (["Last updated", "Jane Roe"], ["Jane Roe"]),
        (["Jane O&#039;Roe; John Doe"], ["Jane O'Roe", "John Doe"]),
        (["{{ page.author }}", "page.head.author", "Jane Roe"], ["Jane Roe"]),
    ],
)
def test_organisations_and_addresses_are_no_authors(stated: list[str], expected: list[str]) -> None:
    metadata = Metadata(
        authors=[[Statement(text=text, evidence="jsonld:author") for text in stated]], site_names=["The Paper"]
    )
    assert find_authors(metadata, signed=[], near=[], body_text="", language="en")[0] == expected


def test_json_ld_in_a_meta_is_read() -> None:
    said = '{"@type": "Article", "headline": "The bridge", "author": {"@type": "Person", "name": "Jane Roe"}}'
    assert read(f"<meta name='script:ld+json' content='{said}'>").headlines[0].evidence == "jsonld:headline"


@pytest.mark.parametrize(
    "name", ["content_author", "articleAuthor", "cXenseParse:author", "shareaholic:article_author_name"]
)
def test_a_meta_names_the_author_whatever_stands_before_the_word(name: str) -> None:
    metadata = read(f'<meta name="{name}" content="Jane Roe"><meta property="og:article:author" content="The Paper">')
    assert [[statement.text for statement in group] for group in metadata.authors] == [["Jane Roe"]]


def test_journals_state_surnames_first() -> None:
    metadata = read(
        '<meta name="citation_author" content="Roe, Jane M."><meta name="citation_author" content="Ho Doe">'
    )
    assert [statement.text for statement in metadata.authors[0]] == ["Jane M. Roe", "Ho Doe"]


def state_author(author: object, *, kind: str = "BlogPosting") -> Metadata:
    article = {"@type": kind, "headline": "The bridge", "author": author}
    person = {"@type": ["Person", "Organization"], "@id": "#jane", "name": "Jane Roe"}
    said = json.dumps({"@graph": [article, person, {"@id": "#firm", "@type": "Organization", "name": "Jane Roe"}]})
    head = f'<meta property="og:site_name" content="Jane Roe"><script type="application/ld+json">{said}</script>'
    return read(head)


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ({"@type": "Person", "name": "Jane Roe"}, ["Jane Roe"]),
        ([{"@id": "#jane"}], ["Jane Roe"]),
        ({"@id": "#jane", "name": "Jane Roe"}, ["Jane Roe"]),
        ({"@id": "#firm"}, []),
        ({"@type": "Organization", "name": "Jane Roe"}, []),
        ("Jane Roe", []),
    ],
)
def test_a_blog_may_bear_the_name_of_its_writer(author: object, expected: list[str]) -> None:
    found = find_authors(state_author(author), signed=[], near=[], body_text="", language="en")
    assert found == (expected, "jsonld:author" if expected else "")


def test_a_paper_is_no_author_whatever_it_is_called_and_a_byline_wins() -> None:
    author = {"@type": "Person", "name": "Jane Roe"}
    paper = state_author(author, kind="NewsArticle")
    assert find_authors(paper, signed=[], near=[], body_text="", language="en") == ([], "")
    blog = state_author(author)
    assert find_authors(blog, signed=[], near=["By John Doe"], body_text="", language="en")[0] == ["John Doe"]


@pytest.mark.parametrize("words", ["See all", "More from Jane", "Articles by Jane", "About the author", "Artikel von"])
def test_words_of_a_link_to_a_writer_are_no_name(words: str) -> None:
    assert find_authors(Metadata(), signed=[[words]], near=[], body_text="", language="en") == ([], "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Von Clara von und zu Berg", ["Clara von und zu Berg"]),
        ("BY JANE ROE AND JOHN DOE", ["JANE ROE", "JOHN DOE"]),
        ("Автор: Анна Мостова", ["Анна Мостова"]),
        ("文・橋本花子", ["橋本花子"]),
        ("بقلم: سلمى الجسر", ["سلمى الجسر"]),
        ("이다리 기자", ["이다리"]),
        ("Tác giả: Trần Văn Cầu", ["Trần Văn Cầu"]),
        ("Written by Jane Roe", ["Jane Roe"]),
        ("By the river it is quiet", []),
        ("Von hier aus geht es weiter", []),
    ],
)
def test_bylines_of_many_languages(line: str, expected: list[str]) -> None:
    assert find_authors(Metadata(), signed=[], near=[line], body_text="", language="")[0] == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ('<p class="byline">By <b>Jane Roe</b></p>', ["Jane Roe"]),
        ('<span class="author vcard"><a class="url fn n" href="/author/jane">Jane Roe</a></span>', ["Jane Roe"]),
        ('<h4 class="gh-article-author-name"><a href="/author/jane/">Jane Roe</a></h4>', ["Jane Roe"]),
        ('<a data-testid="authorName">Jane Roe</a>', ["Jane Roe"]),
        ('<a href="/authors/jane-roe">Jane Roe</a>', ["Jane Roe"]),
        ('<div class="comment"><span class="author">Troll</span></div>', []),
        ('<aside><a href="/author/john">John Doe</a></aside>', []),
        ('<span class="author">admin</span><p>By Jane Roe</p>', ["Jane Roe"]),
    ],
)
def test_elements_named_for_an_author_sign_the_article(page: str, expected: list[str]) -> None:
    signed = list_signed(build("", page, "https://paper.example/a"))
    near = ["By Jane Roe"] if "<p>By" in page else []
    assert find_authors(Metadata(), signed=signed, near=near, body_text="", language="en")[0] == expected


def test_the_author_of_a_chinese_meta_keeps_the_site() -> None:
    metadata = Metadata(authors=[[Statement(text="王五", evidence="meta:author")]])
    assert find_authors(metadata, signed=[], near=[], body_text="通车。\n（记者 李四）", language="zh") == (
        ["李四"],
        "text:body",
    )
    assert find_authors(metadata, signed=[], near=[], body_text="通车。", language="zh") == ([], "")


# Language

CHINESE = "<p>大桥今日通车，市民们都来看热闹，两岸的交通从此方便多了。</p>"
TRADITIONAL = "<p>大橋今日開通，市民們都來看熱鬧，兩岸的交通從此方便多了，還說這個時間對於學生很好。</p>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'<html lang="zh-CN">{CHINESE}', "zh-CN"),
        (f'<html lang="en">{CHINESE}', "zh"),
        (CHINESE, "zh"),
        (TRADITIONAL, "zh-Hant"),
        ("<p>橋がきょう開通しました。これで両岸の交通がとても便利になります。</p>", "ja"),
        ("<p>東京都知事選挙で現職の候補者が当選確実となり、都庁前に支持者数百人が集結した。</p>", "ja"),
        ("<p>다리가 오늘 개통되었습니다. 이제 교통이 훨씬 편리해집니다.</p>", "ko"),
        ('<html lang="pt-BR"><p>A ponte foi aberta hoje.</p>', "pt-BR"),
        ('<meta property="og:locale" content="de_DE"><p>Die Brücke ist offen.</p>', "de-DE"),
        ('<html lang="{{lang}}"><p>The bridge is open today.</p>', ""),
        ('<html lang="zh-CN"><p>The bridge is open today, and everybody came to see it.</p>', ""),
        ("", ""),
    ],
)
def test_languages(text: str, expected: str) -> None:
    assert find_language(Page(text)) == expected


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("zh-Hant-TW", "zh-Hant-TW"),
        (" zh_CN ", "zh-CN"),
        ("de_DE.UTF-8", "de-DE"),
        ("en-US-u-ca-gregory", "en-US-u-ca-gregory"),
        ("english", ""),
        ("not a language", ""),
        ("*", ""),
    ],
)
def test_a_language_is_a_tag_or_nothing(text: str, tag: str) -> None:
    assert parse_tag(text) == tag
