"""The scheduler's loop: starts crawls when they are due, enforces time limits, records results.

It may die at any moment: its state is in the schedule's table, and a source is being crawled for as long as its lock is
held.
"""

from __future__ import annotations

import math
import signal
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from crawler.monitoring.events import Event, EventKind, format_instant
from crawler.scheduling.children import Child, Crawl, Orphan, SourceLock
from crawler.scheduling.logs import build_log_path, read_tail
from crawler.scheduling.pauses import list_paused
from crawler.scheduling.run_outcome import Status, find_consequence, judge
from crawler.scheduling.schedule import LEASE_S, Entry, ScheduleTable
from crawler.scheduling.signals import SignalWatch
from pipelines.posts.filing import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from crawler.monitoring.logbook import RunRecord
    from crawler.scheduling.scheduled_sources import Plan, ScheduledSources

_STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LOOK_S: Final = 30.0
_LOOK_SOON_S: Final = 1.0


@dataclass(slots=True, kw_only=True)
class _Running:
    """A crawl under way.

    Attributes:
        entry: its row as the crawl found it, but for `started`.
        stop_at: when its time is up; on the monotonic clock, as is `kill_at`, which counts from the first signal.
        stopped_for: why it was stopped.
    """

    plan: Plan
    entry: Entry
    crawl: Crawl
    stop_at: float
    kill_at: float = math.inf
    stopped_for: Status | None = None


class Scheduler:
    """Runs the scheduled sources.

    Args:
        folder: holds a lock and a log for each source.
        build_command: how a source is crawled.
        find_run: finds what the run of a source that began at an instant or later says of itself.
        report: called with every event.
        workers: at most so many crawls at a time.
        grace_s: seconds between asking a crawl to stop and killing it.
    """

    def __init__(
        self,
        table: ScheduleTable,
        scheduled: ScheduledSources,
        *,
        folder: Path,
        build_command: Callable[[Plan], Sequence[str]],
        find_run: Callable[[Plan, datetime], RunRecord | None],
        report: Callable[[Event], None],
        workers: int,
        grace_s: float,
    ) -> None:
        self._table = table
        self._scheduled = scheduled
        self._folder = folder
        self._build_command = build_command
        self._find_run = find_run
        self._report = report
        self._workers = workers
        self._grace_s = grace_s
        self._clock = table.clock
        self._running: dict[str, _Running] = {}
        self._begun: set[str] = set()
        self._busy: set[tuple[str, str]] = set()
        self._failed = False
        self._stops = 0

    def run(self, *, once: bool) -> int:
        """Run what is due, again and again until a signal says stop.

        Args:
            once: end when nothing runs and nothing more is due; each source runs at most once.

        Returns:
            1 if `once` and a run did not go well, else 0.
        """
        with SignalWatch((*_STOPS, signal.SIGCHLD)) as signals:
            self._refresh(is_first=True)
            while True:
                pause_s = self._turn(once=once)
                if not self._running and (self._stops or once):
                    return int(once and self._failed)
                for signum in signals.wait(pause_s):
                    if signum in _STOPS:
                        self._stop_all()

    def _turn(self, *, once: bool) -> float:
        """Do what is to be done now; return how many seconds may pass before the next look."""
        for running in list(self._running.values()):
            self._watch(running)
        is_unsettled = False
        looks = []
        if not self._stops:
            self._refresh()
            entries = self._table.read()
            is_unsettled = self._tend(entries)
            self._start_due(entries, once=once)
            looks = self._list_dues(entries)
        looks += [self._find_next_look(running) for running in self._running.values()]
        return min([_LOOK_SOON_S if is_unsettled else _LOOK_S, *looks])

    def _refresh(self, *, is_first: bool = False) -> None:
        has_changed, faults = self._scheduled.refresh()
        for fault in faults:
            self._emit(EventKind.FAULT, message=str(fault))
        if not has_changed and not is_first:
            return
        plans = self._scheduled.plans
        self._table.settle(plan.schedule.timetable for plan in plans.values())
        dues = [entry.due for source, entry in self._table.read().items() if source in plans]
        self._emit(EventKind.READY, sources=len(plans), next_due=format_instant(min(dues)) if dues else None)

    def _list_dues(self, entries: Mapping[str, Entry]) -> list[float]:
        """Return in how many seconds each source is due that could be started then; soon, if it could not be now."""
        if len(self._running) >= self._workers:
            return []
        now = self._clock()
        held = self._running.keys() | list_paused(self._folder)
        waiting = [entry for source, entry in entries.items() if source in self._scheduled.plans and source not in held]
        return [(entry.due - now).total_seconds() if entry.due > now else _LOOK_SOON_S for entry in waiting]

    def _watch(self, running: _Running) -> None:
        """Check one crawl: whether it has ended, exceeded its time, or ignored a signal to stop."""
        now = time.monotonic()
        if running.crawl.poll():
            self._finish(running)
        elif now >= running.kill_at:
            running.kill_at = math.inf
            running.crawl.send(signal.SIGKILL)
        elif now >= running.stop_at and not running.stopped_for:
            self._stop(running, Status.TIME_LIMIT)
        else:
            self._table.renew(running.plan.source)

    def _find_next_look(self, running: _Running) -> float:
        """Return in how many seconds a crawl must be checked again; the end of a child is signalled."""
        turn = min(running.kill_at, math.inf if running.stopped_for else running.stop_at)
        most_s = LEASE_S / 4 if isinstance(running.crawl, Child) else _LOOK_SOON_S
        return max(0.0, min(most_s, turn - time.monotonic()))

    def _stop(self, running: _Running, why: Status) -> None:
        running.stopped_for = why
        running.kill_at = time.monotonic() + self._grace_s
        running.crawl.send(signal.SIGTERM)
        self._emit(EventKind.STOPPING, running.plan.source, why=why, grace_s=self._grace_s)

    def _stop_all(self) -> None:
        """Pass a stop on to every crawl; a second signal kills immediately."""
        self._stops += 1
        for running in self._running.values():
            if not running.stopped_for:
                self._stop(running, Status.INTERRUPTED)
            elif self._stops > 1:
                running.kill_at = -math.inf

    def _tend(self, entries: Mapping[str, Entry]) -> bool:
        """Look after sources that others run, or ran when they died; return whether there are any."""
        plans = self._scheduled.plans
        foreign = [e for e in entries.values() if e.owner and e.source not in self._running and e.source in plans]
        for entry in foreign:
            is_expired = entry.lease_until is not None and entry.lease_until < self._clock()
            lock = SourceLock.take(self._lock_path(entry.source))
            if lock is not None:
                # On the machine of the lease's owner, a free lock means that owner and crawl have both ended.
                if is_expired or entry.owner.partition("/")[0] == self._table.owner.partition("/")[0]:
                    self._record(plans[entry.source], entry, owner=entry.owner)
                lock.close()
            elif is_expired and self._table.adopt(entry):
                self._adopt(plans[entry.source], entry)
            else:
                self._emit_busy(entry.source, entry.owner)
        return bool(foreign)

    def _adopt(self, plan: Plan, entry: Entry) -> None:
        """Watch over a crawl whose scheduler died."""
        assert entry.started is not None
        left_s = plan.schedule.time_limit_s - (self._clock() - entry.started).total_seconds()
        crawl = Orphan(self._lock_path(plan.source))
        stop_at = time.monotonic() + max(0.0, left_s)
        self._running[plan.source] = _Running(plan=plan, entry=entry, crawl=crawl, stop_at=stop_at)
        self._emit(EventKind.ADOPTED, plan.source, pid=crawl.pid, owner=entry.owner, seconds_left=round(left_s))

    def _start_due(self, entries: Mapping[str, Entry], *, once: bool) -> None:
        """Start what is due, the longest overdue first."""
        now, plans, paused = self._clock(), self._scheduled.plans, list_paused(self._folder)
        due = [
            e for e in entries.values() if e.source in plans and not e.owner and e.due <= now and e.source not in paused
        ]
        for entry in sorted(due, key=lambda e: e.due):
            if len(self._running) >= self._workers:
                return
            if entry.source not in self._running and not (once and entry.source in self._begun):
                self._start(plans[entry.source], entry)

    def _start(self, plan: Plan, entry: Entry) -> None:
        """Start one crawl, unless another process holds the source."""
        lock = SourceLock.take(self._lock_path(plan.source))
        if lock is None:
            self._emit_busy(plan.source)
            return
        if not self._table.claim(entry, plan.schedule.timetable):
            lock.close()
            return
        self._begun.add(plan.source)
        entry = replace(entry, started=self._clock())
        log = build_log_path(self._folder, plan.source)
        try:
            child = Child(self._build_command(plan), lock=lock, log=log)
        except OSError as error:
            self._emit(EventKind.FAULT, plan.source, message=f"the crawl could not be started: {error}")
            self._record(plan, entry, exit_code=1)
            lock.close()
            return
        limit_s = plan.schedule.time_limit_s
        stop_at = time.monotonic() + limit_s
        self._running[plan.source] = _Running(plan=plan, entry=entry, crawl=child, stop_at=stop_at)
        due = format_instant(entry.due)
        self._emit(EventKind.STARTED, plan.source, pid=child.pid, due=due, time_limit_s=limit_s, log=str(log))

    def _finish(self, running: _Running) -> None:
        del self._running[running.plan.source]
        plan = self._scheduled.plans.get(running.plan.source, running.plan)
        self._record(plan, running.entry, exit_code=running.crawl.exit_code, stopped_for=running.stopped_for)
        running.crawl.close()

    def _record(
        self,
        plan: Plan,
        entry: Entry,
        *,
        exit_code: int | None = None,
        stopped_for: Status | None = None,
        owner: str = "",
    ) -> None:
        """Record the result of a run and the next due time, unless another scheduler has taken over."""
        now = self._clock()
        # The table keeps milliseconds, a manifest all that the clock gave.
        began_at = (entry.started or now) - timedelta(milliseconds=1)
        run = self._find_run(plan, began_at)
        status = judge(run, exit_code=exit_code, stopped_for=stopped_for)
        then = find_consequence(
            status,
            run,
            plan.schedule.timetable,
            interval_s=entry.interval_s or plan.schedule.timetable.every_s,
            began_at=began_at,
            now=now,
            is_first=entry.status is None,
        )
        following = self._table.finish(
            plan.source, status, exit_code=exit_code, owner=owner, due=then.due, interval_s=then.interval_s
        )
        if following is None:
            return
        self._failed |= status is not Status.OK
        self._busy = {(source, name) for source, name in self._busy if source != plan.source}
        details: dict[str, Any] = {
            "status": status,
            "exit_code": exit_code,
            "seconds": round((now - began_at).total_seconds(), 1),
            "run": run.run if run else None,
            "new": run.count_posts(Outcome.NEW) if run else None,
            "updated": run.count_posts(Outcome.UPDATED) if run else None,
            "interval_s": then.interval_s,
            "next_due": format_instant(following),
            "last_line": self._find_last_line(plan.source) if status is Status.FAILED else None,
        }
        self._emit(EventKind.FINISHED, plan.source, **details)

    def _emit_busy(self, source: str, owner: str = "") -> None:
        """Report once that another process is crawling a source."""
        if (source, owner) not in self._busy:
            self._busy.add((source, owner))
            self._emit(EventKind.BUSY, source, owner=owner or None)

    def _emit(self, kind: EventKind, source: str = "", **details: Any) -> None:
        self._report(Event(kind=kind, at=self._clock(), source=source, details=details))

    def _lock_path(self, source: str) -> Path:
        return self._folder / f"{source}.lock"

    def _find_last_line(self, source: str) -> str | None:
        lines = read_tail(build_log_path(self._folder, source), most=1)
        return lines[0].strip() if lines else None
