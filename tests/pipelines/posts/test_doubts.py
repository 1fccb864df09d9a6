"""A later capture wins only while it looks like the article; one that does not is kept, shown, and has no voice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Origin, Post, Statement, dump_post, load_post
from pipelines.posts.options import PostOptions
from pipelines.posts.settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TITLE = "The ferry stops for the winter"
LINES = [
    f"In week {n} the ferry carried {n * 17} passengers, and the captain counted {n * 3} gulls on the way."
    for n in range(20)
]
GATE = (
    "We are looking at your connection before the page opens. This takes some seconds and needs no help of yours. " * 2
)


def build(
    minute: int, lines: list[str] | str, *, title: str = TITLE, dated: bool = True, **values: object
) -> Statement:
    lines = [lines] if isinstance(lines, str) else lines
    return Statement(
        source="paper",
        identifier="1",
        origin=Origin.ARTICLE,
        headline=title,
        articleBody="".join(f"<p>{line}</p>" for line in lines),
        datePublished=NOON if dated else None,
        datePublished_precision=Precision.DAY if dated else None,
        capture=CaptureRef(
            record_id=f"<urn:uuid:{minute:04}>",
            captured_at=NOON + timedelta(minutes=minute),
            payload_digest="sha1:A",
            file="a.warc.gz",
            offset=minute,
        ),
        is_normalised=True,
        **values,
    )


def settle_all(*statements: Statement) -> Post:
    """Settle in every order, which must not matter, and with every statement twice."""
    posts = {dump_post(settle(order, PostOptions())) for order in permutations(statements)}
    posts.add(dump_post(settle(statements * 2, PostOptions())))
    assert len(posts) == 1
    return load_post(posts.pop())


FAULTS = [
    pytest.param(build(9, GATE, title="One moment", dated=False), "unlike", id="gate"),
    pytest.param(build(9, GATE * 9, title="Terms of use", dated=False), "unlike", id="another page, as long"),
    pytest.param(build(9, "", title="Loading", dated=False), "unlike", id="no text and another name"),
    pytest.param(build(9, GATE, dated=False), "other_text", id="wall under the true head"),
    pytest.param(build(9, [LINES[0][:40] + " …", "Take a trial month."]), "cut_short", id="stub"),
    pytest.param(build(9, [LINES[0], LINES[1][:50]]), "cut_short", id="stub without a mark"),
    pytest.param(build(9, [*LINES[:15], LINES[15][:50]]), "cut_short", id="cut off near the end"),
    pytest.param(build(9, [*LINES[:12], "Subscribe to continue reading."]), "cut_short", id="most of it, and an offer"),
    pytest.param(build(9, LINES[:15], is_cut=True), "cut_short", id="a page cut between paragraphs"),
    pytest.param(build(9, ""), "cut_short", id="the headline alone"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_capture_that_no_longer_looks_like_the_article_has_no_voice(fault: Statement, reason: str) -> None:
    first = build(1, LINES)
    post = settle_all(first, fault)
    assert (post.headline, post.articleBody) == (TITLE, first.articleBody)
    assert post.evidence["articleBody"].record_id == "<urn:uuid:0001>"
    assert [(doubt.record_id, doubt.reason) for doubt in post.doubts] == [("<urn:uuid:0009>", reason)]
    healed = build(12, [*LINES, "Added at noon."])
    post = settle_all(first, fault, healed)
    assert post.articleBody == healed.articleBody
    assert len(post.doubts) == 1


def test_a_long_text_about_other_things_is_not_that_of_the_headline() -> None:
    first = build(1, ["The ferry stops for this winter.", *LINES])
    post = settle_all(first, build(9, ["The market was open on Monday, and the square was full."] * 40))
    assert (post.articleBody, [doubt.reason for doubt in post.doubts]) == (first.articleBody, ["other_text"])
    rewritten = build(9, ["No ferry before spring: it stops, as in every winter."] * 40)
    assert settle_all(first, rewritten).articleBody == rewritten.articleBody


DAMAGES: dict[str, Callable[[str], str]] = {
    "question marks": lambda text: text.encode("ascii", "replace").decode(),
    "replacement characters": lambda text: text.encode("latin-1").decode("utf-8", "replace"),
    "decoded as Latin": lambda text: text.encode().decode("cp1252"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_letters_damaged_by_an_encoding_do_not_replace_sound_ones(damage: Callable[[str], str]) -> None:
    lines = [f"Im {n}. Jahr fährt die Fähre täglich über den Fluss, für {n * 3} Gäste." for n in range(20)]
    sound, damaged = build(0, lines), build(9, [damage(line) for line in lines])
    assert [doubt.reason for doubt in settle_all(sound, damaged).doubts] == ["garbled"]
    mended = settle_all(replace(sound, capture=damaged.capture), replace(damaged, capture=sound.capture))
    assert not mended.doubts
    assert "fährt" in mended.articleBody
    added = build(9, [*lines, damage("Nächstes Jahr fährt sie öfter."), "Wer fährt??"])
    assert settle_all(sound, added).articleBody == added.articleBody, "a damaged line is the publisher's"


@pytest.mark.parametrize(
    ("line", "written", "instead"),
    [("Um {} Uhr stimmte die SPÖ-Fraktion zu.", "-", "–"), ("{}只船为什么停航？因为河水太浅。", "？", "?")],
    ids=["dash behind a letter", "question mark"],
)
def test_other_punctuation_is_no_damage(line: str, written: str, instead: str) -> None:
    lines = [line.format(n) for n in range(20)]
    edit = build(9, [line.replace(written, instead) for line in lines])
    post = settle_all(build(0, lines), edit)
    assert (post.articleBody, post.doubts) == (edit.articleBody, [])


def test_hours_counted_back_from_the_capture_are_no_other_date() -> None:
    """Two hours ago, as a page says it at noon and half an hour later, are two instants and no two articles."""
    first = replace(build(0, LINES), datePublished_precision=Precision.HOUR)
    edit = build(30, [line[::-1] for line in LINES], title="Market day")
    edit = replace(edit, dateModified=NOON + timedelta(minutes=20), dateModified_precision=Precision.MINUTE)
    edit = replace(edit, datePublished=NOON + timedelta(minutes=30), datePublished_precision=Precision.HOUR)
    assert settle_all(first, edit).headline == edit.headline


def test_a_text_that_a_wrong_encoding_makes_longer_is_no_better() -> None:
    note = build(0, ["연금 수급자 두 명은 낡은 통조림 공장을 수년의 지연 끝에 매각했다."] * 9, title="낡은 통조림 공장")
    garbled = build(9, [note.articleBody.encode().decode("cp1252", "replace")], title="ë‚¡ì€ í†µì¡°ë¦¼")
    assert settle_all(note, garbled).headline == note.headline


def test_a_longer_article_of_another_date_does_not_replace_a_short_one() -> None:
    note = replace(build(0, LINES[:6]), datePublished_precision=Precision.SECOND)
    other = replace(
        build(9, [line[::-1] for line in LINES], title="Market day"), datePublished=NOON - timedelta(days=4)
    )
    same_day = replace(note, capture=other.capture, headline="Market day", articleBody=other.articleBody)
    same_day = replace(same_day, datePublished=NOON - timedelta(hours=4), dateModified=NOON + timedelta(minutes=5))
    same_day.dateModified_precision = Precision.SECOND
    for mixed_up in (other, same_day):
        post = settle_all(note, mixed_up)
        assert (post.headline, [doubt.reason for doubt in post.doubts]) == (TITLE, ["unlike"])


EDITS = [
    pytest.param(build(9, LINES[:7]), id="shortened to a third"),
    pytest.param(build(9, LINES[:4] + LINES[15:17]), id="whole paragraphs left out"),
    pytest.param(build(9, LINES, title="Another headline altogether"), id="renamed"),
    pytest.param(build(9, [line.replace("17", "18") for line in LINES]), id="corrected"),
    pytest.param(build(9, [*LINES, *(line[::-1] for line in LINES)]), id="twice as long"),
    pytest.param(build(9, [*LINES[:12], "Passengers may subscribe to a list."]), id="shortened, with another end"),
    pytest.param(build(9, [line[::-1] for line in LINES]), id="rewritten under its headline"),
    pytest.param(build(9, [*LINES[:9], *LINES[12:]], is_cut=True), id="shorter, and without end tags"),
    pytest.param(build(9, [*LINES[:19], "The ferry rests."], is_cut=True), id="with another end, and without end tags"),
    pytest.param(
        build(9, "Withdrawn.", title="Withdrawn", dateModified=NOON + timedelta(minutes=5),
              dateModified_precision=Precision.MINUTE),
        id="withdrawn, and the publisher says when",
    ),
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_a_true_edit_wins_also_one_that_shortens(edit: Statement) -> None:
    post = settle_all(build(1, LINES), edit)
    assert (post.headline, post.articleBody, post.doubts) == (edit.headline, edit.articleBody, [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("حکومت نے {} دن بعد نیا بجٹ منظور کیا۔", "وزیراعظم نے تعلیم کی بات کی۔"),
        ("Կառավարությունը {} օր անց հաստատեց բյուջեն։", "Վարչապետը խոսեց դպրոցների մասին։"),
        ("មេដឹកនាំបានអនុម័តថវិកាថ្មី {} ថ្ងៃ។", "លោកបាននិយាយអំពីសាលារៀន។"),
        ("መንግሥት ከ{} ቀናት በኋላ በጀቱን አጸደቀ።", "ሚኒስትሩ ስለ ትምህርት ተናገሩ።"),
    ],
    ids=["Urdu", "Armenian", "Khmer", "Amharic"],
)
def test_an_edit_that_ends_with_a_sentence_is_not_cut_short_in_any_script(one: str, other: str) -> None:
    lines = [f"{one.format(n)} {other}" for n in range(20)]
    edit = build(9, [*lines[:14], one.format(14)])
    assert settle_all(build(0, lines), edit).doubts == []
    broken = build(9, [*lines[:14], one.format(14)[:-2]])
    assert [doubt.reason for doubt in settle_all(build(0, lines), broken).doubts] == ["cut_short"]


def test_an_edit_to_an_eighth_wins_if_its_page_dates_a_change_that_the_earlier_did_not() -> None:
    changed = {"dateModified": NOON + timedelta(seconds=30), "dateModified_precision": Precision.SECOND}
    short = build(9, LINES[:2], **changed)
    assert settle_all(build(1, LINES), short).articleBody == short.articleBody
    post = settle_all(build(1, LINES, **changed), short)
    assert [doubt.reason for doubt in post.doubts] == ["cut_short"], "the change was before the whole text"


def test_another_article_with_its_own_date_of_change_is_no_edit() -> None:
    first, swapped = build(1, LINES), build(9, GATE * 9, title="The market opens in May")
    swapped.datePublished = NOON - timedelta(days=9)
    swapped.dateModified, swapped.dateModified_precision = NOON + timedelta(minutes=5), Precision.MINUTE
    post = settle_all(first, swapped)
    assert (post.headline, [doubt.reason for doubt in post.doubts]) == (TITLE, ["unlike"])
    swapped.datePublished = first.datePublished
    assert settle_all(first, swapped).headline == swapped.headline


def test_a_gate_that_was_there_first_gives_way_to_the_article() -> None:
    article = build(9, LINES)
    post = settle_all(build(1, GATE, title="One moment", dated=False), article)
    assert (post.headline, post.articleBody) == (TITLE, article.articleBody)
    assert [doubt.reason for doubt in post.doubts] == ["unlike"]


def test_what_a_feed_called_the_article_tells_which_is_it() -> None:
    """Both are dated and long; only the feed knows."""
    feed = build(0, "", title=TITLE)
    feed.origin = Origin.FEED
    other = build(1, GATE * 9, title="Terms of use")
    assert settle_all(other, build(9, LINES), feed).headline == TITLE
    assert settle_all(other, build(9, LINES)).headline == "Terms of use"


def test_captures_that_nothing_can_be_told_of_are_not_doubted() -> None:
    assert settle_all(build(1, "One.", title=""), build(2, "Two.", title="")).articleBody == "<p>Two.</p>"
