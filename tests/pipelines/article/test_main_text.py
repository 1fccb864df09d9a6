"""The main text: small pages made for one trap each, and what no page may do to the finder."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.article.boilerplate import CLUTTER, list_class_words
from pipelines.article.main_text import MainBody, find_main_body
from pipelines.article.text_density import measure_size, measure_tree
from pipelines.page.page import Page

FIRST = "The bridge over the river was opened on Monday, two years later than planned and at twice the cost."
SECOND = "Thousands came to cross it on foot, among them the mayor, who had promised it in his first campaign."
THIRD = "From Tuesday on it belongs to the trams; cars, the council decided, will have to take the old road."
STORY = [FIRST, SECOND, THIRD]
PARAGRAPHS = "".join(f"<p>{text}</p>" for text in STORY)
CHINESE = [
    "跨江大桥星期一正式通车，比原计划晚了两年，费用也比当初的预算增加了一倍。",
    "数千名市民步行过桥，市长也在其中，他在第一次竞选时就曾许诺要修建这座大桥。",
    "从星期二起大桥将供电车使用；市议会决定，汽车仍须绕行老路，直到明年春天。",
]
CHINESE_PARAGRAPHS = "".join(f"<p>{text}</p>" for text in CHINESE)
HEADLINE = "Bridge over the river opens"


def find(body: str, *, headline: str = HEADLINE, head: str = "") -> MainBody:
    page = Page(f"<html><head>{head}</head><body>{body}</body></html>")
    return find_main_body(page, headline=headline)


def lines(body: str, *, headline: str = HEADLINE, head: str = "") -> list[str]:
    return find(body, headline=headline, head=head).text.split("\n")


OTHER = "Elsewhere the council met again on Friday and could not agree on anything, as it has not for years."
LINKS = "".join(f'<li><a href="/{n}">Another story that is told elsewhere, number {n}</a></li>' for n in range(8))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(f"<div>{PARAGRAPHS}</div>", id="nothing else"),
        pytest.param(f"<ul>{LINKS}</ul><div>{PARAGRAPHS}</div><ul>{LINKS}</ul>", id="lists of links"),
        pytest.param(f"<h1>{HEADLINE}</h1><p>2026-03-08 10:21 Source: The Paper</p>{PARAGRAPHS}", id="dateline"),
        pytest.param(f"<p>{OTHER}</p><h1>{HEADLINE}</h1><div>{PARAGRAPHS}</div>", id="above the headline"),
        pytest.param(
            f"<article><h1>{HEADLINE}</h1>{PARAGRAPHS}</article>"
            f"<article><h1>Council meets</h1>{f'<p>{OTHER}</p>' * 9}</article>",
            id="a longer article that follows",
        ),
        pytest.param(
            f'<div><div class="a"><h1>{HEADLINE}</h1>{PARAGRAPHS}</div>'
            f'<div class="a"><h1>Next bridge over the river</h1><p>{OTHER}</p><p>{FIRST} Later.</p></div></div>',
            id="a similar article that follows in the same shape",
        ),
        pytest.param(f'<div>{PARAGRAPHS}</div><div class="comment-list">{f"<p>{OTHER}</p>" * 9}</div>', id="comments"),
        pytest.param(f'<div class="has-sidebar"><div>{PARAGRAPHS}</div></div>', id="the class of a layout"),
        pytest.param(
            f'<div><div class="sidebar-enabled--false"><p>{FIRST}</p></div><p>{SECOND}</p><p>{THIRD}</p></div>',
            id="the class of a layout that is off",
        ),
        pytest.param(
            f'<div>{PARAGRAPHS}<div class="newsletter-box"><p>{OTHER}</p></div></div>', id="a box among paragraphs"
        ),
        pytest.param(f"<div>{PARAGRAPHS}<h3>Read more</h3><p>Short teaser</p></div>", id="an announced list"),
        *(
            pytest.param(
                f'<div><p>{FIRST}</p><p>{words}: <a href="/x">Short teaser</a></p><p>{SECOND}</p><p>{THIRD}</p></div>',
                id=words,
            )
            for words in ("Xem thêm", "اقرأ أيضا", "یہ بھی پڑھیں", "İLGİLİ HABER", "Leia também", "यह भी पढ़ें", "קראו גם")
        ),
        pytest.param(
            f"<div>{PARAGRAPHS}"
            + "".join(f'<div class="t"><h3><a href="/{n}">Story {n}</a></h3><p>{OTHER}</p></div>' for n in range(3))
            + "</div>",
            id="teasers with linked headings",
        ),
        pytest.param(
            f'<div>{PARAGRAPHS}<a href="/ad">A loan on the best of terms, today only</a><p></p></div>', id="ad"
        ),
        pytest.param(f"<form>{PARAGRAPHS}</form>", id="the whole page in a form"),
        pytest.param(f'<div style="visibility: hidden">{PARAGRAPHS}</div><p>menu</p>', id="shown by a script"),
        pytest.param(f'<div>{PARAGRAPHS}<p style="display:none">{OTHER}</p></div>', id="hidden"),
        pytest.param(f"<div>{PARAGRAPHS}<script>{OTHER}</script><!-- {OTHER} --></div>", id="script and comment"),
        pytest.param("<div>" + "<br><br>".join(STORY) + "</div>", id="lines instead of paragraphs"),
        pytest.param(f"<button><nav>{PARAGRAPHS}</nav>", id="in controls that nobody closed"),
        pytest.param(
            f'<div style="display:none">{f"<p>{OTHER} Again.</p>" * 30}</div><div>{PARAGRAPHS}</div>', id="hidden spam"
        ),
        pytest.param(f'<div>{PARAGRAPHS}</div><div><p aria-hidden="true">{OTHER}</p></div>', id="hidden, alone"),
        pytest.param(
            f'<div>{PARAGRAPHS.replace("<p>Thousands", """<p aria-hidden="true">Thousands""")}</div>',
            id="a paragraph for those who pay",
        ),
        pytest.param(f"<div>{' ' * 4000}</div><div hidden>{PARAGRAPHS}</div>", id="hidden, and many blanks"),
        pytest.param(
            "".join(f'<div class="page-widget content-nav"><p>{text}</p></div>' for text in STORY),
            id="a word that all of the story stands under",
        ),
        pytest.param(
            f'<div><p>{FIRST}</p><div class="statement"><p>{SECOND}</p></div><p>{THIRD}</p></div>',
            id="a word that says how a paragraph looks",
        ),
        pytest.param(f'<div class="gate-ad">{PARAGRAPHS}</div><footer><p>{OTHER}</p></footer>', id="a footer"),
        pytest.param(
            f'<div class="d-md-block">{PARAGRAPHS}</div><div class="d-md-none">{PARAGRAPHS}</div>', id="the story twice"
        ),
        pytest.param(f"<article>{PARAGRAPHS}<x-consent><p>{OTHER}</p></x-consent></article>", id="a custom element"),
        pytest.param(
            f"<div>{PARAGRAPHS}<p>Follow The River Paper on <a href=//x.example>X</a>.</p></div>", id="an invitation"
        ),
        pytest.param(
            f'<div><div><img src="/a.jpg"><p class="caption">{OTHER}</p></div>{PARAGRAPHS}</div>', id="a caption"
        ),
        pytest.param(
            f'<div><div><img src="/a.jpg"><div class="meta"><p class="photo-description">{OTHER}</p></div></div>'
            f"{PARAGRAPHS}</div>",
            id="a caption in a box below its picture",
        ),
        pytest.param(
            f'<div><p>{FIRST}</p><figure><a href="/a.jpg"><img src="/a.jpg"></a><div><p>{OTHER}</p></div></figure>'
            f"<p>{SECOND}</p><p>{THIRD}</p></div>",
            id="a caption in a figure that nothing names",
        ),
        pytest.param(f"<div><p>Updated on March 8, 2026</p>{PARAGRAPHS}</div>", id="the day of the last change"),
        pytest.param(f"<div><h3>Table of contents</h3>{PARAGRAPHS}</div>", id="the heading of the contents"),
        pytest.param(f"<div>{PARAGRAPHS}<form><p>{OTHER}</p><input></form></div>", id="a form at the end of the story"),
        pytest.param(
            f'<div>{PARAGRAPHS}<div class="kommentarModul"><p>{OTHER}</p></div></div>', id="comments in German"
        ),
        pytest.param(
            "".join(f'<section class="part"><div><p>{text}</p></div></section>' for text in STORY), id="parts"
        ),
        pytest.param(f'<div itemprop="articleBody">{PARAGRAPHS}</div><div><p>{OTHER}</p></div>', id="a lone stranger"),
        pytest.param(
            f"<div><p>{FIRST}</p><h2>{HEADLINE}</h2><p>{SECOND}</p><p>{THIRD}</p></div>",
            id="the headline again among paragraphs",
        ),
        pytest.param(f'<div>{PARAGRAPHS}<div class="author-box"><p>{OTHER}</p></div></div>', id="about the author"),
        pytest.param(
            f'<div>{PARAGRAPHS}<div class="subscription-widget"><p>{OTHER}</p></div></div>', id="two doubtful words"
        ),
        pytest.param(f'<div>{PARAGRAPHS}<div class="cta-banner"><p>{OTHER}</p></div></div>', id="a call to action"),
        pytest.param(f"<div>{PARAGRAPHS}<p>Edited by Ada Quill</p></div>", id="who edited it"),
        pytest.param(
            f"<div><p>{FIRST}</p><p>By signing up for the letter, you agree to get it and to our terms. {OTHER}</p>"
            f"<p>{SECOND}</p><p>{THIRD}</p></div>",
            id="what a form asks to accept",
        ),
    ],
)
def test_the_story_and_nothing_else(page: str) -> None:
    assert lines(page) == STORY


@pytest.mark.parametrize(
    "noise",
    [
        "<p>责任编辑：王五</p>",
        "<div>【编辑：王五】</div>",
        "<p>打开APP阅读全文</p>",
        "<p>扫一扫分享到朋友圈</p>",
        f"<div><h3>相关阅读</h3><ul>{LINKS}</ul></div>",
        "<p>上一篇：<a href=/1>昨天</a></p>",
        '<div class="erweima"><p>用手机扫描二维码，随时随地看新闻，精彩内容不容错过。</p></div>',
    ],
)
def test_what_stands_below_chinese_articles_goes(noise: str) -> None:
    page = f"<h1>大桥今日通车</h1><div>{CHINESE_PARAGRAPHS}{noise}</div>"
    assert lines(page, headline="大桥今日通车") == CHINESE


def test_lines_between_breaks_are_looked_at_one_by_one() -> None:
    page = f"<h1>大桥今日通车</h1><div>{'<br>'.join(['', *CHINESE, '（责任编辑：王五）', '扫一扫分享到朋友圈'])}</div>"
    assert lines(page, headline="大桥今日通车") == CHINESE


def test_a_page_laid_out_by_tables_is_read_cell_by_cell() -> None:
    menu = "".join(f"<tr><td><a href=/{n}>旧闻标题之第{n}号</a></td></tr>" for n in range(9))
    story = (
        f"<tr><td>大桥今日通车</td></tr><tr><td>2026-03-08 来源：某某</td></tr><tr><td>{CHINESE_PARAGRAPHS}</td></tr>"
    )
    foot = "<table><tr><td>版权所有，某某市人民政府办公室，地址：某某市某某路一号，未经许可不得转载。</td></tr></table>"
    page = f"<table><tr><td><table>{menu}</table></td><td><table>{story}</table></td></tr></table>{foot}"
    assert lines(page, headline="大桥今日通车") == CHINESE


def test_the_headline_decides_between_rivals() -> None:
    rival = "<p>" + "这首歌在全国传唱，很多明星都翻唱过，但是原唱究竟是谁，知道的人并不多。" * 20 + "</p>"
    page = f"<div><div>{CHINESE_PARAGRAPHS}</div></div><div><div>{rival}</div></div>"
    assert lines(page, headline="跨江大桥星期一正式通车 市长也步行过桥") == CHINESE


def test_a_short_flash_is_found_beside_a_longer_list_of_teasers() -> None:
    flash = "交通运输部：着力打造综合立体交通网络，到明年底实现主要城市之间一小时通达。"
    teasers = "".join(
        f"<li><a href=/{n}>旧闻之{n}</a><p>昨天的事情还没有说完，今天的事情又来了，请看详细报道。</p></li>"
        for n in range(9)
    )
    page = f"<h1>打造交通网络</h1><div class=c><p>{flash}</p></div><ul>{teasers}</ul>"
    assert lines(page, headline="打造交通网络") == [flash]


def test_what_introduces_the_article_stands_before_it() -> None:
    lead = "After two years of waiting the city has its crossing, and nobody is quite satisfied."
    page = f'<header><h1>{HEADLINE}</h1><p class="standfirst">{lead}</p></header><div class=b>{PARAGRAPHS}</div>'
    assert lines(page) == [lead, *STORY]
    described = f"<header><h1>{HEADLINE}</h1><p>{lead}</p></header><div class=b>{PARAGRAPHS}</div>"
    assert lines(described, head=f'<meta name="description" content="{lead[:60]}">') == [lead, *STORY]


LEAD = "After two years of waiting for it the city has its crossing, and nobody is quite satisfied."
LONG = "".join(f"<p>{text} {number}.</p>" for number in range(9) for text in STORY)


@pytest.mark.parametrize(
    ("between", "is_lead"),
    [
        (f"<p>{LEAD}</p>", True),
        (f'<div class="article-teaser">{LEAD}</div>', True),
        (f"<figcaption><p>{LEAD}</p></figcaption>", False),
        (f"<p>Related: {LEAD}</p>", False),
        (f'<h2 class="deck">{LEAD[:-1]}</h2>', True),
        (f'<p class="disclosure">{LEAD}</p>', False),
        (f'<div><img src="/a.jpg"><p class="img-description">{LEAD}</p></div>', False),
        (f"<p>{LEAD}</p>" + "".join(f"<p>{number} {OTHER}</p>" for number in range(3)), False),
    ],
)
def test_sentences_below_the_headline_are_leads(between: str, *, is_lead: bool) -> None:
    page = f"<header><h1>{HEADLINE}</h1></header><section>{between}</section><div class=b>{LONG}</div>"
    assert lines(page)[0].removesuffix(".") == (LEAD if is_lead else f"{FIRST} 0.").removesuffix(".")


def test_what_stands_with_the_headline_in_one_group_is_a_lead() -> None:
    group = f"<hgroup><h1>{HEADLINE}</h1><h2>{LEAD}</h2></hgroup>"
    assert lines(f"<header>{group}</header><div class=b>{LONG}</div>")[0] == LEAD


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("<p>3. März 2026</p>", False),
        ("<div>Donnerstag, 5. März 2026, 10:21 Uhr</div>", False),
        ("<p>2026. március 3., kedd 14:30</p>", False),
        ("<p>3. 3. 2026 14:30</p>", False),
        ("<p>प्रकाशित: 3 मार्च 2026</p>", False),
        ("<p>Публикувано на 3 март 2026 г. в 14:30 ч.</p>", False),
        ("<p>Објављено: 3. март 2026. у 14:30</p>", False),
        ("<p>Publicerad: 3 mars 2026 kl. 14.30. Uppdaterad: 4 mars 2026</p>", False),
        ("<p>Lesezeit: 3 Minuten · 3. März 2026</p>", False),
        ("<p>Lesezeit: ca. 3 Min.</p>", False),
        ("<p>Listen</p><p>Share</p>", False),
        ("<p>3 minutes of silence</p>", True),
        ("<h2>3. März 2026</h2>", True),
        ("<p>Programm für den 3. März 2026</p>", True),
        ("<p>Bewerben bis: 3. März 2026</p>", True),
        ("<p>Die Brücke ist seit 3. März 2026 offen.</p>", True),
    ],
)
def test_a_line_above_the_text_that_only_dates_it_is_no_part_of_the_story(line: str, *, stays: bool) -> None:
    first = lines(f"<article><h1>{HEADLINE}</h1>{line}{PARAGRAPHS}</article>")[0]
    assert (first != FIRST) is stays


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("Get the latest news from the river delivered to your inbox.", False),
        ("Hat Ihnen dieser Artikel gefallen? Dann erzählen Sie anderen davon.", False),
        ("¡Síguenos en todas las redes para no perderte nada del puente!", False),
        ("Comments are closed.", False),
        ("This entry was posted on Monday, May 3rd, 2010 at 5:20 pm and is filed under Bridges.", False),
        ("Dieser Beitrag wurde am 3. Mai 2010 um 17:20 Uhr geschrieben und unter Brücken abgelegt.", False),
        ("This post was written by Nora Fields, who has sailed the river for thirty years.", True),
        ("This entry was the shortest of all, and the jury of the town gave it the prize.", True),
        (f"Follow The River Paper on every network there is. {OTHER}", False),
        ("Like the tram, the ferry depends on the town council.", True),
        ("Find a seat by the window, says the driver, and keep an eye on the gulls.", True),
        ("To continue the line would cost twice as much, the council said.", True),
        ("- Publicidade -", False),
        ("Article continues below this ad", False),
        ("Continua después de la publicidad", False),
        ("広告", False),
        ("Publicidade infantil e os seus limites", True),
        ("Anzeige gegen den Betreiber der Brücke", True),
        ("© RIPRODUZIONE RISERVATA", False),
        ("Copyright 2026 The River Paper. All rights reserved. It may not be published or redistributed.", False),
        ("All rights reserved is what the sign on the gate says.", True),
        ("La riproduzione della mappa è riservata ai membri.", True),
        ("Ⓒ 강일보, 무단 전재 및 재배포 금지", False),
        ("기사의 무단 전재가 논란이 되고 있다.", True),
        ("無断転載を禁じます", False),
        ("地図の無断転載が問題になっている。", True),
    ],
)
def test_appeals_to_readers_are_no_part_of_the_story(line: str, *, stays: bool) -> None:
    assert (line in lines(f"<div>{PARAGRAPHS}<p>{line}</p></div>")) is stays


def test_a_linked_heading_stays_where_prose_follows_it() -> None:
    entry = '<h2><a href="/x">The old bridge</a></h2><figure><img src="/a.jpg"></figure><ul><li>{}</li></ul>'
    assert "The old bridge" in lines(f"<div>{PARAGRAPHS}{entry.format(OTHER)}<p>{FIRST} Later.</p></div>")
    links = "".join(f'<li><a href="/{n}">Another story, number {n}</a></li>' for n in range(5))
    assert "The old bridge" not in lines(f"<div>{PARAGRAPHS}{entry.replace('<li>{}</li>', links)}</div>")


def test_sections_of_an_article_below_the_headline_are_no_other_articles() -> None:
    sections = "".join(f"<section><h1>Part {n}</h1><p>{text} {OTHER}</p></section>" for n, text in enumerate(STORY))
    page = f"<header><h1>{HEADLINE}</h1></header><article><p>{FIRST} {SECOND}</p>{sections}</article>"
    assert lines(page)[1::2] == ["Part 0", "Part 1", "Part 2"]
    slides = "".join(f"<div><h1></h1><p>{text} {OTHER}</p></div>" for text in STORY)
    assert len(lines(f"<h1>{HEADLINE}</h1><div><p>{FIRST} {SECOND}</p>{slides}</div>")) == 4


def test_a_short_quotation_that_names_its_author_stays() -> None:
    quoted = f'<div><p>{FIRST}</p><div class="quote author"><p>Nobody asked the gulls.</p></div><p>{SECOND}</p></div>'
    assert lines(quoted) == [FIRST, "Nobody asked the gulls.", SECOND]


def test_what_follows_a_teaser_of_the_article_is_the_article() -> None:
    page = (
        f"<header><h1>{HEADLINE}</h1><p>{FIRST} {SECOND}</p></header><div><h1>Over the river at last</h1>"
        + "".join(f"<p>{text} {n}.</p>" for n in range(4) for text in STORY)
        + "</div>"
    )
    assert f"{THIRD} 3." in lines(page)


def test_figures_stay_in_the_markup_and_their_captions_out_of_the_text() -> None:
    figure = '<figure><img src="/b.jpg"><figcaption>The bridge at night, seen from the old town.</figcaption></figure>'
    found = find(f"<div>{PARAGRAPHS}{figure}<table><tr><td>1</td><td>2</td></tr></table></div>")
    assert found.text.split("\n") == [*STORY, "1", "2"]
    assert "<figcaption>" in found.html
    assert "<table>" in found.html


def test_captions_of_a_gallery_are_read_once() -> None:
    caption = "<div>The bridge at night, seen from the old town; photograph of the city's archive.</div>"
    assert len(lines(f"<div>{PARAGRAPHS}{caption * 4}</div>")) == len(STORY) + 1
    assert len(lines(f"<div>{PARAGRAPHS}{caption * 2}</div>")) == len(STORY) + 2


def test_text_before_the_first_element_is_escaped_once() -> None:
    found = find("<div>Less &lt; more &amp; so on, said the mayor on Monday, when the bridge was opened at last.</div>")
    assert found.html.startswith("Less &lt; more &amp; so on")
    assert found.text.startswith("Less < more & so on")


@pytest.mark.parametrize("page", ["", "<p></p>", "<ul><li><a href=/>x</a></li></ul>", "<img src=x>"])
def test_a_page_without_prose_has_no_lines_to_speak_of(page: str) -> None:
    assert len(find(page).text) <= 1


def test_a_chinese_character_weighs_two_and_a_half_letters() -> None:
    assert measure_size("大桥") == 5.0
    assert measure_size("ab") == 2.0


def test_linked_text_is_no_prose() -> None:
    page = Page(f'<div><p>{FIRST}</p><p><a href="/x">{FIRST}</a></p></div>')
    body = page.root.find("body")
    measure = measure_tree(body)[body]
    assert measure.prose == len(FIRST)
    assert measure.linked == len(FIRST)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("relatedNews", True), ("share-bar", True), ("sidebar-grid", False), ("story", False), ("shareholder", False)],
)
def test_class_names_are_read_word_by_word(name: str, expected: bool) -> None:
    (element,) = Page(f'<div class="{name}">x</div>').root.iter("div")
    assert (not list_class_words(element).isdisjoint(CLUTTER)) is expected


def test_a_topic_among_the_classes_of_an_entry_says_nothing_of_it() -> None:
    (entry,) = Page('<div class="post hentry category-comment tag-newsletter">x</div>').root.iter("div")
    assert list_class_words(entry).isdisjoint(CLUTTER)


def test_of_hidden_texts_that_weigh_the_same_the_first_is_shown() -> None:
    texts = [f"{FIRST} {number:>4}" for number in range(1000, 1016)]
    markup = "".join(f'<div style="display:none"><p>{text}.</p></div>' for text in texts)
    assert find_main_body(Page(f"<body>{markup}</body>"), headline="").text == f"{texts[0]}."


@pytest.mark.parametrize("name", ["field--label-hidden", "md:hidden", "tw-overflow-hidden", "overflow-x-hidden"])
def test_classes_of_a_framework_say_how_something_is_drawn(name: str) -> None:
    elements = Page(f'<div class="{name}">x</div><div class="{name} hidden">x</div>').root.iter("div")
    assert ["hidden" in list_class_words(element) for element in elements] == [False, True]


PIECES = ("<div>", "</div>", "<p>", "</p>", "<h1>", "</h1>", "<a href=x>", "</a>", "<ul><li>", "<!-- x -->", "<br>")
MORE_PIECES = (
    "<table><tr><td>",
    "</table>",
    "<div class=related>",
    "<span hidden>",
    FIRST,
    HEADLINE,
    "大桥。",
    "&amp;",
)
MARKUP = st.lists(st.sampled_from([*PIECES, *MORE_PIECES]), max_size=40).map("".join)


@given(MARKUP, st.sampled_from(["", HEADLINE, "大桥今日通车"]))
def test_no_page_breaks_the_finder(page: str, headline: str) -> None:
    found = find_main_body(Page(page), headline=headline)
    assert all(line.strip() == line and line for line in found.text.split("\n") if found.text)


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 3000 + FIRST,
        "<p>" + "<span>" * 3000 + FIRST,
        f"<div>{PARAGRAPHS * 2000}</div>",
        f"<ul>{LINKS * 500}</ul>",
    ],
    ids=["deep blocks", "deep inlines", "long", "wide"],
)
def test_extreme_pages_take_no_time_to_speak_of(page: str) -> None:
    began = time.process_time()
    find(page)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "sentences",
    [
        ["It rained.", "Nobody minded.", "The first tram came at six.", "Forty people were on it.", "One was a dog."],
        ["橋が月曜日に開通した。", "最初の電車は六時に来た。", "四十人が乗っていた。"],
        ["สะพานเปิดในวันจันทร์หลังจากล่าช้าสองปี", "รถรางขบวนแรกมาถึงตอนหกโมงเช้า", "มีผู้โดยสารสี่สิบคน"],
        ["ድልድዩ ሰኞ ዕለት ተከፈተ።", "የመጀመሪያው ባቡር ስድስት ሰዓት ላይ ደረሰ።", "አርባ ሰዎች ተሳፍረው ነበር።"],
        ["Կամուրջը բացվեց երկուշաբթի օրը։", "Առաջին տրամվայը եկավ ժամը վեցին։", "Քառասուն մարդ կար։"],
    ],
)
def test_short_sentences_are_a_story_and_the_imprint_is_none(sentences: list[str]) -> None:
    body = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    imprint = "<p>Copyright 2026 The River Paper. All rights reserved. Reproduction in whole or in part forbidden.</p>"
    assert lines(f"<div>{body}</div><div>{imprint}</div>") == sentences


@pytest.mark.parametrize(
    "sentence",
    [
        "Related costs were borne by the region.",
        "Popular support for the bridge is high.",
        "Subscribers to the tram pay half.",
        "相关部门表示，大桥运行良好。",
        "По теме моста совет решит в мае.",
    ],
)
def test_a_sentence_that_begins_like_an_announcement_is_none(sentence: str) -> None:
    assert lines(f"<div>{PARAGRAPHS}<p>{sentence}</p><p>{OTHER}</p></div>") == [*STORY, sentence, OTHER]


def test_a_box_of_further_reading_ends_nothing() -> None:
    box = '<p><strong>Read also:</strong> <a href="/x">How the old bridge fell</a></p>'
    assert lines(f"<div>{PARAGRAPHS * 3}{box}<p>{OTHER}</p></div>")[-1] == OTHER
    assert "old bridge" not in find(f"<div>{PARAGRAPHS * 3}{box}<p>{OTHER}</p></div>").text


def test_a_linked_sentence_is_a_paragraph() -> None:
    linked = f'<p><a href="/x">{OTHER}</a></p>'
    assert lines(f"<div><p>{FIRST}</p>{linked}<p>{SECOND}</p><p>{THIRD}</p></div>") == [FIRST, OTHER, SECOND, THIRD]


ENTRIES = [f"Ferry number {n} crosses every hour, says the harbour office, and takes bicycles too" for n in range(4)]
TOOLS = ["A long rope", "Two hammers", "One bucket"]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        # Each entry has a link in it, and is not a teaser.
        (f"<ul>{''.join(f'<li><a href=/x>{e[:14]}</a>{e[14:]}</li>' for e in ENTRIES)}</ul>", ENTRIES),
        (f"<ul class=wp-block-list>{''.join(f'<li>{tool}</li>' for tool in TOOLS)}</ul>", TOOLS),
        # One entry is a link, the others say something.
        (f"<ul><li><a href=/x>{TOOLS[0]}</a></li><li>{OTHER}</li></ul>", [TOOLS[0], OTHER]),
        (f"<h2 class=section-title>What it costs</h2><p>{OTHER}</p>", ["What it costs", OTHER]),
        (f"<h2><a href=/x>The ferry office</a></h2><p>{OTHER}</p>", ["The ferry office", OTHER]),
        ("".join(f"<div class=s><h2><a href=/x>No {n}</a></h2><p>{n} {OTHER * 7}</p></div>" for n in range(3)), None),
    ],
)
def test_lists_and_headings_of_an_article_stay_though_they_are_linked(listed: str, expected: list[str] | None) -> None:
    sections = [line for n in range(3) for line in (f"No {n}", f"{n} {OTHER * 7}")]
    page = f"<h1>{HEADLINE}</h1><div>{PARAGRAPHS}{listed}<p>{SECOND} Twice.</p></div>"
    assert lines(page) == [*STORY, *(expected or sections), f"{SECOND} Twice."]


def test_a_list_of_links_among_paragraphs_goes() -> None:
    assert lines(f"<h1>{HEADLINE}</h1><div>{PARAGRAPHS}<ul>{LINKS}</ul></div>") == STORY


@pytest.mark.parametrize(
    "page",
    [
        f'<div class="field"><p>{FIRST * 3}</p><p>{SECOND * 3}</p></div><div class="faq"><p>{THIRD} {OTHER}</p></div>',
        (
            f'<main><div class="entry-content"><div id="a"><p>{FIRST * 6}</p><p>{SECOND * 6}</p></div>'
            f'<aside class="pull"></aside><div id="b"><div><p>{THIRD} {OTHER}</p></div></div></div></main>'
        ),
    ],
    ids=["boxes of different kinds", "boxes in what is named as the body"],
)
def test_parts_of_an_article_may_stand_in_boxes_of_their_own(page: str) -> None:
    found = find(f"<h1>{HEADLINE}</h1>{page}").text
    assert [text for text in STORY if text not in found] == []


@pytest.mark.parametrize("start", ["<h3>Ähnliche Beiträge</h3>", "<b>特别声明：</b>"])
def test_a_box_beside_the_article_that_begins_as_a_list_or_an_imprint_is_no_part(start: str) -> None:
    box = f'<div class="w"><div>{start}<p>{OTHER * 2}</p></div></div>'
    story = [FIRST * 3, SECOND * 3]
    assert lines(f'<h1>{HEADLINE}</h1><div class="b"><p>{story[0]}</p><p>{story[1]}</p></div>{box}') == story


def test_formulas_and_words_in_controls_are_text() -> None:
    formula = "<math><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup><annotation>x</annotation></math>"
    sentence = f"<p>The law says that {formula} holds, and a <button>crossing</button> costs nothing.</p>"
    assert (
        lines(f"<div>{PARAGRAPHS}{sentence}</div>")[-1]
        == "The law says that E=mc² holds, and a crossing costs nothing."
    )


def test_a_film_leaves_its_address_and_no_text() -> None:
    films = "<iframe src='https://films.example/embed/7'></iframe><video><source src='/films/bridge.mp4'></video>"
    found = find(f"<div><p>{FIRST}</p>{films}<p>{SECOND}</p><iframe src='https://ads.example/x'></iframe></div>")
    assert found.text.split("\n") == [FIRST, SECOND]
    assert 'href="https://films.example/embed/7"' in found.html
    assert 'href="/films/bridge.mp4"' in found.html
    assert "ads.example" not in found.html
