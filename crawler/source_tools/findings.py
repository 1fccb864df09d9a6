"""Findings of a dry run, one sentence each: what, where, what to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from archives.terminal import count_words
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawler.source_tools.dryrun import Report
    from crawler.sources import Source

_NEEDED = ("headline", "datePublished", "articleBody")
_SHOWN = 3
_RARE = 0.5
_SHOWN_CHARS = 60


def list_warnings(report: Report) -> list[str]:
    """Return the warnings that a dry run gives cause for, the gravest first."""
    return [
        *_iter_missing_pages(report),
        *_iter_articles_without_posts(report),
        *_iter_identity(report),
        *_iter_missing_fields(report),
        *_iter_constant_fields(report),
        *_iter_template_change(report),
        *_iter_idle_rules(report),
        *_iter_idle_links(report),
        *_iter_collisions(report.source, report.sections),
    ]


def _iter_missing_pages(report: Report) -> Iterator[str]:
    if not report.tally.pages:
        yield "no capture belongs to this source; crawl it first, or see its scope and its link rules"
    elif not report.tally.pages[LinkKind.ARTICLE] and not report.posts:
        yield "no capture is an article's page; see links.article"


def _iter_articles_without_posts(report: Report) -> Iterator[str]:
    for reason, count in Counter(reason for _, reason in report.refused).most_common():
        names = [name for name, why in report.refused if why == reason][:_SHOWN]
        more = " …" if count > _SHOWN else ""
        yield f"{count_words(count, 'article')} without a post, {reason}: {' '.join(names)}{more}"


def _iter_identity(report: Report) -> Iterator[str]:
    merged, split = report.tally.list_merged(), report.tally.list_split()
    for identifier, urls in merged[:_SHOWN]:
        yield (
            f"the id {identifier!r} merges different articles, such as {' and '.join(urls)}; have the group id of"
            " links.article hold what tells them apart, or leave it out"
        )
    for places in split[:_SHOWN]:
        yield (
            f"one article is split into {len(places)}, such as {' and '.join(places[:2])}; have the group id of"
            " links.article hold what they share"
        )
    for count, word in ((len(merged), "merged"), (len(split), "split")):
        if count > _SHOWN:
            yield f"{count - _SHOWN} more articles are {word}"


def _iter_missing_fields(report: Report) -> Iterator[str]:
    for share in report.fields:
        if share.kind is LinkKind.ARTICLE and share.field in _NEEDED and share.found < _RARE * share.pages:
            yield f"{share.field} is found on {share.found} of {share.pages} article pages; give it a rule"


def _iter_constant_fields(report: Report) -> Iterator[str]:
    for share in report.fields:
        if share.constant:
            value = share.constant if len(share.constant) <= _SHOWN_CHARS else share.constant[:_SHOWN_CHARS] + "…"
            place = share.places[0][0] if share.places else "nowhere"
            yield (
                f"{share.field} is the same on every {share.kind} page, {value!r} (posts take it from {place}), as on"
                f" {' '.join(share.examples)}; it belongs to the site, so give it a rule that finds the article's own"
            )


def _iter_template_change(report: Report) -> Iterator[str]:
    change = report.tally.templates.find_change()
    if change:
        yield (
            f"the template of article pages changed on {change.since:%Y-%m-%d %H:%M} UTC: {change.pages} pages since,"
            f" such as {' '.join(change.examples)}; see whether the rules fit both, or give the old ones valid_until"
        )


def _iter_idle_rules(report: Report) -> Iterator[str]:
    for number, parser in enumerate(report.source.parsers):
        read = report.tally.read[number]
        if not read:
            until = f" (valid until {parser.valid_until})" if parser.valid_until else ""
            yield f"parser[{number}] of {parser.of}{until} read no page of this collection"
            continue
        for name in parser.fields:
            if not report.tally.ruled[number, name]:
                yield f"parser[{number}].fields.{name} found nothing on {read} pages; mend it or leave it out"


def _iter_idle_links(report: Report) -> Iterator[str]:
    for (kind, pattern), count in report.tally.matches.items():
        if not count:
            yield f"links.{kind}: {pattern!r} matches no address, neither captured nor linked"


def _iter_collisions(source: Source, sections: tuple[str, ...]) -> Iterator[str]:
    by_slug: dict[str, list[str]] = {}
    for section in sections:
        by_slug.setdefault(source.post.build_category(section), []).append(section)
    for slug, sharing in by_slug.items():
        if len(sharing) > 1:
            names = ", ".join(repr(name) for name in sharing)
            yield f"sections {names} share the slug {slug!r}; give one its own in [post.slugs], or join them in aliases"
