"""`newsreel doctor`: what is there, what is missing, what would fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text
from scrapy.exceptions import UsageError

from crawler.monitoring.checkup import State, iter_checks, try_use
from crawler.projects.command import NewsreelCommand
from crawler.publishing.exporting import load_plans

if TYPE_CHECKING:
    import argparse

_SIGNS: Final = {State.GOOD: ("✓", "green"), State.ABSENT: ("–", "dim"), State.BAD: ("✗", "red")}


class Command(NewsreelCommand):
    """Looks at the machine, the project folder, its data and the services that its settings name; changes nothing.

    Exit codes: 0 nothing would fail, 1 something would, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Say what is there and what is missing, and what would fail"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="JSON Lines on standard output")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Look at everything."""
        if args:
            raise UsageError
        settings = self.settings
        assert settings is not None
        checks = list(iter_checks(settings))
        checks.append(try_use("exports", "EXPORTS_FILE can be used", lambda: load_plans(settings)))
        if opts.json:
            for check in checks:
                line = {"name": check.name, "state": check.state, "words": check.words}
                print(json.dumps(line, ensure_ascii=False))  # noqa: T201
        else:
            table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
            for check in checks:
                sign, style = _SIGNS[check.state]
                table.add_row(Text(sign, style=style), Text(check.name), Text(check.words))
            Console().print(table)
        self.exitcode = int(any(check.state is State.BAD for check in checks))
