"""List pages: the front page, posts by a common property, runs and health."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from crawler.viewer.pages import build_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from archives.replay.http import Response
    from crawler.monitoring.health import Health
    from crawler.monitoring.logbook import RunRecord
    from crawler.viewer.search.lookup import Found

PAGE_SIZE: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionCard:
    """What the front page says of a collection."""

    name: str
    captures: int
    posts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Posts that were published on one day."""

    day: str
    posts: Sequence[Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPage:
    """What `front.html` shows."""

    cards: Sequence[CollectionCard]
    days: Sequence[Day]
    runs: Sequence[RunRecord]
    health: Sequence[Health]
    searches: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A condition that the posts listed meet, and the address of the list without it."""

    kind: str
    name: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A condition that would narrow the list down, and how many posts meet it; 0 if they were not counted."""

    name: str
    count: int
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Another search, where one found nothing: with the words `name`, or without the condition of that name.

    Attributes:
        size: how many posts it finds, as a number or "more than" one.
    """

    what: str
    name: str
    size: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A day, a month or a year in a histogram.

    Attributes:
        height: from 0 to 10.
        href: of its posts; empty if there are none.
    """

    name: str
    count: int
    height: int
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsPage:
    """What `posts.html` shows.

    Attributes:
        words: what was searched for.
        notes: sentences on what was not understood or is not complete.
        is_more: whether there are more posts than `total`.
        page: the number of this page, from 1.
        newer: the address of the page before this one; empty on the first.
        older: the address of the page after this one; empty on the last.
        sorting: the other order; None if there is none.
        feed: the address of the list as a feed.
        bars: how many posts there are over time.
        around: the days before and after this one that have posts, each with its address; empty if there is none.
        choices: conditions by their heading.
        suggestions: other searches.
    """

    headline: str
    words: str
    notes: Sequence[str]
    chips: Sequence[Chip]
    total: int
    is_more: bool
    days: Sequence[Day]
    page: int
    last: int
    newer: str
    older: str
    sorting: Choice | None
    feed: str
    bars: Sequence[Bar]
    around: tuple[str, str, str, str]
    choices: Mapping[str, Sequence[Choice]]
    suggestions: Sequence[Suggestion]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """What `runs.html` shows.

    Attributes:
        is_cut: whether there are older runs.
    """

    runs: Sequence[RunRecord]
    health: Sequence[Health]
    is_cut: bool


def build_front(
    cards: Sequence[CollectionCard],
    posts: Iterable[Found],
    runs: Sequence[RunRecord],
    health: Sequence[Health],
    searches: Mapping[str, str],
) -> Response:
    """Return the front page."""
    page = FrontPage(cards=cards, days=list_days(posts), runs=runs, health=health, searches=searches)
    return build_page("front.html", page)


def list_days(posts: Iterable[Found], *, is_ranked: bool = False) -> list[Day]:
    """Return posts by the day they were published on; those that are ranked as they come, under no day."""
    if is_ranked:
        found = list(posts)
        return [Day(day="", posts=found)] if found else []
    return [Day(day=day, posts=list(group)) for day, group in groupby(posts, key=lambda post: post.day)]


def build_posts_page(page: PostsPage) -> Response:
    """Return a list of posts."""
    return build_page("posts.html", page)


def build_runs_page(runs: Sequence[RunRecord], health: Sequence[Health], *, is_cut: bool) -> Response:
    """Return what ran, the newest first."""
    return build_page("runs.html", RunsPage(runs=runs, health=health, is_cut=is_cut))
