"""How each source is doing: its health, what it owes, when it is due."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crawler.frontier.owed import FILE_NAME, OwedFor, count_owed, list_reasons
from crawler.monitoring.health import list_health
from crawler.scheduling.pauses import list_paused
from crawler.scheduling.schedule import ScheduleTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from crawler.monitoring.health import Health, Limits
    from crawler.monitoring.logbook import RunRecord
    from crawler.scheduling.schedule import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One source of a collection.

    Attributes:
        health: None if it has not run yet.
        reasons: why pages are owed, the most frequent first.
        entry: its row in the schedule; None if it is not on it.
        is_paused: the schedule does not start it.
    """

    source: str
    collection: str
    health: Health | None
    reasons: Sequence[OwedFor]
    entry: Entry | None
    is_paused: bool


def read_schedule(where: Path | str) -> dict[str, Entry]:
    """Return the schedule's rows by source; none where nothing was ever scheduled.

    Args:
        where: the SQLite file, or the address of the database that several machines share.

    Raises:
        archives.errors.DatabaseError: the file is damaged.
        archives.errors.RegistryError: the database cannot be reached.
    """
    if not isinstance(where, str) and not where.is_file():
        return {}
    with ScheduleTable(where, "") as table:
        return table.read()


def list_sources(
    data_dir: Path, runs: Sequence[RunRecord], schedule: Mapping[str, Entry], *, now: datetime, limits: Limits
) -> list[SourceStatus]:
    """Return the sources that have run or are on the schedule, those with alerts first."""
    healths = [health for health in list_health(runs, now=now, limits=limits) if health.source]
    paths = {health.collection: data_dir / "collections" / health.collection / FILE_NAME for health in healths}
    owed = {name: count_owed(path) for name, path in paths.items()}
    paused = list_paused(data_dir / "schedule")
    found = [
        SourceStatus(
            source=health.source,
            collection=health.collection,
            health=replace(health, owed=owed[health.collection].get(health.source)),
            reasons=list_reasons(paths[health.collection], health.source),
            entry=schedule.get(health.source),
            is_paused=health.source in paused,
        )
        for health in healths
    ]
    known = {status.source for status in found}
    found += [
        SourceStatus(source=name, collection="", health=None, reasons=(), entry=entry, is_paused=name in paused)
        for name, entry in schedule.items()
        if name not in known
    ]
    return sorted(found, key=lambda one: (not (one.health and one.health.alerts), one.source, one.collection))
