"""Pages that list: the front page, posts by whatever they have in common, runs and their health."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from crawler.viewer.pages import build_page
from crawler.viewer.routes import build_posts_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from archives.replay.http import Response
    from crawler.monitoring.health import Health
    from crawler.monitoring.logbook import RunRecord
    from crawler.viewer.search_index import Facet, Found, Wanted

PAGE_SIZE: Final = 30
_HEADINGS: Final = {"category": "Categories"}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A condition that the posts listed meet, and the address of the list without it."""

    kind: str
    name: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A condition that would narrow the list down, and how many posts meet it."""

    name: str
    count: int
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsPage:
    """What `posts.html` shows.

    Attributes:
        words: what was searched for.
        page: the number of this page, from 1.
        newer: the address of the page before this one; empty on the first.
        older: the address of the page after this one; empty on the last.
        choices: conditions by their heading.
    """

    headline: str
    words: str
    chips: Sequence[Chip]
    total: int
    days: Sequence[Day]
    page: int
    last: int
    newer: str
    older: str
    choices: Mapping[str, Sequence[Choice]]


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
    cards: Sequence[CollectionCard], posts: Iterable[Found], runs: Sequence[RunRecord], health: Sequence[Health]
) -> Response:
    """Return the front page."""
    return build_page("front.html", FrontPage(cards=cards, days=_list_days(posts), runs=runs, health=health))


def _list_days(posts: Iterable[Found]) -> list[Day]:
    return [Day(day=day, posts=list(group)) for day, group in groupby(posts, key=lambda post: post.day)]


def build_posts_page(
    wanted: Wanted,
    collection: str,
    posts: Iterable[Found],
    *,
    total: int,
    page: int,
    facets: Mapping[str, Sequence[Facet]],
) -> Response:
    """Return the posts asked for, and the conditions by which they may be narrowed down."""
    asked = [("collection", collection), ("source", wanted.source), ("day", wanted.day), *wanted.list_labels()]
    asked = [(kind, name) for kind, name in asked if name]
    chosen = dict(asked) | ({"q": wanted.words} if wanted.words else {})
    last = max(1, -(-total // PAGE_SIZE))
    shown = PostsPage(
        headline=wanted.words or " · ".join(name for _, name in asked) or "Posts",
        words=wanted.words,
        chips=[Chip(kind=kind, name=name, href=_build_path_without(chosen, kind)) for kind, name in asked],
        total=total,
        days=_list_days(posts),
        page=page,
        last=last,
        newer=build_posts_path(**chosen, page=str(page - 1)) if page > 1 else "",
        older=build_posts_path(**chosen, page=str(page + 1)) if page < last else "",
        choices={
            _HEADINGS.get(kind, f"{kind.capitalize()}s"): _list_choices(kind, values, chosen)
            for kind, values in facets.items()
            if values
        },
    )
    return build_page("posts.html", shown)


def _build_path_without(chosen: dict[str, str], kind: str) -> str:
    return build_posts_path(**{other: value for other, value in chosen.items() if other != kind})


def _list_choices(kind: str, values: Sequence[Facet], chosen: dict[str, str]) -> list[Choice]:
    return [
        Choice(name=value.name, count=value.count, href=build_posts_path(**(chosen | {kind: value.name})))
        for value in values
    ]


def build_runs_page(runs: Sequence[RunRecord], health: Sequence[Health], *, is_cut: bool) -> Response:
    """Return what ran, the newest first."""
    return build_page("runs.html", RunsPage(runs=runs, health=health, is_cut=is_cut))
