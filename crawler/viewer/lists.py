"""Pages that list: the front page, posts by whatever they have in common, runs and their health."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from archives.replay.markup import Html, fill, join
from archives.replay.pages import build_bar, build_page, build_time, count_words
from crawler.monitoring.logbook import RunRecord, RunState
from crawler.monitoring.tally import format_bytes
from crawler.sources.timetable import format_duration
from crawler.viewer.routes import POSTS, RUNS, SECTIONS, build_post_path, build_posts_path
from pipelines.posts.post_folder import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from archives.replay.http import Response
    from crawler.monitoring.health import Health
    from crawler.viewer.search_index import Facet, Found, Wanted

PAGE_SIZE: Final = 30
_WORDS: Final = {"category": "Categories", "tag": "Tags", "symbol": "Symbols"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionCard:
    """What the front page says of a collection."""

    name: str
    captures: int
    posts: int
    last_run: RunRecord | None = None


def build_front(
    cards: Sequence[CollectionCard], posts: Sequence[Found], runs: Sequence[RunRecord], health: Sequence[Health]
) -> Response:
    """Where a reader begins."""
    collections = join((_build_card(card) for card in cards), "\n")
    body = fill(
        '<div class="hero"><h1>What the news was, and the bytes to prove it</h1>{search}</div>'
        '<div class="columns"><section><h2>Latest posts</h2>{posts}<p><a href="{all}">All posts →</a></p></section>'
        '<aside><h2>Collections</h2><ul class="cards one">{collections}</ul><h2>Health</h2>{health}'
        '<h2>Latest runs</h2>{runs}<p><a href="{more}">All runs →</a></p></aside></div>',
        search=build_search_form(),
        posts=build_post_list(posts),
        all=POSTS,
        collections=collections or fill('<li class="dim">None yet; a crawl makes the first.</li>'),
        health=build_health(health),
        runs=_build_run_list(runs),
        more=RUNS,
    )
    return build_page("Front page", body, bar=build_bar(sections=SECTIONS), kind="front")


def _build_card(card: CollectionCard) -> Html:
    return fill(
        '<li><a href="/{name}/"><strong>{name}</strong><span>{captures}</span></a>'
        '<span><a href="{posts_path}">{posts}</a></span></li>',
        name=card.name,
        captures=count_words(card.captures, "capture"),
        posts=count_words(card.posts, "post"),
        posts_path=build_posts_path(collection=card.name),
    )


def build_search_form(words: str = "", *, hidden: Iterable[tuple[str, str]] = ()) -> Html:
    """The field for words, and what is to be kept beside them."""
    kept = join(
        fill('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)
        for name, value in hidden
        if value
    )
    return fill(
        '<form class="find" role="search" action="{action}"><input type="search" name="q" value="{words}" '
        'aria-label="Search posts" placeholder="Search posts · 搜索" autocomplete="off">{kept}'
        "<button>Search</button></form>",
        action=POSTS,
        words=words,
        kept=kept,
    )


def build_post_list(posts: Sequence[Found]) -> Html:
    """Posts under the days they were published."""
    if not posts:
        return fill('<p class="dim">No post.</p>')
    days = []
    for day, group in groupby(posts, key=lambda post: post.day):
        days.append(
            fill(
                '<section class="day"><h3><a href="{path}">{day}</a></h3><ul class="posts">{items}</ul></section>',
                path=build_posts_path(day=day),
                day=day,
                items=join(map(_build_item, group), "\n"),
            )
        )
    return join(days, "\n")


def _build_item(post: Found) -> Html:
    return fill(
        '<li><a class="title" href="{path}">{headline}</a><p>{excerpt}</p><p class="meta">{time}{sections} · '
        '<a href="{source_path}">{source}</a></p></li>',
        path=build_post_path(post.collection, post.source, post.identifier),
        headline=post.headline,
        excerpt=post.excerpt,
        time=post.published[11:16] or "that day",
        sections=join(
            fill(' · <a href="{path}">{name}</a>', path=build_posts_path(category=name), name=name)
            for name in post.sections
        ),
        source_path=build_posts_path(source=post.source),
        source=post.source,
    )


def build_posts_page(
    wanted: Wanted,
    collection: str,
    posts: Sequence[Found],
    *,
    total: int,
    page: int,
    facets: Mapping[str, Sequence[Facet]],
) -> Response:
    """The posts asked for, and by what else they may be chosen."""
    asked = [("collection", collection), ("source", wanted.source), ("day", wanted.day), *wanted.list_labels()]
    asked = [(kind, name) for kind, name in asked if name]
    chosen = dict(asked) | ({"q": wanted.words} if wanted.words else {})
    headline = wanted.words or " · ".join(name for _, name in asked) or "Posts"
    body = fill(
        '<h1>{headline}</h1>{search}<p class="chips">{chips}</p><p class="lead">{count}</p>'
        '<div class="columns"><section>{posts}{steps}</section><aside>{facets}</aside></div>',
        headline=headline,
        search=build_search_form(wanted.words, hidden=asked),
        chips=join(_build_chip(kind, name, chosen) for kind, name in asked),
        count=count_words(total, "post"),
        posts=build_post_list(posts),
        steps=_build_steps(chosen, page=page, total=total),
        facets=join(_build_facet(kind, values, chosen) for kind, values in facets.items() if values),
    )
    return build_page(headline, body, bar=build_bar(sections=SECTIONS), kind="listing")


def _build_chip(kind: str, name: str, chosen: dict[str, str]) -> Html:
    rest = {other: value for other, value in chosen.items() if other != kind}
    return fill(
        '<a class="chip" href="{path}" title="Take away">{kind}: <b>{name}</b> ×</a> ',
        path=build_posts_path(**rest),
        kind=kind,
        name=name,
    )


def _build_facet(kind: str, values: Sequence[Facet], chosen: dict[str, str]) -> Html:
    items = join(
        fill(
            '<li><a href="{path}">{name}</a> <span>{count}</span></li>',
            path=build_posts_path(**(chosen | {kind: value.name})),
            name=value.name,
            count=f"{value.count:,}",
        )
        for value in values
    )
    heading = _WORDS.get(kind, f"{kind.capitalize()}s")
    return fill('<h2>{heading}</h2><ul class="facet">{items}</ul>', heading=heading, items=items)


def _build_steps(chosen: dict[str, str], *, page: int, total: int) -> Html:
    last = max(1, -(-total // PAGE_SIZE))
    links = []
    if page > 1:
        links.append(
            fill('<a rel="prev" href="{path}">‹ Newer</a>', path=build_posts_path(**chosen, page=str(page - 1)))
        )
    if last > 1:
        links.append(fill("<span>page {page} of {last}</span>", page=page, last=last))
    if page < last:
        links.append(
            fill('<a rel="next" href="{path}">Older ›</a>', path=build_posts_path(**chosen, page=str(page + 1)))
        )
    return fill('<nav class="steps" aria-label="Pages">{links}</nav>', links=join(links, " "))


def build_health(health: Sequence[Health]) -> Html:
    """How each source is."""
    if not health:
        return fill('<p class="dim">No run yet.</p>')
    return fill('<ul class="health">{items}</ul>', items=join(map(_build_state, health), "\n"))


def _build_state(health: Health) -> Html:
    alerts = join(fill("<li>{message}</li>", message=alert.message) for alert in health.alerts)
    return fill(
        '<li class="{kind}"><b>{source}</b> {word}{alerts}</li>',
        kind="ill" if health.alerts else "well",
        source=health.source or health.collection,
        word=count_words(len(health.alerts), "alert") if health.alerts else "is well",
        alerts=fill("<ul>{alerts}</ul>", alerts=alerts) if alerts else "",
    )


def _build_run_list(runs: Sequence[RunRecord]) -> Html:
    items = [
        fill(
            '<li class="{state}">{time}<span>{source} · {pages} · {posts} new</span></li>',
            state=run.state,
            time=build_time(run.began_at),
            source=run.source or run.spider,
            pages=count_words(run.pages, "page"),
            posts=run.count_posts(Outcome.NEW),
        )
        for run in runs
    ]
    return fill('<ul class="runs">{items}</ul>', items=join(items, "\n"))


def build_runs_page(runs: Sequence[RunRecord], health: Sequence[Health], *, is_cut: bool) -> Response:
    """What ran, the newest first."""
    heads = (
        "Began",
        "Collection",
        "Source",
        "Spider",
        "Took",
        "Pages",
        "New",
        "Updated",
        "Dropped",
        "Archived",
        "Ended",
    )
    numbers = {"Pages", "New", "Updated", "Dropped", "Archived", "Took"}
    head = join(
        fill('<th scope="col"{kind}>{name}</th>', kind=Html(' class="number"') if name in numbers else "", name=name)
        for name in heads
    )
    body = fill(
        "<h1>Runs</h1>{health}"
        '<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}',
        health=build_health(health),
        head=head,
        rows=join(map(_build_run_row, runs), "\n"),
        more=fill('<p class="small">and more; <code>scrapy runs --limit 0</code> lists all.</p>') if is_cut else "",
    )
    return build_page("Runs", body, bar=build_bar(sections=SECTIONS), kind="listing")


def _build_run_row(run: RunRecord) -> Html:
    has_ended = run.state is RunState.ENDED
    return fill(
        '<tr class="{state}"><td>{began}</td><td><a href="/{collection}/">{collection}</a></td><td>{source}</td>'
        '<td>{spider}</td><td class="number">{took}</td><td class="number">{pages}</td><td class="number">{new}</td>'
        '<td class="number">{updated}</td><td class="number">{dropped}</td><td class="number">{size}</td>'
        "<td>{ended}</td></tr>",
        state=run.state,
        began=build_time(run.began_at),
        collection=run.collection,
        source=run.source,
        spider=run.spider,
        took=format_duration(run.seconds) if run.seconds is not None else "",
        pages=run.pages if has_ended else "",
        new=run.count_posts(Outcome.NEW) if has_ended else "",
        updated=run.count_posts(Outcome.UPDATED) if has_ended else "",
        dropped=run.dropped if has_ended else "",
        size=format_bytes(run.bytes_archived) if has_ended else "",
        ended=run.exit_reason if has_ended else run.state,
    )
