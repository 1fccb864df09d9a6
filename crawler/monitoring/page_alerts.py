"""Alerts that compare the article pages of a source; a single page would not show them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Final

from crawler.monitoring.alert import Alert, AlertKind, advise_check, collect_examples
from pipelines.page.classes import IN_PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.monitoring.logbook import RunRecord

_LEAST_REPLACED: Final = 2
_LEAST_DOUBLED: Final = 3
_MOST: Final = 0.5
_LEAST_BUILT: Final = 5
# A site that generates new class names for every page has no template to compare.
_MOST_TEMPLATES: Final = 0.5
_SHOWN_FOR: Final = timedelta(days=7)
_TEMPLATES: Final = "templates/"


def find_page_alerts(runs: Sequence[RunRecord], limit: float) -> Iterator[Alert]:
    """Yield what is wrong with the article pages of a source.

    Args:
        runs: those that are over, the newest first, at least one.
        limit: more than this part of the pages, and three times the usual part, is worth an alert.
    """
    yield from _find_constant_fields(runs)
    yield from _find_repeated(runs[0])
    yield from _find_replaced(runs, limit)
    yield from _find_new_template(runs)


def _find_constant_fields(runs: Sequence[RunRecord]) -> Iterator[Alert]:
    for name, count in sorted(runs[0].counts.items()):
        stated = name.removeprefix("same/")
        if stated == name:
            continue
        *_, first = takewhile(partial(_has_count, name=name), runs)
        yield Alert(
            kind=AlertKind.SAME,
            message=f"{stated} is the same on all {count} articles, so it belongs to the site",
            since=first.began_at,
            examples=collect_examples(runs, name),
            advice=f"{advise_check(runs[0])}, and give it a rule that finds the article's own",
        )


def _has_count(run: RunRecord, *, name: str) -> bool:
    return bool(run.counts.get(name))


def _find_repeated(run: RunRecord) -> Iterator[Alert]:
    """Find a text's rule that fits too much on most articles: their text twice, or a notice of the site."""
    for kind, name, what in (
        (AlertKind.DOUBLED, "bodies/doubled", "say most of their text twice"),
        (AlertKind.NOTICE, "bodies/notice", "have a notice of the site where the rule of articleBody looks"),
    ):
        count, articles = run.counts.get(name, 0), run.counts.get("captures/article", 0)
        if count >= _LEAST_DOUBLED and count >= _MOST * articles:
            yield Alert(
                kind=kind,
                message=f"{count} of {max(count, articles)} articles {what}",
                since=run.began_at,
                examples=collect_examples([run], name),
                advice="give articleBody a rule that fits the text alone",
            )


def _find_replaced(runs: Sequence[RunRecord], limit: float) -> Iterator[Alert]:
    """Compare what was in the place of articles, or no longer looked like them, with what is usual."""
    for kind, names, what in (
        (AlertKind.IN_PLACE, tuple(f"captures/{page_class}" for page_class in sorted(IN_PLACE)), "were none"),
        (AlertKind.DOUBTS, ("doubts/",), "no longer look like what they were"),
    ):
        count, share = _measure(runs[:1], names)
        _, usual = _measure(runs[1:], names)
        if count >= _LEAST_REPLACED and (share > max(limit, 3 * usual) or share >= _MOST):
            found = sorted(
                ((n, name) for name, n in runs[0].counts.items() if name.startswith(names)),
                reverse=True,
            )
            words = ", ".join(f"{n} {name.rpartition('/')[2]}" for n, name in found[:3])
            yield Alert(
                kind=kind,
                message=f"{count} pages that should hold articles ({share:.0%}) {what}: {words}",
                since=_find_first(runs, names, limit).began_at,
                examples=collect_examples(runs[:1], *(name for _, name in found)),
                advice="look at one in a browser",
            )


def _measure(runs: Sequence[RunRecord], names: tuple[str, ...]) -> tuple[int, float]:
    """Return how often something was counted, and its share of all that should have been articles."""
    count = sum(value for run in runs for name, value in run.counts.items() if name.startswith(names))
    articles = sum(run.counts.get("captures/article", 0) for run in runs)
    total = articles if names == ("doubts/",) else articles + count
    return count, count / max(1, total)


def _find_first(runs: Sequence[RunRecord], names: tuple[str, ...], limit: float) -> RunRecord:
    """Return the first run of an unbroken row in which it was so."""
    first = runs[0]
    for run in runs:
        count, share = _measure((run,), names)
        if count < _LEAST_REPLACED or share <= limit:
            break
        first = run
    return first


def _find_new_template(runs: Sequence[RunRecord]) -> Iterator[Alert]:
    """Find when most articles began to be built by a template that no earlier run had met.

    The alert ends after a week, or when the source's definition is edited: the rules have been looked at.
    """
    for place, run in enumerate(runs):
        if runs[0].began_at - run.began_at > _SHOWN_FOR or run.definition != runs[0].definition:
            return
        built, known = _count_templates((run,)), _count_templates(runs[place + 1 :])
        total, before = sum(built.values()), sum(known.values())
        unseen = {name: count for name, count in built.items() if name not in known}
        if total < _LEAST_BUILT or before < _LEAST_BUILT or len(known) > _MOST_TEMPLATES * before:
            continue
        if sum(unseen.values()) >= _MOST * total:
            yield Alert(
                kind=AlertKind.TEMPLATE,
                message=f"{sum(unseen.values())} of {total} articles are built by a template that no earlier run met",
                since=run.began_at,
                examples=collect_examples([run], *unseen),
                advice=f"{advise_check(runs[0])} and see whether the rules still fit",
            )
            return


def _count_templates(runs: Sequence[RunRecord]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, count in chain.from_iterable(run.counts.items() for run in runs):
        if name.startswith(_TEMPLATES):
            found[name] = found.get(name, 0) + count
    return found
