"""Which of all the days that a page names is that of its article."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipelines.article.article import read_article
from pipelines.page.page import Page

PROSE = "".join(
    f"<p>The council has met for the {n}th time about the old bridge, and nobody could say what it will cost.</p>"
    for n in range(4, 9)
)
HEADLINE = "<h1>The old bridge stays closed until the summer</h1>"
OPENING = "The council of Haven has decided that the old bridge will not be open to carts before the summer."
OTHERS = (
    "<div><h4>More</h4><ul><li><time datetime='2025-02-10'>10.02.2025</time><a href=/a>The new bridge</a></li>"
    "<li><time datetime='2025-02-04'>04.02.2025</time><a href=/b>The town hall</a></li></ul></div>"
)
LINKS = f"<ul>{'<li>A link to somewhere</li>' * 70}</ul>"
CLOCK = f"<header>{LINKS}<time datetime='2025-11-01T13:56:20+01:00'>Saturday</time></header>"
FILED = f"<a>{OPENING}</a>, <i>{OPENING}</i>; {OPENING}</p><p>14.08.2025</p>"
CAPTURED = datetime(2026, 3, 20, 12, tzinfo=UTC)


def find_day(body: str, head: str = "") -> date | None:
    page = Page(f"<html lang=en><head><title>The old bridge</title>{head}</head><body>{body}</body></html>")
    return read_article(page, captured_at=CAPTURED).datePublished_day


def say_to_machines(day: str) -> str:
    said = {"@type": "NewsArticle", "headline": "The old bridge stays closed until the summer", "datePublished": day}
    return f'<script type="application/ld+json">{json.dumps(said)}</script>'


@pytest.mark.parametrize(
    "body",
    [
        # The footer of the article is not that of the site.
        f"<article>{HEADLINE}{PROSE}<footer><time datetime='2025-08-12'>12 August 2025</time></footer></article>",
        f"<div>{HEADLINE}{PROSE}</div><footer class='article-footer'><time datetime='2025-08-12'>Tue</time></footer>",
        # A separate label, in a column beside the article.
        f"<main>{HEADLINE}{PROSE}</main><aside><h3>Published</h3><p>12 August 2025</p></aside>",
        f"<main>{HEADLINE}{PROSE}</main><div id='sidebar'><dl><dt>Veröffentlicht</dt><dd>12 Aug 2025</dd></dl></div>",
        # The class of what holds all speaks of a column.
        f"<div class='page sidebar-mode-single'>{HEADLINE}<div class='date'>August 12, 2025</div>{PROSE}</div>",
        # The header of the site says what time it is.
        f"{CLOCK}<h2>The old bridge</h2>{PROSE}{LINKS}<p><span class='datum'>12 August 2025.</span> {OPENING}</p>",
        # What ends like a sentence in other scripts.
        f"{HEADLINE}<p>เผยแพร่เมื่อวันอังคารที่ 12 สิงหาคม พ.ศ. 2568 เวลา 09.12 น.</p>{PROSE}",
        # With the month of another language.
        f"<p>By A. Mason on 12-ago-2025 5:11:10</p>{HEADLINE}{PROSE}",
        # The headline is not a heading.
        f"<div class='big'>The old bridge</div><p>By A. Mason</p><p>August 12, 2025</p>{PROSE}",
        # Written twice, in two orders.
        f"<div><p>12.08.2025</p>{HEADLINE}{PROSE}</div>{LINKS}<small>2025-08-12</small>",
        # What is above the headline says to machines which day it means.
        f"<div><time datetime='2025-08-12T19:38:01.0870000Z'>08/12/2025 7:38 PM</time></div>{HEADLINE}{PROSE}",
        # No other day than that of the last change.
        f"<main>{HEADLINE}{PROSE}{LINKS}<p>Last updated: August 12, 2025</p></main>",
        f"<article>{HEADLINE}<aside class='meta'><time>12.08.2025</time></aside>{PROSE}</article>",
        # One day, alone, somewhere.
        f"{HEADLINE}{PROSE}{LINKS}<small>August 12, 2025</small>",
        f"{HEADLINE}{PROSE}{LINKS}<p>Dieser Beitrag wurde am <b>12. August 2025</b> um 7:38 Uhr geschrieben.</p>",
        f"{HEADLINE}{PROSE}{LINKS}<p>Cette entrée a été publiée le 12 août 2025 à 7:38, et rangée dans Ville.</p>",
        f"{HEADLINE}{PROSE}{LINKS}<p>Дата публикации: 12.08.2025</p><p>14.08.2025</p>",
        f"{HEADLINE}{PROSE}{LINKS}<p>Veröffentlichung: <a href=/2025>12.08.2025</a></p><p>14.08.2025</p>",
        f"{HEADLINE}{PROSE}{LINKS}<p><span class='text_datum'>12. August 2025.</span> Die Brücke</p><p>14.08.2025</p>",
        f"{HEADLINE}{PROSE}{LINKS}<p>Dieser Eintrag wurde erstellt am <b>12. August 2025</b> in {FILED}",
        f"{HEADLINE}{PROSE}{LINKS}<p><a>Old bridge</a> wurde am <i>12. August 2025</i> gepostet in {FILED}",
        f"{HEADLINE}{PROSE}{LINKS}<small>Entry posted on August 12th, 2025 and filed under Town</small>",
        # A column beside the article, whose class says what it is.
        f"{HEADLINE}<aside class='side'><p class='Story_date'>August 12, 2025</p><p>By A. Mason</p></aside>{PROSE}",
        # A card that leads to the page itself.
        f"{HEADLINE}<a href=/x aria-current=page><div>A. Mason</div><div>12 August 2025</div></a>{PROSE}",
        # In the first words of the text.
        f"{HEADLINE}<p>HAVEN, England, August 12, 2025 (NEWS WIRE) -- {OPENING}</p>{PROSE}",
        f"{HEADLINE}<p>Haven, 12. August 2025 – {OPENING}</p>{PROSE}",
        f"{HEADLINE}<p>(12 August 2025) {OPENING}</p>{PROSE}",
        # Before the headline; the list below the text is of other articles.
        f"<p><time datetime='2025-08-12 10:22'>12.08.2025</time></p>{HEADLINE}<p>{OPENING}</p>{OTHERS}",
    ],
)
def test_a_day_is_found_wherever_the_article_says_it(body: str) -> None:
    assert find_day(body) == date(2025, 8, 12)


@pytest.mark.parametrize(
    "line",
    [
        "تاريخ النشر: ٣ مارس ٢٠٢٥",
        "تاریخ انتشار: ۱۳ اسفند ۱۴۰۳",
        "प्रकाशित: 3 मार्च 2025",
        "প্রকাশিত: ০৩ মার্চ ২০২৫",
        "வெளியிடப்பட்டது: 3 மார்ச் 2025",
        "เผยแพร่เมื่อ: 3 มีนาคม 2568",
        "פורסם: 3 במרץ 2025",
        "Опубликовано: 3 марта 2025",
        "Ημερομηνία δημοσίευσης: 3 Μαρτίου 2025",
        "Yayın tarihi: 3 Mart 2025",
        "Megjelenés: 2025. március 3.",
        "Publikováno: 3. března 2025",
        "Diterbitkan: 3 Maret 2025",
        "Offentliggjort: 3. marts 2025",
        "Data publicării: 3 martie 2025",
        "Objavljeno: 3. ožujka 2025.",
        "Fecha de publicación: 3 de marzo del 2025",
        "Label: Haven Records Publikation: 3. März 2025",
    ],
)
def test_a_label_of_any_language_dates_the_article_below_its_text(line: str) -> None:
    body = f"{HEADLINE}{PROSE}{LINKS}<p>{line}</p><p>14.08.2025</p>"
    assert find_day(body) == date(2025, 3, 3)


@pytest.mark.parametrize(
    "body",
    [
        # A card that leads to another article.
        f"{HEADLINE}<div><a href=/x><div>The new bridge</div><div>12 August 2025</div></a></div>{PROSE}",
        # Since when somebody has been a member.
        f"{HEADLINE}<p>Registriert: 12.08.2025, 05:56</p>{PROSE}",
        # Of other articles, of comments, of the site.
        f"{HEADLINE}{PROSE}<div class='related'><h4>Published</h4><p>12 August 2025</p></div>",
        f"{HEADLINE}{PROSE}<div class='comments'><p>12 August 2025</p></div>",
        f"{HEADLINE}{PROSE}<aside><h3>Next</h3><p class='date'>12 August 2025</p><a href=/c>A concert</a></aside>",
        f"{HEADLINE}<p>{OPENING}</p>{OTHERS}",
        # Of what a sentence tells.
        f"{HEADLINE}<p>On 12 August 2025 the council will meet again, and {OPENING}</p>{PROSE}",
        f"{HEADLINE}{PROSE}<footer><p>12 August 2025</p></footer>",
        f"{HEADLINE}{PROSE}{LINKS}<div><p>August 12, 2025</p><p>August 13, 2025</p></div>",
        # The day of the capture, as a site prints it for readers.
        f"<div>March 20, 2026</div>{'<p>Menu</p>' * 6}{HEADLINE}{PROSE}",
    ],
)
def test_a_day_of_something_else_dates_nothing(body: str) -> None:
    assert find_day(body) is None


@pytest.mark.parametrize(
    ("said", "shown", "expected"),
    [
        # Published again, with the whole site; nothing is changed before it is published.
        ("2025-11-20T16:02:46Z", "<div>May 14, 2025</div>", date(2025, 5, 14)),
        ("2025-11-20", "<p>Published <span>May 14, 2025</span></p><p>Updated November 20, 2025</p>", date(2025, 5, 14)),
        # A change is later.
        ("2025-05-14", "<div>November 20, 2025</div>", date(2025, 5, 14)),
        ("2025-11-20", "<div>Updated May 14, 2025</div>", date(2025, 11, 20)),
        # The clock of the server is not that of the desk.
        ("2025-05-15T03:00:00Z", "<div>May 14, 2025</div>", date(2025, 5, 15)),
        # No zone has the day before yesterday.
        ("2025-05-15T22:00:00Z", "<div>May 14, 2025</div>", date(2025, 5, 14)),
        # A day in a sentence, and two days.
        ("2025-11-20", "<p>The market of May 14, 2025, with all its stalls</p>", date(2025, 11, 20)),
        ("2025-11-20", "<p>May 14, 2025</p><p>June 1, 2025</p>", date(2025, 11, 20)),
    ],
)
def test_an_earlier_day_below_the_headline_is_that_of_publication(said: str, shown: str, expected: date) -> None:
    assert find_day(f"{HEADLINE}{shown}{PROSE}", say_to_machines(said)) == expected


def test_the_day_in_a_time_element_wins_against_that_of_the_document() -> None:
    document = '<meta name="dcterms.date" content="2025-08-08">'
    shown = "<div><time datetime='2025-08-12'>12 August 2025</time></div>"
    assert find_day(f"{HEADLINE}{PROSE}{LINKS}{shown}", document) == date(2025, 8, 12)
    assert find_day(f"{HEADLINE}{PROSE}{LINKS}{shown}", say_to_machines("2025-08-08")) == date(2025, 8, 8)


def test_the_time_of_day_on_a_forum_dates_nothing() -> None:
    clock = "<p class='date'>Aktuelle Zeit: 14.03.2026, 12:18</p>"
    assert find_day(f"{HEADLINE}{PROSE}{LINKS}{clock}<p>21.01.2025, 05:42</p>") == date(2025, 1, 21)


@pytest.mark.parametrize("name", ["dcterms.date", "dc.date.created", "date"])
def test_the_date_of_a_document_yields_to_the_day_that_readers_see(name: str) -> None:
    head = f'<meta name="{name}" content="2025-04-20T11:02:44Z">'
    assert find_day(f"{HEADLINE}<div>May 14, 2025</div>{PROSE}", head) == date(2025, 5, 14)
    assert find_day(f"{HEADLINE}<div>Updated May 14, 2025</div>{PROSE}", head) == date(2025, 4, 20)
    later = head.replace("04-20", "05-15")
    assert find_day(f"{HEADLINE}<div>Stand: 14.05.2025 18:00 Uhr</div>{PROSE}", later) == date(2025, 5, 14)


def test_two_statements_for_machines_that_agree_are_believed() -> None:
    head = say_to_machines("2025-11-20") + '<meta property="article:published_time" content="2025-11-20T08:00:00Z">'
    assert find_day(f"{HEADLINE}<div>May 14, 2025</div>{PROSE}", head) == date(2025, 11, 20)


@pytest.mark.parametrize(("shown", "day"), [("20.11.2025 | 15:33 | A. Mason", 20), ("Updated 20.11.2025 | 15:33", 14)])
def test_what_readers_see_and_a_second_statement_confirms_is_believed(shown: str, day: int) -> None:
    head = say_to_machines("2025-11-14") + '<meta name="dc.date.issued" content="2025-11-20">'
    assert find_day(f"{HEADLINE}<p>{shown}</p>{PROSE}", head) == date(2025, 11, day)


def test_a_time_of_another_article_is_not_that_below_the_headline() -> None:
    other = "<p><time datetime='2025-04-21'>April 21, 2025</time></p>"
    assert find_day(f"{HEADLINE}{PROSE}{LINKS}{other}", say_to_machines("2025-11-20")) == date(2025, 11, 20)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<meta name=\'script:ld+json\' content=\'{"@type": "Article", "datePublished": "2025-07-17"}\'>', ""),
        ('<meta name=\'parsely-page\' content=\'{"title": "The bridge", "pub_date": "2025-07-17"}\'>', ""),
        ("<script>var _sf_async_config = {}; _sf_async_config.pubDate = '2025-07-17';</script>", ""),
        ("", '<div id=app data-page=\'{"props": {"story": {"published_at": "2025-07-17"}}}\'></div>'),
        (
            say_to_machines("2025-11-20"),
            f"{LINKS}<p>Posted <time pubdate datetime=2025-07-17>Thursday</time></p>",
        ),
    ],
)
def test_data_for_programs_states_the_day_in_many_places(head: str, body: str) -> None:
    assert find_day(f"{HEADLINE}{PROSE}{body}", head) == date(2025, 7, 17)


@pytest.mark.parametrize("head", [say_to_machines(""), "<title>No carts on the old bridge this spring</title>"])
def test_dates_are_searched_next_to_an_only_h1_in_other_words(head: str) -> None:
    shown = "<h1>The old bridge will stay closed to carts until summer</h1><p>an hour ago</p>"
    page = Page(f"<html lang=en><head>{head}</head><body>{shown}{PROSE}</body></html>")
    assert read_article(page, captured_at=CAPTURED).datePublished_day == CAPTURED.date()


def test_a_meta_that_is_called_published_holds_the_day() -> None:
    assert find_day(f"{HEADLINE}{PROSE}", '<meta name="published" content="July 17, 2025">') == date(2025, 7, 17)


@pytest.mark.parametrize(("shown", "offset"), [("14 May 2025 22:41", -4), ("15 May 2025, 08:11", 5.5)])
def test_the_minute_that_readers_see_tells_the_zone_of_an_instant_in_utc(shown: str, offset: float) -> None:
    page = Page(
        f"<html lang=en><title>x</title>{say_to_machines('2025-05-15T02:41:07Z')}{HEADLINE}<p>{shown}</p>{PROSE}"
    )
    found = read_article(page, captured_at=CAPTURED).datePublished
    assert found == datetime(2025, 5, 15, 2, 41, 7, tzinfo=UTC)
    assert found is not None
    assert found.utcoffset() == timedelta(hours=offset)


def test_at_a_full_hour_another_time_is_another_time() -> None:
    page = Page(f"<html lang=en>{say_to_machines('2025-05-15T02:00:00Z')}{HEADLINE}<p>14 May 2025 22:00</p>{PROSE}")
    assert read_article(page, captured_at=CAPTURED).datePublished_day == date(2025, 5, 15)


@pytest.mark.parametrize(("shown", "day"), [("", 15), ("14 May 2025", 14), ("15 May 2025", 15)])
def test_an_instant_in_utc_is_of_the_day_that_the_source_has_or_the_page_shows(shown: str, day: int) -> None:
    page = Page(f"<html lang=de>{say_to_machines('2025-05-14T23:00:00Z')}{HEADLINE}<p>{shown}</p>{PROSE}")
    article = read_article(page, captured_at=CAPTURED, zone=ZoneInfo("Europe/Berlin"))
    assert article.datePublished_day == date(2025, 5, day)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://paper.example/2008/09/lean-startup.html", None),
        ("https://paper.example/20/0229/18/bridge.html", date(2020, 2, 29)),
        ("https://paper.example/a/210120/", date(2021, 1, 20)),
    ],
)
def test_a_year_and_a_month_in_an_address_are_no_day(url: str, expected: date | None) -> None:
    page = Page(f"<html lang=en><title>The old bridge</title>{HEADLINE}{PROSE}", url=url)
    assert read_article(page, captured_at=CAPTURED).datePublished_day == expected
