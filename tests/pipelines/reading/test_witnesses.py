"""A value that the page's own evidence refuses gives way; one that others contradict is marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crawler.sources import load_source
from pipelines.posts.alike import LEAST, AlikeFields
from pipelines.posts.items import Post, Statement
from pipelines.posts.settle import settle
from pipelines.reading.read import read
from tests.pipelines.reading.lamp import NUMBERED, RULES, TITLE, URL, build_document, read_page

PROSE = (
    "<div class=text>"
    + "<p>The ferry across the sound will not sail before spring, the office said.</p>" * 9
    + "</div>"
)


def state(head: str, body: str, *, rules: str = RULES, url: str = URL) -> Statement:
    (statement,) = read_page(head, body + PROSE, rules=rules, url=url).statements
    return statement


def make(head: str, body: str, *, rules: str = RULES, url: str = URL) -> Post:
    return settle([state(head, body, rules=rules, url=url)], load_source(rules, path="lamp.toml").post)


NO_RULES = RULES.partition("[[parser]]")[0]
MASTHEADS = [
    pytest.param(f"<title>{TITLE} | Harbour News</title>", '<h1><a href="/">Harbour News</a></h1>', id="link home"),
    pytest.param(f"<title>{TITLE} - Region - Bote</title>", "<div><h1>Region</h1></div>", id="section"),
    pytest.param("<title>X</title>", '<div><h1 class="site-title">Harbour News</h1></div>', id="class"),
    pytest.param("<title>The Daily Lamp</title>", "<h1>The Daily Lamp</h1>", id="host"),
    pytest.param('<meta property="og:site_name" content="Hafen">', "<h1>Hafen</h1>", id="site name in a meta"),
    pytest.param(f"<title>{TITLE}</title>", "<h1>Main navigation</h1>", id="part of the page"),
]


@pytest.mark.parametrize(("head", "masthead"), MASTHEADS)
@pytest.mark.parametrize("rules", [RULES, NO_RULES], ids=["rules", "no rules"])
def test_a_headline_that_is_the_name_of_the_site_gives_way(head: str, masthead: str, rules: str) -> None:
    post = make(head, f"{masthead}<h1>{TITLE}</h1><time datetime='2026-03-08T10:00Z'>8 March</time>", rules=rules)
    assert post.headline == TITLE


@pytest.mark.parametrize("title", ["Harbour News", "Lamp posts for the harbour", "Region"])
def test_a_lone_heading_that_nothing_refuses_stays(title: str) -> None:
    post = make(f"<title>{title}</title>", f"<h1>{title}</h1><time datetime='2026-03-08T10:00Z'>8 March</time>")
    assert (post.headline, post.evidence["headline"].confidence) == (title, "high")


def test_headings_of_parts_of_the_page_do_not_contradict_the_headline() -> None:
    post = make("", f"<h1>{TITLE}</h1><h1>Navigation</h1><time datetime='2026-03-08T10:00Z'>8 March</time>")
    assert (post.headline, post.evidence["headline"].disagreeing) == (TITLE, ())


HEADER = "<div class=top>The Lamp <time datetime='2026-03-20'>Friday</time></div>"
OWN = "<p class=by><time datetime='2026-03-08T10:21:00Z'>8 March</time></p>"
AT = datetime(2026, 3, 8, 10, 21, tzinfo=UTC)
OTHER = "The market moves to the other bank"
OF_OTHER = (
    f'''<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "{OTHER}", "url": "%s"}}</script>'''
)


SLOGAN = "Everything that matters along the shore"
OF_ANOTHER = (
    f'''<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "{OTHER}",'''
    """ "author": {"@type": "Person", "name": "Iris Quay"}}</script>"""
)


@pytest.mark.parametrize("url", [URL, NUMBERED])
@pytest.mark.parametrize(
    "head",
    [
        f"<title>{SLOGAN}</title>",
        f'<title>{SLOGAN}</title><meta property="og:title" content="{SLOGAN}">',
        f"<title>{TITLE} | Lamp</title>{OF_ANOTHER}",
        f"<title>{SLOGAN}</title>{OF_ANOTHER}",
    ],
    ids=["one title for all", "og:title, too", "JSON-LD of another", "both"],
)
def test_the_only_heading_wins_where_the_text_is_about_it_and_not_about_the_headline(head: str, url: str) -> None:
    about = f"<div class=text><p>{TITLE}, the office said on Monday.</p></div>"
    stated = state(head, f"<h1>{TITLE}</h1>{about}{OWN}", rules=NO_RULES, url=url)
    assert (stated.headline_found, stated.witnesses["headline"], stated.author) == (TITLE, "h1", [])


def test_a_headline_in_the_head_stays_where_the_text_is_about_it_too() -> None:
    title = "Why the ferry will not sail across the sound"
    post = make(f'<title>{title}</title><meta property="og:title" content="{title}">', f"<h1>{TITLE}</h1>{OWN}",
                rules=NO_RULES, url=NUMBERED)  # fmt: skip
    assert post.headline == title


@pytest.mark.parametrize("rules", [RULES, NO_RULES], ids=["rules", "no rules"])
@pytest.mark.parametrize(
    ("head", "top"),
    [
        ("", f"<h1>Since 1911, from the valley</h1><h1>{TITLE}</h1>"),
        ("", f"<h1>Local news</h1><h2>{TITLE}</h2>"),
        ("", f'<div><h1><a href="/other">{OTHER}</a></h1></div><h1>{TITLE}</h1>'),
        (OF_OTHER % "http://lamp.example/2026/03/07/market", f"<h1>{TITLE}</h1>"),
    ],
)
def test_a_heading_that_the_title_repeats_wins_against_one_that_stands_alone(head: str, top: str, rules: str) -> None:
    assert make(f"<title>{TITLE} | Local news | Lamp</title>{head}", top + OWN, rules=rules).headline == TITLE


@pytest.mark.parametrize(
    ("head", "top", "rules"),
    [
        ("<title>Ferry, winter, sound | Lamp</title>", f"<h1>{TITLE}</h1><h2>Read more</h2>", RULES),
        (f"<title>{OTHER} | Lamp</title>", f"<h1>{OTHER}</h1><b>{TITLE}</b>", RULES.replace('"h1"', '"b"')),
        (
            f'<title>{OTHER}</title><meta property="og:title" content="{TITLE}, and why">',
            f"<h1>{TITLE}</h1><h2>{OTHER}</h2>",
            RULES,
        ),
        (f"<title>{TITLE} today</title>", f"<h1>{TITLE}</h1><h2>{TITLE} today</h2>", RULES),
        (
            f"<title>{OTHER}</title>" + OF_OTHER.replace(OTHER, TITLE) % URL,
            f"<h1>{TITLE}</h1><h2>{OTHER}</h2>",
            NO_RULES,
        ),
    ],
    ids=[
        "title for search engines",
        "rule of another element",
        "og:title",
        "the same in other words",
        "JSON-LD of its own",
    ],
)
def test_a_headline_that_no_other_heading_contradicts_stays(head: str, top: str, rules: str) -> None:
    assert make(head, top + OWN, rules=rules).headline == TITLE


RELATED = '<aside><a href="/other">Another</a> <time datetime="2026-03-19T08:00Z">19 March</time></aside>'


@pytest.mark.parametrize("rules", [RULES, NO_RULES], ids=["rules", "no rules"])
def test_the_time_of_another_article_gives_way_to_one_that_agrees_with_the_address(rules: str) -> None:
    post = make(f"<title>{TITLE}</title>", f"<div>{RELATED}<h1>{TITLE}</h1>{OWN}</div>", rules=rules)
    assert (post.datePublished, post.evidence["datePublished"].confidence) == (
        AT,
        "medium" if rules == RULES else "high",
    )


def test_times_before_an_article_that_has_its_own_are_a_header() -> None:
    top = f"<main>{RELATED}<article><h1>{TITLE}</h1>{OWN}</article></main>"
    assert make(f"<title>{TITLE}</title>", top, url=NUMBERED).datePublished == AT
    above = f"<main>{OWN}<article><h1>{TITLE}</h1></article></main>"
    assert make(f"<title>{TITLE}</title>", above + RELATED, url=NUMBERED).datePublished == AT


def test_where_no_witness_is_left_the_text_opens_the_post() -> None:
    statement = state("<title>The Daily Lamp</title>", "<h1>The Daily Lamp</h1>")
    assert (statement.headline_found, "headline" in statement.witnesses) == ("", False)
    assert statement.disagreeing["headline"] == ["source: h1: The Daily Lamp"]
    assert make("<title>The Daily Lamp</title>", f"<h1>The Daily Lamp</h1>{OWN}").headline.startswith(
        "The ferry across"
    )


def test_a_date_that_the_header_prints_gives_way_to_the_articles() -> None:
    post = make(f"<title>{TITLE}</title>", f"{HEADER}<div><h1>{TITLE}</h1>{OWN}</div>")
    assert str(post.datePublished) == "2026-03-08 10:21:00+00:00"
    assert post.evidence["datePublished"].disagreeing == ("source: xpath://time/@datetime: 2026-03-20",)


@pytest.mark.parametrize("rules", [RULES, NO_RULES], ids=["rules", "no rules"])
def test_or_to_the_address_where_the_article_has_none(rules: str) -> None:
    head = f'<title>{TITLE}</title><meta property="og:type" content="article">'
    post = make(head, f"{HEADER}<div><h1>{TITLE}</h1></div>", rules=rules)
    assert (str(post.datePublished)[:10], post.datePublished_precision) == ("2026-03-08", "day")


def test_a_date_above_the_headline_of_its_own_article_stays() -> None:
    body = f"<main><p><time datetime='2026-03-01T10:00Z'>1 March</time></p><h1>{TITLE}</h1></main>"
    statement = state(f"<title>{TITLE}</title>", body)
    assert statement.datePublished_found == "2026-03-01T10:00Z"
    assert statement.disagreeing["datePublished"] == ["url: 2026-03-08"], "and is marked, for the address differs"


def test_a_date_for_machines_that_stands_alone_gives_way() -> None:
    head = f'<title>{TITLE}</title><meta property="article:published_time" content="2023-02-01T12:00:00Z">'
    post = make(head, f"<h1>{TITLE}</h1>{OWN}", rules=NO_RULES)
    assert str(post.datePublished) == "2026-03-08 10:21:00+00:00"
    alone = make(head, f"<h1>{TITLE}</h1>", rules=NO_RULES)
    assert (str(alone.datePublished)[:10], alone.evidence["datePublished"].confidence) == ("2023-02-01", "low")


def test_a_date_for_machines_that_the_article_shows_stays_whatever_its_address_says() -> None:
    head = f'<title>{TITLE}</title><meta property="article:published_time" content="2026-03-14T12:00:00Z">'
    shown = "<time datetime='2026-03-14T12:00:00Z'>14 March</time>"
    other = f"<ul>{'<li>A link to somewhere</li>' * 70}</ul><time datetime='2026-03-08T10:21:00Z'>8 March</time>"
    post = make(head, f"<h1>{TITLE}</h1>{shown}{other}", rules=NO_RULES)
    assert str(post.datePublished) == "2026-03-14 12:00:00+00:00"


def test_fields_that_are_the_same_on_all_articles_are_counted() -> None:
    alike = AlikeFields()
    for number in range(LEAST):
        assert alike.count_constant() == {}
        alike.add(Statement(identifier=str(number), headline="The Lamp", articleBody=f"Text {number}"))
    assert alike.count_constant() == {"headline": LEAST}
    alike.add(Statement(identifier="9", headline="Another"))
    assert alike.count_constant() == {}
    for _ in range(2 * LEAST):
        alike.add(Statement(identifier="1", headline="Another"))
    assert alike.count_constant() == {}


@pytest.mark.parametrize("rules", [RULES, NO_RULES], ids=["rules", "no rules"])
def test_the_evidence_says_that_a_browser_made_the_document(rules: str) -> None:
    source = load_source(rules, path="lamp.toml")
    sent = build_document(f"<title>{TITLE}</title>", f"<h1>{TITLE}</h1><time datetime='2026-03-08'>8</time>{PROSE}")
    reading = read(replace(sent, is_rendered=True), source)
    (plain,), (rendered,) = read(sent, source).statements, reading.statements
    assert rendered.witnesses == {name: f"{place} (rendered)" for name, place in plain.witnesses.items()}
    assert settle([rendered], source.post).evidence["headline"].place.endswith(" (rendered)")
    assert reading.notes["captures/rendered"] == 1


def test_a_headline_that_json_ld_and_the_title_state_stays_where_the_address_says_another() -> None:
    stated = '{"@type": "NewsArticle", "headline": "Rain &amp;amp; tides in spring"}'
    head = f'<title>Rain &amp; tides in spring | Lamp</title><script type="application/ld+json">{stated}</script>'
    address = "http://lamp.example/2026/03/08/the-ferry-stops-for-the-winter"
    assert make(head, f"<h1>{TITLE}</h1>{OWN}", rules=NO_RULES, url=address).headline == "Rain & tides in spring"
