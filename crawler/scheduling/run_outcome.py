"""The outcome of a scheduled crawl, from its exit code and manifest, and when the next one is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from crawler.monitoring.exits import ExitCode

if TYPE_CHECKING:
    from crawler.monitoring.logbook import RunRecord
    from crawler.sources.timetable import Timetable

RETRY_AFTER: Final = timedelta(minutes=1)


class Status(StrEnum):
    """How a scheduled crawl stands."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    TIME_LIMIT = "time-limit"
    INTERRUPTED = "interrupted"
    LOST = "lost"


# Scrapy's reasons for an abnormal end, and the exit codes of `scrapy crawl` where there is no manifest.
_BY_REASON: Final = {
    "shutdown": Status.INTERRUPTED,
    "closespider_timeout": Status.TIME_LIMIT,
    "storage_failed": Status.FAILED,
}
_BY_EXIT_CODE: Final[dict[int, Status]] = {
    ExitCode.INTERRUPTED: Status.INTERRUPTED,
    ExitCode.TIME_LIMIT: Status.TIME_LIMIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows from a run: None leaves things as they were set when it began."""

    due: datetime | None = None
    interval_s: int | None = None


def judge(run: RunRecord | None, *, exit_code: int | None, stopped_for: Status | None) -> Status:
    """Return how a crawl went.

    Args:
        run: what the manifest says, if there is one.
        exit_code: None if no scheduler waited for the process.
        stopped_for: why the scheduler stopped it, if it did.
    """
    reason = run.exit_reason if run else ""
    if stopped_for and reason != "finished":
        return stopped_for
    if exit_code is None and not reason:
        return Status.LOST
    if found := _BY_REASON.get(reason) or _BY_EXIT_CODE.get(exit_code or 0):
        return found
    return Status.FAILED if exit_code else Status.OK


def find_consequence(
    status: Status,
    run: RunRecord | None,
    timetable: Timetable,
    *,
    interval_s: int,
    began_at: datetime,
    now: datetime,
    is_first: bool,
) -> Consequence:
    """Return what follows for the next run.

    A run that was cut short by a stop is due again at once; one that got lost with its scheduler a little later, so
    that what killed both does not kill them again and again. An adaptive interval learns from good runs.
    """
    if status is Status.INTERRUPTED:
        return Consequence(due=now)
    if status is Status.LOST:
        return Consequence(due=now + RETRY_AFTER)
    if status is Status.OK and timetable.bounds and run:
        interval_s = timetable.bounds.adapt(interval_s, has_changed=run.has_changes)
        due = began_at + timedelta(seconds=interval_s)
        return Consequence(due=due + timetable.delay if is_first else due, interval_s=interval_s)
    return Consequence()
