"""A value that the page's own evidence refuses gives way; one that others contradict is marked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crawler.sources import load_source
from pipelines.posts.alike import LEAST, AlikeFields
from pipelines.posts.items import Post, Statement
from pipelines.posts.settle import settle
from pipelines.reading.read import read
from tests.pipelines.reading.lamp import RULES, TITLE, build_document, read_page

PROSE = (
    "<div class=text>"
    + "<p>The ferry across the sound will not sail before spring, the office said.</p>" * 9
    + "</div>"
)


def state(head: str, body: str, *, rules: str = RULES) -> Statement:
    (statement,) = read_page(head, body + PROSE, rules=rules).statements
    return statement


def make(head: str, body: str, *, rules: str = RULES) -> Post:
    return settle([state(head, body, rules=rules)], load_source(rules, path="lamp.toml").post)


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


def test_where_no_witness_is_left_the_text_opens_the_post() -> None:
    statement = state("<title>The Daily Lamp</title>", "<h1>The Daily Lamp</h1>")
    assert (statement.headline_found, "headline" in statement.witnesses) == ("", False)
    assert statement.disagreeing["headline"] == ["source: h1: The Daily Lamp"]
    assert make("<title>The Daily Lamp</title>", f"<h1>The Daily Lamp</h1>{OWN}").headline.startswith(
        "The ferry across"
    )


HEADER = "<div class=top>The Lamp <time datetime='2026-03-20'>Friday</time></div>"
OWN = "<p class=by><time datetime='2026-03-08T10:21:00Z'>8 March</time></p>"


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
