"""The health of a source: its latest runs compared with earlier ones.

Health is computed from the run manifests, so it can be examined at any time. A crawler that breaks is noticed without
it; a publisher that changes a class name, and a schedule that does not run, are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from archives.terminal import count_words
from crawler.frontier.owed import FILE_NAME, count_owed
from crawler.monitoring.alert import Alert, AlertKind, advise_check, collect_examples
from crawler.monitoring.logbook import RunState, list_runs
from crawler.monitoring.no_articles import explain_no_articles
from crawler.monitoring.page_alerts import find_page_alerts
from crawler.sources.timetable import format_duration
from pipelines.posts.filing import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scrapy.settings import BaseSettings

    from crawler.frontier.owed import Owed
    from crawler.monitoring.logbook import RunRecord

_RECENT_RUNS: Final = 200
_RECENT_PARTS: Final = 10
_LEAST_GAPS: Final = 4
_GAPS_TO_SPARE: Final = 8
_LEAST_FAILED: Final = 5
_LOG: Final = "read its log"
_GOOD_ENDS: Final = ("finished", "shutdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When something is worth an alert.

    Attributes:
        silence: so many times the usual interval without a new article.
        field_share: a field is found in less than this part of the usual share.
        failed_share: more than this part of all pages failed, and more than three times the usual part.
    """

    silence: float = 5.0
    field_share: float = 0.5
    failed_share: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of a source.

    Attributes:
        last: its latest run that is over; None if there is none.
        last_new_at: when the latest run began that found a new article.
        usual_interval_s: median time between two such runs; None if there are too few to tell.
        shares: (origin, field) to the share of pages that state it, by the latest runs.
        owed: what could not be fetched and is requested again.
    """

    source: str
    collection: str
    last: RunRecord | None = None
    last_new_at: datetime | None = None
    usual_interval_s: int | None = None
    shares: dict[tuple[str, str], float] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    owed: Owed | None = None


def load_health(settings: BaseSettings, *, collection: str = "", source: str = "") -> list[Health]:
    """Return the health of the sources in a data directory, as of now.

    Raises:
        ArchiveError: there is no such collection.
    """
    data_dir = Path(settings["DATA_DIR"])
    runs = list_runs(data_dir, collection=collection, source=source, most=_RECENT_RUNS)
    limits = Limits(
        silence=settings.getfloat("HEALTH_SILENCE"),
        field_share=settings.getfloat("HEALTH_FIELD_SHARE"),
        failed_share=settings.getfloat("HEALTH_FAILED_SHARE"),
    )
    healths = list_health(runs, now=datetime.now(UTC), limits=limits)
    names = {health.collection for health in healths}
    owed = {name: count_owed(data_dir / "collections" / name / FILE_NAME) for name in names}
    return [replace(health, owed=owed[health.collection].get(health.source)) for health in healths]


def list_health(runs: Sequence[RunRecord], *, now: datetime, limits: Limits) -> list[Health]:
    """Return the health of every source in every collection.

    Args:
        runs: the newest first.
        now: aware UTC.
    """
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault((run.source, run.collection), []).append(run)
    return [examine(group, now=now, limits=limits) for _, group in sorted(groups.items())]


def examine(runs: Sequence[RunRecord], *, now: datetime, limits: Limits) -> Health:
    """Return the health of one source by its runs, the newest first."""
    over = [run for run in runs if run.state is not RunState.RUNNING]
    found_new = [run.began_at for run in over if run.count_posts(Outcome.NEW)]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(found_new)]
    recent, earlier_runs = _divide(over)
    alerts: list[Alert] = []
    if over:
        alerts += _find_bad_end(over[0])
        alerts += _find_silence(found_new, gaps, now=now, times=limits.silence)
        alerts += _find_lost_fields(recent, earlier_runs, limits.field_share)
        alerts += _find_errors(over[0])
        alerts += _find_failures(over[0], over[1:], limits.failed_share)
        alerts += _find_new_robots(over)
        alerts += _find_no_article(over[0])
        alerts += find_page_alerts(over, limits.failed_share)
    return Health(
        source=runs[0].source,
        collection=runs[0].collection,
        last=over[0] if over else None,
        last_new_at=found_new[0] if found_new else None,
        usual_interval_s=round(median(gaps)) if len(gaps) >= _LEAST_GAPS else None,
        shares=_measure_shares(recent),
        alerts=tuple(alerts),
    )


def _find_bad_end(run: RunRecord) -> Iterator[Alert]:
    found = _describe_bad_end(run)
    if found is not None:
        message, advice = found
        yield Alert(
            kind=AlertKind.RUN,
            message=message,
            since=run.began_at,
            examples=_collect_failed([run, *run.workers], "spider_exceptions/", "failures/"),
            advice=advice,
        )


def _describe_bad_end(run: RunRecord) -> tuple[str, str] | None:
    """Return how a run or one of its workers ended badly, and what to do; None if all ended well."""
    began = f"{run.began_at:%Y-%m-%d %H:%M} UTC"
    if run.state is RunState.DIED:
        return f"the run of {began} died; the next one continues it", ""
    if not _has_good_end(run):
        return f"the run of {began} ended with {run.exit_reason}", _LOG
    if not run.pages and run.source and run.exit_reason == "finished":
        return f"the run of {began} could read no page", _LOG
    if bad := [worker for worker in run.workers if not _has_good_end(worker)]:
        words = ", ".join(f"{worker.machine or worker.run} {worker.exit_reason or worker.state}" for worker in bad)
        message = f"{len(bad)} of {len(run.workers)} workers of the run of {began} ended badly: {words}"
        return f"{message}; the others did their work", _LOG
    return None


def _collect_failed(runs: Sequence[RunRecord], *prefixes: str) -> tuple[str, ...]:
    """Return examples of pages that were lost to a failure counted under one of some prefixes."""
    names = [name for prefix in prefixes for run in runs for name in run.examples if name.startswith(prefix)]
    return collect_examples(runs, *dict.fromkeys(names))


def _has_good_end(run: RunRecord) -> bool:
    return run.exit_reason in _GOOD_ENDS or run.exit_reason.startswith("closespider")


def _find_silence(
    found_new: Sequence[datetime], gaps: Sequence[float], *, now: datetime, times: float
) -> Iterator[Alert]:
    """Compare the time since the last new article with what is usual.

    Nights and weekends are usual, too: a silence must also be half as long again as the longest so far or, where there
    were many, as the second longest, because the longest may have been an outage.
    """
    if len(gaps) < _LEAST_GAPS:
        return
    usual_s = median(gaps)
    longest = sorted(gaps)[-2 if len(gaps) >= _GAPS_TO_SPARE else -1]
    silent = now - found_new[0]
    if silent > timedelta(seconds=max(times * usual_s, 1.5 * longest)):
        since = format_duration(silent.total_seconds() // 60 * 60)
        yield Alert(
            kind=AlertKind.SILENCE,
            message=f"no new article for {since}; usually one comes every {format_duration(usual_s)}",
            since=found_new[0],
            advice="see whether the site still publishes where its lists are read",
        )


def _divide(runs: Sequence[RunRecord]) -> tuple[Sequence[RunRecord], Sequence[RunRecord]]:
    """Divide runs into the latest, as many as read ten pages of each kind between them, and those before."""
    parts: dict[str, int] = {}
    for position, run in enumerate(runs):
        for name, count in run.counts.items():
            if name.startswith("parts/"):
                parts[name] = parts.get(name, 0) + count
        if parts and min(parts.values()) >= _RECENT_PARTS:
            return runs[: position + 1], runs[position + 1 :]
    return runs, ()


def _measure_shares(runs: Sequence[RunRecord]) -> dict[tuple[str, str], float]:
    """Return which share of the pages of each origin stated each field."""
    counts: dict[str, int] = {}
    for run in runs:
        for name, count in run.counts.items():
            if name.startswith(("parts/", "fields/")):
                counts[name] = counts.get(name, 0) + count
    shares: dict[tuple[str, str], float] = {}
    for name, count in sorted(counts.items()):
        kind, _, rest = name.partition("/")
        origin, _, stated = rest.partition("/")
        if kind == "fields":
            shares[origin, stated] = count / max(count, counts.get(f"parts/{origin}", 0))
    return shares


def _find_lost_fields(recent: Sequence[RunRecord], earlier: Sequence[RunRecord], limit: float) -> Iterator[Alert]:
    counts = {name: sum(run.counts.get(name, 0) for run in recent) for run in recent for name in run.counts}
    found = _measure_shares(recent)
    for (origin, stated), usual in _measure_shares(earlier).items():
        read = counts.get(f"parts/{origin}", 0)
        share = found.get((origin, stated), 0.0)
        # Of few pages, or of a field that is rarely there, chance tells more than a change of the site.
        if share < limit * usual and usual * read >= _RECENT_PARTS / 2:
            yield Alert(
                kind=AlertKind.FIELDS,
                message=f"{stated} found on {share:.0%} of {read} {origin} pages, usually on {usual:.0%}",
                since=recent[-1].began_at,
                examples=collect_examples(recent, f"missing/{origin}/{stated}"),
                advice=f"{advise_check(recent[0])}, and mend its rule",
            )


def _find_errors(run: RunRecord) -> Iterator[Alert]:
    count = run.counts.get("spider_exceptions/count", 0)
    if count:
        kinds = sorted(
            name.rpartition("/")[2]
            for name in run.counts
            if name.startswith("spider_exceptions/") and not name.endswith("/count")
        )
        message = f"{count_words(count, 'page')} broke the parser: {', '.join(kinds)}"
        examples = _collect_failed([run], "spider_exceptions/")
        yield Alert(kind=AlertKind.ERRORS, message=message, since=run.began_at, examples=examples, advice=_LOG)


def _find_failures(run: RunRecord, earlier: Sequence[RunRecord], limit: float) -> Iterator[Alert]:
    share = run.failed / max(1, run.pages + run.failed)
    before = sum(one.failed for one in earlier) / max(1, sum(one.pages + one.failed for one in earlier))
    if run.failed >= _LEAST_FAILED and share > max(limit, 3 * before):
        reasons = sorted(
            ((count, name.rpartition("/")[2]) for name, count in run.counts.items() if name.startswith("failures/")),
            reverse=True,
        )
        words = ", ".join(f"{count} {reason}" for count, reason in reasons[:3])
        yield Alert(
            kind=AlertKind.FAILURES,
            message=f"{share:.0%} of {run.pages + run.failed} pages failed, usually {before:.0%}: {words}",
            since=run.began_at,
            examples=collect_examples([run], *(f"failures/{reason}" for _, reason in reasons)),
            advice="ask for one in a browser",
        )


def _find_new_robots(runs: Sequence[RunRecord]) -> Iterator[Alert]:
    if count := runs[0].counts.get("robotstxt/unreachable", 0):
        failing = [
            f"{host} ({said})" for host, said in runs[0].robots.items() if said == "429" or said[:1] + said[3:] == "5"
        ]
        where = ", ".join(failing) or (f"{count} hosts" if count > 1 else "a host")
        yield Alert(
            kind=AlertKind.ROBOTS,
            message=f"robots.txt of {where} could not be fetched, so nothing else was requested there",
            since=runs[0].began_at,
            advice="request it in a browser",
        )
    for host, digest in runs[0].robots.items():
        before = next((run.robots[host] for run in runs[1:] if host in run.robots), digest)
        if before != digest:
            forbidden = runs[0].counts.get("robotstxt/forbidden", 0)
            yield Alert(
                kind=AlertKind.ROBOTS,
                message=f"robots.txt of {host} has changed; {forbidden} requests of the last run were forbidden",
                since=runs[0].began_at,
                advice="read it",
            )


def _find_no_article(run: RunRecord) -> Iterator[Alert]:
    silence = explain_no_articles(run.counts) if run.source and run.exit_reason == "finished" else ""
    if silence:
        yield Alert(
            kind=AlertKind.NO_ARTICLE,
            message=f"the run of {run.began_at:%Y-%m-%d %H:%M} UTC: {silence}",
            since=run.began_at,
            examples=collect_examples([run], *sorted(run.examples)),
        )
