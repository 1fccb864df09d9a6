"""`scrapy runs`: list runs and their results."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from crawler.commands._collection import find_data_dir
from crawler.commands._process import end_with_reader
from crawler.monitoring.crawl_counts import format_bytes
from crawler.monitoring.logbook import RunRecord, RunState, list_runs
from crawler.monitoring.tables import Column, build_table, open_console
from crawler.projects.command import NewsreelCommand, refuse_arguments
from crawler.sources.timetable import format_duration
from pipelines.posts.filing import Outcome

if TYPE_CHECKING:
    import argparse

    from rich.table import Table

_RANKS: Final = {Outcome.NEW: 0, Outcome.UPDATED: 1, Outcome.UNCHANGED: 5}
_COLUMNS: Final = (
    Column(heading="when"),
    Column(heading="source", is_text=True),
    Column(heading="spider", rank=7, is_text=True),
    Column(heading="took", rank=4),
    Column(heading="pages"),
    *(Column(heading=outcome, rank=_RANKS[outcome]) for outcome in Outcome),
    Column(heading="dropped", rank=3),
    Column(heading="bytes", rank=6),
    Column(heading="ended", rank=2, is_text=True),
)


class Command(NewsreelCommand):
    """Lists runs, the newest first.

    Exit codes: 0 good, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("--source finews --limit 5",)

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "List runs: start, duration, pages, posts, bytes, and how each ended"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", default="", help="only this collection")
        parser.add_argument("--source", metavar="NAME", default="", help="only this source")
        parser.add_argument(
            "--limit", metavar="N", type=int, default=20, help="number of runs to list; 0 lists all (default: 20)"
        )
        parser.add_argument("--json", action="store_true", help="JSON Lines on standard output")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """List the runs."""
        refuse_arguments(args)
        if opts.limit < 0:
            raise UsageError("--limit needs a number of runs, or 0 for all", print_help=False)
        data_dir = find_data_dir(self.settings)
        end_with_reader()
        try:
            runs = list_runs(data_dir, collection=opts.collection, source=opts.source)
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        shown = runs[: opts.limit or None]
        if opts.json:
            for run in shown:
                print(json.dumps(build_summary(run), ensure_ascii=False))  # noqa: T201
            return
        if not shown:
            print("no runs yet", file=sys.stderr)  # noqa: T201
            return
        console = open_console()
        console.print(_build_table(shown, width=console.width))
        if len(shown) < len(runs):
            print(f"{len(runs) - len(shown)} more; --limit 0 shows all", file=sys.stderr)  # noqa: T201


def build_summary(run: RunRecord) -> dict[str, Any]:
    """Return what `--json` says of a run; the numbers of one that died are not whole, so they are null."""
    posts = {outcome.value: run.count_posts(outcome) for outcome in Outcome} | {"dropped": run.dropped}
    return {
        "run": run.run,
        "collection": run.collection,
        "source": run.source,
        "spider": run.spider,
        "state": run.state,
        "exit_reason": run.exit_reason or None,
        "began_at": run.began_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "seconds": run.seconds,
        "pages": run.pages if run.has_numbers else None,
        "posts": posts if run.has_numbers else None,
        "bytes": run.bytes_archived if run.state is RunState.ENDED else None,
        "machine": run.machine or None,
        "workers": [build_summary(worker) for worker in run.workers],
    }


def _build_table(runs: list[RunRecord], *, width: int) -> Table:
    rows = []
    for run in runs:
        rows.append(_build_row(run, name=run.source))
        if len(run.workers) > 1:
            for worker in run.workers:
                rows.append(_build_row(worker, name=f"└ {worker.machine or worker.run.rpartition('-')[2]}"))
    return build_table(_COLUMNS, rows, width=width)


def _build_row(run: RunRecord, *, name: str) -> tuple[tuple[str, ...], str]:
    numbers = [run.pages, *(run.count_posts(outcome) for outcome in Outcome), run.dropped]
    has_ended = run.seconds is not None
    cells = (
        f"{run.began_at.astimezone():%Y-%m-%d %H:%M:%S}",
        name,
        run.spider,
        format_duration(run.seconds) if run.seconds is not None else "",
        *(str(number) if run.has_numbers else "" for number in numbers),
        format_bytes(run.bytes_archived) if has_ended else "",
        run.exit_reason if has_ended else run.state,
    )
    return cells, {RunState.DIED: "red", RunState.RUNNING: "green"}.get(run.state, "")
