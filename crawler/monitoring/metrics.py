"""Prometheus metrics from run manifests and the schedule's table.

Nothing is counted in memory, so a file written at the end of a run and an answer of a scheduler that was started a
moment ago say the same.

Spec: Prometheus text-based format 0.0.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from archives.storage.files import write_file
from crawler.monitoring.alert import AlertKind
from crawler.monitoring.logbook import RunState
from pipelines.posts.filing import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from crawler.monitoring.health import Health

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class _Family:
    """One metric: its name, what it says, and a value for each set of labels."""

    name: str
    words: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float | None, labels: Mapping[str, str], **more: str) -> None:
        if value is not None:
            self.samples.append(({**labels, **more}, value))

    def dump(self) -> str:
        lines = [f"# HELP {self.name} {self.words}", f"# TYPE {self.name} gauge"]
        for labels, value in self.samples:
            inside = ",".join(f'{name}="{_escape(text)}"' for name, text in labels.items())
            lines.append(f"{self.name}{{{inside}}} {value:.17g}")
        return "\n".join(lines) + "\n"


class Scheduled(Protocol):
    """What the metrics tell of a source that is crawled by a schedule."""

    @property
    def source(self) -> str:
        """Name the source."""

    @property
    def due(self) -> datetime:
        """Tell when it is crawled next."""

    @property
    def owner(self) -> str:
        """Name the process that crawls it now; '' where none does."""


def dump_metrics(healths: Sequence[Health], entries: Iterable[Scheduled] = ()) -> str:
    """Return all metrics as text.

    Args:
        entries: the rows of the schedule, where one runs.
    """
    families = [*_build_run_families(healths), *_build_health_families(healths), *_build_schedule_families(entries)]
    return "".join(family.dump() for family in families if family.samples)


def write_metrics(path: Path, text: str) -> None:
    """Write a metrics file whole or not at all, as node_exporter's textfile collector asks."""
    write_file(path, text.encode())


def _build_run_families(healths: Sequence[Health]) -> list[_Family]:
    began = _Family("newsreel_last_run_start_timestamp_seconds", "When the last run of a source began.")
    took = _Family("newsreel_last_run_duration_seconds", "How long the last run took.")
    died = _Family("newsreel_last_run_died", "1 if the last run was killed before it could end.")
    pages = _Family("newsreel_last_run_pages", "Pages that the last run read.")
    posts = _Family("newsreel_last_run_posts", "Posts of the last run by the outcome of their file.")
    failures = _Family("newsreel_last_run_failures", "Pages that the last run could not fetch, by reason.")
    size = _Family("newsreel_last_run_archived_bytes", "Compressed bytes that the last run archived.")
    for health in healths:
        run, labels = health.last, _label(health)
        if run is None:
            continue
        began.add(run.began_at.timestamp(), labels)
        took.add(run.seconds, labels)
        died.add(float(run.state is RunState.DIED), labels)
        pages.add(run.pages, labels)
        size.add(run.bytes_archived, labels)
        for outcome in Outcome:
            posts.add(run.count_posts(outcome), labels, outcome=outcome)
        for name, count in run.counts.items():
            if name.startswith("failures/"):
                failures.add(count, labels, reason=name.removeprefix("failures/"))
    return [began, took, died, pages, posts, failures, size]


def _build_health_families(healths: Sequence[Health]) -> list[_Family]:
    newest = _Family("newsreel_last_new_article_timestamp_seconds", "When a run last found a new article.")
    usual = _Family("newsreel_usual_interval_seconds", "Median time between two runs that found new articles.")
    shares = _Family("newsreel_field_share", "Share of the pages of an origin that state a field, lately.")
    alerts = _Family("newsreel_alerts", "Alerts of a source by kind; the command health tells more.")
    for health in healths:
        labels = _label(health)
        newest.add(health.last_new_at.timestamp() if health.last_new_at else None, labels)
        usual.add(health.usual_interval_s, labels)
        for (origin, stated), share in health.shares.items():
            shares.add(share, labels, origin=origin, field=stated)
        for kind in AlertKind:
            count = sum(alert.kind is kind for alert in health.alerts)
            alerts.add(count, labels, kind=kind)
    return [newest, usual, shares, alerts]


def _build_schedule_families(entries: Iterable[Scheduled]) -> list[_Family]:
    due = _Family("newsreel_next_due_timestamp_seconds", "When a source is to be crawled next.")
    runs = _Family("newsreel_crawl_running", "1 while the schedule crawls a source.")
    for entry in entries:
        due.add(entry.due.timestamp(), {"source": entry.source})
        runs.add(float(bool(entry.owner)), {"source": entry.source})
    return [due, runs]


def _label(health: Health) -> dict[str, str]:
    return {"source": health.source, "collection": health.collection}


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
