"""`newsreel merge`: merge many small WARC files into one per day."""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from archives.merging.merge import finish_merges, merge_files, plan_merges
from archives.storage.collection import Collection, list_collections
from crawler.commands._collection import find_data_dir
from crawler.projects.command import NewsreelCommand
from crawler.projects.progress_bar import show_progress
from crawler.reparsing.places import follow_captures
from crawler.runs.signing import sign_files

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Joins the small WARC files of each past day, source by source; no record changes.

    Exit codes: 0 good, 1 a file is damaged or a collection could not be merged, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("--dry-run", "finews --keep-days 7")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[COLLECTION…] [options]"

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Merge the small WARC files of each past day"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument(
            "--keep-days", metavar="N", type=int, default=1, help="leave the files of the last N days (default: 1)"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be merged, without changing anything"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Merge the collections named in `args`, or all."""
        if opts.keep_days < 0:
            raise UsageError("--keep-days takes a number of days, at least 0", print_help=False)
        data_dir = find_data_dir(self.settings)
        before = (datetime.now(UTC) - timedelta(days=opts.keep_days - 1)).strftime("%Y%m%d")
        try:
            collections = [Collection.open(data_dir, name) for name in args or list_collections(data_dir)]
        except ArchiveError as error:
            raise UsageError(str(error), print_help=False) from error
        for collection in collections:
            try:
                self._merge(collection, before, is_dry=opts.dry_run)
            except (ArchiveError, OSError, sqlite3.Error) as error:
                self._report(f"{collection.name}: {error}")

    def _merge(self, collection: Collection, before: str, *, is_dry: bool) -> None:
        assert self.settings is not None
        if not is_dry:
            for merge in finish_merges(collection):
                print(f"{collection.name}: finished {merge.name}, which an earlier merge began")  # noqa: T201
        plans = plan_merges(collection, before=before, max_bytes=self.settings.getint("ARCHIVE_FILE_BYTES"))
        files = sum(len(plan.warcs) for plan in plans)
        if not plans:
            print(f"{collection.name}: nothing to merge")  # noqa: T201
        elif is_dry:
            print(f"{collection.name}: {files} files would become {len(plans)}")  # noqa: T201
        else:
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            merges = []
            with show_progress(f"merge {collection.name}", len(plans)) as advance:
                for plan in plans:
                    merges.append(merge_files(collection, plan, at=at, on_damage=self._report_damage))
                    advance(plan.name)
            files = sum(len(merge.parts) for merge in merges if merge)
            made = sum(merge is not None for merge in merges)
            print(f"{collection.name}: {files} files became {made}")  # noqa: T201
        if not is_dry:
            follow_captures(collection)
            sign_files(collection, self.settings)

    def _report_damage(self, error: ArchiveError) -> None:
        self._report(f"{Path(error.path or '').name} stays as it is: {error}")

    def _report(self, words: str) -> None:
        print(words, file=sys.stderr)  # noqa: T201
        self.exitcode = 1
