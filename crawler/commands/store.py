"""`scrapy store`: move a collection's closed files to object storage."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError, StoreError
from archives.storage.schemes import open_bucket
from archives.transfer.upload import Outcome, parse_place, remove_file, store_file
from crawler.commands._collection import open_named
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Uploads what is whole, and with `STORE_KEEP_DAYS` removes from here what the storage has confirmed.

    Exit codes: 0 everything is stored, 1 a file is not, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("finews -s STORE_URL=s3://bucket/news",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "COLLECTION [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Move a collection's closed WARC files to object storage (STORE_URL)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object per file")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Store the collection named in `args`."""
        collection = open_named(self.settings, args)
        assert self.settings is not None
        try:
            place = parse_place(self.settings["STORE_URL"])
            depot = open_bucket(place.scheme, place.bucket)
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        keep_days = self.settings.get("STORE_KEEP_DAYS")
        warcs = list(collection.iter_warcs())
        self.exitcode = 0
        with show_progress(f"store {collection.name}", len(warcs)) as advance:
            for warc in warcs:
                try:
                    outcome = store_file(collection, warc, depot, place)
                    if keep_days is not None and remove_file(warc, depot, keep_days=float(keep_days)):
                        outcome = Outcome(path=warc, problems=outcome.problems, is_new=outcome.is_new, is_removed=True)
                except StoreError as error:
                    outcome = Outcome(path=warc, problems=(str(error),))
                self._report(outcome, is_json=opts.json)
                advance(warc.name)

    def _report(self, outcome: Outcome, *, is_json: bool) -> None:
        if outcome.problems:
            self.exitcode = 1
        if is_json:
            values = {"file": outcome.path.name, "new": outcome.is_new, "removed": outcome.is_removed}
            print(json.dumps(values | {"problems": outcome.problems}, ensure_ascii=False))  # noqa: T201
            return
        for problem in outcome.problems:
            print(f"{outcome.path.name} stays here only: {problem}", file=sys.stderr)  # noqa: T201
        if not outcome.problems:
            did = ("stored" if outcome.is_new else "was stored before") + (", removed" if outcome.is_removed else "")
            print(f"{outcome.path.name}: {did}")  # noqa: T201
