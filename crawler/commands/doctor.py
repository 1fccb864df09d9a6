"""`newsreel doctor`: check the installation and the project folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from archives.errors import DatabaseError
from archives.index import catalogue
from archives.storage.collection import list_collections
from archives.storage.databases import describe_upgrade
from crawler.alerts import alert_store
from crawler.alerts.sending import load_receivers
from crawler.changelog import tables
from crawler.frontier import leases, owed
from crawler.monitoring.checkup import Check, State, iter_checks, try_use
from crawler.monitoring.tables import open_console
from crawler.projects.command import NewsreelCommand, refuse_arguments
from crawler.publishing import outbox
from crawler.publishing.exporting import load_plans
from crawler.scheduling import schedule

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from archives.storage.databases import Schema

# By their paths below the data directory, or below a collection. The ledger is looked at by `iter_checks`.
_DATABASES: Final[dict[str, Schema]] = {
    "schedule.sqlite": schedule.FILE_SCHEMA,
    outbox.FILE_NAME: outbox.SCHEMA,
    alert_store.FILE_NAME: alert_store.SCHEMA,
}
_OF_COLLECTIONS: Final[dict[str, Schema]] = {
    f"indexes/{catalogue.CATALOGUE_NAME}": catalogue.SCHEMA,
    f"indexes/{tables.FILE_NAME}": tables.SCHEMA,
    "frontier.sqlite": leases.SCHEMA,
    owed.FILE_NAME: owed.SCHEMA,
}
_SIGNS: Final = {State.GOOD: ("✓", "green"), State.ABSENT: ("–", "dim"), State.BAD: ("✗", "red")}


class Command(NewsreelCommand):
    """Looks at the machine, the project folder, its data and the services that its settings name; changes nothing.

    Exit codes: 0 nothing would fail, 1 something would, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = ("", "--json")

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Check the installation and the folder: what is missing, what would fail"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="JSON Lines on standard output")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Look at everything."""
        refuse_arguments(args)
        settings = self.settings
        assert settings is not None
        checks = [*iter_checks(settings), *_iter_upgrades(Path(settings["DATA_DIR"]))]
        checks.append(try_use("exports", "EXPORTS_FILE can be used", lambda: load_plans(settings)))
        checks.append(try_use("alerts", "ALERTS_FILE can be used", lambda: load_receivers(settings)))
        if opts.json:
            for check in checks:
                line = {"name": check.name, "state": check.state, "words": check.words}
                print(json.dumps(line, ensure_ascii=False))  # noqa: T201
        else:
            table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
            for check in checks:
                sign, style = _SIGNS[check.state]
                table.add_row(Text(sign, style=style), check.name, check.words)
            open_console().print(table)
        self.exitcode = int(any(check.state is State.BAD for check in checks))


def _iter_upgrades(data_dir: Path) -> Iterator[Check]:
    """Yield a check for every database that an upgrade changes, or that this version cannot use."""
    found = {data_dir / name: schema for name, schema in _DATABASES.items()}
    for collection in list_collections(data_dir):
        folder = data_dir / "collections" / collection
        found |= {folder / name: schema for name, schema in _OF_COLLECTIONS.items()}
    for path, schema in found.items():
        try:
            words, state = describe_upgrade(path, schema), State.GOOD
        except DatabaseError as error:
            words, state = str(error), State.BAD
        if words:
            yield Check(name="upgrade", state=state, words=words)
