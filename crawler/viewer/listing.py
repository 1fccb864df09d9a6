"""Lists of posts: the request's parameters, the posts found, and the facets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from crawler.viewer.lists import PAGE_SIZE, Bar, Chip, Choice, PostsPage, Suggestion, build_posts_page, list_days
from crawler.viewer.routes import build_posts_path
from crawler.viewer.search.index import COUNTED
from crawler.viewer.search.language import is_day
from crawler.viewer.search.lookup import Wanted
from crawler.viewer.search.rows import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from archives.replay.http import Request, Response
    from crawler.viewer.search.lookup import Counts, Found
    from crawler.viewer.search.pool import IndexPool

MAX_PAGE: Final = 1_000
_MAX_WORDS: Final = 400
_MAX_ARGUMENTS: Final = 50
_CHOICES: Final = 20
_RELAXED: Final = 6
_MAX_BARS: Final = 62
_HEIGHTS: Final = 10
_MANY: Final = "There are too many posts to count them by source, day or tag; narrow the list down to see numbers."
_HEADINGS: Final = {
    "collection": "Collections",
    "source": "Sources",
    "day": "Days",
    "category": "Categories",
    "tag": "Tags",
    "symbol": "Symbols",
    "lang": "Languages",
    "is": "In doubt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list that is requested.

    Attributes:
        collection: its name; empty for all.
        page: from 1.
    """

    collection: str
    wanted: Wanted
    page: int
    is_feed: bool

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return the arguments that ask for this list, but for its page."""
        wanted = self.wanted
        found = [("q", wanted.words), ("collection", self.collection), *wanted.labels, ("day", wanted.day)]
        found.append(("sort", "relevance" if wanted.by_relevance else ""))
        return [pair for pair in found if pair[1]]

    @property
    def title(self) -> str:
        """Return what the list is of, in a few words."""
        wanted = self.wanted
        names = [self.collection, *(name for _, name in wanted.labels), wanted.day]
        return wanted.words or " · ".join(filter(None, names)) or "Posts"


def read_listing(request: Request) -> Listing:
    """Return the list that a request asks for; arguments that cannot be meant are left out."""
    query = request.target.partition("?")[2]
    try:
        pairs = parse_qsl(query, max_num_fields=_MAX_ARGUMENTS)
    except ValueError:
        pairs = []
    asked = dict(pairs)
    number = asked.get("page", "1")
    labels = dict.fromkeys((kind, name) for kind, name in pairs if kind in KINDS)
    return Listing(
        collection=asked.get("collection", ""),
        wanted=Wanted(
            words=" ".join(asked.get("q", "")[:_MAX_WORDS].split()),
            day=day if is_day(day := asked.get("day", "")) else "",
            labels=tuple(labels),
            by_relevance=asked.get("sort") == "relevance",
        ),
        page=min(max(1, int(number)), MAX_PAGE) if number.isdecimal() and len(number) < 6 else 1,
        is_feed=asked.get("format") == "atom",
    )


def show_listing(pool: IndexPool, listing: Listing) -> Response:
    """Return a page of posts, and the conditions by which they may be narrowed down."""
    wanted = listing.wanted
    names = [listing.collection] if listing.collection else pool.list_names()
    counts = pool.count_labels(names, wanted)
    last = min(MAX_PAGE, max(1, -(-counts.total // PAGE_SIZE)))
    number = min(listing.page, last)
    offset = (number - 1) * PAGE_SIZE
    posts = pool.list_posts(names, wanted, limit=PAGE_SIZE, offset=offset) if counts.total else []
    pairs = listing.pairs
    page = PostsPage(
        headline=listing.title,
        words=wanted.words,
        notes=[*wanted.parse().notes, *_describe_missing(pool, names), *([_MANY] if counts.is_cut else [])],
        chips=[_build_chip(pairs, pair) for pair in pairs if pair[0] not in {"q", "sort"}],
        total=counts.total,
        is_more=counts.is_more,
        days=list_days(posts, is_ranked=wanted.by_relevance),
        page=number,
        last=last,
        newer=build_posts_path(*pairs, page=str(number - 1)) if number > 1 else "",
        older=build_posts_path(*pairs, page=str(number + 1)) if number < last else "",
        sorting=_build_sorting(listing),
        feed=build_posts_path(*pairs, format="atom"),
        bars=_list_bars(counts.days, pairs),
        around=_find_days_around(pool, names, listing),
        choices=_list_choices(listing, counts),
        suggestions=[] if counts.total else _list_suggestions(pool, names, listing),
    )
    return build_posts_page(page)


def _describe_missing(pool: IndexPool, names: Sequence[str]) -> list[str]:
    return [
        f"The search index of {name} is being updated: up to {missing:,} posts are not in it yet."
        for name, missing in pool.count_missing(names).items()
    ]


def _build_chip(pairs: Sequence[tuple[str, str]], pair: tuple[str, str]) -> Chip:
    return Chip(kind=pair[0], name=pair[1], href=build_posts_path(*(other for other in pairs if other != pair)))


def _build_sorting(listing: Listing) -> Choice | None:
    """Return the link to the other order; None if nothing is searched for."""
    if not listing.wanted.parse().phrases:
        return None
    is_ranked = listing.wanted.by_relevance
    pairs = [pair for pair in listing.pairs if pair[0] != "sort"]
    href = build_posts_path(*pairs, sort="" if is_ranked else "relevance")
    return Choice(name="Newest first" if is_ranked else "Best first", count=0, href=href)


def _list_choices(listing: Listing, counts: Counts) -> dict[str, Sequence[Choice]]:
    """Return conditions that would narrow the list down; each number is that of the list that its link shows."""
    found = {kind: counts.labels.get(kind, {}) for kind in ("collection", "source")}
    days = {} if len(listing.wanted.day) == len("2026-01-31") else counts.days
    found["day"] = dict(sorted(days.items(), reverse=True)[:_CHOICES])
    found |= {kind: counts.labels.get(kind, {}) for kind in ("category", "tag", "symbol", "lang", "is")}
    choices: dict[str, Sequence[Choice]] = {}
    for kind, numbers in found.items():
        top = numbers.items() if kind == "day" else sorted(numbers.items(), key=lambda one: (-one[1], one[0]))
        kept = [(name, count) for name, count in top if count and (kind, name) not in listing.wanted.labels][:_CHOICES]
        if kept:
            choices[_HEADINGS[kind]] = [
                Choice(
                    name=name,
                    count=0 if counts.is_cut else count,
                    href=_build_narrowed(listing.pairs, kind, name),
                )
                for name, count in kept
            ]
    return choices


def _build_narrowed(pairs: Sequence[tuple[str, str]], kind: str, name: str) -> str:
    kept = [pair for pair in pairs if pair[0] != kind or kind not in {"day", "collection"}]
    return build_posts_path(*kept, (kind, name))


def _list_suggestions(pool: IndexPool, names: Sequence[str], listing: Listing) -> list[Suggestion]:
    """Return searches that find something: words spelt otherwise, and the search without one of its conditions."""
    found = [
        Suggestion(
            what="",
            name=changed.words,
            size=_format_size(count),
            href=build_posts_path(*replace(listing, wanted=changed).pairs),
        )
        for changed, count in pool.suggest(names, listing.wanted)
    ]
    for name, relaxed in listing.wanted.list_relaxed()[:_RELAXED]:
        if count := pool.count(names, relaxed):
            href = build_posts_path(*replace(listing, wanted=relaxed).pairs)
            found.append(Suggestion(what="without", name=name, size=_format_size(count), href=href))
    if listing.collection and (count := pool.count(pool.list_names(), listing.wanted)):
        href = build_posts_path(*replace(listing, collection="").pairs)
        found.append(Suggestion(what="in all collections", name="", size=_format_size(count), href=href))
    return found


def _format_size(count: int) -> str:
    return f"{count:,}" if count <= COUNTED else f"more than {COUNTED:,}"


def _find_days_around(pool: IndexPool, names: Sequence[str], listing: Listing) -> tuple[str, str, str, str]:
    """Return the day before the list's that has posts, its path, the day after it and its path; empty if none is."""
    day = listing.wanted.day
    if len(day) != len("2026-01-31"):
        return "", "", "", ""
    days = sorted(pool.count_labels(names, replace(listing.wanted, day="")).days)
    before = max((other for other in days if other < day), default="")
    after = min((other for other in days if other > day), default="")
    paths = [build_posts_path(*replace(listing, wanted=replace(listing.wanted, day=x)).pairs) for x in (before, after)]
    return before, paths[0] if before else "", after, paths[1] if after else ""


def _list_bars(days: Mapping[str, int], pairs: Sequence[tuple[str, str]]) -> list[Bar]:
    """Return how many posts there are over time: by day, by month or by year; of more years than fit, the last."""
    if len(days) < 2:
        return []
    for length in (10, 7, 4):
        numbers: dict[str, int] = {}
        for day, count in days.items():
            numbers[day[:length]] = numbers.get(day[:length], 0) + count
        spans = _list_spans(min(numbers), max(numbers))
        if len(spans) <= _MAX_BARS or length == len("2026"):
            break
    spans = spans[-_MAX_BARS:]
    most = max(numbers.get(span, 0) for span in spans)
    kept = [pair for pair in pairs if pair[0] != "day"]
    return [
        Bar(
            name=span,
            count=(count := numbers.get(span, 0)),
            height=-(-count * _HEIGHTS // most),
            href=build_posts_path(*kept, ("day", span)) if count else "",
        )
        for span in spans
    ]


def _list_spans(first: str, last: str) -> list[str]:
    """Return the days, months or years from one to another, the last of them if there are more than can be shown."""
    spans = [last]
    while spans[-1] > first and len(spans) <= _MAX_BARS:
        day_before = date.fromisoformat((spans[-1] + "-01-01")[:10]) - timedelta(days=1)
        spans.append(day_before.isoformat()[: len(last)])
    return spans[::-1]


def list_entries(pool: IndexPool, listing: Listing, *, limit: int) -> list[Found]:
    """Return the posts of a list as a feed has them, the newest first."""
    names = [listing.collection] if listing.collection else pool.list_names()
    return pool.list_posts(names, replace(listing.wanted, by_relevance=False), limit=limit)
