"""`scrapy schedule`: crawl each source when it is due, and keep running."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from scrapy.exceptions import UsageError
from scrapy.spiderloader import get_spider_loader

from archives.errors import DatabaseError, RegistryError
from archives.storage.collection import Collection
from archives.transfer.registry import find_url
from crawler.alerts.watch import AlertWatch
from crawler.commands._process import build_options
from crawler.monitoring.endpoint import parse_endpoint, serve_metrics
from crawler.monitoring.events import Event, EventKind, describe_event, dump_event, format_instant
from crawler.monitoring.health import load_health
from crawler.monitoring.logbook import RunRecord, find_run
from crawler.monitoring.metrics import dump_metrics
from crawler.monitoring.tables import open_console
from crawler.projects.command import NewsreelCommand, refuse_word
from crawler.scheduling.children import build_crawl_command
from crawler.scheduling.loop import Scheduler
from crawler.scheduling.schedule import Entry, ScheduleTable, build_owner
from crawler.scheduling.scheduled_sources import Plan, ScheduledSources
from crawler.scheduling.units import Installation, build_crontab, build_systemd, build_workflow
from crawler.scheduling.upkeep import COMMANDS as UPKEEP
from crawler.scheduling.upkeep import Upkeep
from crawler.sources.timetable import format_duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

_COMING: Final = 5
_EXPORTS: Final[dict[str, Callable[[Installation], dict[str, str]]]] = {
    "systemd": build_systemd,
    "cron": build_crontab,
    "github-actions": build_workflow,
}
_EXPORTED: Final = {
    "systemd": "user units: a service that keeps running, or a timer",
    "cron": "a line for a crontab",
    "github-actions": "a workflow that commits the data",
}


class Command(NewsreelCommand):
    """Runs the schedule in the foreground, or once, or shows it, or exports it.

    Exit codes: 0 good, or stopped by a signal; 1 with `--once` a run failed, was cut short or got lost; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("--list", "--once", "export --systemd -o units")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[export --systemd | --cron | --github-actions [-o DIR]] [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Crawl each source when it is due, and keep running"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--once", action="store_true", help="run what is due, then exit")
        parser.add_argument("--list", metavar="N", type=int, nargs="?", const=_COMING, help="show the next N runs")
        parser.add_argument("--json", action="store_true", help="events, or the list, as JSON Lines on standard output")
        parser.add_argument(
            "--sources", metavar="PLACE", nargs="+", default=[], help="names, TOML files, directories (default: all)"
        )
        export = parser.add_argument_group("export: files for other services")
        for name, what in _EXPORTED.items():
            export.add_argument(f"--{name}", dest="exports", action="append_const", const=name, default=[], help=what)
        export.add_argument("-o", dest="out", metavar="DIR", help="write them there (default: standard output)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do what was requested."""
        if args and args[0] != "export":
            raise refuse_word(args[0], ["export"], "part of this command")
        if args not in ([], ["export"]) or bool(args) != bool(opts.exports):
            raise UsageError("use 'export' together with --systemd, --cron or --github-actions")
        scheduled = self._load_sources(opts.sources)
        if args:
            self._export(opts)
        elif opts.list is not None:
            self._list(scheduled, opts)
        else:
            self.exitcode = self._build_scheduler_and_run(scheduled, opts)

    def _load_sources(self, places: list[str]) -> ScheduledSources:
        assert self.settings is not None
        scheduled = ScheduledSources(places)
        _, faults = scheduled.refresh()
        if faults:
            raise UsageError("\n".join(map(str, faults)), print_help=False)
        if not scheduled.plans:
            words = 'no source has a [schedule]; add one, such as every = "30m", or name other sources with --sources'
            raise UsageError(words, print_help=False)
        known = get_spider_loader(self.settings).list()
        for plan in scheduled.plans.values():
            if plan.schedule.spider not in known:
                words = f"{plan.path}: schedule.spider: is none of {', '.join(known)}, but {plan.schedule.spider!r}"
                raise UsageError(words, print_help=False)
        return scheduled

    def _build_scheduler_and_run(self, scheduled: ScheduledSources, opts: argparse.Namespace) -> int:
        assert self.settings is not None
        passed = build_options(opts)

        def build_command(plan: Plan) -> list[str]:
            schedule = plan.schedule
            collection = ["-a", f"collection={schedule.collection}"] if schedule.collection else []
            return build_crawl_command([schedule.spider, "-a", f"source={plan.path}", *collection], passed)

        alerts = AlertWatch(self.settings)

        def report(event: Event) -> None:
            if event.kind is EventKind.FINISHED:
                alerts.wake()
            print(describe_event(event), file=sys.stderr, flush=True)  # noqa: T201
            if opts.json:
                print(dump_event(event), flush=True)  # noqa: T201

        with self._open_table() as table:
            scheduler = Scheduler(
                table,
                scheduled,
                folder=self._data_dir / "schedule",
                build_command=build_command,
                find_run=self._find_run,
                report=report,
                workers=max(1, self.settings.getint("SCHEDULE_WORKERS", 4)),
                grace_s=self.settings.getfloat("SCHEDULE_GRACE", 75.0),
            )
            upkeep = self._build_upkeep(opts)
            with self._serve_metrics(), alerts:
                try:
                    if opts.once:
                        code = scheduler.run(once=True)
                        upkeep.run_due()
                        return code
                    with upkeep:
                        return scheduler.run(once=False)
                except RegistryError as error:
                    print(f"the schedule stops, what it has started continues: {error}", file=sys.stderr)  # noqa: T201
                    return 1

    def _build_upkeep(self, opts: argparse.Namespace) -> Upkeep:
        assert self.settings is not None
        commands = self.settings.getlist("SCHEDULE_UPKEEP")
        for command in commands:
            if command not in UPKEEP:
                raise refuse_word(command, list(UPKEEP), "command for SCHEDULE_UPKEEP")
        return Upkeep(
            self._data_dir / "schedule",
            commands,
            build_options(opts),
            report=lambda words: print(words, file=sys.stderr, flush=True),  # noqa: T201
        )

    @contextmanager
    def _serve_metrics(self) -> Iterator[None]:
        """Serve `/metrics` while the schedule runs, if configured."""
        assert self.settings is not None
        settings = self.settings
        if not settings["SCHEDULE_METRICS"]:
            yield
            return

        def build() -> str:
            with self._open_table() as table:
                entries = list(table.read().values())
            return dump_metrics(load_health(settings), entries)

        with ExitStack() as stack:
            try:
                host, port = parse_endpoint(settings["SCHEDULE_METRICS"])
                stack.enter_context(serve_metrics(host, port, build))
            except (ValueError, OSError) as error:
                raise UsageError(f"/metrics cannot be served: {error}", print_help=False) from error
            yield

    @property
    def _where(self) -> Path | str:
        """Where the schedule is remembered: in a file, or in the database that several machines share."""
        assert self.settings is not None
        return find_url(self.settings["CATALOGUE_URL"]) or self._data_dir / "schedule.sqlite"

    def _open_table(self) -> ScheduleTable:
        try:
            return ScheduleTable(self._where, build_owner(self._data_dir))
        except (DatabaseError, RegistryError) as error:
            raise UsageError(str(error), print_help=False) from error

    @property
    def _data_dir(self) -> Path:
        assert self.settings is not None
        return Path(self.settings["DATA_DIR"])

    def _find_run(self, plan: Plan, since: datetime) -> RunRecord | None:
        assert self.settings is not None
        name = plan.schedule.collection or self.settings.get("COLLECTION") or plan.source
        return find_run(Collection(self._data_dir / "collections" / name), source=plan.source, since=since)

    def _list(self, scheduled: ScheduledSources, opts: argparse.Namespace) -> None:
        if opts.list < 1:
            raise UsageError("--list needs a number of runs, at least 1", print_help=False)
        entries: dict[str, Entry] = {}
        if isinstance(self._where, str) or self._where.exists():
            with self._open_table() as table:
                entries = table.read()
        coming = list(iter_coming(scheduled, entries, opts.list, now=datetime.now(UTC)))
        if opts.json:
            for plan, entry, due_times in coming:
                print(json.dumps(build_summary(plan, entry, due_times), ensure_ascii=False))  # noqa: T201
            return
        open_console().print(_build_table(coming))

    def _export(self, opts: argparse.Namespace) -> None:
        assert self.settings is not None
        data_dir = self._data_dir
        if "github-actions" in opts.exports and data_dir.is_absolute():
            if not data_dir.is_relative_to(Path.cwd()):
                words = f"DATA_DIR is {data_dir}; choose one in this folder, because the workflow commits both"
                raise UsageError(words, print_help=False)
            data_dir = data_dir.relative_to(Path.cwd())
        installation = Installation(
            folder=Path.cwd(),
            python=sys.executable,
            arguments=[*build_options(opts), *(["--sources", *opts.sources] if opts.sources else [])],
            data_dir=str(data_dir),
            grace_s=self.settings.getfloat("SCHEDULE_GRACE", 75.0),
        )
        if any(end in word for word in (str(installation.folder), *installation.command) for end in "\r\n"):
            raise UsageError("a line break in the folder's name or an option cannot be exported", print_help=False)
        for name in opts.exports:
            for filename, text in _EXPORTS[name](installation).items():
                if opts.out is None:
                    print(f"# {filename}\n{text}")  # noqa: T201
                    continue
                target = Path(opts.out) / filename
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8")
                print(os.fspath(target))  # noqa: T201


def iter_coming(
    scheduled: ScheduledSources, entries: dict[str, Entry], number: int, *, now: datetime
) -> Iterator[tuple[Plan, Entry, list[datetime]]]:
    """Yield each source with its row and its coming due times; the first may be overdue."""
    for source, plan in scheduled.plans.items():
        timetable = plan.schedule.timetable
        entry = entries.get(source)
        if entry is None or entry.rule != timetable.rule:
            due = timetable.find_first(now)
            entry = Entry(source=source, rule=timetable.rule, due=due, interval_s=timetable.every_s)
        due_times = timetable.iter_due(entry.due, entry.interval_s, is_first=entry.started is None)
        yield plan, entry, list(islice(due_times, number))


def build_summary(plan: Plan, entry: Entry, due_times: list[datetime]) -> dict[str, Any]:
    """Return what `--list --json` says of a source."""
    return {
        "source": plan.source,
        "rule": plan.schedule.timetable.rule,
        "timezone": plan.schedule.timetable.zone.key,
        "interval_s": entry.interval_s or None,
        "last_started": format_instant(entry.started) if entry.started else None,
        "last_finished": format_instant(entry.finished) if entry.finished else None,
        "last_status": entry.status,
        "last_exit": entry.exit_code,
        "next": [format_instant(due) for due in due_times],
    }


def _build_table(coming: list[tuple[Plan, Entry, list[datetime]]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("source", "rule", "last run", "went", "next, by its own clock"):
        table.add_column(heading, no_wrap=heading != "next, by its own clock")
    for plan, entry, due_times in coming:
        timetable = plan.schedule.timetable
        zone = timetable.zone
        interval = f", now {format_duration(entry.interval_s)}" if timetable.bounds else ""
        cells = (
            plan.source,
            timetable.rule + interval,
            f"{entry.started.astimezone(zone):%m-%d %H:%M}" if entry.started else "never",
            entry.status or "",
            "  ".join(f"{due.astimezone(zone):%a %m-%d %H:%M %z}" for due in due_times),
        )
        table.add_row(*cells)
    return table
