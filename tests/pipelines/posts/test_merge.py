"""The join is commutative, associative and idempotent: a post depends on the set of captures and on nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.posts.items import CaptureRef, Origin, Post, Precision, dump_post, load_post
from pipelines.posts.merge import attest, join

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def build_ref(minute: int) -> CaptureRef:
    return CaptureRef(
        record_id=f"<urn:uuid:{minute:04}>",
        captured_at=NOON + timedelta(minutes=minute),
        payload_digest="sha1:AAAA",
        file="news.warc.gz",
        offset=minute,
    )


TEXTS = st.sampled_from(["", "tide", "harbour", "潮汐"])
POSTS = st.builds(
    Post,
    source=st.just("news"),
    identifier=st.just("1"),
    origin=st.sampled_from([Origin.TEXT, Origin.ARTICLE, Origin.LISTING, Origin.FEED, Origin.SITEMAP]),
    headline=TEXTS,
    articleBody=TEXTS,
    publisher=TEXTS,
    keywords=st.lists(st.sampled_from(["a", "b"]), max_size=2),
    symbols=st.sets(st.sampled_from(["NYSE:NIO", "SH600160"])).map(sorted),
    places=st.sampled_from([{}, {"headline": "source: h1", "symbols": "mainbody"}]),
    datePublished=st.sampled_from([NOON, NOON - timedelta(days=1)]),
    datePublished_precision=st.sampled_from(list(Precision)),
    capture=st.integers(0, 5).map(build_ref),
).map(attest)


@given(st.lists(POSTS, min_size=2, max_size=4))
def test_any_order_joins_to_the_same_post(posts: list[Post]) -> None:
    joined = {dump_post(reduce(join, order)) for order in permutations(posts)}
    assert len(joined) == 1


@given(POSTS, POSTS)
def test_joining_again_changes_nothing(left: Post, right: Post) -> None:
    joined = join(left, right)
    assert join(joined, right) == join(joined, left) == join(joined, joined) == joined


@given(POSTS)
def test_a_post_survives_the_ledger(post: Post) -> None:
    assert load_post(dump_post(post)) == post


def build(origin: Origin, minute: int, **values: object) -> Post:
    return attest(Post(source="news", identifier="1", origin=origin, capture=build_ref(minute), **values))  # type: ignore[arg-type]


def test_the_text_comes_from_the_share_link_and_the_rest_from_the_article() -> None:
    article = build(Origin.ARTICLE, 1, headline="Whole headline", articleBody="<p>teaser</p>", publisher="Courier")
    text = build(Origin.TEXT, 0, headline="Short", articleBody="<p>whole</p>")
    listing = build(Origin.LISTING, 9, headline="Shorter", articleBody="<p>digest</p>")
    post = reduce(join, (listing, text, article))
    assert (post.headline, post.articleBody, post.publisher) == ("Whole headline", "<p>whole</p>", "Courier")
    assert post.capture == text.capture
    assert post.evidence["headline"].record_id == "<urn:uuid:0001>"


def test_symbols_of_all_captures_are_kept_and_places_become_evidence() -> None:
    early = build(Origin.ARTICLE, 1, symbols=["SH600160"], headline="One", places={"headline": "jsonld:headline"})
    late = build(Origin.ARTICLE, 2, symbols=["NYSE:NIO"], headline="Two", places={"headline": "source: h1"})
    post = join(early, late)
    assert post.symbols == ["NYSE:NIO", "SH600160"]
    assert post.evidence["headline"].place == "source: h1"
    assert post.evidence["symbols"].record_id == "<urn:uuid:0002>"
    assert post.places == {}


def test_of_two_captures_of_one_kind_the_later_speaks() -> None:
    early, late = (build(Origin.ARTICLE, minute, articleBody=f"<p>{minute}</p>") for minute in (1, 2))
    assert join(late, early).articleBody == "<p>2</p>"


def test_a_second_beats_a_day() -> None:
    day = build(Origin.ARTICLE, 5, datePublished=NOON, datePublished_precision=Precision.DAY)
    second = build(Origin.LISTING, 1, datePublished=NOON, datePublished_precision=Precision.SECOND)
    assert join(day, second).datePublished_precision is Precision.SECOND


def test_posts_of_two_articles_are_never_joined() -> None:
    with pytest.raises(ValueError, match="two articles"):
        join(Post(source="news", identifier="1"), Post(source="news", identifier="2"))


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
    assert join(page, feed).evidence["datePublished"].origin is wins
    assert join(feed, page).evidence["datePublished"].origin is wins
