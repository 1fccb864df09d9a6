"""The crawls under way: what they have done so far, how fast, what failed, and the last lines of their logs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from crawler.monitoring.crawl_counts import Pace, count_waiting
from crawler.monitoring.logbook import RunState
from crawler.scheduling.logs import build_log_path, read_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from crawler.monitoring.logbook import RunRecord

_FAILURES: Final = "failures/"
_LOG_LINES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """One crawl under way.

    Attributes:
        seconds: since it began.
        per_minute: pages, lately; since it began where it is looked at for the first time.
        waiting: requests that are known and not done yet.
        failures: reasons, each with the number of pages, the most frequent first.
        log: its last lines; empty if it was not started by the schedule.
    """

    run: RunRecord
    seconds: float
    per_minute: float
    waiting: int
    failures: tuple[tuple[str, int], ...]
    log: tuple[str, ...]


class Crawls:
    """Measures the pace of crawls from one look to the next.

    Args:
        logs: the schedule's folder.
    """

    def __init__(self, logs: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._logs = logs
        self._clock = clock
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()

    def list_running(self, runs: Iterable[RunRecord], *, now: datetime | None = None) -> list[Crawl]:
        """Return the crawls among some runs that are under way, the newest first."""
        running = [run for run in runs if run.state is RunState.RUNNING]
        with self._lock:
            self._paces = {run.run: self._paces.get(run.run) or Pace() for run in running}
            return [self._build(run, now or datetime.now(UTC)) for run in running]

    def _build(self, run: RunRecord, now: datetime) -> Crawl:
        seconds = max(0.0, (now - run.began_at).total_seconds())
        lately = self._paces[run.run].measure(self._clock(), run.pages)
        failures = [(name.removeprefix(_FAILURES), n) for name, n in run.counts.items() if name.startswith(_FAILURES)]
        return Crawl(
            run=run,
            seconds=seconds,
            per_minute=60 * (lately or (run.pages / seconds if seconds else 0.0)),
            waiting=count_waiting(run.counts),
            failures=tuple(sorted(failures, key=lambda one: (-one[1], one[0]))),
            log=tuple(read_tail(build_log_path(self._logs, run.source), most=_LOG_LINES)),
        )
