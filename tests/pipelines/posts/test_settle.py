"""A post depends on the set of statements and on nothing else: not on their order, number or way into the ledger."""

from __future__ import annotations

import tempfile
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.items import (
    Origin,
    Post,
    Statement,
    digest_statement,
    dump_post,
    dump_statement,
    load_post,
    load_statement,
)
from pipelines.posts.ledger import Ledger
from pipelines.posts.normalise import normalise, normalise_text
from pipelines.posts.options import PostOptions, Undated
from pipelines.posts.post_folder import PostFolder
from pipelines.posts.settle import PostRefused, join, settle

if TYPE_CHECKING:
    from collections.abc import Iterable

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
OPTIONS = PostOptions(
    zone=ZoneInfo("Asia/Shanghai"),
    language="zh",
    tag_suffix="新闻",
    aliases={"sea": "ocean, tide", "courier": "Courier"},
    drop=("ad",),
)


def build_ref(minute: int) -> CaptureRef:
    return CaptureRef(
        record_id=f"<urn:uuid:{minute:04}>",
        captured_at=NOON + timedelta(minutes=minute),
        payload_digest="sha1:AAAA",
        file="news.warc.gz",
        offset=minute,
    )


REFS = st.none() | st.integers(0, 5).map(build_ref)
ORIGINS = st.sampled_from([Origin.ARTICLE, Origin.TEXT, Origin.LISTING, Origin.FEED, Origin.SITEMAP])
TEXTS = st.sampled_from(["", "tide", "harbour", "潮汐"])
NAMES = st.lists(st.sampled_from(["a", "b", "sea", "ad"]), max_size=2)
DATED = st.tuples(
    st.sampled_from([NOON, NOON - timedelta(days=1), NOON.astimezone(OPTIONS.zone)]), st.sampled_from(list(Precision))
)
STATEMENTS = st.builds(
    lambda dated, **values: Statement(datePublished=dated[0], datePublished_precision=dated[1], **values),
    DATED,
    source=st.just("news"),
    identifier=st.just("1"),
    origin=ORIGINS,
    headline=TEXTS,
    articleBody=TEXTS,
    publisher=TEXTS,
    keywords=st.lists(st.sampled_from(["a", "b"]), max_size=2),
    symbols=st.sets(st.sampled_from(["NYSE:NIO", "SH600160"])).map(sorted),
    witnesses=st.sampled_from([{}, {"headline": "source: h1", "symbols": "mainbody"}]),
    capture=REFS,
    is_normalised=st.just(True),
)
# As a page gives them. Of a body, what it was sanitised into is all that is kept, so it is always found, never given.
AS_FOUND = st.builds(
    Statement,
    source=st.just("news"),
    identifier=st.sampled_from(["1", "2"]),
    url=st.sampled_from(["", "http://news.example/a/1.html"]),
    origin=ORIGINS,
    headline_found=st.sampled_from(["", "T", " <b>Tide</b> &amp; sea ", "潮汐\u200b", "\ud800"]),
    datePublished_found=st.sampled_from(
        ["2026-03-04 10:00", "2026-03-05", "2026-03-04", "2 hours ago", "昨天", "2026-13-45"]
    ),
    dateModified_found=st.sampled_from(["", "2026-03-05"]),
    articleSection_found=NAMES,
    keywords_found=NAMES,
    publisher=st.sampled_from(["", "courier", "sea", " Daily "]),
    articleBody_found=st.sampled_from(
        ["", "<p>渡轮停航。</p>", '<a href="b">x</a><script>y()</script>', "<span id=stock_1.600160>s</span>"]
    ),
    author=NAMES,
    symbols=st.sets(st.sampled_from(["NYSE:NIO"])).map(sorted),
    refused=st.sampled_from([{}, {"articleBody": "too_many_tags"}]),
    capture=REFS,
    captured_at=st.none() | st.just(NOON),
)


def settle_or_refuse(statements: Iterable[Statement]) -> Post | str:
    try:
        return settle(statements, OPTIONS)
    except PostRefused as refused:
        return refused.reason


@given(st.lists(STATEMENTS, min_size=2, max_size=4))
def test_any_order_settles_into_the_same_post(statements: list[Statement]) -> None:
    joined = {dump_post(join(order)) for order in permutations(statements)}
    assert len(joined) == 1
    assert len({str(settle_or_refuse(order)) for order in permutations(statements)}) == 1


@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.data())
def test_a_statement_that_comes_again_changes_nothing(statements: list[Statement], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(statements)))
    assert join([*statements, *again]) == join(statements)


@given(STATEMENTS)
def test_a_statement_survives_the_ledger(statement: Statement) -> None:
    said = dump_statement(statement)
    assert load_statement(said, statement.capture) == statement
    assert dump_statement(load_statement(said, None)) == said
    elsewhere = replace(statement, capture=build_ref(9))
    assert digest_statement(dump_statement(elsewhere)) == digest_statement(said)


@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_a_post_survives_the_ledger(statements: list[Statement]) -> None:
    post = join(statements)
    assert load_post(dump_post(post)) == post


# Every way into a ledger.


def fill(path: Path, statements: Iterable[Statement]) -> Path:
    with closing(Ledger(path, is_scratch=True)) as ledger:
        for statement in statements:
            ledger.add(normalise(statement, OPTIONS))
    return path


def write_all(path: Path, options: PostOptions = OPTIONS) -> dict[str, bytes]:
    """Write the post files of a ledger; return them, and what was settled, by name and key."""
    with closing(Ledger(path, is_scratch=True)) as ledger:
        folder = PostFolder(path.parent / f"{path.name}-posts", ledger, lambda _: options)
        list(folder.write_due())
        assert list(ledger.iter_due(also_waiting=True)) == []
        posts = {"/".join(key): ledger.find_post(key) for key in ledger.iter_keys()}
    files = {file.name: file.read_bytes() for file in folder.folder.iterdir()} if folder.folder.exists() else {}
    return files | {key: dump_post(post).encode() for key, post in posts.items() if post}


# Several articles, of which some would have the same file name.
SEEN = st.builds(
    lambda said, identifier, refs: [replace(said, identifier=identifier, capture=ref) for ref in refs],
    AS_FOUND,
    st.sampled_from(["T", "t", "1", "http://news.example/t"]),
    st.lists(REFS, min_size=1, max_size=3),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(SEEN, min_size=2, max_size=6), st.data())
def test_any_way_into_any_ledgers_gives_the_same_posts_and_files(
    seen: list[list[Statement]], data: st.DataObject
) -> None:
    statements = [statement for statements in seen for statement in statements]
    shuffled = data.draw(st.permutations(statements + data.draw(st.lists(st.sampled_from(statements), max_size=4))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    parts = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    with tempfile.TemporaryDirectory() as scratch:
        expected = write_all(fill(Path(scratch, "whole"), statements))
        paths = [fill(Path(scratch, f"part{number}"), part) for number, part in enumerate(parts)]
        united = Path(scratch, "united")
        with closing(Ledger(united, is_scratch=True)) as ledger:
            for path in data.draw(st.permutations(paths)):
                ledger.unite(path)
                if data.draw(st.booleans()):
                    ledger.unite(path)
        assert write_all(united) == expected
        # A run that dies in the midst begins again, and files are written whenever something has come.
        crashed = fill(Path(scratch, "crashed"), parts[0])
        for part in parts:
            write_all(fill(crashed, part))
        assert write_all(fill(crashed, [])) == expected


# Undated articles.

BY_CAPTURE = replace(OPTIONS, undated=Undated.CAPTURED)


def build_undated(days: int, body: str = "<p>渡轮停航。</p>") -> Statement:
    capture = build_ref(days * 24 * 60)
    return Statement(source="news", identifier="1", origin=Origin.ARTICLE, articleBody_found=body, capture=capture)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["<p>渡轮停航。</p>", "<p>渡轮停航三天。</p>"])), min_size=1)
)
def test_an_undated_article_is_of_the_day_of_its_first_capture_in_any_order(seen: list[tuple[int, str]]) -> None:
    statements = [build_undated(*one) for one in seen]
    first = min(statement.at for statement in statements)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "ledger")
        for statement in statements:
            found = write_all(fill(path, [statement]), BY_CAPTURE)
        post = load_post(found["news/1"].decode())
    assert (post.datePublished, post.datePublished_precision) == (
        datetime.combine(first.astimezone(OPTIONS.zone).date(), datetime.min.time(), OPTIONS.zone),
        Precision.DAY,
    )
    evidence = post.evidence["datePublished"]
    assert (evidence.place, evidence.captured_at, evidence.confidence) == ("captured", first, "low")
    assert settle(statements, BY_CAPTURE).datePublished == post.datePublished
    assert [name for name in found if name.endswith(".md")] == [f"{post.datePublished:%Y-%m-%d}-1.md"]


def test_an_undated_article_makes_no_post_unless_the_definition_says_so() -> None:
    assert settle_or_refuse([build_undated(0)]) == "no_date"
    unarchived = replace(build_undated(0), capture=None)
    with pytest.raises(PostRefused, match="no capture dates it"):
        settle([unarchived], BY_CAPTURE)


def test_a_date_that_a_page_or_an_id_states_is_never_replaced_by_that_of_a_capture() -> None:
    later = replace(build_undated(3), datePublished_found="2026-03-06")
    assert settle([build_undated(0), later], BY_CAPTURE).evidence["datePublished"].place == ""
    post = settle([replace(build_undated(0), identifier="20251224")], replace(BY_CAPTURE, day_from_id=r"(\d{8})"))
    assert (f"{post.datePublished:%Y-%m-%d}", "datePublished" in post.evidence) == ("2025-12-24", False)


# As found, and normalised.


@given(st.lists(AS_FOUND.map(lambda statement: replace(statement, identifier="1")), min_size=1, max_size=3))
def test_what_is_normalised_settles_like_what_was_found(statements: list[Statement]) -> None:
    before = deepcopy(statements)
    expected = settle_or_refuse([normalise(statement, OPTIONS) for statement in statements])
    assert settle_or_refuse(statements) == expected
    assert statements == before


@given(AS_FOUND)
def test_normalising_again_changes_nothing(statement: Statement) -> None:
    """Also where nobody says that it has been normalised."""
    once = normalise(statement, OPTIONS)
    assert once.is_normalised
    assert once.articleBody_found == ""
    assert normalise(once, OPTIONS) == once
    assert normalise(replace(once, is_normalised=False), OPTIONS) == once


@given(AS_FOUND)
def test_what_is_normalised_depends_on_the_instant_only_where_a_date_does(statement: Statement) -> None:
    once = normalise(replace(statement, capture=None, captured_at=None), OPTIONS)
    if "no_instant" not in once.refused.values():
        for minute in (1, 5000):
            again = normalise(replace(statement, capture=build_ref(minute)), OPTIONS)
            assert dump_statement(again) == dump_statement(once)


def test_a_body_that_is_refused_leaves_the_rest() -> None:
    statement = Statement(identifier="1", headline="Tide", articleBody_found="<p>x" * 50_001)
    normalise_text(statement, PostOptions())
    assert (statement.headline, statement.articleBody, statement.refused) == (
        "Tide",
        "",
        {"articleBody": "too_many_tags"},
    )


def build(origin: Origin, minute: int, **values: object) -> Statement:
    return Statement(
        source="news",
        identifier="1",
        origin=origin,
        capture=build_ref(minute),
        is_normalised=True,
        **values,  # type: ignore[arg-type]
    )


def test_the_text_comes_from_the_share_link_and_the_rest_from_the_article() -> None:
    article = build(Origin.ARTICLE, 1, headline="Whole headline", articleBody="<p>teaser</p>", publisher="Courier")
    text = build(Origin.TEXT, 0, headline="Short", articleBody="<p>whole</p>")
    listing = build(Origin.LISTING, 9, headline="Shorter", articleBody="<p>digest</p>")
    post = join((listing, text, article))
    assert (post.headline, post.articleBody, post.publisher) == ("Whole headline", "<p>whole</p>", "Courier")
    assert post.capture == text.capture
    assert post.evidence["headline"].record_id == "<urn:uuid:0001>"


def test_symbols_of_all_captures_are_kept_and_witnesses_become_evidence() -> None:
    early = build(Origin.ARTICLE, 1, symbols=["SH600160"], headline="One", witnesses={"headline": "jsonld:headline"})
    late = build(Origin.ARTICLE, 2, symbols=["NYSE:NIO"], headline="Two", witnesses={"headline": "source: h1"})
    post = join((early, late))
    assert post.symbols == ["NYSE:NIO", "SH600160"]
    assert post.evidence["headline"].place == "source: h1"
    assert post.evidence["symbols"].record_id == "<urn:uuid:0002>"


def test_of_two_captures_of_one_kind_the_later_speaks() -> None:
    early, late = (build(Origin.ARTICLE, minute, articleBody=f"<p>{minute}</p>") for minute in (1, 2))
    assert join((late, early)).articleBody == "<p>2</p>"


def test_a_second_beats_a_day() -> None:
    day = build(Origin.ARTICLE, 5, datePublished=NOON, datePublished_precision=Precision.DAY)
    second = build(Origin.LISTING, 1, datePublished=NOON, datePublished_precision=Precision.SECOND)
    assert join((day, second)).datePublished_precision is Precision.SECOND


def test_statements_of_two_articles_are_never_joined() -> None:
    with pytest.raises(ValueError, match="statements of one article"):
        settle([Statement(source="news", identifier="1"), Statement(source="news", identifier="2")], OPTIONS)
    with pytest.raises(ValueError, match="statements of one article"):
        settle([], OPTIONS)


@pytest.mark.parametrize("origin", [Origin.FEED, Origin.SITEMAP])
def test_an_article_that_is_only_announced_makes_no_post(origin: Origin) -> None:
    announced = build(origin, 1, headline="Tide", datePublished=NOON, datePublished_precision=Precision.SECOND)
    told = build(Origin.FEED, 2, headline="Tide", articleBody="<p>x</p>")
    with pytest.raises(PostRefused) as refused:
        settle([announced, told], OPTIONS)
    assert refused.value.reason == "not_fetched"
    page = build(Origin.ARTICLE, 0, articleBody="<p>x</p>")
    assert settle([announced, page], OPTIONS).datePublished == NOON


@pytest.mark.parametrize(
    ("own", "told", "wins"),
    [
        (Precision.DAY, Precision.SECOND, Origin.FEED),
        (Precision.DAY, Precision.DAY, Origin.ARTICLE),
        (Precision.HOUR, Precision.SECOND, Origin.ARTICLE),
        (Precision.MINUTE, Precision.SECOND, Origin.ARTICLE),
    ],
)
def test_a_feed_tells_the_hour_only_where_the_page_tells_the_day(own: Precision, told: Precision, wins: Origin) -> None:
    page = build(Origin.ARTICLE, 0, datePublished=NOON, datePublished_precision=own)
    feed = build(Origin.FEED, 9, datePublished=NOON + timedelta(hours=1), datePublished_precision=told)
    assert join((page, feed)).evidence["datePublished"].origin is wins
    assert join((feed, page)).evidence["datePublished"].origin is wins


@pytest.mark.parametrize(("found", "language"), [("pt_BR", "pt-BR"), ("plain English", "zh"), ("", "zh")])
def test_a_language_that_a_source_states_is_a_tag(found: str, language: str) -> None:
    statement = Statement(
        source="news",
        identifier="1",
        origin=Origin.ARTICLE,
        headline="Tide",
        articleBody_found="<p>Tide.</p>",
        datePublished=NOON,
        datePublished_precision=Precision.SECOND,
        inLanguage=found,
    )
    assert settle([statement], OPTIONS).inLanguage == language
