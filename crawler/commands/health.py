"""`scrapy health`: show which sources work, and what is wrong with the others."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from crawler.commands._collection import find_data_dir
from crawler.commands._process import end_with_reader
from crawler.monitoring.health import Health, load_health
from crawler.monitoring.tables import Column, build_table, open_console
from crawler.projects.command import NewsreelCommand, refuse_arguments
from crawler.sources.timetable import format_duration

if TYPE_CHECKING:
    import argparse

_COLUMNS: Final = (
    Column(heading=""),
    Column(heading="source", is_text=True),
    Column(heading="collection", rank=4, is_text=True),
    Column(heading="last run", rank=1),
    Column(heading="last new article"),
    Column(heading="usually every", rank=3),
    Column(heading="owed", rank=2),
)


class Command(NewsreelCommand):
    """Examines every source by the manifests of its runs.

    Exit codes: 0 all are well, 1 there are alerts, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("--source finews",)

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Check sources: silence, missing fields, failures, changed robots.txt"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--collection", metavar="NAME", default="", help="only this collection")
        parser.add_argument("--source", metavar="NAME", default="", help="only this source")
        parser.add_argument("--json", action="store_true", help="JSON Lines on standard output")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Examine the sources."""
        assert self.settings is not None
        refuse_arguments(args)
        find_data_dir(self.settings)
        end_with_reader()
        try:
            healths = load_health(self.settings, collection=opts.collection, source=opts.source)
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        if opts.json:
            for health in healths:
                print(json.dumps(build_summary(health), ensure_ascii=False))  # noqa: T201
        elif healths:
            _print_table(healths)
        else:
            print("no runs yet", file=sys.stderr)  # noqa: T201
        self.exitcode = int(any(health.alerts for health in healths))


def build_summary(health: Health) -> dict[str, Any]:
    """Return what `--json` says of a source."""
    shares: dict[str, dict[str, float]] = {}
    for (origin, stated), share in health.shares.items():
        shares.setdefault(origin, {})[stated] = round(share, 4)
    return {
        "source": health.source,
        "collection": health.collection,
        "is_well": not health.alerts,
        "alerts": [
            {
                "kind": alert.kind,
                "message": alert.message,
                "since": alert.since.isoformat() if alert.since else None,
                "examples": list(alert.examples),
                "advice": alert.advice,
            }
            for alert in health.alerts
        ],
        "last_run": health.last.run if health.last else None,
        "last_new_at": health.last_new_at.isoformat() if health.last_new_at else None,
        "usual_interval_s": health.usual_interval_s,
        "owed": health.owed.count if health.owed else 0,
        "owed_since": health.owed.since.isoformat() if health.owed else None,
        "field_shares": shares,
    }


def _print_table(healths: list[Health]) -> None:
    console = open_console()
    rows = []
    for health in healths:
        cells = (
            "✗" if health.alerts else "✓",
            health.source,
            health.collection,
            f"{health.last.began_at.astimezone():%Y-%m-%d %H:%M}" if health.last else "",
            f"{health.last_new_at.astimezone():%Y-%m-%d %H:%M}" if health.last_new_at else "",
            format_duration(health.usual_interval_s) if health.usual_interval_s else "",
            f"{health.owed.count} since {health.owed.since.astimezone():%Y-%m-%d}" if health.owed else "",
        )
        rows.append((cells, "red" if health.alerts else ""))
    console.print(build_table(_COLUMNS, rows, width=console.width))
    for health in healths:
        for alert in health.alerts:
            console.print(f"{health.source}: {alert.kind}: {alert.sentence}", soft_wrap=True)
